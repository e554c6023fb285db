"""Occupancies: against powers of the chain, and the two ways to write J."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact.evaluation import expected_return, solve_chain, uniform_policy
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy, distribution, finite_horizon_occupancy
from scratchrl.exact.zoo import chain, garnet, random_walk

seeds = st.integers(0, 2**32 - 1)


def draw(seed, gamma, terminals):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 6, 3, 3, gamma, terminals)
    return mdp, rng.dirichlet(np.ones(3), size=6)


@given(seeds, st.sampled_from([0.0, 0.5, 0.9]), st.integers(0, 2))
def test_occupancy_is_the_discounted_sum_of_the_distributions_of_living_states(seed, gamma, terminals):
    mdp, policy = draw(seed, gamma, terminals)
    chain_of_all = np.einsum("sa,sat->st", policy, mdp.transition)  # unkilled: the dead stay where they are
    at, total = mdp.start.copy(), np.zeros(6)
    for t in range(400):
        alive = np.where(mdp.terminal, 0.0, at)
        if t < 5:
            np.testing.assert_allclose(finite_horizon_occupancy(mdp, policy, 5)[t], gamma**t * alive, atol=1e-15)
        total, at = total + gamma**t * alive, at @ chain_of_all
    np.testing.assert_allclose(discounted_occupancy(mdp, policy), total, atol=1e-12)


@given(seeds, st.sampled_from([0.5, 0.9, 1.0]))
def test_return_is_occupancy_times_reward_and_lifetime_its_sum(seed, gamma):
    mdp, policy = draw(seed, gamma, 1)
    occupancy = discounted_occupancy(mdp, policy)
    value = occupancy @ np.einsum("sa,sa->s", policy, mdp.mean_reward)
    assert value == pytest.approx(expected_return(mdp, policy), rel=1e-11, abs=1e-11)
    assert occupancy.sum() == pytest.approx(mdp.start @ solve_chain(mdp, policy, np.ones(6)), rel=1e-12)


def test_without_an_end_the_lifetime_is_that_of_the_discount():
    mdp, policy = draw(0, 0.9, 0)
    assert discounted_occupancy(mdp, policy).sum() == pytest.approx(10.0, rel=1e-13)
    assert distribution(discounted_occupancy(mdp, policy)).sum() == pytest.approx(1.0, rel=1e-14)


def test_a_clocked_policy_is_followed_by_its_clock():
    mdp = replace(chain(3, 1.0), gamma=1.0)
    advance, back = np.eye(2)[[1] * 4], np.eye(2)[[0] * 4]
    occupancy = finite_horizon_occupancy(mdp, np.stack([advance, advance, back, back]), 4)
    assert occupancy.argmax(axis=1).tolist() == [0, 1, 2, 0]
    np.testing.assert_array_equal(distribution(occupancy), [0.5, 0.25, 0.25, 0.0])


def test_the_end_is_not_a_place_to_be_even_at_the_start():
    mdp = replace(random_walk(3), start=np.array([0.5, 0.0, 0.5, 0.0, 0.0]))
    occupancy = discounted_occupancy(mdp, uniform_policy(mdp))
    np.testing.assert_allclose(occupancy, [0.0, 0.5, 1.0, 0.5, 0.0], atol=1e-15)  # gambler's ruin from 2, half the time


def test_undiscounted_occupancy_needs_an_end_only_where_the_episode_can_be():
    transition = np.zeros((3, 1, 3))
    transition[0, 0, 2] = transition[1, 0, 1] = transition[2, 0, 2] = 1.0  # 0 ends; 1 loops forever, nobody goes there
    mdp = MDP(transition, np.ones((3, 1)), 1.0, [1.0, 0.0, 0.0], [False, False, True])
    assert discounted_occupancy(mdp, np.ones((3, 1))).tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(ValueError, match="terminates with probability 1"):
        discounted_occupancy(replace(mdp, start=np.array([0.5, 0.5, 0.0])), np.ones((3, 1)))

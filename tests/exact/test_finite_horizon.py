"""Backward induction against all paths, all clocked policies, and the infinite horizon it tends to."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.exact.evaluation import action_values, evaluate
from scratchrl.exact.finite_horizon import finite_horizon_optimum, finite_horizon_values
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import garnet

seeds = st.integers(0, 2**32 - 1)


def mean_return_of_all_paths(mdp, policy, steps, state, gamma):
    """Σ over every path of actions and successors of probability times return; an ended path stays and earns 0."""
    total = 0.0
    states, actions, _ = mdp.transition.shape
    for path in itertools.product(itertools.product(range(actions), range(states)), repeat=steps):
        s, probability, reward = state, 1.0, 0.0
        for t, (a, successor) in enumerate(path):
            if not mdp.terminal[s]:
                probability *= policy[t, s, a] * mdp.transition[s, a, successor]
                reward += gamma**t * mdp.reward[s, a, 0]
            else:
                probability *= (a == 0) * (successor == s)
            s = successor
        total += probability * reward
    return total


@settings(max_examples=10)
@given(seeds, st.sampled_from([1.0, 0.7]))
def test_values_are_means_over_all_paths(seed, gamma):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 3, 2, 2, 0.9, terminals=1)
    policy = rng.dirichlet(np.ones(2), size=(3, 3))
    value, q = finite_horizon_values(mdp, policy, 3, gamma)
    for s in range(3):
        assert value[0, s] == pytest.approx(mean_return_of_all_paths(mdp, policy, 3, s, gamma), abs=1e-12)
    np.testing.assert_allclose(value[:-1], np.einsum("tsa,tsa->ts", policy, q), atol=1e-14)
    assert not value[-1].any()


@settings(max_examples=10)
@given(seeds)
def test_the_optimum_is_the_best_clocked_policy(seed):
    mdp = garnet(np.random.default_rng(seed), 3, 2, 2)
    choices = itertools.product(range(2), repeat=9)
    values = [finite_horizon_values(mdp, np.eye(2)[np.reshape(c, (3, 3))], 3)[0] for c in choices]
    value, q = finite_horizon_optimum(mdp, 3)
    np.testing.assert_allclose(np.max(values, axis=0), value, atol=1e-13)
    np.testing.assert_array_equal(q.max(axis=2), value[:-1])


@given(seeds)
def test_a_long_horizon_is_the_infinite_one(seed):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 6, 3, 3, 0.8, terminals=1)
    policy = rng.dirichlet(np.ones(3), size=6)
    value, q = finite_horizon_values(mdp, policy, 200, gamma=0.8)
    np.testing.assert_allclose(value[0], evaluate(mdp, policy), atol=1e-12)
    np.testing.assert_allclose(q[0], action_values(mdp, policy), atol=1e-12)
    best = finite_horizon_optimum(mdp, 200, gamma=0.8)[0][0]
    np.testing.assert_allclose(best, policy_iteration(mdp).value, atol=1e-12)


def test_undiscounted_whatever_the_mdps_gamma():
    rng = np.random.default_rng(0)
    mdp = garnet(rng, 6, 3, 3, 0.1)
    policy = rng.dirichlet(np.ones(3), size=6)
    chain, reward = np.einsum("sa,sat->st", policy, mdp.transition), np.einsum("sa,sa->s", policy, mdp.mean_reward)
    plain = reward + chain @ (reward + chain @ reward)
    np.testing.assert_allclose(finite_horizon_values(mdp, policy, 3)[0][0], plain, atol=1e-13)


def test_a_policy_of_the_wrong_length_is_refused():
    mdp = garnet(np.random.default_rng(0), 4, 2, 2)
    with pytest.raises(ValueError, match=r"policy: expected shape \(4, 2\) or \(3, 4, 2\), got \(2, 4, 2\)"):
        finite_horizon_values(mdp, np.full((2, 4, 2), 0.5), 3)
    assert finite_horizon_values(mdp, np.full((4, 2), 0.5), 0)[0].tolist() == [[0.0] * 4]

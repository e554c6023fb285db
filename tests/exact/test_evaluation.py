"""V^π, Q^π, A^π: against the series of rewards, closed forms, and at γ = 1 where termination is or is not certain."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact.evaluation import (
    action_values,
    advantage,
    evaluate,
    expected_return,
    induced_kernel,
    uniform_policy,
)
from scratchrl.exact.mdp import MDP
from scratchrl.exact.reachability import endless
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import chain, garnet, random_walk, two_state

seeds = st.integers(0, 2**32 - 1)


def draw_case(seed, gamma, terminals=1):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 6, 3, 3, gamma, terminals)
    return mdp, rng.dirichlet(np.ones(3), size=6)


@given(seeds)
def test_value_is_the_discounted_sum_of_expected_rewards(seed):
    """Σ_t γᵗ E[r_t | s_0 = s] by powers of the plain (unkilled) chain: self-loops at the end pay 0."""
    mdp, policy = draw_case(seed, 0.8)
    step = np.einsum("sa,sat->st", policy, mdp.transition)
    reward = np.einsum("sa,sa->s", policy, mdp.mean_reward)
    total, future = np.zeros(6), reward
    for t in range(200):
        total, future = total + 0.8**t * future, step @ future
    np.testing.assert_allclose(evaluate(mdp, policy), total, atol=1e-12)
    assert expected_return(mdp, policy) == pytest.approx(mdp.start @ total, abs=1e-12)


@given(seeds)
def test_the_three_functions_belong_together(seed):
    mdp, policy = draw_case(seed, 0.9)
    v, q, a = evaluate(mdp, policy), action_values(mdp, policy), advantage(mdp, policy)
    np.testing.assert_allclose(np.einsum("sa,sa->s", policy, q), v, atol=1e-12)
    np.testing.assert_allclose(np.einsum("sa,sa->s", policy, a), 0.0, atol=1e-12)
    np.testing.assert_allclose(a, q - v[:, None], atol=1e-12)
    np.testing.assert_allclose(advantage(mdp, policy_iteration(mdp).policy).max(axis=1), 0.0, atol=1e-12)


@given(seeds)
def test_complex_step_differentiates_through_the_solve(seed):
    """dJ/dπ in a direction that keeps rows summing to 1, against a central difference."""
    mdp, policy = draw_case(seed, 0.9)
    direction = np.roll(policy, 1, axis=1) - policy
    exact = expected_return(mdp, policy + 1e-30j * direction).imag / 1e-30
    h = 1e-5 * policy.min()
    difference = expected_return(mdp, policy + h * direction) - expected_return(mdp, policy - h * direction)
    assert exact == pytest.approx(difference / (2 * h), rel=1e-6, abs=1e-13 / h)


@given(seeds)
def test_gamma_one_is_the_limit_of_gamma_below_one(seed):
    mdp, policy = draw_case(seed, 1.0)
    edge = np.einsum("sa,sat->st", policy, mdp.transition) > 0.0
    if endless(edge, mdp.terminal).any():
        return
    powers = np.linalg.matrix_power(induced_kernel(mdp, policy), 10**6)
    np.testing.assert_allclose(powers, 0.0, atol=1e-9)
    limit = evaluate(replace(mdp, gamma=1.0 - 1e-9), policy)
    np.testing.assert_allclose(evaluate(mdp, policy), limit, rtol=1e-5, atol=1e-5)


@given(seeds)
def test_endless_states_are_those_that_keep_mass_forever(seed):
    rng = np.random.default_rng(seed)
    base = garnet(rng, 7, 1, 2, 1.0, terminals=2)
    stays = rng.random((7, 1, 1)) < 0.3
    mdp = replace(base, transition=np.where(stays, np.eye(7)[:, None], base.transition))
    running = np.linalg.matrix_power(induced_kernel(mdp, uniform_policy(mdp)), 10**6).sum(axis=1)
    np.testing.assert_array_equal(running > 1e-6, endless(mdp.transition[:, 0] > 0.0, mdp.terminal))


def loop_and_exit(start):
    """State 0: action 0 loops, action 1 ends; state 1 loops whatever is done; state 2 is the end."""
    transition = np.zeros((3, 2, 3))
    transition[0, 0, 0] = transition[0, 1, 2] = transition[1, :, 1] = transition[2, :, 2] = 1.0
    return MDP(transition, np.ones((3, 2)), 1.0, np.eye(3)[start], np.array([False, False, True]))


def test_gamma_one_refuses_a_policy_that_may_run_forever():
    forever = np.array([[1.0, 0.0]] * 3)
    with pytest.raises(ValueError, match=r"gamma = 1 needs .* forever from states \[0\]"):
        evaluate(loop_and_exit(start=0), forever)
    with pytest.raises(ValueError, match=r"forever from states \[1\]"):
        evaluate(loop_and_exit(start=1), 1.0 - forever)
    with pytest.raises(ValueError, match="gamma = 1"):
        evaluate(two_state(gamma=1.0), uniform_policy(two_state()))


def test_gamma_one_leaves_states_that_never_occur_undefined():
    sometimes = np.full((3, 2), 0.5)
    np.testing.assert_array_equal(evaluate(loop_and_exit(0), sometimes), [2.0, np.nan, 0.0])
    np.testing.assert_array_equal(action_values(loop_and_exit(0), sometimes), [[3.0, 1.0], [np.nan] * 2, [0.0, 0.0]])
    assert expected_return(loop_and_exit(0), sometimes) == 2.0


def test_deterministic_and_random_walks():
    mdp = random_walk(5)
    np.testing.assert_allclose(evaluate(mdp, uniform_policy(mdp))[1:-1], np.arange(1, 6) / 6, atol=1e-15)
    advance = np.broadcast_to([0.0, 1.0], (6, 2))
    np.testing.assert_allclose(evaluate(chain(5, gamma=1.0), advance)[:-1], 1.0, atol=1e-14)


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (np.full((2, 3), 1 / 3), r"policy: expected shape \(S, A\) = \(2, 2\), got \(2, 3\)"),
        (np.full((2, 2), 0.6), "policy: expected rows"),
        (np.array([[1.5, -0.5], [0.5, 0.5]]), "policy: expected rows"),
        (np.full((2, 2), np.nan), "policy: expected rows"),
    ],
)
def test_a_bad_policy_is_refused(policy, says):
    with pytest.raises(ValueError, match=says):
        evaluate(two_state(), policy)

"""Entropy-regularised values: closed form, fixed points, two roads to the optimum, the limit of no temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact.bellman import entropy, soft_expected_operator, soft_maximum, soft_optimal_operator, state_value
from scratchrl.exact.evaluation import evaluate
from scratchrl.exact.mdp import MDP
from scratchrl.exact.soft import soft_action_values, soft_evaluate, soft_policy_iteration
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import garnet, gridworld, two_state

seeds = st.integers(0, 2**32 - 1)
alphas = st.floats(0.02, 20.0)


def draw_case(seed, gamma=0.9):
    rng = np.random.default_rng(seed)
    return garnet(rng, 6, 3, 3, gamma, terminals=1), rng.dirichlet(np.ones(3), size=6)


@given(seeds, alphas)
def test_soft_values_are_fixed_points(seed, alpha):
    mdp, policy = draw_case(seed)
    q = soft_action_values(mdp, policy, alpha)
    np.testing.assert_allclose(soft_expected_operator(mdp, policy, q, alpha), q, atol=1e-10)
    best = soft_policy_iteration(mdp, alpha)
    np.testing.assert_allclose(soft_optimal_operator(mdp, best.q, alpha), best.q, atol=1e-10)
    alive = ~mdp.terminal
    np.testing.assert_allclose(soft_maximum(best.q, alpha)[alive], best.value[alive], atol=1e-10)
    value = state_value(q, policy) + alpha * entropy(policy)
    np.testing.assert_allclose(value[alive], soft_evaluate(mdp, policy, alpha)[alive], atol=1e-10)


@given(seeds, alphas)
def test_policy_iteration_and_value_iteration_of_the_soft_problem_agree(seed, alpha):
    mdp, policy = draw_case(seed)
    best = soft_policy_iteration(mdp, alpha)
    q = np.zeros((6, 3))
    for _ in range(400):
        q = soft_optimal_operator(mdp, q, alpha)
    np.testing.assert_allclose(best.q, q, rtol=0, atol=1e-10)
    assert best.error < 1e-9
    assert (best.value >= soft_evaluate(mdp, policy, alpha) - best.error).all()
    np.testing.assert_allclose(soft_evaluate(mdp, best.policy, alpha), best.value, atol=1e-10)


@given(seeds, st.floats(1e-4, 20.0))
def test_the_soft_optimum_is_above_the_hard_one_by_at_most_alpha_log_a_per_step(seed, alpha):
    mdp, _ = draw_case(seed)
    hard, soft = policy_iteration(mdp), soft_policy_iteration(mdp, alpha)
    gap = soft.value - hard.value
    assert gap.min() >= -1e-10
    assert gap.max() <= alpha * np.log(3) / (1 - 0.9) + 1e-10


def test_two_state_by_hand():
    """Without rewards every step is worth α log 2 at best, from both states, by the uniform policy."""
    mdp = two_state(gamma=0.75)
    silent = MDP(mdp.transition, np.zeros((2, 2)), 0.75, mdp.start, mdp.terminal)
    best = soft_policy_iteration(silent, 0.5)
    np.testing.assert_allclose(best.value, 0.5 * np.log(2) / 0.25, rtol=1e-13)
    np.testing.assert_allclose(best.policy, 0.5, rtol=1e-13)


def test_no_temperature_is_plain_evaluation():
    mdp, policy = draw_case(0)
    np.testing.assert_array_equal(soft_evaluate(mdp, policy, 0.0), evaluate(mdp, policy))


def test_gamma_one_where_every_policy_ends():
    """Two steps, two actions each: α log 2 a step, and the reward of action 1 on top."""
    forward = np.zeros((3, 2, 3))
    forward[0, :, 1] = forward[1:, :, 2] = 1.0
    mdp = MDP(forward, [[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]], 1.0, [1.0, 0.0, 0.0], [False, False, True])
    best = soft_policy_iteration(mdp, 2.0)
    once = 2.0 * np.log1p(np.exp(0.5))
    np.testing.assert_allclose(best.value, [2 * once, once, 0.0], rtol=1e-13)
    assert best.error < 1e-13


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="alpha: expected a temperature > 0, got 0"):
        soft_policy_iteration(two_state(), 0.0)
    with pytest.raises(ValueError, match="gamma = 1 with entropy needs termination"):
        soft_policy_iteration(gridworld(gamma=1.0), 1.0)

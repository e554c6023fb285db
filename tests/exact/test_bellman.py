"""The Bellman operators: plain double sums, fixed points, contraction, monotonicity."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact.bellman import (
    backup,
    entropy,
    expected_operator,
    optimal_operator,
    soft_expected_operator,
    soft_maximum,
    soft_optimal_operator,
    state_value,
)
from scratchrl.exact.evaluation import action_values, evaluate
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import garnet

seeds = st.integers(0, 2**32 - 1)
gammas = st.sampled_from([0.0, 0.3, 0.9, 0.99, 1.0])


def draw_case(seed, gamma, terminals=2):
    rng = np.random.default_rng(seed)
    states, actions = int(rng.integers(4, 9)), int(rng.integers(1, 5))
    mdp = garnet(rng, states, actions, int(rng.integers(1, 5)), gamma, terminals)
    return rng, mdp, rng.dirichlet(np.ones(actions), size=states)


@given(seeds, gammas)
def test_backup_is_the_plain_sum(seed, gamma):
    rng, mdp, _ = draw_case(seed, gamma)
    v = rng.normal(size=len(mdp.start))
    q = backup(mdp, v)
    for s, a in itertools.product(*map(range, q.shape)):
        plain = 0.0
        for t in range(len(v)):
            after = 0.0 if mdp.terminal[t] else v[t]
            plain += mdp.transition[s, a, t] * (mdp.reward[s, a, 0] + gamma * after)
        assert q[s, a] == pytest.approx(plain, abs=1e-13)


@given(seeds, gammas, st.floats(0.05, 20.0))
def test_all_operators_contract_by_gamma_and_are_monotone(seed, gamma, alpha):
    rng, mdp, policy = draw_case(seed, gamma)
    q, p = rng.normal(size=(2, *policy.shape)) * 10.0
    for operator in (
        lambda x: expected_operator(mdp, policy, x),
        lambda x: optimal_operator(mdp, x),
        lambda x: soft_expected_operator(mdp, policy, x, alpha),
        lambda x: soft_optimal_operator(mdp, x, alpha),
    ):
        assert np.abs(operator(q) - operator(p)).max() <= gamma * np.abs(q - p).max() + 1e-12
        assert (operator(np.maximum(q, p)) >= operator(q) - 1e-12).all()


@given(seeds, st.sampled_from([0.3, 0.9, 0.99]))
def test_contraction_is_attained_by_a_constant_shift_without_terminal_states(seed, gamma):
    rng, mdp, policy = draw_case(seed, gamma, terminals=0)
    q = rng.normal(size=policy.shape)
    for operator in (lambda x: expected_operator(mdp, policy, x), lambda x: optimal_operator(mdp, x)):
        np.testing.assert_allclose(operator(q + 5.0) - operator(q), 5.0 * gamma, atol=1e-13)


@given(seeds, st.sampled_from([0.0, 0.3, 0.9, 0.99]))
def test_values_are_fixed_points(seed, gamma):
    _, mdp, policy = draw_case(seed, gamma)
    q = action_values(mdp, policy)
    np.testing.assert_allclose(expected_operator(mdp, policy, q), q, atol=1e-11)
    np.testing.assert_allclose(state_value(q, policy), evaluate(mdp, policy), atol=1e-11)
    best = policy_iteration(mdp)
    np.testing.assert_allclose(optimal_operator(mdp, best.q), best.q, atol=1e-11)
    np.testing.assert_allclose(best.q.max(axis=1), best.value, atol=1e-11)
    assert (best.q >= q - 1e-11).all()


@given(seeds, st.floats(0.05, 20.0))
def test_soft_maximum_is_a_maximum_over_policies_between_its_bounds(seed, alpha):
    rng, _, policy = draw_case(seed, 0.9)
    q = rng.normal(size=policy.shape) * 10.0
    top, actions = soft_maximum(q, alpha), q.shape[1]
    assert (top >= state_value(q, policy) + alpha * entropy(policy) - 1e-12).all()
    best = np.exp((q - top[:, None]) / alpha)
    np.testing.assert_allclose(best.sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(state_value(q, best) + alpha * entropy(best), top, atol=1e-11)
    assert (top >= q.max(axis=1) - 1e-12).all()
    assert (top <= q.max(axis=1) + alpha * np.log(actions) + 1e-12).all()

"""V* by every road: all deterministic policies, three planners, a linear program; ties, monotone growth, γ = 1."""

import itertools
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.exact.certificate import optimal_actions
from scratchrl.exact.evaluation import evaluate, expected_return, uniform_policy
from scratchrl.exact.linear_programming import linear_programming
from scratchrl.exact.mdp import MDP
from scratchrl.exact.solve import modified_policy_iteration, policy_iteration, value_iteration
from scratchrl.exact.zoo import chain, garnet, gridworld, two_state

seeds = st.integers(0, 2**32 - 1)


@given(seeds, st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_four_solvers_agree(seed, gamma):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, int(rng.integers(2, 30)), int(rng.integers(1, 5)), 2, gamma, int(rng.integers(0, 2)))
    solution = policy_iteration(mdp)
    assert solution.error < 1e-10
    for other in (value_iteration(mdp, 5e-11), modified_policy_iteration(mdp, 10, 5e-11), linear_programming(mdp)):
        np.testing.assert_allclose(other.value, solution.value, rtol=0, atol=1e-10)
        np.testing.assert_allclose(other.q, solution.q, rtol=0, atol=1e-10)
        np.testing.assert_allclose(evaluate(mdp, other.policy), solution.value, rtol=0, atol=1e-9)


@settings(max_examples=20)
@given(seeds)
def test_nothing_beats_it_and_its_own_policy_attains_it(seed):
    mdp = garnet(np.random.default_rng(seed), 5, 2, 2, 0.9)
    solution = policy_iteration(mdp)
    values = [evaluate(mdp, np.eye(2)[list(choice)]) for choice in itertools.product(range(2), repeat=5)]
    np.testing.assert_allclose(np.max(values, axis=0), solution.value, atol=1e-12)
    np.testing.assert_allclose(evaluate(mdp, solution.policy), solution.value, atol=1e-12)


@pytest.mark.parametrize("tol", [1e-1, 1e-4, 1e-8])
def test_value_iteration_stops_within_tol_and_not_needlessly_late(tol):
    mdp = two_state(gamma=0.95)
    exact = policy_iteration(mdp).value
    solution = value_iteration(mdp, tol)
    error = np.abs(solution.value - exact).max()
    assert error <= solution.error <= tol
    assert error > 0.9 * solution.error


def test_a_span_rule_would_stop_too_early():
    """Constant reward: the span of T*v − v is 0 at once, the error is 1/(1 − γ)."""
    mdp = MDP([[[1.0]]], [[1.0]], 0.9, [1.0], [False])
    assert value_iteration(mdp, 1e-6).value[0] == pytest.approx(10.0, abs=1e-6)


def test_modified_policy_iteration_grows_monotonically_to_the_optimum():
    rng = np.random.default_rng(3)
    mdp = replace(garnet(rng, 12, 3, 3, 0.9), reward=-rng.random((12, 3)))
    best, before = policy_iteration(mdp), np.full(12, -np.inf)
    for sweeps in range(1, 12):
        with pytest.raises(ValueError, match=rf"tol: .* {sweeps} sweeps can certify, got 1e-14"):
            modified_policy_iteration(mdp, 3, 1e-14, max_sweeps=sweeps)
        value = modified_policy_iteration(mdp, 3, 10.0 * 0.9 ** (4 * sweeps)).value
        assert (value >= before - 1e-12).all()
        assert (value <= best.value + 1e-12).all()
        before = value


@pytest.mark.parametrize(("height", "width"), [(3, 4), (1, 5), (4, 4)])
@pytest.mark.parametrize("gamma", [0.9, 1.0])
def test_all_ties_of_the_gridworld_are_found(height, width, gamma):
    mask = optimal_actions(policy_iteration(gridworld(height, width, gamma)))
    rows, columns = np.divmod(np.arange(height * width - 1), width)
    up_right_down_left = np.stack([rows < 0, columns < width - 1, rows < height - 1, columns < 0], axis=1)
    np.testing.assert_array_equal(mask[:-1], up_right_down_left)
    assert mask[-1].all()


def test_optimal_actions_includes_maximisers_hidden_by_the_error():
    solution = policy_iteration(two_state())._replace(q=np.array([[1.0, 1.0 - 1e-6]]), error=1e-6)
    assert optimal_actions(solution).all()
    assert optimal_actions(solution, tolerance=0.0).tolist() == [[True, False]]
    with pytest.raises(ValueError, match="tolerance: expected a number"):
        optimal_actions(solution._replace(error=np.inf))


def stay_or_leave(stay, leave):
    """One state: action 0 stays for `stay`, action 1 ends for `leave`."""
    transition = [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0]] * 2]
    return MDP(transition, [[stay, leave], [0.0, 0.0]], 1.0, [1.0, 0.0], [False, True])


def test_gamma_one_with_a_loop_that_costs():
    for solve in (policy_iteration, value_iteration, linear_programming):
        solution = solve(stay_or_leave(-1.0, -5.0))
        assert solution.value.tolist() == [-5.0, 0.0]
        assert solution.policy[0].tolist() == [0.0, 1.0]
        assert solution.error < 1e-13


def test_gamma_one_with_a_loop_that_is_free_is_best_among_proper_policies_and_not_certified():
    for solve in (policy_iteration, linear_programming):
        solution = solve(stay_or_leave(0.0, -5.0))
        assert solution.value.tolist() == [-5.0, 0.0]
        assert np.isinf(solution.error)
        assert expected_return(stay_or_leave(0.0, -5.0), solution.policy) == -5.0
    with pytest.raises(ValueError, match=r"tol: .* where 1 certify inf: .* can loop forever"):
        value_iteration(stay_or_leave(0.0, -5.0))


def test_gamma_one_with_a_loop_that_pays_is_refused():
    with pytest.raises(ValueError, match=r"loop of positive reward .* V\* is infinite"):
        policy_iteration(stay_or_leave(0.1, -5.0))
    with pytest.raises(ValueError, match="mdp: expected a finite optimal value"):
        linear_programming(stay_or_leave(0.1, -5.0))
    with pytest.raises(ValueError, match="tol"):
        value_iteration(stay_or_leave(0.1, -5.0), max_sweeps=100)


def test_gamma_one_without_an_end_is_refused():
    endless = replace(two_state(), gamma=1.0, reward=-np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"there is none from states \[0, 1\]"):
        policy_iteration(endless)
    with pytest.raises(ValueError, match="mdp: expected a finite optimal value"):
        linear_programming(endless)
    with pytest.raises(ValueError, match="partial: expected 0"):
        modified_policy_iteration(chain(gamma=1.0), partial=5)


def test_repeated_solves_are_bitwise_equal():
    mdp = garnet(np.random.default_rng(0), 30, 4, 5, 0.99)
    first, second = policy_iteration(mdp), policy_iteration(mdp)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert expected_return(mdp, first.policy) > expected_return(mdp, uniform_policy(mdp))


@pytest.mark.slow
def test_two_thousand_states_and_ten_actions_in_five_seconds():
    """Dense: 320 MB of transitions; rewards that do not depend on the successor take 0.16 MB."""
    rng = np.random.default_rng(0)
    transition = rng.random((2000, 10, 2000))
    transition /= transition.sum(axis=2, keepdims=True)
    mdp = MDP(transition, rng.normal(size=(2000, 10)), 0.99, np.full(2000, 1 / 2000), np.zeros(2000, bool))
    before = time.perf_counter()
    assert policy_iteration(mdp).error < 1e-6
    assert time.perf_counter() - before < 5.0

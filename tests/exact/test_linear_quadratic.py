"""Linear-quadratic control: one cost in two ways, Bellman's equation, complex step, Riccati's equation by scipy."""

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact import linear_quadratic as lq
from scratchrl.exact.linear_quadratic import Problem
from scratchrl.oracle.differentiation import complex_step, relative_error

SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed, n=3, m=2):
    """(a problem, a gain for which its cost is finite)."""
    rng = np.random.default_rng(seed)
    closed, control, gain = rng.standard_normal((n, n)), rng.standard_normal((n, m)), rng.standard_normal((m, n))
    closed *= 0.9 / np.abs(np.linalg.eigvals(closed)).max()
    q, s, w, r = (x @ x.T for x in (*rng.standard_normal((3, n, n)), rng.standard_normal((m, m))))
    return Problem(closed + control @ gain, control, q, r + np.eye(m), 0.9, s, w), gain


@given(seed=SEEDS)
def test_two_ways_to_one_cost_and_to_the_sum_of_costs(seed):
    problem, gain = drawn(seed)
    closed, gamma = problem.transition - problem.control @ gain, problem.gamma
    step_cost = problem.state_cost + gain.T @ problem.action_cost @ gain
    moment, total, power, p = problem.start, 0.0, np.eye(3), np.zeros((3, 3))
    for t in range(300):
        total += gamma**t * np.trace(step_cost @ moment)
        p += gamma**t * power.T @ step_cost @ power
        moment, power = closed @ moment @ closed.T + problem.noise, power @ closed
    inflow = problem.start + gamma / (1 - gamma) * problem.noise
    assert lq.cost(problem, gain) == pytest.approx(total, rel=1e-10)
    assert np.trace(lq.cost_to_come(problem, gain) @ inflow) == pytest.approx(total, rel=1e-10)
    np.testing.assert_allclose(lq.cost_to_come(problem, gain), p, rtol=1e-8, atol=1e-10 * np.abs(p).max())


@given(seed=SEEDS)
def test_gradient_is_the_complex_step_of_the_cost(seed):
    """The cost by (2) knows nothing of the P that the gradient is made of."""
    problem, gain = drawn(seed)
    truth = complex_step(lambda k: lq.cost(problem, k), gain)
    assert relative_error(lq.cost_gradient(problem, gain), truth) <= 1e-10


@given(seed=SEEDS)
def test_action_values_solve_bellmans_equation(seed):
    problem, gain = drawn(seed)
    h, c = lq.action_value(problem, gain)
    p, gamma, rng = lq.cost_to_come(problem, gain), problem.gamma, np.random.default_rng(seed)
    s, a = rng.standard_normal(3), rng.standard_normal(2)

    def q(s, a):
        return -np.hstack([s, a]) @ h @ np.hstack([s, a]) - c

    assert q(s, -gain @ s) == pytest.approx(-s @ p @ s - c, rel=1e-10)
    after = problem.transition @ s + problem.control @ a
    reward = -s @ problem.state_cost @ s - a @ problem.action_cost @ a
    expected = q(after, -gain @ after) - np.trace(p @ problem.noise)  # E over w
    assert q(s, a) == pytest.approx(reward + gamma * expected, rel=1e-10)
    np.testing.assert_allclose(h, h.T, rtol=1e-9, atol=1e-12 * np.abs(h).max())


@given(seed=SEEDS)
def test_the_optimum_is_scipys_and_has_no_gradient(seed):
    problem, gain = drawn(seed)
    a, b, q, r, gamma = problem[:5]
    p = scipy.linalg.solve_discrete_are(gamma**0.5 * a, gamma**0.5 * b, q, r)
    best = lq.optimal_gain(problem)
    truth = np.linalg.solve(r + gamma * b.T @ p @ b, gamma * b.T @ p @ a)
    np.testing.assert_allclose(best, truth, rtol=1e-6, atol=1e-8 * np.abs(truth).max())
    at_start = np.abs(lq.cost_gradient(problem, gain)).max()
    assert np.abs(lq.cost_gradient(problem, best)).max() <= 1e-7 * max(at_start, lq.cost(problem, best))
    assert lq.cost(problem, best) <= lq.cost(problem, gain) * (1 + 1e-12)


def test_scalars_in_closed_form():
    a, b, q, r, gamma, s, w, k = 0.8, 0.5, 2.0, 0.25, 0.9, 3.0, 0.5, 0.6
    problem = Problem(*np.reshape([a, b, q, r], (4, 1, 1)), gamma, np.array([[s]]), np.array([[w]]))
    gain, closed = np.array([[k]]), a - b * k
    p = (q + r * k * k) / (1 - gamma * closed**2)
    assert lq.cost_to_come(problem, gain).item() == pytest.approx(p, rel=1e-14)
    assert lq.cost(problem, gain) == pytest.approx(p * (s + gamma / (1 - gamma) * w), rel=1e-14)


def test_infinite_costs_and_standing_still_are_asked_for():
    one = np.eye(1)
    growing = Problem(2 * one, one, one, one, 0.9, one, 0 * one)
    with pytest.raises(ValueError, match=r"^gain: expected .* below 1, got 1.897"):
        lq.cost(growing, 0 * one)
    with pytest.raises(ValueError, match=r"^gamma: expected"):
        lq.cost(growing._replace(gamma=1.0), one)
    with pytest.raises(ValueError, match=r"^sweeps: expected"):
        lq.optimal_gain(growing, sweeps=2)

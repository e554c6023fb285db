"""Noise of exploration: bounds, ranges, and the Ornstein-Uhlenbeck process against its exact mean and covariance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import exploration

SEEDS = st.integers(0, 2**32 - 1)
LOW, HIGH = np.array([-2.0, 5.0, 0.0]), np.array([2.0, 6.0, 1e-3])


# ---- on an action ----


@given(seed=SEEDS)
def test_every_dimension_gets_its_own_noise_in_its_own_units_within_its_own_bounds(seed):
    rng = np.random.default_rng(seed)
    action, noise = rng.uniform(LOW, HIGH, (7, 3)), rng.standard_normal((7, 3))
    got = exploration.perturbed(action, noise, LOW, HIGH)
    for b, i in np.ndindex(got.shape):
        wished = action[b, i] + noise[b, i] * (HIGH[i] - LOW[i]) / 2
        assert got[b, i] == min(max(wished, LOW[i]), HIGH[i])
    assert (exploration.perturbed(action, 0 * noise, LOW, HIGH) == action).all()


def test_bounds_may_be_numbers_and_float32_stays():
    action = np.array([[0.5, -0.5]], np.float32)
    got = exploration.perturbed(action, np.array([[1.0, -1.0]], np.float32), -1, 1)
    assert got.dtype == np.float32
    assert got.tolist() == [[1, -1]]


@pytest.mark.parametrize(
    ("change", "named"), [({"noise": np.zeros((1, 3))}, "noise"), ({"low": 1.0, "high": -1.0}, "high")]
)
def test_what_does_not_fit_is_refused(change, named):
    given = {"action": np.zeros((2, 3)), "noise": np.zeros((2, 3)), "low": -1.0, "high": 1.0, **change}
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        exploration.perturbed(**given)


# ---- the process ----


PROCESSES = [(0.15, 0.2, 1.0), (0.15, 0.2, 1e-2), (3.0, 1.0, 0.5), (1.0, 0.7, 1.0), (1.9, 0.3, 1.0)]


def run(noise, theta, sigma, dt, mean=0.0, x=0.0):
    """The process after every row of noise, from x."""
    x, found = np.full(noise.shape[1:], x), []
    for xi in noise:
        x = exploration.ornstein_uhlenbeck(x, xi, theta, sigma, dt, mean)
        found.append(x)
    return np.array(found)


@pytest.mark.parametrize(("theta", "sigma", "dt"), PROCESSES)
def test_mean_and_covariance_of_every_pair_of_steps(theta, sigma, dt):
    """x is linear in the draws: with one draw at a time set to 1 its coefficients are read off, without sampling."""
    steps, start, mean, k = 12, 2.0, 0.5, 1 - theta * dt
    unmoved = run(np.zeros((steps, 1)), theta, sigma, dt, mean, start)[:, 0]
    n = np.arange(1, steps + 1)
    np.testing.assert_allclose(unmoved - mean, (start - mean) * k**n, rtol=1e-12, atol=1e-13)
    response = run(np.eye(steps)[:, :], theta, sigma, dt, mean, start) - unmoved[:, None]  # (time, draw)
    covariance = response @ response.T
    for i, j in np.ndindex(steps, steps):
        early = min(i, j) + 1
        expected = k ** abs(i - j) * sum(k ** (2 * m) for m in range(early)) * sigma**2 * dt
        assert covariance[i, j] == pytest.approx(expected, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(("theta", "sigma", "dt"), PROCESSES)
def test_stationary_variance_is_the_fixed_point_of_one_step(theta, sigma, dt):
    variance, k = exploration.stationary_variance(theta, sigma, dt), 1 - theta * dt
    assert k**2 * variance + sigma**2 * dt == pytest.approx(variance, rel=1e-14)
    assert variance >= sigma**2 / (2 * theta)  # of the continuous process
    nearly = exploration.stationary_variance(theta, sigma, 1e-9)
    assert nearly == pytest.approx(sigma**2 / (2 * theta), rel=1e-8)


@pytest.mark.parametrize(("theta", "sigma", "dt"), PROCESSES[:1] + PROCESSES[2:4])
def test_a_long_run_has_the_stationary_variance_and_dimensions_do_not_know_each_other(theta, sigma, dt):
    """20,000 independent entries after 200 steps: the variance within five of its standard errors √(2/n), the
    correlation of two dimensions within five of 1/√n; false alarm 6e-7 each."""
    rng = np.random.default_rng(0)
    last = run(rng.standard_normal((200, 10_000, 2)), theta, sigma, dt)[-1]
    variance = exploration.stationary_variance(theta, sigma, dt)
    assert abs(last.var() / variance - 1) < 5 * (2 / 20_000) ** 0.5
    assert abs((last[:, 0] * last[:, 1]).mean() / variance) < 5 / 10_000**0.5


def test_time_may_be_cut_more_finely():
    """Spread after one unit of time, by dt = 1, ½, … : it converges, which √dt is for; with dt it would vanish."""
    spreads = []
    for pieces in (1, 10, 100, 1000):
        response = run(np.eye(pieces), 0.5, 2.0, 1 / pieces)[-1]
        spreads.append(response @ response)
    exact = 4.0 * (1 - np.exp(-1)) / (2 * 0.5)
    gaps = np.abs(np.array(spreads) - exact)
    assert (gaps[1:] < gaps[:-1] / 5).all()


def test_the_mean_may_differ_by_dimension_and_float32_stays():
    x, noise = np.zeros((1, 2), np.float32), np.zeros((1, 2), np.float32)
    got = exploration.ornstein_uhlenbeck(x, noise, 0.5, 1.0, 1.0, np.array([1.0, -2.0], np.float32))
    assert got.dtype == np.float32
    assert got.tolist() == [[0.5, -1.0]]


@pytest.mark.parametrize(
    ("change", "named"),
    [({"dt": 0}, "dt"), ({"dt": float("nan")}, "dt"), ({"sigma": -1}, "sigma"), ({"theta": -1}, "theta"),
     ({"theta": 2.0}, "theta"), ({"noise": np.zeros((1, 3))}, "noise")],
)  # fmt: skip
def test_no_process_is_refused(change, named):
    given = {"x": np.zeros((1, 2)), "noise": np.zeros((1, 2)), "theta": 0.1, "sigma": 0.1, "dt": 1.0, **change}
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        exploration.ornstein_uhlenbeck(**given)


@pytest.mark.parametrize(("theta", "dt"), [(0.0, 1.0), (2.0, 1.0), (0.1, -1.0), (np.array([0.1, 3.0]), 1.0)])
def test_without_a_stationary_process_there_is_no_variance(theta, dt):
    with pytest.raises(ValueError, match=r"^theta: expected 0 < θ dt < 2"):
        exploration.stationary_variance(theta, 1.0, dt)

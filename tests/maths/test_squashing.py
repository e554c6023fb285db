"""log(1 − tanh² u) against 50 digits, from the smallest u whose square is a number to where only −2|u| is left."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths.squashing import log_det
from scratchrl.oracle.differentiation import complex_step

ULPS = 4.0  # 3.8 is the worst of all float32 numbers, 3.3 of 200,000 float64 ones


def ulps(u):
    """The error of log_det(u) in units of the last place of the truth."""
    with mpmath.workdps(50 if abs(u) > 1e-10 else 400):
        truth = -2 * mpmath.log(mpmath.cosh(mpmath.mpf(float(u))))
        place = np.spacing(abs(u.dtype.type(truth)))
        return float(abs(mpmath.mpf(float(log_det(u))) - truth) / mpmath.mpf(float(place)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(st.sampled_from([-1, 1]), st.floats(0, 1))
def test_every_size_of_u_is_true_to_the_last_bits(dtype, sign, where):
    low, high = (-18, 38) if dtype is np.float32 else (-150, 300)
    assert ulps(np.array(sign * 10 ** (low + where * (high - low)), dtype)) <= ULPS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_where_squashing_happens_it_is_true_to_the_last_bits(dtype):
    """Up to |u| = 25, densely around 0.65, where the formula changes, and where (1) would be off by 4.2 ulps."""
    around = [*(0.65 + np.arange(-8, 8) * 6e-8), 0.70725]
    u = np.concatenate([np.linspace(0.001, 1.5, 1500), around, np.linspace(1.5, 25, 500)])
    assert max(map(ulps, u.astype(dtype))) <= ULPS


def test_the_formula_for_large_u_alone_would_lose_every_digit_near_zero():
    u = np.array(1e-8)
    alone = 2 * (np.log(2) - u - np.log1p(np.exp(-2 * u)))
    assert log_det(u) == pytest.approx(-1e-16, rel=1e-15)
    assert abs(alone + 1e-16) > 1e-17


@given(st.floats(-1e300, 1e300))
def test_it_is_even_never_positive_and_the_log_of_the_slope(u):
    value = log_det(np.array(u))
    assert value == log_det(np.array(-u))
    assert value <= 0
    if abs(u) < 10:
        assert float(np.exp(value)) == pytest.approx(1 / np.cosh(u) ** 2, rel=1e-13)


@given(st.floats(-500, 500).filter(lambda u: u == 0 or abs(u) > 1e-100))
def test_its_complex_step_derivative_is_minus_two_tanh(u):
    """On both branches, at 0 and on either side of it; much nearer to 0 the complex step itself underflows."""
    assert complex_step(log_det, np.array(u)) == pytest.approx(-2 * np.tanh(u), rel=1e-13, abs=0)


def test_infinities_and_nan_come_out_as_they_should():
    assert log_det(np.array([0.0, np.inf, -np.inf])).tolist() == [0.0, -np.inf, -np.inf]
    assert np.isnan(log_det(np.array(np.nan)))

"""eˣ − 1 − x against 50 digits, from 1e-150 to overflow, on both sides of zero and of the series' end."""

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths.exponential import exp_excess


def truth(x):
    with mpmath.workdps(400):
        return mpmath.expm1(mpmath.mpf(float(x))) - mpmath.mpf(float(x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(st.sampled_from([-1, 1]), st.floats(0, 1))
def test_exp_excess_is_true_to_a_few_roundings(dtype, sign, where):
    low, high = (-15, 1.9) if dtype is np.float32 else (-150, 2.8)
    x = np.array(sign * 10 ** (low + where * (high - low)), dtype)
    got, exact = exp_excess(x), truth(x)
    assert got.dtype == dtype
    assert abs(mpmath.mpf(float(got)) - exact) <= 8 * float(np.finfo(dtype).eps) * exact


def test_exp_excess_is_never_negative_and_zero_only_at_zero():
    x = np.concatenate([np.linspace(-1, 1, 20001), np.geomspace(1e-150, 1e-3, 500), -np.geomspace(1e-150, 1e-3, 500)])
    values = exp_excess(x)
    assert (values[x != 0] > 0).all()
    assert (values[x == 0] == 0).all()


def test_the_series_is_not_asked_about_numbers_that_it_would_overflow_on():
    assert exp_excess(np.array([-1e200, 1e-3]))[0] == 1e200


@pytest.mark.parametrize("x", [-0.7, -0.49, -1e-9, 0.0, 1e-9, 0.49, 0.7])
def test_exp_excess_is_analytic_on_both_branches(x):
    assert exp_excess(np.array(x + 1e-30j)).imag * 1e30 == pytest.approx(np.expm1(x), rel=1e-14, abs=1e-30)


@given(st.floats(-3, 3), st.sampled_from([0.0, 1e-20, 1e-9, 0.01, 0.5]), st.floats(-1, 1))
def test_balls_enclose_every_value_and_are_narrow_near_zero(m, radius, where):
    ball = exp_excess(np.array([flint.arb(m, radius)], object))[0]
    inside = np.array([flint.arb(m) + radius * flint.arb(where)], object)
    assert ball.overlaps(exp_excess(inside)[0])
    assert float(ball.rad()) <= 2 * radius * (np.expm1(abs(m) + radius) + radius) + 1e-14 * (1 + abs(m))

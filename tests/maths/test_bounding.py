"""Bounds that are reached at infinity only, or where tanh is rounded to 1, and then to the bit."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths.bounding import bounded, bounded_grad
from scratchrl.oracle.differentiation import complex_step

BOUNDS = st.tuples(st.floats(-20, 5), st.floats(0.01, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))


@given(BOUNDS, st.floats(-8, 8))
def test_slope_is_the_complex_step_of_the_value(bounds, x):
    truth = complex_step(lambda x: bounded(x, *bounds), np.array(x))
    assert bounded_grad(np.array(x), *bounds) == pytest.approx(truth, rel=1e-12, abs=0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(bounds=BOUNDS, x=st.floats(20, 1e30))
def test_far_out_it_is_the_bound_to_the_bit(dtype, bounds, x):
    far = bounded(np.array([-x, x], dtype), *bounds)
    assert far.dtype == dtype
    np.testing.assert_array_equal(far, np.array(bounds).astype(dtype))
    np.testing.assert_array_equal(bounded(np.array([-np.inf, np.inf], dtype), *bounds), far)


@given(BOUNDS, st.floats(-10, 10), st.floats(0.001, 1))
def test_it_increases_between_its_bounds_and_is_symmetric_about_their_mean(bounds, x, more):
    low, high = bounds
    below, above, mirrored = bounded(np.array([x, x + more, -x]), low, high)
    size = 4 * np.finfo(float).eps * max(1, abs(low), abs(high))
    assert low <= below <= above + size <= high + 2 * size
    assert below + mirrored == pytest.approx(low + high, abs=size)


@pytest.mark.parametrize("x", [0.0, 3.0, 30.0, -200.0])
def test_the_slope_keeps_its_digits_where_tanh_is_rounded_to_one(x):
    """1 − tanh² itself would be 0 from |x| = 19 on: the way back to the middle is small, not lost."""
    with mpmath.workdps(400):
        truth = float(mpmath.mpf(3.5) / mpmath.cosh(x) ** 2)
    assert bounded_grad(np.array(x), -5.0, 2.0) == pytest.approx(truth, rel=1e-13, abs=0)
    assert bounded_grad(np.array(x), -5.0, 2.0) > 0


@pytest.mark.parametrize("function", [bounded, bounded_grad])
@pytest.mark.parametrize("bounds", [(1.0, 1.0), (2.0, 1.0), (0.0, float("nan"))])
def test_bounds_in_the_wrong_order_are_refused(function, bounds):
    with pytest.raises(ValueError, match=r"^low, high: expected low < high, got"):
        function(np.zeros(1), *bounds)

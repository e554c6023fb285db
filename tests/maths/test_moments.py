"""Running moments: every way of cutting a stream into batches tells the same story as two passes over all of it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchrl.maths.moments import Moments, empty, merge, update, variance

SAMPLES = arrays(np.float64, st.tuples(st.integers(1, 30), st.integers(1, 3)), elements=st.floats(-100, 100))


def of(batch):
    return update(empty(batch.shape[1:], batch.dtype), batch)


def assert_close(got, expected, rtol=1e-13):
    """Equal counts; means and M₂ to rounding, measured against the size of the data (|x| ≤ 100)."""
    assert got.count == expected.count
    np.testing.assert_allclose(got.mean, expected.mean, rtol=rtol, atol=rtol * 100)
    np.testing.assert_allclose(got.m2, expected.m2, rtol=rtol, atol=rtol * 100**2 * max(got.count, 1))


@given(SAMPLES, st.lists(st.integers(0, 30), max_size=5))
def test_any_cutting_gives_the_two_pass_moments(x, cuts):
    moments = empty(x.shape[1:])
    for batch in np.split(x, sorted(min(cut, len(x)) for cut in cuts)):  # batches of 0, 1 and more rows
        moments = update(moments, batch)
    assert_close(moments, Moments(len(x), x.mean(axis=0), len(x) * x.var(axis=0)))


@given(SAMPLES, st.integers(0, 30), st.integers(0, 30))
def test_merge_is_associative_and_commutative(x, i, j):
    a, b, c = (of(part) for part in np.split(x, sorted(min(cut, len(x)) for cut in (i, j))))
    assert_close(merge(merge(a, b), c), merge(a, merge(b, c)))
    assert_close(merge(a, b), merge(b, a))


@given(SAMPLES)
def test_empty_is_neutral_to_the_bit(x):
    moments, nothing = of(x), empty(x.shape[1:])
    for merged in (merge(moments, nothing), merge(nothing, moments), update(moments, x[:0])):
        for got, expected in zip(merged, moments, strict=True):
            np.testing.assert_array_equal(got, expected)
    assert merge(nothing, nothing).count == 0
    assert not np.any(nothing.mean)
    assert not np.any(nothing.m2)


def test_empty_is_neutral_for_numbers_whose_square_overflows():
    huge = Moments(1, np.array(1e200), np.array(0.0))
    assert merge(empty(()), huge) == merge(huge, empty(())) == huge


@given(SAMPLES, st.floats(-50, 50), st.integers(-3, 3))
def test_affine_map_of_the_data(x, shift, exponent):
    scale, half, moments = 2.0**exponent, len(x) // 2, of(x)
    moved = update(of(scale * x[:half] + shift), scale * x[half:] + shift)
    expected = Moments(len(x), scale * moments.mean + shift, scale**2 * moments.m2)
    assert_close(moved, expected, rtol=2e-12)


def test_powers_of_two_scale_to_the_bit():
    x = np.random.default_rng(0).normal(size=(20, 3))
    a, b = merge(of(x[:7]), of(x[7:])), merge(of(8 * x[:7]), of(8 * x[7:]))
    np.testing.assert_array_equal(b.mean, 8 * a.mean)
    np.testing.assert_array_equal(b.m2, 64 * a.m2)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=20))
def test_one_sample_at_a_time_against_rational_arithmetic(integers):
    moments = empty()
    for integer in integers:
        moments = update(moments, np.array([float(integer)]))
    mean = Fraction(sum(integers), len(integers))
    var = sum((integer - mean) ** 2 for integer in integers) / len(integers)
    np.testing.assert_allclose(moments.mean, float(mean), rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(variance(moments), float(var), rtol=1e-12, atol=1e-9)


def test_a_far_mean_does_not_cost_the_variance():
    """Σx² − (Σx)²/n would lose all its digits here: the mean is 10⁹ standard deviations from zero."""
    x = 1e9 + np.arange(10.0)
    moments = empty()
    for value in x:
        moments = update(moments, value[None])
    assert variance(moments) == pytest.approx(8.25, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_dtype_is_kept_and_the_wider_one_wins(dtype):
    moments = update(update(empty((2,), dtype), np.ones((3, 2), dtype)), np.zeros((2, 2), dtype))
    assert moments.mean.dtype == moments.m2.dtype == variance(moments).dtype == dtype
    assert isinstance(moments.count, int)
    assert update(empty((2,), np.float64), np.ones((3, 2), np.float32)).mean.dtype == np.float64


def test_complex_step_through_the_variance():
    """∂ Var/∂xᵢ = 2 (xᵢ − x̄)/n: the merge is plain algebra, with no absolute value or conjugate hidden in it."""
    x, h = np.array([1.0, 4.0, -2.0, 0.5]), 1e-30
    for i, expected in enumerate(2 * (x - x.mean()) / 4):
        z = x + 1j * h * (np.arange(4) == i)
        got = variance(merge(of(z[:1]), of(z[1:]))).imag / h
        assert got == pytest.approx(expected, rel=1e-14)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"batch: expected \(B, \*\(2,\)\), got \(3,\)"):
        update(empty((2,)), np.ones(3))
    with pytest.raises(ValueError, match="b: expected moments of shape"):
        merge(empty((2,)), empty((3,)))
    with pytest.raises(ValueError, match="count = 0"):
        variance(empty((2,)))

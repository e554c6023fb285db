"""The measuring instruments, measured: on functions whose derivatives are known in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchrl.oracle.differentiation import (
    central_difference,
    complex_step,
    complex_step_directional,
    dot_test,
    one_sided_difference,
    relative_error,
    subgradient_excess,
)

POINTS = arrays(np.float64, st.integers(1, 4), elements=st.floats(-3, 3))
SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 4))

# Elementwise functions with their derivatives, smooth on the whole line.
SMOOTH = {
    "exp": (np.exp, np.exp),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "sin(3x)": (lambda x: np.sin(3 * x), lambda x: 3 * np.cos(3 * x)),
    "x^3-x": (lambda x: x**3 - x, lambda x: 3 * x**2 - 1),
    "1/(1+x^2)": (lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2),
    "5": (lambda x: 0 * x + 5, lambda x: 0 * x),
}
smooth = pytest.mark.parametrize(("f", "derivative"), SMOOTH.values(), ids=SMOOTH)


# ---- smooth functions ----


@smooth
@given(x=POINTS)
def test_complex_step_is_exact_to_rounding(f, derivative, x):
    np.testing.assert_allclose(complex_step(f, x), np.diag(derivative(x)), rtol=2e-15, atol=2e-15)


@smooth
@given(x=POINTS)
def test_central_difference_is_within_its_error_bar_and_the_bar_is_small(f, derivative, x):
    value, error = central_difference(f, x)
    assert np.all(np.abs(value - np.diag(derivative(x))) <= error)
    assert np.all(error < 1e-8)


@smooth
@given(x=POINTS, v=st.floats(0.5, 2.0) | st.floats(-2.0, -0.5))
def test_one_sided_difference_of_a_smooth_function_is_its_derivative(f, derivative, x, v):
    value, error = one_sided_difference(f, x, v * np.ones_like(x))
    assert np.all(np.abs(value - v * derivative(x)) <= error)
    assert np.all(error < 1e-7)


@given(st.integers(-100, 100), st.floats(1.0, 9.9))
def test_complex_step_at_every_size(exponent, mantissa):
    x = mantissa * 10.0**exponent
    assert complex_step(lambda x: x * x, x) == pytest.approx(2 * x, rel=1e-15, abs=0)
    assert complex_step(lambda x: 1 / x, x) == pytest.approx(-1 / (x * x), rel=1e-15, abs=0)


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_jacobian_has_the_shape_of_f_then_of_x(shape, seed):
    rng = np.random.default_rng(seed)
    a, x = rng.normal(size=shape), rng.normal(size=(shape[1], 2))
    expected = np.einsum("ij,kl->ikjl", a, np.eye(2))  # ∂(a x)ᵢₖ/∂xⱼₗ = aᵢⱼ δₖₗ
    np.testing.assert_allclose(complex_step(lambda x: a @ x, x), expected, rtol=0, atol=0)
    np.testing.assert_allclose(central_difference(lambda x: a @ x, x).value, expected, rtol=0, atol=1e-10)
    assert complex_step(np.sum, x).shape == x.shape
    assert complex_step(np.exp, np.float64(1)).shape == ()


@given(SHAPES, st.integers(-150, 150), st.integers(0, 2**32 - 1))
def test_directional_is_the_jacobian_times_v_for_v_of_any_length(shape, exponent, seed):
    rng = np.random.default_rng(seed)
    a, x = rng.normal(size=shape), rng.normal(size=shape[1])
    v = 10.0**exponent * rng.normal(size=shape[1])
    expected = complex_step(lambda x: np.tanh(a @ x), x) @ v
    got = complex_step_directional(lambda x: np.tanh(a @ x), x, v)
    np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-15 * np.abs(a).sum() * np.abs(v).max())


@pytest.mark.parametrize("f", [np.abs, np.real, lambda x: np.zeros(2)])
def test_a_function_that_drops_the_imaginary_part_is_refused(f):
    with pytest.raises(ValueError, match="f is not analytic"):
        complex_step(f, np.ones(2))


def test_a_step_out_of_the_domain_is_not_used():
    value, error = central_difference(np.log, np.array([0.01]))  # the first steps reach x <= 0, where log is nan
    assert abs(value[0, 0] - 100) <= error[0, 0] < 1e-6


def test_where_there_is_no_derivative_the_error_is_large():
    assert central_difference(np.sign, np.zeros(1)).error[0, 0] > 1
    assert central_difference(lambda x: np.sqrt(x - 1), np.zeros(1)).error[0, 0] == np.inf


# ---- kinks ----


def relu(x):
    return np.where(x > 0, x, 0 * x)


@pytest.mark.parametrize(
    ("f", "left", "right"),
    [(relu, 0, 1), (np.abs, -1, 1), (lambda x: np.exp(np.abs(x)), -1, 1), (lambda x: np.minimum(x, 3 * x), 3, 1)],
)
def test_one_sided_derivatives_of_kinks(f, left, right):
    value, error = one_sided_difference(f, np.zeros(1), np.ones(1))
    assert abs(value[0] - right) <= error[0] < 1e-9
    value, error = one_sided_difference(f, np.zeros(1), -np.ones(1))
    assert abs(-value[0] - left) <= error[0] < 1e-9


@given(st.floats(-0.5, 1.5), st.sampled_from([1.0, -1.0]))
def test_slopes_between_the_one_sided_ones_pass_and_no_others(slope, sign):
    """±relu at 0: [0, 1] and [−1, 0]; the second is concave, its left derivative above its right one."""
    excess = subgradient_excess(lambda x: sign * relu(x), np.zeros(1), sign * np.array([slope]))[0]
    assert excess == pytest.approx(max(0.0, -slope, slope - 1), abs=1e-10)


@given(POINTS, st.floats(-1, 1))
def test_excess_at_smooth_points_is_the_error_of_the_derivative(x, wrong):
    excess = subgradient_excess(np.tanh, x, 1 / np.cosh(x) ** 2 + wrong)
    np.testing.assert_allclose(excess, abs(wrong), rtol=0, atol=1e-8)
    np.testing.assert_array_equal(subgradient_excess(np.tanh, x, 1 / np.cosh(x) ** 2), 0)


# ---- comparisons ----


@given(SHAPES, st.integers(-100, 100), st.integers(0, 2**32 - 1))
def test_dot_test_tells_a_transpose_from_anything_else(shape, exponent, seed):
    """On normal draws the gap of a random wrong matrix is of order 1; below 1e-9 it is with probability about 1e-9."""
    rng = np.random.default_rng(seed)
    a, b = 2.0**exponent * rng.normal(size=(2, *shape))
    v, u = rng.normal(size=shape[1]), rng.normal(size=shape[0])
    assert dot_test(lambda v: a @ v, lambda u: a.T @ u, v, u) < 1e-15 * max(shape)
    assert dot_test(lambda v: a @ v, lambda u: b.T @ u, v, u) > 1e-9
    assert dot_test(lambda v: 0 * (a @ v), lambda u: 0 * (a.T @ u), v, u) == 0


def test_relative_error_by_hand():
    assert relative_error(np.array([1.0, 2.0]), np.array([1.0, 4.0])) == 0.5
    assert relative_error(np.array([-3.0, 1.0]), np.array([-4.0, 1.0])) == 0.25
    assert relative_error(np.zeros(3), np.zeros(3)) == 0
    assert relative_error(np.array([1e-300]), np.zeros(1)) == np.inf
    assert np.isnan(relative_error(np.array([np.nan, 1.0]), np.zeros(2)))
    assert np.isnan(relative_error(np.zeros(1), np.array([np.nan])))
    assert relative_error(np.zeros(0), np.zeros(0)) == 0
    with pytest.raises(ValueError, match=r"expected shape \(2, 1\) like truth, got \(2,\)"):
        relative_error(np.zeros(2), np.zeros((2, 1)))

"""The trapezoidal rule under the normal density: exact moments, and an error bound put to the test by a near pole."""

import math

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths.quadrature import error_bound, normal_rule

to_balls = np.frompyfunc(flint.arb, 1, 1)


def test_the_nodes_are_32_to_the_unit_from_minus_9_to_9():
    np.testing.assert_array_equal(normal_rule(np.zeros(1))[0], np.arange(-288, 289) / 32)


@pytest.mark.parametrize("degree", range(9))
def test_moments_are_those_of_the_normal(degree):
    """Higher ones feel what lies beyond L."""
    nodes, weights = normal_rule(np.zeros(1))
    truth = 0 if degree % 2 else math.prod(range(1, degree, 2))  # (degree − 1)!!
    np.testing.assert_allclose(weights @ nodes**degree, truth, rtol=1e-12, atol=1e-12)


@given(st.floats(-20, 20))
def test_the_characteristic_function(t):
    nodes, weights = normal_rule(np.zeros(1))
    assert weights @ np.cos(t * nodes) == pytest.approx(np.exp(-(t**2) / 2), abs=1e-14)


def test_in_balls_the_weights_are_not_those_of_53_bits():
    """With 200 bits Σ weights falls short of 1 by the mass beyond L, 2e-19, and by nothing else."""
    with flint.ctx.workprec(200), mpmath.workdps(40):
        weights = normal_rule(to_balls(np.zeros(1)))[1]
        gap = 1 - weights.sum()
        beyond = float(mpmath.erfc(9 / mpmath.sqrt(2)))
        assert 0 < float(gap) <= beyond < 3e-19
        assert float(gap) == pytest.approx(beyond, rel=0.2)


def test_every_weight_is_right_to_three_roundings():
    """φ(9) too, whose exponent is −41: a rounding there costs 41 of the result."""
    nodes, weights = normal_rule(np.zeros(1))
    with mpmath.workdps(40):
        truth = np.array([float(mpmath.npdf(mpmath.mpf(node)) / 32) for node in nodes])
    np.testing.assert_allclose(weights, truth, rtol=4 * 2.0**-53)


def test_float32_in_float32_out():
    assert all(array.dtype == np.float32 for array in normal_rule(np.zeros(1, np.float32)))


@pytest.mark.parametrize("distance", [0.004, 0.01, 0.03, 0.1, 0.2, 0.5, 2.0])
def test_the_bound_holds_and_is_not_idle(distance):
    """E 1/(d² + ε²) = √(π/2)/d · exp(½d²) erfc(d/√2): poles at ±id, and |f| ≤ 1/(d² − w²) within w of the real line."""
    with flint.ctx.workprec(200), mpmath.workdps(40):
        nodes, weights = normal_rule(to_balls(np.zeros(1)))
        d = mpmath.mpf(distance)
        truth = mpmath.sqrt(mpmath.pi / 2) / d * mpmath.exp(d**2 / 2) * mpmath.erfc(d / mpmath.sqrt(2))
        value = (weights / (flint.arb(distance) ** 2 + nodes**2)).sum()
        error = float(abs(value - flint.arb(mpmath.nstr(truth, 38))))
    bound = float(error_bound(np.array(0.9 * distance), np.array(1 / (0.19 * distance**2)), np.array(0.0)))
    assert error <= bound
    if distance < 0.5:  # beyond, both are of the size of what is left out beyond L
        assert bound <= 2000 * error


@pytest.mark.parametrize("t", [197.5, 198.0, 199.0, 200.0])
def test_the_bound_is_nearly_attained_by_a_cosine_of_almost_the_frequency_of_the_nodes(t):
    """The sum sees cos tε as a cosine of frequency 2π/h − t; |cos t(x + iy)| ≤ cosh tw, best for w = R − t."""
    nodes, weights = normal_rule(np.zeros(1))
    error = weights @ np.cos(t * nodes)  # E cos tε = exp(−½t²) is nothing
    with flint.ctx.workprec(2000):  # digits enough to take away the part for what lies beyond L, where |cos| ≤ 1
        widths, one = to_balls(np.array([201 - t, 201.0])), to_balls(np.ones(2))
        aliasing, beyond = error_bound(widths, one, 0 * one)
        bound = float((aliasing - beyond) * flint.arb(t * (201 - t)).cosh())
    assert error == pytest.approx(math.exp(-0.5 * (64 * math.pi - t) ** 2), rel=1e-9)
    assert 0.5 * bound < error <= bound


def test_the_bound_covers_what_lies_beyond_the_last_node():
    """2 ∫_L^∞ φ = erfc(9/√2) for f = 1, which the bound exceeds by 1 %; 2 ∫_L^∞ xφ = 2 φ(9) for f = |x|, exactly."""
    constant, slope = error_bound(np.array(201.0), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert 1 <= constant / math.erfc(9 / math.sqrt(2)) < 1.02
    assert slope == pytest.approx(2 * math.exp(-40.5) / math.sqrt(2 * math.pi), rel=1e-13)


@given(st.floats(1e-3, 1e3), st.floats(0, 1e3), st.floats(0, 1e3))
def test_the_bound_is_never_negative_and_falls_with_the_width(width, constant, slope):
    near, far = error_bound(np.array([width, 2 * width]), np.array(constant), np.array(slope))
    assert 0 <= far <= near < np.inf


@pytest.mark.parametrize("width", [0.001, 0.004, 0.02])
def test_near_the_real_line_the_bound_sums_all_the_frequencies_that_alias(width):
    """2 Σ_{m≥1} exp(½τ² − 201 mτ), two for the two signs of m; what lies beyond L is nothing beside it."""
    series = sum(math.exp(width**2 / 2 - 201 * m * width) for m in range(1, 500))
    assert error_bound(np.array(width), np.array(1.0), np.array(0.0)) == pytest.approx(2 * series, rel=1e-12)


def test_where_aliasing_rules_a_slope_weighs_as_much_as_a_constant():
    """E|ε| = √(2/π) is rounded up to 1."""
    by_constant, by_slope = error_bound(np.array(0.05), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    assert by_slope == pytest.approx(by_constant, rel=1e-12)

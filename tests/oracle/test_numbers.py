"""Balls that compare only when sure, truths to the last bit, and bounds that rounding never breaks."""

import math

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import gaussian, returns
from scratchrl.oracle import specs
from scratchrl.oracle.balls import Ball, Undecidable
from scratchrl.oracle.numbers import (
    bounds,
    distances,
    error_bound,
    evaluate,
    rounded,
    to_balls,
    truth,
)
from scratchrl.oracle.search import draw

FINITE = st.floats(-1e6, 1e6, allow_subnormal=False)


def uncertain(x, radius):
    ball = Ball(x)
    ball.arb = flint.arb(x, radius)
    return ball


@given(FINITE, FINITE)
def test_exact_balls_compare_like_floats(x, y):
    a, b = Ball(x), Ball(y)
    assert (a < b, a <= b, a > b, a >= b, a == b, a != b) == (x < y, x <= y, x > y, x >= y, x == y, x != y)
    assert (a < y, x < b) == (x < y, x < y)


@pytest.mark.parametrize("compare", ["__lt__", "__le__", "__gt__", "__ge__", "__eq__", "__ne__"])
def test_overlapping_balls_do_not_compare(compare):
    with pytest.raises(Undecidable, match="overlap"):
        getattr(uncertain(1, 1e-3), compare)(Ball(1))
    with pytest.raises(Undecidable):
        getattr(Ball(float("nan")), compare)(1)


def test_numpy_works_on_arrays_of_balls():
    x = to_balls(np.array([[0.5, -1.5], [2.0, 0.25]]))
    y = np.array([[0.5, -1.5], [2.0, 0.25]])
    for f in (np.exp, np.tanh, np.abs, np.sign, np.square, np.negative, lambda a: a @ a, lambda a: a.sum(axis=1)):
        assert np.allclose(f(x).astype(float), f(y), rtol=1e-15)
    for f in (lambda a: a.max(axis=1), lambda a: np.maximum(a, 0.3), lambda a: np.clip(a, -1, 1), lambda a: a**2):
        assert np.array_equal(f(x).astype(float), f(y))
    assert np.array_equal(np.argmax(x, axis=1), np.argmax(y, axis=1))
    assert np.array_equal((True * x).astype(float), y)
    assert np.allclose((np.float64(2) * x - 1 / x).astype(float), 2 * y - 1 / y, rtol=1e-15)
    assert np.array_equal((y * x).astype(float), y * y)
    assert repr(Ball(1)) == "Ball(1.00000000000000)"
    assert [bool(Ball(2)), bool(Ball(0))] == [True, False]


def test_truth_is_mpmath_rounded_once():
    mean, log_std, action = np.array([[0.5]]), np.array([[-0.25]]), np.array([[2.0]])
    with mpmath.workdps(50):
        exact = mpmath.log(mpmath.npdf(2, mpmath.mpf(0.5), mpmath.exp(mpmath.mpf(-0.25))))
        assert truth(gaussian.log_prob, mean=mean, log_std=log_std, action=action)[0].item() == float(exact)


def test_truth_refuses_what_it_cannot_round():
    """sin² + cos² − 1 is 0, and no precision proves more than that it is small; 1 + 2⁻⁵³ lies between two floats."""
    assert truth(lambda x: np.sin(x) ** 2 + np.cos(x) ** 2 - 1, x=np.ones(1))[0].item() == 0
    with pytest.raises(Undecidable, match="does not decide its float64"):
        rounded(np.array([uncertain(1 + 2.0**-52, 2.0**-52)], dtype=object))


@pytest.mark.parametrize("precision", [24, 53])
def test_an_error_bound_is_sharp_within_a_few_roundings(precision):
    """1 + x for a tiny x: one rounding of the sum, one of the result."""
    bound = error_bound(lambda x: x + 1, precision, x=np.array([2.0**-200]))[0].item()
    assert 2.0**-precision <= bound <= 2.0 ** (3 - precision)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", specs.every())
def test_no_reference_leaves_its_own_bound(name, dtype):
    """100 tame cases each, in both precisions: the bound of the formula as it stands holds for the formula as it runs.

    With three bits to spare, as in tests/maths/test_number_systems.py: kernels sum in another order, and libm's pow is
    good to an ulp and not to half of one, which is all that is left of 1 − β₂ᵗ in Adam.
    """
    spec, precision = specs.get(name), {np.float32: 24, np.float64: 53}[dtype]
    for strategy in spec.tame.values():
        for case in draw(strategy, 100, seed=1):
            try:
                true, rough = (evaluate(spec.reference, bits, case) for bits in (200, precision - 3))
            except Undecidable:
                continue
            outputs = spec.reference(**{key: _in(dtype, value) for key, value in case.items()})
            outputs = outputs if isinstance(outputs, tuple | list) else (outputs,)
            for output, t, r in zip(outputs, true, rough, strict=True):
                far = distances(np.asarray(output), np.asarray(t))
                assert np.all(far <= bounds(np.asarray(t), np.asarray(r), precision - 3) + np.finfo(dtype).tiny)


def _in(dtype, value):
    return value.astype(dtype) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value


def test_distances_lose_nothing():
    true = evaluate(lambda x: np.exp(x), 200, {"x": np.array([1.0])})[0]
    assert 0 < distances(np.array([math.e]), true)[0] < 2.0**-52
    assert np.isnan(distances(np.array([np.nan]), true)[0])


def test_inputs_are_exact_and_settings_are_balls():
    """γλ of two floats is not rounded to 53 bits on its way in."""
    case = {name: np.zeros((2, 1)) for name in ("reward", "value")} | {"next_value": np.array([[0.0], [1.0]])}
    flags = {name: np.zeros((2, 1), bool) for name in ("terminated", "truncated")}
    ball = evaluate(returns.gae, 200, case | flags | {"gamma": 0.1, "lam": 0.3})[0][0, 0].arb
    with flint.ctx.workprec(200):
        assert ball.overlaps(flint.arb(0.1) ** 2 * flint.arb(0.3))
        assert not ball.overlaps(flint.arb(0.1 * 0.3) * flint.arb(0.1))


@pytest.mark.parametrize("exponent", [1, 2, 3])
def test_powers_of_a_ball_around_zero_are_balls_around_zero(exponent):
    with flint.ctx.workprec(53):
        third = to_balls(np.array([1.0])) / 3
        power = ((third - third) ** exponent)[0].arb
    assert power.contains(flint.arb(0))
    assert power.rad() <= (2.0**-50) ** exponent

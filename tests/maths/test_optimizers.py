"""Optimizers against scalar loops in 50 digits, closed forms, and their invariances under scaling of the gradient."""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchrl.maths import kernels, optimizers

SIZES = st.tuples(st.integers(1, 8), st.integers(1, 4))
NONZERO = st.floats(1e-3, 1e3) | st.floats(-1e3, -1e-3)
GRADIENTS = arrays(np.float64, SIZES, elements=NONZERO)  # (t, P), one row per step
RATES = st.floats(1e-4, 1.0)
MEMORIES = st.sampled_from([0.0, 0.5, 0.9, 0.99, 0.999])


def steps_of(init, optimizer, gradients, **settings):
    """All steps under a sequence of gradients, (t, P)."""
    state, steps = init(gradients[0]), []
    for gradient in gradients:
        state, step = optimizer(state, gradient, **settings)
        steps.append(step)
    return np.array(steps)


def columnwise(rule, gradients):
    """The steps of a scalar rule (the gradients of one coordinate -> its steps), in 50 digits, for every coordinate."""
    with mpmath.workdps(50):
        columns = [[float(step) for step in rule([mpmath.mpf(g) for g in column])] for column in gradients.T.tolist()]
    return np.array(columns).T


# ---- plain definitions ----


@given(GRADIENTS, RATES, MEMORIES)
def test_momentum_is_a_discounted_sum_of_gradients(gradients, lr, mu):
    got = steps_of(optimizers.momentum_init, optimizers.momentum, gradients, lr=lr, mu=mu)
    for t, step in enumerate(got):
        weights = mu ** np.arange(t, -1.0, -1.0)
        scale = lr * np.abs(gradients).max() * weights.sum()
        np.testing.assert_allclose(step, -lr * weights @ gradients[: t + 1], rtol=0, atol=1e-14 * scale)


@given(GRADIENTS, RATES, MEMORIES, st.floats(0, 1), st.floats(0, 1))
def test_rmsprop_is_the_scalar_loop(gradients, lr, decay, eps, eps_root):
    def rule(column):
        rho = mpmath.mpf(decay)
        for t, g in enumerate(column):
            s = (1 - rho) * sum(rho ** (t - k) * column[k] ** 2 for k in range(t + 1))
            yield -lr * g / (mpmath.sqrt(s + eps_root) + eps)

    settings = {"lr": lr, "decay": decay, "eps": eps, "eps_root": eps_root}
    got = steps_of(optimizers.rmsprop_init, optimizers.rmsprop, gradients, **settings)
    np.testing.assert_allclose(got, columnwise(rule, gradients), rtol=1e-13)


@given(GRADIENTS, RATES, MEMORIES, MEMORIES, st.floats(0, 1))
def test_adam_is_the_scalar_loop(gradients, lr, beta1, beta2, eps):
    """m̂ and v̂ as explicit weighted means, weights divided by their sum, with no recursion and no 1 − βᵗ."""

    def weighted_mean(beta, terms):
        weights = [mpmath.mpf(beta) ** k for k in reversed(range(len(terms)))]
        return mpmath.fdot(weights, terms) / mpmath.fsum(weights)

    def rule(column):
        for t in range(1, len(column) + 1):
            v_hat = weighted_mean(beta2, [g**2 for g in column[:t]])
            yield -lr * weighted_mean(beta1, column[:t]) / (mpmath.sqrt(v_hat) + eps)

    settings = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    got = steps_of(optimizers.adam_init, optimizers.adam, gradients, **settings)
    room = np.abs(columnwise(rule, np.abs(gradients)))  # gradients of both signs cancel in m̂: measure before they do
    assert np.all(np.abs(got - columnwise(rule, gradients)) <= 1e-12 * room)


@given(GRADIENTS, RATES, MEMORIES, MEMORIES, st.floats(0, 1))
def test_adam_as_defined_is_adam_as_compiled(gradients, lr, beta1, beta2, eps):
    """Complex numbers take the definition, float32 and float64 the kernel."""
    settings = {"lr": lr, "beta1": beta1, "beta2": beta2, "eps": eps}
    defined = steps_of(optimizers.adam_init, optimizers.adam, gradients.astype(complex), **settings)
    compiled = steps_of(optimizers.adam_init, optimizers.adam, gradients, **settings)
    room = lr * np.abs(gradients).max(axis=0) / np.abs(gradients).min(axis=0)  # m̂ may cancel
    assert np.all(np.abs(defined - compiled) <= 1e-14 * np.maximum(room, np.abs(compiled)))


def test_sgd_on_a_parabola():
    theta, lr, curvature = np.array([3.0, -1.0]), 0.1, np.array([2.0, 5.0])
    state, start = optimizers.sgd_init(theta), theta
    for _ in range(7):
        state, step = optimizers.sgd(state, curvature * theta, lr)
        theta = theta + step
    np.testing.assert_allclose(theta, (1 - lr * curvature) ** 7 * start, rtol=1e-14)


# ---- identities ----


@given(GRADIENTS, RATES)
def test_momentum_without_memory_is_sgd(gradients, lr):
    got = steps_of(optimizers.momentum_init, optimizers.momentum, gradients, lr=lr, mu=0.0)
    np.testing.assert_array_equal(got, steps_of(optimizers.sgd_init, optimizers.sgd, gradients, lr=lr))


@given(GRADIENTS, RATES, MEMORIES, MEMORIES, st.integers(-20, 20))
def test_scale_of_the_gradient_is_invisible_without_eps(gradients, lr, beta1, beta2, exponent):
    """Exactly so for powers of two, which commute with rounding."""
    scaled = 2.0**exponent * gradients
    for init, optimizer, settings in (
        (optimizers.adam_init, optimizers.adam, {"beta1": beta1, "beta2": beta2}),
        (optimizers.rmsprop_init, optimizers.rmsprop, {"decay": beta2}),
    ):
        got = steps_of(init, optimizer, scaled, lr=lr, eps=0.0, **settings)
        np.testing.assert_array_equal(got, steps_of(init, optimizer, gradients, lr=lr, eps=0.0, **settings))


@given(arrays(np.float64, st.integers(1, 5), elements=NONZERO), RATES, MEMORIES, MEMORIES, st.floats(0, 10))
def test_adam_under_a_constant_gradient(g, lr, beta1, beta2, eps):
    """m̂ = g and v̂ = g² at every t: each step is −lr g/(|g| + eps), and with eps = 0 the first is −lr sign(g)."""
    repeated = np.tile(g, (6, 1))
    settings = {"lr": lr, "beta1": beta1, "beta2": beta2}
    got = steps_of(optimizers.adam_init, optimizers.adam, repeated, eps=eps, **settings)
    np.testing.assert_allclose(got, -lr * repeated / (np.abs(repeated) + eps), rtol=1e-12)
    _, first = optimizers.adam(optimizers.adam_init(g), g, eps=0.0, **settings)
    np.testing.assert_allclose(first, -lr * np.sign(g), rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["sgd", "momentum", "rmsprop", "adam"])
def test_every_optimizer_descends_and_keeps_the_dtype(name, dtype):
    init, optimizer = getattr(optimizers, name + "_init"), getattr(optimizers, name)
    theta = np.array([2.0, -3.0], dtype)
    state = init(theta)
    for _ in range(600):
        state, step = optimizer(state, 2 * theta, 0.02)
        theta = theta + step
    assert theta.dtype == step.dtype == dtype
    assert np.abs(theta).max() < 0.01


@pytest.mark.parametrize("dtype", [complex, np.float64])
@pytest.mark.parametrize("max_norm", [0.5, 5.0, 50.0])
def test_adam_with_a_longest_norm_is_adam_after_clipping(dtype, max_norm):
    g = np.array([3.0, -4.0]).astype(dtype)  # norm 5
    state = optimizers.Adam(0 * g + 0.1, 0 * g + 0.2, 3)
    clipped, _ = optimizers.clip_by_global_norm(g, max_norm)
    got, step = optimizers.adam(state, g, 0.1, max_norm=max_norm)
    expected, same_step = optimizers.adam(state, clipped, 0.1)
    np.testing.assert_allclose([got.m, got.v, step], [expected.m, expected.v, same_step], rtol=1e-15)


def test_adam_of_a_loaded_counter_stays_float32():
    """A counter that went through a file is np.int64; 0.9**np.int64 would be a strong float64 and widen everything."""
    g = np.ones(2, np.float32)
    state, step = optimizers.adam(optimizers.Adam(g, g, np.int64(4)), g, 0.1)
    assert state.t == 5
    assert isinstance(state.t, int)
    assert step.dtype == np.float32


@pytest.mark.parametrize("name", ["rmsprop", "adam"])
def test_eps_is_a_hundred_millionth_unless_told_otherwise(name):
    init, optimizer = getattr(optimizers, name + "_init"), getattr(optimizers, name)
    g = np.array([1e-8, -3e-7])
    for dtype in (float, complex):
        usual, told = (optimizer(init(g.astype(dtype)), g.astype(dtype), 0.1, **eps)[1] for eps in ({}, {"eps": 1e-8}))
        np.testing.assert_array_equal(usual, told)


def test_without_a_longest_norm_a_nan_stays_where_it_is():
    for dtype in (np.float32, np.float64):  # float64 through the kernel
        g = np.array([np.nan, 1.0], dtype)
        _, step = optimizers.adam(optimizers.adam_init(np.zeros(2)), g, 0.1)
        assert np.isnan(step[0])
        assert step[1] == pytest.approx(-0.1)


def test_adam_takes_the_kernel_where_all_three_are_float32_or_all_are_float64(monkeypatch):
    taken = []
    monkeypatch.setattr(kernels, "adam", lambda *arguments: taken.append(arguments[3].dtype))
    one = {dtype: np.ones(2, dtype) for dtype in (np.float32, np.float64, complex)}
    for m, v, g in itertools.product(one.values(), repeat=3):
        optimizers.adam(optimizers.Adam(m, v, 1), g, 0.1)
    assert taken == [np.float32, np.float64]


# ---- clipping ----


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(-1e3, 1e3)), st.floats(1e-3, 1e4))
def test_clipping_shortens_without_turning(gradient, max_norm):
    clipped, norm = optimizers.clip_by_global_norm(gradient, max_norm)
    assert norm == pytest.approx(np.linalg.norm(gradient), rel=1e-14)
    assert np.linalg.norm(clipped) == pytest.approx(min(norm, max_norm), rel=1e-14)
    np.testing.assert_allclose(clipped * norm, gradient * min(norm, max_norm), rtol=1e-14, atol=1e-300)
    if norm <= max_norm:
        np.testing.assert_array_equal(clipped, gradient)


def test_clipping_on_and_inside_the_ball_changes_no_bit():
    gradient = np.array([3.0, 4.0], np.float32)
    for max_norm in (5.0, 5.1, np.inf):
        assert optimizers.clip_by_global_norm(gradient, max_norm)[0] is gradient
    assert optimizers.clip_by_global_norm(gradient, 1.0)[0].dtype == np.float32


@pytest.mark.parametrize("max_norm", [0.0, -1.0, np.nan])
def test_clipping_to_nothing_is_refused(max_norm):
    with pytest.raises(ValueError, match="max_norm: expected a positive number"):
        optimizers.clip_by_global_norm(np.ones(2), max_norm)
    with pytest.raises(ValueError, match="max_norm: expected a positive number"):
        optimizers.adam(optimizers.adam_init(np.ones(2)), np.ones(2), 0.1, max_norm=max_norm)

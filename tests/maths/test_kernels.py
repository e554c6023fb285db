"""Every kernel equals its own plain definition, and the definition equals the formula."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, distributional, kernels, mlp, network_loops, scan_loops, targets
from scratchrl.oracle import strategies

DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def both(name):
    """The compiled kernel and its definition (the same function under NUMBA_DISABLE_JIT=1)."""
    return pytest.mark.parametrize("kernel", [getattr(kernels, name), getattr(kernels, f"{name}_py")])


def test_select_compiles_for_floats_and_falls_back_for_every_other_number():
    for dtype in (np.float32, np.float64):
        assert kernels.select("reverse_scan", np.zeros(1, dtype)) is kernels.reverse_scan
    for dtype in (complex, object, np.longdouble):
        chosen = kernels.select("reverse_scan", np.zeros(1), np.zeros(1, dtype))
        assert chosen is kernels.reverse_scan_py


def test_select_compiles_a_kernel_that_nobody_used_yet(monkeypatch):
    kernels.__dict__.pop("reverse_scan", None)
    assert kernels.select("reverse_scan", np.zeros(1)) is kernels.reverse_scan


def test_a_kernel_that_does_not_exist_is_named():
    for name in ("no_such_kernel", "no_such_kernel_py"):
        with pytest.raises(AttributeError, match=rf"module 'scratchrl\.maths\.kernels' has no kernel '{name}'"):
            getattr(kernels, name)


def test_a_kernel_is_its_definition_compiled_once_and_selected_for_floats_alone(monkeypatch):
    """With a compiler that only takes notes, so that it holds under NUMBA_DISABLE_JIT=1 too."""
    compiled, helpers, scan = [], [], np.zeros((1, 1))
    monkeypatch.setattr("numba.njit", lambda f, **options: compiled.append((f, options)) or (lambda *a: f(*a)))
    monkeypatch.setattr("numba.extending.register_jitable", helpers.append)
    monkeypatch.setitem(vars(kernels), "reverse_scan", None)
    del vars(kernels)["reverse_scan"]
    kernel = kernels.select("reverse_scan", scan)
    assert kernels.reverse_scan is kernel
    assert compiled == [(scan_loops.reverse_scan_py, {"cache": True, "error_model": "numpy"})]
    assert helpers == [helper for home in kernels.HOMES for helper in home.HELPERS]
    assert kernels.reverse_scan_py is scan_loops.reverse_scan_py is not kernel
    for types in ("f", "d", "fd", "df"):
        assert kernels.select("reverse_scan", *(scan.astype(t) for t in types)) is kernel
    for types in ("D", "g", "O", "dD", "Df"):
        assert kernels.select("reverse_scan", *(scan.astype(t) for t in types)) is scan_loops.reverse_scan_py


def test_arrays_are_alike_only_if_all_of_them_are():
    one, other = np.zeros(2), np.zeros(2, np.float32)
    assert kernels.are_alike(one, one, one)
    assert not kernels.are_alike(one, one, other)
    assert not kernels.are_alike(one, other, one)


# ---- reverse_scan ----


@DTYPES
@both("reverse_scan")
@given(st.data())
def test_reverse_scan_is_the_sum_of_discounted_terms(kernel, dtype, data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 3)))
    x, decay = data.draw(strategies.arrays(shape)), data.draw(strategies.arrays(shape, low=-1.0, high=1.0))
    y = kernel(x.astype(dtype), decay.astype(dtype))
    assert y.dtype == dtype
    for t, n in np.ndindex(shape):
        weights = np.cumprod([Fraction(1), *map(Fraction, decay[t:-1, n].tolist())])
        terms = [w * Fraction(v) for w, v in zip(weights, x[t:, n].tolist(), strict=True)]
        room = 2 * len(terms) * np.finfo(dtype).eps * float(sum(map(abs, terms)))  # 2 roundings a step, Higham γ₂ₙ
        assert abs(float(sum(terms) - Fraction(float(y[t, n])))) <= room + np.finfo(dtype).tiny


@DTYPES
def test_reverse_scan_compiled_is_its_definition_to_the_last_bit(dtype):
    x, decay = np.random.default_rng(0).standard_normal((2, 50, 7)).astype(dtype)
    np.testing.assert_array_equal(kernels.reverse_scan(x, decay), kernels.reverse_scan_py(x, decay))


@both("reverse_scan")
def test_reverse_scan_leaves_its_arguments_alone(kernel):
    x, decay = np.array([[1.0], [2.0], [4.0]]), np.full((3, 1), 0.5)
    kernel(x, decay)
    np.testing.assert_array_equal(x, [[1], [2], [4]])
    np.testing.assert_array_equal(decay, np.full((3, 1), 0.5))


@DTYPES
@pytest.mark.parametrize("shape", [(1,), (50,), (50, 1), (50, 7), (1, 70), (20, 3, 2)])
def test_gae_compiled_is_its_definition_and_the_formula_to_the_last_bit(dtype, shape):
    rng = np.random.default_rng(0)
    arrays = *rng.standard_normal((3, *shape)).astype(dtype), *(rng.random((2, *shape)) < 0.2)
    reward, value, next_value, terminated, truncated = arrays
    delta = reward + 0.9 * (~terminated * next_value) - value
    decay = np.asarray(0.9 * 0.8 * ~(terminated | truncated), dtype)
    formula = delta.copy()
    for t in range(len(formula) - 2, -1, -1):
        formula[t] += decay[t] * formula[t + 1]
    for kernel in (kernels.gae, kernels.gae_py):
        np.testing.assert_array_equal(kernel(*arrays, 0.9, 0.8), formula)


# ---- rows of a categorical ----


@pytest.mark.parametrize("place", range(4))
def test_rows_far_from_zero_do_not_overflow_wherever_the_largest_stands(place):
    logits, certain = np.full((1, 4), -1e4), np.eye(4)[[place]]
    logits[0, place] = 1e4
    for suffix in ("", "_py"):
        np.testing.assert_array_equal(getattr(kernels, f"softmax{suffix}")(logits), certain)
        np.testing.assert_array_equal(getattr(kernels, f"log_softmax{suffix}")(logits), -2e4 * (1 - certain))


@both("are_below")
def test_an_index_is_below_its_limit_and_not_below_zero(kernel):
    for index in ([0, 2], []):
        assert kernel(np.array(index, int), 3)
    for index in ([3], [0, 3], [-1], [0, -1, 2]):
        assert not kernel(np.array(index, int), 3)


@DTYPES
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@given(strategies.logits())
def test_softmax_rows_compiled_or_not_are_the_formula(name, dtype, logits):
    truth = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = truth if name == "softmax" else np.log(truth)
    for kernel in (getattr(kernels, name), getattr(kernels, f"{name}_py")):
        rows = kernel(logits.astype(dtype))
        assert rows.dtype == dtype
        np.testing.assert_allclose(rows, truth, rtol=0, atol=8 * np.finfo(dtype).eps * max(1, np.abs(truth).max()))


@both("log_softmax")
def test_an_impossible_action_has_log_probability_minus_infinity(kernel):
    for place in range(3):
        logits = np.zeros((1, 3))
        logits[0, place] = -np.inf
        truth = np.full((1, 3), -np.log(2))
        truth[0, place] = -np.inf
        np.testing.assert_allclose(kernel(logits), truth, rtol=1e-15)


@DTYPES
@given(strategies.logits(), st.data())
def test_log_prob_and_score_rows_compiled_or_not_are_the_formula(dtype, logits, data):
    rows, actions = logits.shape
    action = np.array(data.draw(st.lists(st.integers(0, actions - 1), min_size=rows, max_size=rows)))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    for suffix in ("", "_py"):
        log_prob = getattr(kernels, f"categorical_log_prob{suffix}")(logits.astype(dtype), action)
        score = getattr(kernels, f"categorical_score{suffix}")(logits.astype(dtype), action)
        assert log_prob.dtype == score.dtype == dtype
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(log_prob, np.log(p[np.arange(rows), action]), rtol=0, atol=16 * 8 * eps)
        np.testing.assert_allclose(score, np.eye(actions)[action] - p, rtol=0, atol=8 * eps)


@both("standardize")
def test_standardize_keeps_its_digits_far_from_zero(kernel):
    """Two numbers become −1 and 1 wherever they are; the mean of these two is rounded by 2⁻³³."""
    x = 2.0**20 + np.array([0.1, 0.3])
    np.testing.assert_allclose(kernel(x), [-1, 1], rtol=1e-15)


@DTYPES
@both("standardize")
def test_standardize_sums_in_float64_whatever_the_type(kernel, dtype):
    x = (1e4 + np.random.default_rng(0).standard_normal(300)).astype(dtype)
    truth = (x.astype(np.float64) - x.astype(np.float64).mean()) / x.astype(np.float64).std()
    z = kernel(x)
    assert z.dtype == dtype
    np.testing.assert_allclose(z, truth, rtol=0, atol=1e-11 if dtype == np.float64 else 4e-7)


@DTYPES
@both("standardize")
def test_standardize_is_zero_for_equal_numbers_however_many(kernel, dtype):
    for n, constant in itertools.product(range(1, 60), (0.1, -0.7, 1e5)):
        np.testing.assert_array_equal(kernel(np.full(n, constant, dtype)), np.zeros(n))
    with np.errstate(over="ignore", invalid="ignore"):
        for constant in (np.finfo(dtype).max, np.inf):  # equal all the same, though their sum is no number
            np.testing.assert_array_equal(kernel(np.full(4, constant, dtype)), np.zeros(4))


@DTYPES
@both("standardize")
def test_standardize_knows_no_unit(kernel, dtype):
    """From the smallest squares a float64 has to sums that a float32 has not."""
    x = np.array([1.0, 2.0, 2.5, 2.25])
    for unit in (2.0**-120, 2.0**126):
        z = kernel((unit * x).astype(dtype))
        np.testing.assert_allclose(z, (x - x.mean()) / x.std(), rtol=8 * np.finfo(dtype).eps)


@both("standardize")
def test_standardize_where_the_sum_of_squares_is_one_or_underflows_or_hardly_more_than_rounding(kernel):
    half = np.array([0.5, -0.5, 0.5, -0.5])
    np.testing.assert_array_equal(kernel(half), 2 * half)
    np.testing.assert_array_equal(kernel(1e-200 * half), 0 * half)
    steps = np.array([0.0, 1.0, 3.0, 4.0, 9.0, 2.0, 3.0])  # their mean, 2⁵² + 22/7, is no float64
    np.testing.assert_allclose(kernel(2.0**52 + steps), (steps - steps.mean()) / steps.std(), rtol=1e-13)


def test_holds_rows_is_true_for_two_axes_of_real_floats_only():
    assert kernels.holds_rows(np.zeros((1, 1), np.float32))
    assert not kernels.holds_rows(np.zeros((1, 1), complex))
    assert not kernels.holds_rows(np.zeros(1))


# ---- categorical_sample ----


@DTYPES
@both("categorical_sample")
@given(strategies.logits(), st.integers(0, 2**32 - 1))
def test_the_sample_is_where_the_distribution_function_passes_u(kernel, dtype, logits, seed):
    uniform = np.random.default_rng(seed).random(len(logits))
    rows, action = np.arange(len(logits)), kernel(logits.astype(dtype), uniform)
    above = np.cumsum(categorical.softmax(logits), axis=1)
    slack = 16 * np.finfo(dtype).eps
    assert (uniform < above[rows, action] + slack).all()
    assert (uniform >= (above - categorical.softmax(logits))[rows, action] - slack).all()


@DTYPES
@both("categorical_sample")
def test_an_impossible_action_is_never_drawn_not_even_at_the_ends_of_the_unit_interval(kernel, dtype):
    logits = np.random.default_rng(0).standard_normal((200, 40)).astype(dtype)
    logits[:, [0, -1]] = -np.inf
    for u in (0.0, np.nextafter(1.0, 0.0)):
        assert np.isin(kernel(logits, np.full(200, u)), np.arange(1, 39)).all()


@DTYPES
@both("categorical_sample")
def test_a_uniform_number_of_one_that_no_generator_gives_stays_in_the_row_too(kernel, dtype):
    assert kernel(np.zeros((1, 3), dtype), np.ones(1)) == 2


# ---- mlp_forward, float32 only ----


@both("mlp_forward")
@pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
@pytest.mark.parametrize("rows", [0, 1, network_loops.BLOCK + 3])
def test_mlp_forward_fills_the_output_of_every_layer(kernel, activation, rows):
    rng, net = np.random.default_rng(0), mlp.MLP((5, 7, 6, 3), activation)
    theta, x = rng.standard_normal(mlp.size(net)), rng.standard_normal((rows, 5))
    outputs = tuple(np.full((rows, m), np.nan, np.float32) for m in net.sizes[1:])
    kernel(theta.astype(np.float32), net.sizes, mlp.ACTIVATIONS[activation], x.astype(np.float32), outputs)
    y, (_, *hidden) = mlp.forward(net, theta, x)
    for got, truth in zip(outputs, (*hidden, y), strict=True):
        size = np.abs(truth).max(initial=1.0)
        np.testing.assert_allclose(got, truth, rtol=0, atol=100 * np.finfo(np.float32).eps * size)


def tanh(x):
    """The float32 tanh of the compiled network: one neuron with weight 1."""
    theta = np.array([1, 0, 1, 0], np.float32)
    return mlp.forward(mlp.MLP((1, 1, 1)), theta, x.astype(np.float32)[:, None])[0][:, 0]


def test_the_float32_tanh_is_odd_within_5_ulp_and_never_beyond_one():
    """Every 9973rd float32 from 0 to 12: the true tanh by float64, whose own error is 10⁻⁹ of these ulps."""
    x = np.arange(1, np.float32(12).view(np.uint32), 9973, dtype=np.uint32).view(np.float32)
    x = x[x >= np.finfo(np.float32).tiny]
    truth = np.tanh(x.astype(np.float64))
    assert (np.abs(tanh(x) - truth) <= 5 * np.spacing(truth.astype(np.float32))).all()
    np.testing.assert_array_equal(tanh(-x), -tanh(x))
    assert (np.abs(tanh(x)) <= 1).all()


def test_the_float32_tanh_is_calculated_in_float32_throughout():
    """A constant in float64 would be no better and convert every number twice."""
    for constant in (network_loops.TANH_END, network_loops.TANH_P, network_loops.TANH_Q):
        assert constant.dtype == np.float32


def test_the_float32_tanh_at_the_ends_of_the_number_line():
    assert (tanh(np.array([np.inf, 100.0, 0.0, -0.0, -np.inf])) == [1 - 2**-24, 1 - 2**-24, 0, 0, -1 + 2**-24]).all()
    assert np.isnan(tanh(np.array([np.nan]))).all()


# ---- mlp_vjp and mlp_vjp_input, on nets narrow and wide ----


WIDTHS = pytest.mark.parametrize("hidden", [(4, 2), (network_loops.WIDE + 6, 5), (5, network_loops.WIDE + 1)])


@DTYPES
@WIDTHS
@pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
@pytest.mark.parametrize("rows", [0, 1, network_loops.BLOCK + 3, 2 * network_loops.BLOCK + 3])
def test_pulling_back_compiled_or_not_is_the_formula(dtype, hidden, activation, rows):
    """Any number of blocks; the formula is the NumPy one that complex numbers take."""
    rng, net = np.random.default_rng(0), mlp.MLP((3, *hidden, 2), activation)
    theta, x, d_y = rng.standard_normal(mlp.size(net)), rng.standard_normal((rows, 3)), rng.standard_normal((rows, 2))
    cache = mlp.forward(net, theta, x)[1]
    narrow = theta.astype(dtype), tuple(h.astype(dtype) for h in cache), d_y.astype(dtype)
    for name, formula in (("mlp_vjp", mlp.vjp), ("mlp_vjp_input", mlp.vjp_input)):
        truth = formula(net, theta.astype(complex), cache, d_y).real
        for kernel in (getattr(kernels, name), getattr(kernels, f"{name}_py")):
            got = kernel(narrow[0], net.sizes, mlp.ACTIVATIONS[activation], *narrow[1:])
            assert got.dtype == dtype
            size = max(1.0, np.abs(truth).max(initial=0.0))
            np.testing.assert_allclose(got, truth, rtol=0, atol=200 * np.finfo(dtype).eps * size)


@both("mlp_vjp_input")
@pytest.mark.parametrize("asked", [[], [3], [0, 2, 4], range(5)])
def test_rows_that_are_asked_nothing_get_zeros_and_the_others_what_they_get_alone(kernel, asked):
    rng, net = np.random.default_rng(0), mlp.MLP((3, 6, 4, 2), "tanh")
    theta, x, d_y = rng.standard_normal(mlp.size(net)), rng.standard_normal((5, 3)), np.zeros((5, 2))
    d_y[asked, 1] = rng.standard_normal(len(asked))  # one zero in a row is not a row of zeros
    cache = tuple(mlp.forward(net, theta, x)[1])
    d_x = kernel(theta, net.sizes, 1, cache, d_y)
    for b in range(5):
        alone = kernel(theta, net.sizes, 1, tuple(h[b : b + 1] for h in cache), d_y[b : b + 1])
        np.testing.assert_allclose(d_x[b], alone[0], rtol=1e-12)
        assert d_x[b].any() == (b in asked)
    d_y[1] = np.nan  # a row that is no number stays visible
    assert np.isnan(kernel(theta, net.sizes, 1, cache, d_y)[1]).all()


@both("value_regression")
def test_critics_side_by_side_are_regressions_one_by_one(kernel):
    rng, net = np.random.default_rng(1), mlp.MLP((3, 6, 1), "relu")
    phi = rng.standard_normal((3, mlp.size(net))).astype(np.float32)
    x, target = rng.standard_normal((9, 3)).astype(np.float32), rng.standard_normal(9).astype(np.float32)
    loss, d_phi = kernel(phi.ravel(), net.sizes, 2, x, tuple(mlp.outputs(net, 9)), target)
    alone = [kernel(one, net.sizes, 2, x, tuple(mlp.outputs(net, 9)), target) for one in phi]
    np.testing.assert_array_equal(d_phi, np.concatenate([d for _, d in alone]))
    assert loss == pytest.approx(sum(each for each, _ in alone), rel=1e-6)


def test_pulling_back_leaves_its_arguments_alone():
    """One layer or more: the first product must not be written over the caller's d_y."""
    for hidden in ((), (4,)):
        rng, net = np.random.default_rng(0), mlp.MLP((3, *hidden, 2), "tanh")
        theta, x, d_y = rng.standard_normal(mlp.size(net)), rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
        cache = mlp.forward(net, theta, x)[1]
        before = [a.copy() for a in (theta, d_y, *cache)]
        mlp.vjp_input(net, theta, cache, d_y)
        for now, then in zip((theta, d_y, *cache), before, strict=True):
            np.testing.assert_array_equal(now, then)


# ---- ppo_clip ----


@DTYPES
@both("ppo_clip")
@given(strategies.samples(), st.floats(0.0625, 0.75))
def test_ppo_clip_is_the_minimum_of_the_paper(kernel, dtype, samples, clip):
    value, d_log_prob = kernel(*(x.astype(dtype) for x in samples), clip)
    rho, advantage = np.exp(samples.log_prob - samples.log_prob_old), samples.advantage
    clipped, atol = np.clip(rho, 1 - clip, 1 + clip), 64 * np.finfo(dtype).eps * max(1, np.abs(rho * advantage).max())
    assert value.dtype == d_log_prob.dtype == dtype
    np.testing.assert_allclose(value, np.minimum(rho * advantage, clipped * advantage), rtol=0, atol=atol)
    away = np.abs(rho - clipped) + np.abs(np.abs(rho - 1) - clip) > 1e-4
    silent = (rho - clipped) * advantage > 0
    np.testing.assert_allclose(d_log_prob[away], np.where(silent, 0, rho * advantage)[away], rtol=0, atol=atol)


@DTYPES
@both("ppo_clip")
def test_a_ratio_on_its_bound_keeps_its_slope(kernel, dtype):
    """The kernel takes ε = 0 too: the ratio 1 is on both bounds."""
    value, d_log_prob = kernel(np.zeros(2, dtype), np.zeros(2, dtype), np.array([2, -3], dtype), 0.0)
    np.testing.assert_array_equal(value, [2, -3])
    np.testing.assert_array_equal(d_log_prob, [2, -3])


# ---- c51_projection ----


@st.composite
def moves(draw):
    """Masses (B, K), and where the atoms go: start in ±12, stride in [0, 1]; K from 2 to 9, B from 1 to 4."""
    rows, atoms = draw(st.integers(1, 4)), draw(st.integers(2, 9))
    start, stride = draw(strategies.arrays(rows, low=-12.0, high=12.0)), draw(strategies.arrays(rows, low=0, high=1.0))
    return np.abs(draw(strategies.arrays((rows, atoms), low=-1.0, high=1.0))), start, np.abs(stride)


@DTYPES
@both("c51_projection")
@given(moves())
def test_c51_projection_splits_by_the_hat_function(kernel, dtype, move):
    probs, start, stride = move
    got = kernel(*(x.astype(dtype) for x in move))
    assert got.dtype == dtype
    atom = np.arange(probs.shape[1])
    position = np.clip(start[:, None] + stride[:, None] * atom, 0, atom[-1])
    hat = np.maximum(0, 1 - np.abs(position[:, None, :] - atom[:, None]))
    truth = (hat * probs[:, None, :]).sum(axis=2)
    np.testing.assert_allclose(got, truth, rtol=0, atol=32 * probs.shape[1] * np.finfo(dtype).eps)
    np.testing.assert_allclose(
        got, distributional.split_linearly(*(x.astype(dtype) for x in move)), rtol=0, atol=8 * np.finfo(dtype).eps
    )


@DTYPES
@both("c51_projection")
def test_c51_projection_never_leaves_its_row(kernel, dtype):
    """Numba checks no bounds: one row of each kind between two whose masses must not change."""
    huge = np.finfo(dtype).max
    for start, stride in ((np.nan, 1), (0, np.nan), (0, np.inf), (np.inf, -np.inf), (huge, huge), (-huge, 0), (3, 0)):
        probs = np.full((3, 4), 0.25, dtype)
        with np.errstate(invalid="ignore", over="ignore"):
            got = kernel(probs, np.array([0, start, 0], dtype), np.array([1, stride, 1], dtype))
        np.testing.assert_array_equal(got[[0, 2]], probs[[0, 2]])
        assert np.isnan(got[1]).all() or got[1].sum() == 1


# ---- adam ----


@DTYPES
@both("adam")
@pytest.mark.parametrize("max_norm", [np.inf, 100.0, 0.5])
@pytest.mark.parametrize("t", [1, 4])
def test_adam_is_its_paper_written_out(kernel, dtype, t, max_norm):
    rng, (lr, b1, b2, eps) = np.random.default_rng(0), (1.0, 0.9, 0.999, 1e-5)
    g, m, v = rng.standard_normal((3, 9)) * [[1], [t > 1], [t > 1]]
    v = v**2
    got = tuple(np.empty(9, dtype) for _ in range(3))
    kernel(m.astype(dtype), v.astype(dtype), t, g.astype(dtype), lr, b1, b2, eps, max_norm, *got)
    g = g * min(1, max_norm / np.sqrt(g @ g))
    m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
    step = -lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    for new, truth in zip(got, (step, m, v), strict=True):
        assert new.dtype == dtype
        np.testing.assert_allclose(new, truth, rtol=0, atol=8 * np.finfo(dtype).eps * max(1, np.abs(truth).max()))


@both("adam")
def test_adam_without_a_longest_norm_leaves_a_nan_where_it_is(kernel):
    zero, got = np.zeros(2), tuple(np.empty(2) for _ in range(3))
    kernel(zero, zero, 1, np.array([np.nan, 1.0]), 0.1, 0.9, 0.999, 0.0, np.inf, *got)
    np.testing.assert_allclose(got[0], [np.nan, -0.1], rtol=1e-14)


# ---- polyak ----


@DTYPES
@both("polyak")
@given(st.integers(0, 5), st.floats(0, 1))
def test_polyak_is_the_formula_to_the_bit(kernel, dtype, size, tau):
    online, target = np.random.default_rng(size).standard_normal((2, size)).astype(dtype)
    new = kernel(online, target, tau)
    assert new.dtype == dtype
    np.testing.assert_array_equal(new, tau * online + (1 - tau) * target)
    np.testing.assert_array_equal(targets.polyak_update(online, target, tau), new)


# ---- fisher_vector_product ----


@DTYPES
@both("fisher_vector_product")
@pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
@pytest.mark.parametrize("segments", [[], [[0, 5]], [[0, 2], [2, 5]]])
@pytest.mark.parametrize("rows", [0, 1, network_loops.BLOCK + 3])
def test_the_fisher_product_is_the_sum_of_dense_ones(kernel, dtype, activation, segments, rows):
    rng, net = np.random.default_rng(0), mlp.MLP((3, 4, 2, 5), activation)
    theta, vector = rng.standard_normal((2, mlp.size(net)))
    x, weight = rng.standard_normal((rows, 3)), rng.random((rows, 5))
    for start, end in segments:
        weight[:, start:end] /= weight[:, start:end].sum(axis=1, keepdims=True)
    cache = mlp.forward(net, theta, x)[1]
    truth = np.zeros_like(theta)
    for b, w in enumerate(weight):
        fisher = np.diag(w)
        for start, end in segments:
            fisher[start:end, start:end] -= np.outer(w[start:end], w[start:end])
        row = mlp.forward(net, theta, x[b : b + 1])[1]
        jacobian = np.array([mlp.vjp(net, theta, row, e[None]) for e in np.eye(5)])
        truth += jacobian.T @ fisher @ jacobian @ vector
    got = kernel(
        theta.astype(dtype), net.sizes, mlp.ACTIVATIONS[activation], tuple(h.astype(dtype) for h in cache),
        weight.astype(dtype), np.array(segments, np.int64).reshape(-1, 2), vector.astype(dtype),
    )  # fmt: skip
    assert got.dtype == dtype
    np.testing.assert_allclose(got, truth, rtol=0, atol=100 * np.finfo(dtype).eps * np.abs(truth).max())


@DTYPES
@pytest.mark.parametrize("certain", range(4))
def test_the_fisher_of_nearly_certain_actions_keeps_its_digits(dtype, certain):
    """w_i Σ_j w_j (v_i − v_j) in each of two segments, the one large weight in any place, v far from zero."""
    small = np.array([0.0, 0.25, 0.5, 0.75]) * np.finfo(dtype).eps
    weight = np.roll(small, certain)
    weight[certain] = 1 - weight.sum()
    w, v = np.tile(weight, (2, 2)).astype(dtype), (1000 + np.arange(16.0) ** 2).reshape(2, 8).astype(dtype)
    segments, got = np.array([[0, 4], [4, 8]]), v.copy()
    network_loops._times_fisher(got, w, segments)
    for start, end in segments:
        u, p = v[:, start:end].astype(float), w[:, start:end].astype(float)
        truth = p * (p[:, None, :] * (u[:, :, None] - u[:, None, :])).sum(axis=2)
        np.testing.assert_allclose(got[:, start:end], truth, rtol=8 * np.finfo(dtype).eps)

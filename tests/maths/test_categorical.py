"""The categorical distribution: definitions as sums over actions, gradients by complex step, Fisher three ways.

Errors are relative to the larger of the result and 1: a score [i = a] − p is a difference of numbers of size 1.
"""

from functools import partial

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, kernels
from scratchrl.oracle import strategies
from scratchrl.oracle.balls import Ball
from scratchrl.oracle.differentiation import central_difference, complex_step


def near(got, truth, bound=1e-12):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max(initial=0)))


def every_action(logits):
    """(a, log π(a) (B,)) for each action a."""
    for a in range(logits.shape[1]):
        action = np.full(len(logits), a)
        yield action, categorical.log_prob(logits, action)


@st.composite
def pairs(draw):
    """Logits of two distributions over the same actions."""
    logits = draw(strategies.logits())
    return logits, draw(strategies.logits(rows=logits.shape[0], actions=logits.shape[1]))


# ---- values ----


@given(strategies.logits(), st.floats(-1e3, 1e3))
def test_probabilities_sum_to_one_and_do_not_change_under_a_shift(logits, shift):
    near(sum(np.exp(log_prob) for _, log_prob in every_action(logits)), np.ones(len(logits)), 1e-14)
    near(categorical.softmax(logits), np.exp(categorical.log_softmax(logits)), 1e-14)
    near(categorical.softmax(logits + shift), categorical.softmax(logits), 1e-12)


@given(strategies.logits())
def test_log_prob_is_the_plain_formula(logits):
    for action, log_prob in every_action(logits):
        near(log_prob, np.log(np.exp(logits[:, action[0]]) / np.exp(logits).sum(axis=1)), 1e-14)


def test_large_logits_neither_overflow_nor_vanish():
    logits = np.array([[1e4, 0.0], [-1e4, -2e4]])
    np.testing.assert_array_equal(categorical.log_prob(logits, np.array([1, 1])), [-1e4, -1e4])
    np.testing.assert_array_equal(categorical.entropy(logits), [0, 0])
    np.testing.assert_array_equal(categorical.kl(logits, logits), [0, 0])


@pytest.mark.parametrize("dtype", [float, complex])
def test_large_logits_neither_overflow_nor_vanish_whatever_the_shape_around_them(dtype):
    logits = np.array([[[1e4, 0.0]], [[-1e4, -2e4]]], dtype)
    np.testing.assert_array_equal(categorical.log_softmax(logits), [[[0, -1e4]], [[0, -1e4]]])
    np.testing.assert_array_equal(categorical.softmax(logits), [[[1, 0]], [[1, 0]]])
    np.testing.assert_array_equal(categorical.kl(logits, -logits), [[1e4], [1e4]])


@given(strategies.logits())
def test_entropy_is_minus_the_mean_log_prob_and_at_most_log_a(logits):
    entropy = categorical.entropy(logits)
    near(entropy, -sum(np.exp(log_prob) * log_prob for _, log_prob in every_action(logits)), 1e-14)
    actions = logits.shape[1]
    assert (entropy >= -1e-15).all()
    assert (entropy <= np.log(actions) + 1e-15).all()
    near(categorical.entropy(np.full((1, actions), 3.0)), np.log([actions]), 1e-15)


@given(pairs())
def test_kl_is_cross_entropy_minus_entropy_never_negative_and_zero_at_home(pair):
    p, q = pair
    log_p, log_q = categorical.log_softmax(p), categorical.log_softmax(q)
    near(categorical.kl(p, q), -(np.exp(log_p) * log_q).sum(axis=1) - categorical.entropy(p), 1e-14)
    assert (categorical.kl(p, q) >= -1e-15).all()
    assert not categorical.kl(p, p).any()


def test_kl_has_the_direction_its_name_says():
    p, q = np.log([[0.5, 0.5]]), np.log([[0.9, 0.1]])
    near(categorical.kl(p, q), [0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)])
    near(categorical.kl(q, p), [0.9 * np.log(0.9 / 0.5) + 0.1 * np.log(0.1 / 0.5)])


def test_kl_keeps_its_digits_between_nearly_equal_distributions():
    """At ±t from even logits it is log cosh t; the rounding of log q is ε/t of the ratio, but of q − p it is ε/t²."""
    for dtype, t in ((np.float32, 2.0**-10), (np.float64, 2.0**-20)):
        kl = categorical.kl(np.zeros((1, 2), dtype), np.array([[t, -t]], dtype))
        np.testing.assert_allclose(kl, t**2 / 2 - t**4 / 12, rtol=4 * np.finfo(dtype).eps / t)


def test_wide_balls_never_ask_whether_the_ratio_is_small():
    """log q₀/p₀ may be on either side of −½ here: a question without an answer."""
    even, other = (np.array([[Ball(0), Ball(x)]], object) for x in (0, flint.arb(0.75, 0.2)))
    (kl,) = categorical.kl(even, other)
    for x in (0.55, 0.75, 0.95):
        assert kl.arb.overlaps(flint.arb(categorical.kl(np.zeros((1, 2)), np.array([[0.0, x]])).item()))


@pytest.mark.parametrize("shape", [(3,), (1, 3), (2, 1, 3)])
def test_balls_of_equal_logits_know_no_likeliest_action_and_need_none(shape):
    """Their probabilities, ⅓ each, are balls that overlap: which is the largest has no answer."""
    balls = np.frompyfunc(Ball, 1, 1)
    logits, v = balls(np.zeros(shape)), np.broadcast_to([3.0, 0.0, -3.0], shape)
    for got, truth in (
        (categorical.log_softmax(logits), np.full(shape, -np.log(3))),
        (categorical.fisher_matvec(logits, v), v / 3),
        (categorical.fisher_matvec(logits, balls(v)), v / 3),
        (categorical.kl(logits, balls(v)), np.full(shape[:-1], np.log(1 + 2 * np.cosh(3)) - np.log(3))),
    ):
        near(np.vectorize(float)(got), truth, 1e-15)


@given(strategies.logits())
def test_mode_is_the_most_likely_action(logits):
    best = categorical.log_prob(logits, categorical.mode(logits))
    assert all((best >= log_prob).all() for _, log_prob in every_action(logits))


def test_sample_has_the_frequencies_of_p():
    """χ² with 4 degrees of freedom exceeds 37.3 with probability 1.6e-7: the false-alarm rate of a fresh seed."""
    p, n = np.array([0.02, 0.08, 0.2, 0.3, 0.4]), 50_000
    logits = np.tile(np.log(p), (n, 1))
    for dtype in (np.float32, np.float64):
        action = categorical.sample(np.random.default_rng(1), logits.astype(dtype))
        counts = np.bincount(action, minlength=5)
        assert ((counts - n * p) ** 2 / (n * p)).sum() < 37.3


def test_rows_are_sampled_independently_with_one_uniform_number_each():
    """Two rows agree with probability Σp² = ½; 5σ of a mean of 20 000 is a false-alarm rate of 6e-7."""
    action = categorical.sample(np.random.default_rng(2), np.zeros((40_000, 2)))
    assert abs((action[::2] == action[1::2]).mean() - 0.5) < 5 * 0.5 / np.sqrt(20_000)
    uniform = np.random.default_rng(2).random(40_000)
    np.testing.assert_array_equal(action, uniform >= 0.5)


# ---- derivatives ----


@given(strategies.logits())
def test_score_is_the_complex_step_gradient_of_log_prob(logits):
    for action, _ in every_action(logits):
        jacobian = complex_step(lambda l, a=action: categorical.log_prob(l, a), logits)
        for b, score in enumerate(categorical.score(logits, action)):
            near(jacobian[b, b], score)
            assert not np.delete(jacobian[b], b, axis=0).any()  # no row depends on another


@given(pairs())
def test_entropy_grad_and_kl_grad_are_complex_step_gradients(pair):
    p, q = pair
    near(categorical.entropy_grad(p), complex_step(lambda l: categorical.entropy(l).sum(), p))
    near(categorical.kl_grad(p, q), complex_step(lambda l: categorical.kl(p, l).sum(), q))


@given(pairs())
def test_central_differences_are_a_second_witness(pair):
    p, q = pair
    action = categorical.mode(q)
    for function, gradient in (
        (lambda l: categorical.log_prob(l, action).sum(), categorical.score(p, action)),
        (lambda l: categorical.entropy(l).sum(), categorical.entropy_grad(p)),
        (lambda l: categorical.kl(q, l).sum(), categorical.kl_grad(q, p)),
    ):
        value, error = central_difference(function, p)
        assert error.max() < 1e-8
        assert (np.abs(value - gradient) <= error + 1e-11).all()


@given(pairs())
def test_every_gradient_sums_to_zero_over_the_logits(pair):
    p, q = pair
    gradients = (categorical.score(p, categorical.mode(q)), categorical.entropy_grad(p), categorical.kl_grad(p, q))
    for gradient in (*gradients, categorical.fisher_matvec(p, q)):
        near(gradient.sum(axis=1), np.zeros(len(p)), 1e-13)


@given(st.integers(1, 6))
def test_the_uniform_distribution_is_where_entropy_stops_growing(actions):
    near(categorical.entropy_grad(np.full((1, actions), 2.0)), np.zeros((1, actions)), 1e-15)


@pytest.mark.parametrize("shape", [(2,), (3, 2), (1, 3, 2)])  # the definition, the kernel, the definition
@pytest.mark.parametrize("k", [5.0, 40.0, 300.0])
def test_near_certainty_costs_no_digits(shape, k):
    """p = (1, x)/(1 + x) with x = e⁻ᵏ: log p₀ = −log1p x, the score of action 0 is ±x/(1 + x), F e₀ = ±x/(1 + x)²."""
    logits, x = np.broadcast_to([0.0, -k], shape).copy(), np.exp(-k)
    signs, action = np.array([1.0, -1.0]), np.zeros(shape[:-1], np.int64)
    accurate = partial(np.testing.assert_allclose, rtol=1e-15)
    accurate(categorical.log_softmax(logits)[..., 0], np.full(shape[:-1], -np.log1p(x)))
    accurate(categorical.log_prob(logits, action), np.full(shape[:-1], -np.log1p(x)))
    accurate(categorical.score(logits, action), np.broadcast_to(signs * x / (1 + x), shape))
    accurate(categorical.fisher_matvec(logits, np.eye(2)[0]), np.broadcast_to(signs * x / (1 + x) ** 2, shape))


def test_entropy_grad_keeps_its_digits_where_it_is_small():
    """At 2⁻⁴⁰ from uniform it is −(l − mean l)/A to 1 + 2⁻⁴⁰; with log p + H of size 1 in it, 2⁻¹³ of it were lost."""
    logits = np.array([[3.0, -1.0, 0.5, -2.0]]) * 2.0**-40
    truth = -(logits - logits.mean()) / 4
    np.testing.assert_allclose(categorical.entropy_grad(logits), truth, rtol=1e-11)


def test_entropy_grad_does_not_care_how_far_the_logits_are_from_zero():
    """A shift by 2⁴⁰ leaves these numbers exact; another shift for every row."""
    logits = np.array([[1.5, -0.25, 0.0], [0.5, 2.0, -3.0]])
    far = logits + 2.0**40 * np.array([[1], [-1]])
    np.testing.assert_array_equal(categorical.entropy_grad(far), categorical.entropy_grad(logits))


def test_entropy_grad_keeps_its_digits_where_one_action_is_nearly_certain():
    """With q = exp(−30) against 1 it is ∓30 p₀ p₁."""
    p1 = np.exp(-30.0) / (1 + np.exp(-30.0))
    truth = 30 * p1 * (1 - p1)
    np.testing.assert_allclose(categorical.entropy_grad(np.array([[0.0, -30.0]])), [[-truth, truth]], rtol=1e-14)


@given(strategies.logits())
def test_kl_grad_vanishes_at_home(logits):
    assert not categorical.kl_grad(logits, logits).any()


# ---- Fisher ----


@given(strategies.logits())
def test_the_score_has_mean_zero_and_its_second_moment_is_fisher(logits):
    rows, actions = logits.shape
    mean, second = np.zeros((rows, actions)), np.zeros((rows, actions, actions))
    for action, log_prob in every_action(logits):
        weight, score = np.exp(log_prob)[:, None], categorical.score(logits, action)
        mean += weight * score
        second += weight[..., None] * score[:, :, None] * score[:, None, :]
    near(mean, np.zeros_like(mean), 1e-14)
    for v, column in zip(np.eye(actions), second.T, strict=True):
        near(categorical.fisher_matvec(logits, np.tile(v, (rows, 1))), column.T, 1e-13)


@given(pairs())
def test_fisher_is_the_hessian_of_kl_and_minus_the_mean_hessian_of_log_prob(pair):
    p, v = pair
    hessian = complex_step(lambda l: categorical.kl_grad(p, l)[0], p)[:, 0]
    near(categorical.fisher_matvec(p, v)[0], hessian @ v[0], 1e-12)
    for action, _ in every_action(p):  # the Hessian of log π is the same for every action: −diag(p) + p pᵀ
        hessian = complex_step(lambda l, a=action: categorical.score(l, a)[0], p)[:, 0]
        near(categorical.fisher_matvec(p, v)[0], -hessian @ v[0], 1e-12)


@given(pairs())
def test_fisher_is_linear_symmetric_and_positive(pair):
    p, v = pair
    u = np.flip(v, axis=1)
    f_u, f_v = categorical.fisher_matvec(p, u), categorical.fisher_matvec(p, v)
    near(categorical.fisher_matvec(p, 2 * u - v), 2 * f_u - f_v)
    near((u * f_v).sum(axis=1), (v * f_u).sum(axis=1))
    assert ((v * f_v).sum(axis=1) >= -1e-13).all()


@given(pairs())
def test_kl_of_a_small_step_is_half_the_fisher_form_to_third_order(pair):
    """KL(p‖p + td) = ½t² dᵀFd + t³ κ₃/6 + …, κ₃ the third cumulant of d_a under p: below 0.77 for |d| ≤ 1."""
    p, d = pair
    d = d / max(1.0, np.abs(d).max())
    half = 0.5 * (d * categorical.fisher_matvec(p, d)).sum(axis=1)
    for t in (2.0**-6, 2.0**-8, 2.0**-10):
        assert (np.abs(categorical.kl(p, p + t * d) - t**2 * half) <= t**3 / 4 + 1e-15).all()


# ---- shapes ----


@pytest.mark.parametrize("shape", [(), (2,), (2, 3), (1, 0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, complex])
def test_rows_may_stand_in_any_shape_and_none_knows_of_another(dtype, shape):
    rng = np.random.default_rng(0)
    l, m, v = rng.standard_normal((3, *shape, 4)).astype(dtype)
    action = rng.integers(0, 4, shape)
    for name, arguments in {
        "log_softmax": (l,), "softmax": (l,), "log_prob": (l, action), "score": (l, action), "entropy": (l,),
        "entropy_grad": (l,), "kl": (l, m), "kl_grad": (l, m), "fisher_matvec": (l, v), "mode": (l.real,),
    }.items():  # fmt: skip
        function = getattr(categorical, name)
        whole = function(*arguments)
        for place in np.ndindex(shape):
            row = function(*(np.asarray(array[place])[None] for array in arguments))[0]
            near(whole[place], row, 8 * np.finfo(dtype).eps)
        assert whole.shape[: len(shape)] == shape
        assert whole.dtype == (int if name == "mode" else dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_actions_may_be_integers_of_any_kind(dtype):
    logits = np.log([[1.0, 3.0]])
    near(categorical.log_prob(logits, np.array([1], dtype)), np.log([0.75]))
    near(categorical.score(logits, np.array([1], dtype)), [[-0.25, 0.25]])


def test_rows_of_floats_go_through_the_kernels_and_nothing_else_does(monkeypatch):
    for name in ("log_softmax", "softmax", "categorical_log_prob", "categorical_score", "categorical_sample"):
        monkeypatch.setattr(kernels, name, lambda *_: "kernel")
    rng, action = np.random.default_rng(0), np.zeros(1, int)
    for function in (
        categorical.log_softmax, categorical.softmax, lambda l: categorical.log_prob(l, action),
        lambda l: categorical.score(l, action), lambda l: categorical.sample(rng, l),
    ):  # fmt: skip
        assert function(np.zeros((1, 2), np.float32)) == function(np.zeros((1, 2))) == "kernel"
        assert isinstance(function(np.zeros((1, 2), np.longdouble)), np.ndarray)


# ---- errors ----


@pytest.mark.parametrize("function", [categorical.log_prob, categorical.score])
@pytest.mark.parametrize(
    "action", [np.zeros(2), np.zeros((2, 1), int), np.zeros(3, int), np.array(0), np.array([0, 3]), np.array([-1, 0])]
)
def test_errors_name_the_argument(function, action):
    with pytest.raises(ValueError, match=r"^action: expected"):
        function(np.zeros((2, 3)), action)

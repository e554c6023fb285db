"""k1, k2, k3 exactly: a categorical's expectations are finite sums, so the module's table is a list of equations."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchrl.maths.kl_estimators import k1, k1_grad, k2, k2_grad, k3, k3_grad
from scratchrl.oracle.differentiation import complex_step, relative_error, subgradient_excess

PAIRS = ((k1, k1_grad), (k2, k2_grad), (k3, k3_grad))
pairs = pytest.mark.parametrize(("k", "k_grad"), PAIRS, ids=["k1", "k2", "k3"])
LOGITS = st.integers(2, 5).flatmap(lambda n: arrays(np.float64, (2, n), elements=st.floats(-3, 3)))
LOG_PROBS = arrays(np.float64, st.tuples(st.just(2), st.integers(1, 5)), elements=st.floats(-4, 4))


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum())


def kl(log_p, log_q):
    return (np.exp(log_p) * (log_p - log_q)).sum()


def mean_gradient(k_grad, logits, logits_old, weights):
    """E[k′ s] over the categorical's outcomes x, with s = ∂log p(x)/∂logits = onehot(x) − p."""
    log_p, log_old = log_softmax(logits), log_softmax(logits_old)
    score = np.eye(len(logits)) - np.exp(log_p)
    return (weights * k_grad(log_p, log_old)) @ score


def assert_same(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-12)


# ---- derivatives ----


@pairs
@given(log_probs=LOG_PROBS)
def test_derivative_is_the_complex_step(k, k_grad, log_probs):
    new, old = log_probs
    truth = np.diag(complex_step(lambda new: k(new, old), new))
    # k3 is a difference of eᵈ − 1 and d, so its rounding is measured against 1 even where eᵈ − 1 is small
    np.testing.assert_allclose(k_grad(new, old), truth, rtol=1e-14, atol=1e-15)
    assert np.all(subgradient_excess(lambda new: k(new, old), new, k_grad(new, old)) == 0)


@pairs
def test_dtype_and_shape_are_kept(k, k_grad):
    for dtype in (np.float32, np.float64, np.complex128):
        x = np.ones((3, 2), dtype)
        assert k(x, x).dtype == k_grad(x, x).dtype == dtype
        assert k(x, x).shape == k_grad(x, x).shape == (3, 2)


# ---- the table: values ----


@given(LOGITS)
def test_k1_and_k3_are_unbiased(logits):
    log_p, log_old = log_softmax(logits[0]), log_softmax(logits[1])
    truth = kl(log_old, log_p)
    assert_same(np.exp(log_old) @ k1(log_p, log_old), truth)
    assert_same(np.exp(log_old) @ k3(log_p, log_old), truth)


def test_k2_is_biased_by_a_third_order_term():
    """Halving the distance between the policies divides E[k2] − KL by 8, and the coefficient is −E[d³]/6."""
    direction, biases = np.array([1.0, -0.5, 0.3]), []
    for size in (2e-3, 1e-3):
        log_p, log_old = log_softmax(size * direction), log_softmax(np.zeros(3))
        d, p_old = log_p - log_old, np.exp(log_old)
        biases.append(p_old @ k2(log_p, log_old) - kl(log_old, log_p))
        assert biases[-1] == pytest.approx(-(p_old @ d**3) / 6, rel=0.01)
    assert biases[0] / biases[1] == pytest.approx(8, rel=0.01)


@given(LOG_PROBS)
def test_k2_and_k3_are_never_negative_and_vanish_only_at_old(log_probs):
    new, old = log_probs
    apart = np.abs(new - old) > 1e-6
    for k in (k2, k3):
        assert np.all(k(new, old) >= 0)
        assert np.all(k(new, old)[apart] > 0)
        np.testing.assert_array_equal(k(old, old), 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_k3_keeps_its_digits_near_old(dtype):
    """The relative error at small d is about eps/d; that of exp(d) − 1 − d would be eps/d²."""
    for d in 2.0 ** -np.arange(1, 11):
        with mpmath.workdps(30):
            truth = float(mpmath.expm1(d) - d)
        got = float(k3(np.array([d], dtype), np.zeros(1, dtype))[0])
        assert got == pytest.approx(truth, rel=3 * np.finfo(dtype).eps / d)


# ---- the table: gradients ----


@given(LOGITS)
def test_under_samples_of_old_k1_and_k3_give_the_gradient_of_the_kl(logits):
    new, old = logits
    p_old = np.exp(log_softmax(old))
    truth = complex_step(lambda new: kl(log_softmax(old), log_softmax(new)), new)
    assert_same(truth, np.exp(log_softmax(new)) - p_old)
    assert_same(mean_gradient(k1_grad, new, old, p_old), truth)
    assert_same(mean_gradient(k3_grad, new, old, p_old), truth)


@given(LOGITS)
def test_under_samples_of_old_k2_gives_the_gradient_of_half_the_mean_square(logits):
    new, old = logits
    p_old = np.exp(log_softmax(old))
    truth = complex_step(lambda new: p_old @ (log_softmax(new) - log_softmax(old)) ** 2 / 2, new)
    assert_same(mean_gradient(k2_grad, new, old, p_old), truth)


@given(LOGITS)
def test_under_samples_of_new(logits):
    """k1 gives nothing, k2 the gradient of the other KL, k3 half that of χ²(new‖old) = Σ p²/p_old − 1."""
    new, old = logits
    p = np.exp(log_softmax(new))
    assert_same(mean_gradient(k1_grad, new, old, p), np.zeros_like(new))
    reverse = complex_step(lambda new: kl(log_softmax(new), log_softmax(old)), new)
    assert_same(mean_gradient(k2_grad, new, old, p), reverse)
    chi_square = complex_step(lambda new: np.exp(2 * log_softmax(new) - log_softmax(old)).sum() - 1, new)
    got = mean_gradient(k3_grad, new, old, p)
    assert relative_error(got, chi_square / 2) < 1e-11 or np.abs(chi_square).max() < 1e-12


@given(LOGITS)
def test_importance_weights_turn_samples_of_old_into_samples_of_new(logits):
    new, old = logits
    p_old, ratio = np.exp(log_softmax(old)), np.exp(log_softmax(new) - log_softmax(old))
    reverse = complex_step(lambda new: kl(log_softmax(new), log_softmax(old)), new)
    assert_same(mean_gradient(k2_grad, new, old, ratio * p_old), reverse)


@given(LOGITS)
def test_at_old_every_mean_gradient_is_zero_but_only_k1_is_noise(logits):
    old = logits[0]
    log_old = log_softmax(old)
    for _, k_grad in PAIRS:
        assert_same(mean_gradient(k_grad, old, old, np.exp(log_old)), np.zeros_like(old))
    np.testing.assert_array_equal(k1_grad(log_old, log_old), -1)
    np.testing.assert_array_equal(k2_grad(log_old, log_old), 0)
    np.testing.assert_array_equal(k3_grad(log_old, log_old), 0)

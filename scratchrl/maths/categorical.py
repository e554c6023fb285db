r"""The categorical distribution p = softmax(l) over A actions, with every gradient under its value.

Legend: l logits (..., A), any shift of a row means the same distribution; p = softmax(l); a the index of an action.
Every gradient is with respect to the logits, and every row of it sums to zero, because shifting a row of logits
changes nothing. Paper for the family: Williams (1992), Simple statistical gradient-following algorithms.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels
from scratchrl.maths.exponential import SERIES_BELOW, exp_excess


def log_softmax(logits: NDArray) -> NDArray:
    """log p_i = l_i − log Σ_j exp l_j.

    Subtracting the largest logit first changes no p and keeps every exp in (0, 1], so nothing overflows. The sum is
    then 1 and the others', and log1p of these gives a likely action's log p, near 0, with all its digits. Balls have
    digits enough, and take the formula as it is written.

    Args:
      logits: (..., A).
    Returns:
      (..., A).

    Checked in tests/maths/test_categorical.py: shift invariance, Σ exp = 1, −e⁻ᵏ where all others are k below.

    >>> np.exp(log_softmax(np.log(np.array([1.0, 3.0])))).round(12)
    array([0.25, 0.75])
    """
    if kernels.holds_rows(logits):
        return kernels.log_softmax(logits)
    shifted = logits - logits.max(axis=-1, keepdims=True)
    mass = np.exp(shifted)
    if logits.dtype == object:
        return shifted - np.log(mass.sum(axis=-1, keepdims=True))
    np.put_along_axis(mass, shifted.argmax(axis=-1)[..., None], 0, axis=-1)
    return shifted - np.log1p(mass.sum(axis=-1, keepdims=True))


def softmax(logits: NDArray) -> NDArray:
    """p_i = exp l_i / Σ_j exp l_j, rows that sum to 1. Args, Returns and checks as for `log_softmax`.

    >>> softmax(np.log(np.array([1.0, 3.0]))).round(12)
    array([0.25, 0.75])
    """
    if kernels.holds_rows(logits):
        return kernels.softmax(logits)
    mass = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return mass / mass.sum(axis=-1, keepdims=True)


def sample(rng: np.random.Generator, logits: NDArray) -> NDArray:
    """a ~ p by inverting the distribution function: the first a with p_0 + … + p_a > u, u uniform on [0, 1).

    One uniform number a row, so the same generator state gives the same actions whatever A is.

    Args:
      logits: (B, A).
    Returns:
      actions (B,), int64.

    Checked in tests/maths/test_categorical.py: frequencies, and the compiled kernel against its definition.
    """
    draw = kernels.categorical_sample if kernels.holds_rows(logits) else kernels.categorical_sample_py
    return draw(logits, rng.random(len(logits)))


def mode(logits: NDArray) -> NDArray:
    """argmax_a p_a, the first one of equals.

    >>> mode(np.array([[0.0, 2.0, 1.0]]))
    array([1])
    """
    return logits.argmax(axis=-1)


def log_prob(logits: NDArray, action: NDArray) -> NDArray:
    """log π(a) = l_a − log Σ_j exp l_j                                               (1)

    Args:
      logits: (..., A); action: integers (...).
    Returns:
      (...), nats.
    Raises:
      ValueError: action is not of integers from 0 to A−1, or its shape is not that of the rows.

    Checked in tests/maths/test_categorical.py: Σ_a exp log π(a) = 1.

    >>> np.exp(log_prob(np.log(np.array([1.0, 3.0])), np.array(1))).round(12).item()
    0.75
    """
    _check(logits, action)
    if kernels.holds_rows(logits):
        return kernels.categorical_log_prob(logits, action)
    return log_softmax(logits)[_chosen(action)]


def score(logits: NDArray, action: NDArray) -> NDArray:
    r"""∂ log π(a) / ∂l = e_a − p.

    In (1) the first term contributes [i = a], and ∂/∂l_i log Σ_j exp l_j = exp l_i / Σ_j exp l_j = p_i:

        ∂ log π(a) / ∂l_i = [i = a] − p_i,    1 − p_a = Σ_{i≠a} p_i                    (2)

    Its mean under p is p − p = 0 (the zero-mean score), its covariance diag(p) − p pᵀ (the Fisher matrix).

    Args:
      logits: (..., A); action: integers (...).
    Returns:
      (..., A), one row a sample, never summed here.

    Checked in tests/maths/test_categorical.py: complex step, zero mean, second moment = Fisher.

    >>> score(np.log(np.array([[1.0, 3.0]])), np.array([1])).round(12)
    array([[-0.25,  0.25]])
    """
    _check(logits, action)
    if kernels.holds_rows(logits):
        return kernels.categorical_score(logits, action)
    d_logits, chosen = -softmax(logits), _chosen(action)
    d_logits[chosen] *= 0
    d_logits[chosen] = -d_logits.sum(axis=-1)  # (2)
    return d_logits


def entropy(logits: NDArray) -> NDArray:
    """H(p) = −Σ_i p_i log p_i, between 0 and log A nats.

    Args:
      logits: (..., A).
    Returns:
      (...).

    Checked in tests/maths/test_categorical.py: −E[log π], maximum log A at the uniform distribution.

    >>> (entropy(np.zeros(8)) / np.log(2)).round(12).item()
    3.0
    """
    log_p = log_softmax(logits)
    return -(np.exp(log_p) * log_p).sum(axis=-1)


def entropy_grad(logits: NDArray) -> NDArray:
    r"""∂H / ∂l_i = −p_i (log p_i + H) = −p_i (l_i − p·l).

    With ∂p_j/∂l_i = p_j ([i = j] − p_i), the product rule on H = −Σ_j p_j log p_j, and Σ_j ∂p_j/∂l_i = 0,

        ∂H/∂l_i = −Σ_j p_j ([i = j] − p_i) (log p_j + 1) = −p_i log p_i + p_i Σ_j p_j log p_j = −p_i (log p_i + H)

    In log p_i + H = l_i − Σ_j p_j l_j the logarithm of the sum is gone: ∂H/∂l = −F l, with F of `fisher_matvec`, is
    all differences of logits, so near the uniform distribution, where it is zero, it keeps its digits.

    Args:
      logits: (..., A).
    Returns:
      (..., A).

    Checked in tests/maths/test_categorical.py: complex step, rows sum to zero, nearly uniform logits.

    >>> entropy_grad(np.zeros((1, 2))) + 0.0
    array([[0., 0.]])
    """
    return -fisher_matvec(logits, logits - logits.max(axis=-1, keepdims=True))


def kl(logits_p: NDArray, logits_q: NDArray) -> NDArray:
    """KL(p‖q) = Σ_i p_i (log p_i − log q_i), in nats: never negative, 0 only for p = q, not symmetric.

    With r_i = log q_i − log p_i, and because Σ_i p_i (exp r_i − 1) = Σ_i (q_i − p_i) = 0, it may be added:

        KL(p‖q) = Σ_i p_i (exp r_i − 1 − r_i) = Σ_i (q_i − p_i − p_i r_i)              (3)

    Every term is ≥ 0, so nothing cancels between actions; the first form is used where r is small, the second, which
    cannot overflow, elsewhere. Two policies a trust region apart keep all digits of their KL, in float32 too.

    Args:
      logits_p, logits_q: (..., A).
    Returns:
      (...).

    Checked in tests/maths/test_categorical.py: KL(p‖p) = 0, KL ≥ 0, cross-entropy − entropy, quadratic form.

    >>> kl(np.log(np.array([1.0, 1.0])), np.log(np.array([1.0, 3.0]))).round(6).item()  # ½ log 2 + ½ log ⅔
    0.143841
    """
    log_p, log_q = log_softmax(logits_p), log_softmax(logits_q)
    p, r = np.exp(log_p), log_q - log_p
    if r.dtype == object:
        return (p * exp_excess(r)).sum(axis=-1)  # (3)
    near = np.abs(r.real) < SERIES_BELOW
    return np.where(near, p * exp_excess(np.where(near, r, 0 * r)), np.exp(log_q) - p - p * r).sum(axis=-1)  # (3)


def kl_grad(logits_p: NDArray, logits_q: NDArray) -> NDArray:
    """∂ KL(p‖q) / ∂l_q = q − p.

    Only −Σ_i p_i log q_i depends on q, and by (2) its derivative is −Σ_i p_i ([i = j] − q_j) = q_j − p_j. Zero at
    q = p: a small step away from p costs KL only to second order, and that second order is the Fisher matrix.

    Args:
      logits_p, logits_q: (..., A).
    Returns:
      (..., A), with respect to the logits of q.

    Checked in tests/maths/test_categorical.py: complex step.

    >>> kl_grad(np.zeros((1, 2)), np.log(np.array([[1.0, 3.0]]))).round(12)
    array([[-0.25,  0.25]])
    """
    return softmax(logits_q) - softmax(logits_p)


def fisher_matvec(logits: NDArray, v: NDArray) -> NDArray:
    """F v = p ∘ (v − p·v), for the Fisher matrix F = E[score scoreᵀ] = diag(p) − p pᵀ.

    The same F is the Hessian of KL(p‖·) at p (differentiate q − p once more), and −E of the Hessian of log π. Shifting
    v changes nothing; counted from v of the likeliest action, that action's entry does not cancel when its p is near 1.

    Args:
      logits, v: (..., A).
    Returns:
      (..., A).

    Checked in tests/maths/test_categorical.py: E[score scoreᵀ] as an exact sum, and the Hessian of `kl`.

    >>> fisher_matvec(np.zeros((1, 2)), np.array([[1.0, 0.0]]))
    array([[ 0.25, -0.25]])
    """
    p = softmax(logits)
    if p.dtype != object and v.dtype != object:
        v = v - np.take_along_axis(np.broadcast_to(v, p.shape), p.argmax(axis=-1)[..., None], axis=-1)
    return p * (v - (p * v).sum(axis=-1, keepdims=True))


def _chosen(action: NDArray) -> tuple[NDArray, ...]:
    """The index that picks logits[..., action] row by row."""
    return (*np.indices(action.shape, sparse=True), action) if action.ndim != 1 else (np.arange(len(action)), action)


def _check(logits: NDArray, action: NDArray) -> None:
    if action.dtype.kind not in "iu":
        raise ValueError(f"action: expected integers, got dtype {action.dtype}")
    if action.shape != logits.shape[:-1]:
        raise ValueError(f"action: expected shape {logits.shape[:-1]}, one per row of logits, got {action.shape}")
    if not kernels.are_below(action.ravel(), logits.shape[-1]):
        raise ValueError(f"action: expected 0 to {logits.shape[-1] - 1}, got {action.min()} to {action.max()}")

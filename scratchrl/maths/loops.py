"""Definitions of the kernels that walk over numbers: rows of logits, samples, parameters.

Plain Python loops, slow as they stand. `kernels.x` is the compiled form of `x_py`. They trust their callers: shapes
are checked by the public functions that call them.
"""

import numpy as np
from numpy.typing import NDArray


def _exponentials(logits: NDArray, out: NDArray):
    """exp(l_a − top) for one row into `out`; returns top, the largest l, and the sum of the others, whose own is 1.

    All in the precision of the row. Log-sum-exp is then log1p of the others: near 0 it keeps its digits.
    """
    largest = 0
    for a in range(1, len(logits)):
        if logits[a] > logits[largest]:
            largest = a
    top = logits[largest]
    others = top - top
    for a in range(len(logits)):
        out[a] = np.exp(logits[a] - top)
        if a != largest:
            others += out[a]
    return top, others


def softmax_py(logits: NDArray) -> NDArray:
    """p_i = exp l_i / Σ_j exp l_j for rows (B, A), in one pass a row: `categorical.softmax`.

    >>> softmax_py(np.log(np.array([[1.0, 3.0]]))).round(12)
    array([[0.25, 0.75]])
    """
    p = np.empty_like(logits)
    for b in range(len(logits)):
        _, others = _exponentials(logits[b], p[b])
        total = logits.dtype.type(1) + others
        for a in range(logits.shape[1]):
            p[b, a] /= total
    return p


def log_softmax_py(logits: NDArray) -> NDArray:
    """log p_i = l_i − log Σ_j exp l_j for rows (B, A), in one pass a row: `categorical.log_softmax`.

    >>> np.exp(log_softmax_py(np.log(np.array([[1.0, 3.0]])))).round(12)
    array([[0.25, 0.75]])
    """
    log_p = np.empty_like(logits)
    for b in range(len(logits)):
        top, others = _exponentials(logits[b], log_p[b])
        log_total = np.log1p(others)
        for a in range(logits.shape[1]):
            log_p[b, a] = (logits[b, a] - top) - log_total
    return log_p


def are_below_py(index: NDArray, limit: int) -> bool:
    """Whether 0 ≤ index < limit for every entry of index (B,): what stands between a kernel and foreign memory.

    >>> are_below_py(np.array([0, 2]), 3), are_below_py(np.array([-1]), 3)
    (True, False)
    """
    outside = 0
    for b in range(len(index)):
        outside += index[b] < 0 or index[b] >= limit
    return not outside


def categorical_log_prob_py(logits: NDArray, action: NDArray) -> NDArray:
    """l_a − log Σ_j exp l_j for rows (B, A) and actions (B,): `categorical.log_prob`.

    >>> np.exp(categorical_log_prob_py(np.log(np.array([[1.0, 3.0]])), np.array([1]))).round(12)
    array([0.75])
    """
    log_p, mass = np.empty(len(logits), logits.dtype), np.empty(logits.shape[1], logits.dtype)
    for b in range(len(logits)):
        top, others = _exponentials(logits[b], mass)
        log_p[b] = (logits[b, action[b]] - top) - np.log1p(others)
    return log_p


def categorical_score_py(logits: NDArray, action: NDArray) -> NDArray:
    """e_a − p for rows (B, A) and actions (B,), 1 − p_a as the sum of the other p: `categorical.score`.

    >>> categorical_score_py(np.log(np.array([[1.0, 3.0]])), np.array([1])).round(12)
    array([[-0.25,  0.25]])
    """
    d_logits = np.empty_like(logits)
    for b in range(len(logits)):
        _, others = _exponentials(logits[b], d_logits[b])
        total = logits.dtype.type(1) + others
        rest = others - others
        for a in range(logits.shape[1]):
            d_logits[b, a] /= -total
            if a != action[b]:
                rest -= d_logits[b, a]
        d_logits[b, action[b]] = rest
    return d_logits


def categorical_sample_py(logits: NDArray, uniform: NDArray) -> NDArray:
    """The first a with Σ_{i≤a} exp(logits_i) > u Σ_i exp(logits_i), a row each: inverse of the distribution function.

    Both sums are made in the precision of the logits: else rounding could reach past the last action.

    >>> categorical_sample_py(np.log(np.array([[0.2, 0.8], [0.2, 0.8]])), np.array([0.1, 0.3]))
    array([0, 1])
    """
    sample, mass = np.empty(len(logits), np.int64), np.empty(logits.shape[1], logits.dtype)
    for b in range(len(logits)):
        _exponentials(logits[b], mass)
        total = mass[0]
        for a in range(1, len(mass)):
            total += mass[a]
        threshold = uniform[b] * total
        chosen, passed = 0, mass[0]
        while passed <= threshold and chosen < logits.shape[1] - 1:
            chosen += 1
            passed += mass[chosen]
        sample[b] = chosen
    return sample


def standardize_py(x: NDArray) -> NDArray:
    """(x − mean)/σ with the population σ, and 0 where σ = 0: `returns.normalize_advantage` for x (B,).

    >>> standardize_py(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """
    mean, constant = np.float64(0), True  # float64 whatever x is: the sum is over the whole batch
    for b in range(len(x)):
        mean += x[b]
        constant = constant and x[b] == x[0]
    mean /= len(x)
    rest = np.float64(0)  # what the rounding of the mean left: much, where the numbers hardly differ
    for b in range(len(x)):
        rest += x[b] - mean
    rest /= len(x)
    square = np.float64(0)
    for b in range(len(x)):
        square += (x[b] - mean - rest) * (x[b] - mean - rest)
    z = np.zeros_like(x)
    if not constant and square != 0:
        scale = 1 / np.sqrt(square / len(x))
        for b in range(len(x)):
            z[b] = (x[b] - mean - rest) * scale
    return z


def ppo_clip_py(log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray, clip: float) -> tuple[NDArray, NDArray]:
    """`objectives.ppo_clip` in one pass over the samples: (value, d_log_prob)."""
    value, d_log_prob = np.empty_like(log_prob), np.zeros_like(log_prob)
    low, high = log_prob.dtype.type(1 - clip), log_prob.dtype.type(1 + clip)
    for b in range(log_prob.size):
        rho, gain = np.exp(log_prob[b] - log_prob_old[b]), advantage[b] > 0
        if (gain and rho > high) or (not gain and rho < low):
            value[b] = (high if gain else low) * advantage[b]
        else:
            value[b] = d_log_prob[b] = rho * advantage[b]
    return value, d_log_prob


def c51_projection_py(probs: NDArray, start: NDArray, stride: NDArray) -> NDArray:
    """Row b's atom j moved to start_b + stride_b j, counted in atoms, and split between the two around it.

    `distributional.split_linearly` without the weights that are 0; a row that moves to nan becomes nan.

    >>> c51_projection_py(np.array([[1.0, 0.0]]), np.array([0.25]), np.array([1.0]))
    array([[0.75, 0.25]])
    """
    rows, atoms = probs.shape
    one, last = probs.dtype.type(1), probs.dtype.type(atoms - 1)
    out = np.zeros_like(probs)
    for b in range(rows):
        for j in range(atoms):
            moved = start[b] + stride[b] * probs.dtype.type(j)
            if moved <= 0:
                out[b, 0] += probs[b, j]
            elif moved >= last:
                out[b, atoms - 1] += probs[b, j]
            elif moved > 0:
                i = int(moved)
                right = moved - probs.dtype.type(i)
                out[b, i] += (one - right) * probs[b, j]
                out[b, i + 1] += right * probs[b, j]
            else:
                out[b, :] = np.nan
    return out


def _square(g: NDArray) -> float:
    """Σ g² in float64, where that of float32 numbers cannot overflow: 64 sums that do not wait for each other."""
    sums = np.zeros(64)
    whole = g.size - g.size % 64
    for first in range(0, whole, 64):
        for k in range(64):
            sums[k] += np.float64(g[first + k]) * np.float64(g[first + k])
    for i in range(whole, g.size):
        sums[0] += np.float64(g[i]) * np.float64(g[i])
    return sums.sum()


def adam_py(
    m: NDArray, v: NDArray, t: int, g: NDArray, lr: float, beta1: float, beta2: float, eps: float, max_norm: float,
    step: NDArray, m_new: NDArray, v_new: NDArray,
) -> None:  # fmt: skip
    """`optimizers.adam` in one pass: step, m_new, v_new after the t-th gradient, shortened to max_norm if longer."""
    shorten = m.dtype.type(1)
    if max_norm < np.inf:
        square = _square(g)
        if not square <= max_norm * max_norm:
            shorten = m.dtype.type(max_norm / np.sqrt(square))
    b1, b2, e = m.dtype.type(beta1), m.dtype.type(beta2), m.dtype.type(eps)
    c1, c2 = m.dtype.type(1 - beta1), m.dtype.type(1 - beta2)  # rounded once: 1 − 0.999 in float32 keeps four digits
    scale = m.dtype.type(lr / (1 - beta1**t))
    root = m.dtype.type(1 / (1 - beta2**t))
    for i in range(m.size):
        gi = shorten * g[i]
        mi = b1 * m[i] + c1 * gi
        vi = b2 * v[i] + c2 * gi * gi
        m_new[i], v_new[i] = mi, vi
        step[i] = -scale * mi / (np.sqrt(vi * root) + e)


def polyak_py(online: NDArray, target: NDArray, tau: float) -> NDArray:
    """τ θ + (1 − τ) θ′ for vectors, in one pass: `targets.polyak_update`.

    >>> polyak_py(np.array([4.0]), np.array([8.0]), 0.25)
    array([7.])
    """
    new, mine, others = np.empty_like(target), target.dtype.type(tau), target.dtype.type(1 - tau)
    for i in range(target.size):
        new[i] = mine * online[i] + others * target[i]
    return new


HELPERS = (_exponentials, _square)

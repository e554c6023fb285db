r"""The loops that Numba compiles, each written once as a plain Python definition `x_py`.

`kernels.x` is `numba.njit(x_py)`, compiled on first use and cached on disk; Numba itself is imported only then, so
a program that needs none of these loops never pays for it. The definitions stay importable: the tests hold every
kernel against its own `x_py`, coverage and mutation tools see ordinary functions, and arrays that Numba cannot hold
(complex step, ball arithmetic) run through the definition.

Definitions trust their callers: shapes are checked by the public functions that call them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK = 128  # rows per block: the activations of a 64-wide net for one block stay in the L2 cache


def __getattr__(name: str) -> Callable[..., Any]:
    definition = globals().get(f"{name}_py")
    if definition is None:
        raise AttributeError(f"module {__name__!r} has no kernel {name!r}")
    from numba import njit
    from numba.extending import register_jitable

    for helper in (_times_slope, _times_fisher, _push, _pull):
        register_jitable(helper)
    globals()[name] = kernel = njit(definition, cache=True, error_model="numpy")
    return kernel


def select(name: str, *arrays: NDArray) -> Callable[..., Any]:
    """The compiled kernel when every array is float32 or float64, else its plain definition.

    >>> select("reverse_scan", np.zeros(3, dtype=complex)) is reverse_scan_py
    True
    """
    compiled = all(array.dtype.char in "fd" for array in arrays)
    return __getattr__(name) if compiled and name not in globals() else globals()[name if compiled else f"{name}_py"]


def holds_rows(array: NDArray) -> bool:
    """Whether the row-wise kernels take this array: two axes, float32 or float64.

    >>> holds_rows(np.zeros((2, 3))), holds_rows(np.zeros(3))
    (True, False)
    """
    return array.ndim == 2 and array.dtype.char in "fd"


def are_alike(first: NDArray, *others: NDArray) -> bool:
    """Whether a kernel of several arrays takes these as they are: all float32 or all float64, contiguous, writeable.

    >>> are_alike(np.zeros(2), np.ones((3, 4))), are_alike(np.zeros(2), np.zeros(2, np.float32))
    (True, False)
    """
    dtype = first.dtype
    return dtype.char in "fd" and first.flags.carray and all(a.dtype == dtype and a.flags.carray for a in others)


def reverse_scan_py(x: NDArray, decay: NDArray) -> NDArray:
    """y_t = x_t + decay_t y_{t+1} with y_T = 0, for x and decay (T, N).

    >>> reverse_scan_py(np.array([[1.0], [2.0], [4.0]]), np.full((3, 1), 0.5)).ravel()
    array([3., 4., 4.])
    """
    steps, width = x.shape
    y = x.copy()
    for t in range(steps - 2, -1, -1):
        for n in range(width):
            y[t, n] += decay[t, n] * y[t + 1, n]
    return y


def log_softmax_py(logits: NDArray) -> NDArray:
    """log p_i = l_i − log Σ_j exp l_j for rows (B, A), in one pass a row: `categorical.log_softmax`.

    >>> np.exp(log_softmax_py(np.log(np.array([[1.0, 3.0]])))).round(12)
    array([[0.25, 0.75]])
    """
    rows, actions = logits.shape
    log_p = np.empty_like(logits)
    for b in range(rows):
        top = logits[b, 0]
        for a in range(1, actions):
            top = max(top, logits[b, a])
        total = top - top
        for a in range(actions):
            log_p[b, a] = logits[b, a] - top
            total += np.exp(log_p[b, a])
        log_total = np.log(total)
        for a in range(actions):
            log_p[b, a] -= log_total
    return log_p


def softmax_py(logits: NDArray) -> NDArray:
    """p_i = exp l_i / Σ_j exp l_j for rows (B, A), in one pass a row: `categorical.softmax`.

    >>> softmax_py(np.log(np.array([[1.0, 3.0]]))).round(12)
    array([[0.25, 0.75]])
    """
    rows, actions = logits.shape
    p = np.empty_like(logits)
    for b in range(rows):
        top = logits[b, 0]
        for a in range(1, actions):
            top = max(top, logits[b, a])
        total = top - top
        for a in range(actions):
            p[b, a] = np.exp(logits[b, a] - top)
            total += p[b, a]
        for a in range(actions):
            p[b, a] /= total
    return p


def categorical_sample_py(logits: NDArray, uniform: NDArray) -> NDArray:
    """The first a with Σ_{i≤a} exp(logits_i) > u Σ_i exp(logits_i), a row each: inverse of the distribution function.

    >>> categorical_sample_py(np.log(np.array([[0.2, 0.8], [0.2, 0.8]])), np.array([0.1, 0.3]))
    array([0, 1])
    """
    rows, actions = logits.shape
    sample = np.empty(rows, np.int64)
    for b in range(rows):
        top = logits[b].max()
        total = top - top  # 0 in the precision of the logits, like mass: else rounding could reach past the last one
        for a in range(actions):
            total += np.exp(logits[b, a] - top)
        threshold = uniform[b] * total
        chosen, mass = 0, np.exp(logits[b, 0] - top)
        while mass <= threshold and chosen < actions - 1:
            chosen += 1
            mass += np.exp(logits[b, chosen] - top)
        sample[b] = chosen
    return sample


def mlp_rows_py(theta: NDArray, sizes: tuple[int, ...], activation: int, x: NDArray) -> NDArray:
    """The forward pass of `mlp.forward` for a few rows x (B, I), where calling BLAS costs more than multiplying.

    activation: 0 identity, 1 tanh, 2 relu. Only the output is kept.
    """
    rows = x.shape[0]
    y = np.empty((rows, sizes[-1]), x.dtype)
    for row in range(rows):
        h, start = x[row], 0
        for layer in range(len(sizes) - 1):
            n, m = sizes[layer], sizes[layer + 1]
            z = theta[start + n * m : start + n * m + m].copy()
            for i in range(n):
                for j in range(m):
                    z[j] += h[i] * theta[start + i * m + j]
            start += n * m + m
            if layer < len(sizes) - 2:
                for j in range(m):
                    if activation == 1:
                        z[j] = np.tanh(z[j])
                    elif activation == 2:
                        z[j] = max(z[j], 0.0)
            h = z
        y[row] = h
    return y


def ppo_clip_py(log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray, clip: float) -> tuple[NDArray, NDArray]:
    """`objectives.ppo_clip` in one pass over the samples: (value, d_log_prob)."""
    value, d_log_prob = np.empty_like(log_prob), np.zeros_like(log_prob)
    low, high = log_prob.dtype.type(1 - clip), log_prob.dtype.type(1 + clip)
    for b in range(log_prob.size):
        rho, gain = np.exp(log_prob[b] - log_prob_old[b]), advantage[b] > 0
        if (gain and rho <= high) or (not gain and rho >= low):
            value[b] = d_log_prob[b] = rho * advantage[b]
        else:
            value[b] = (high if gain else low) * advantage[b]
    return value, d_log_prob


def adam_py(m: NDArray, v: NDArray, t: int, g: NDArray, lr: float, beta1: float, beta2: float, eps: float):
    """`optimizers.adam` in one pass over the parameters: (step, m, v) after the t-th gradient."""
    b1, b2, e = m.dtype.type(beta1), m.dtype.type(beta2), m.dtype.type(eps)
    c1, c2 = m.dtype.type(1 - beta1), m.dtype.type(1 - beta2)  # rounded once: 1 − 0.999 in float32 keeps four digits
    scale = m.dtype.type(lr / (1 - beta1**t))
    root = m.dtype.type(1 / (1 - beta2**t))
    step, m_new, v_new = np.empty_like(m), np.empty_like(m), np.empty_like(m)
    for i in range(m.size):
        m_new[i] = b1 * m[i] + c1 * g[i]
        v_new[i] = b2 * v[i] + c2 * g[i] * g[i]
        step[i] = -scale * m_new[i] / (np.sqrt(v_new[i] * root) + e)
    return step, m_new, v_new


def _times_slope(d: NDArray, h: NDArray, activation: int) -> None:
    """d ∘ φ′ in place, φ′ from the activations h."""
    for b in range(d.shape[0]):
        for j in range(d.shape[1]):
            if activation == 1:
                d[b, j] *= h.dtype.type(1) - h[b, j] * h[b, j]
            elif activation == 2 and h[b, j] <= 0:
                d[b, j] = 0


def _times_fisher(u: NDArray, w: NDArray, segments: NDArray) -> None:
    """w∘u − w (w·u within each segment) in place, row by row."""
    for b in range(u.shape[0]):
        for k in range(segments.shape[0]):
            mean = u.dtype.type(0)
            for a in range(segments[k, 0], segments[k, 1]):
                mean += w[b, a] * u[b, a]
            for a in range(segments[k, 0], segments[k, 1]):
                u[b, a] -= mean
        for a in range(u.shape[1]):
            u[b, a] *= w[b, a]


def _push(theta: NDArray, sizes: tuple, activation: int, cache: tuple, first: int, last: int, vector: NDArray):
    """J v for rows first..last: the tangent from the first layer to the output."""
    start, layers = 0, len(sizes) - 1
    tangent = np.zeros((last - first, 1), theta.dtype)
    for layer in range(layers):
        n, m = sizes[layer], sizes[layer + 1]
        matrix, bias = start + n * m, start + n * m + m
        z = np.dot(cache[layer][first:last], vector[start:matrix].reshape(n, m)) + vector[matrix:bias]
        if layer > 0:
            z += np.dot(tangent, theta[start:matrix].reshape(n, m))
        if layer < layers - 1:
            _times_slope(z, cache[layer + 1][first:last], activation)
        start, tangent = bias, z
    return tangent


def _pull(
    theta: NDArray, sizes: tuple, activation: int, cache: tuple, first: int, last: int, d: NDArray, out: NDArray
) -> None:
    """out += Jᵀ d for rows first..last: the cotangent from the output back to every layer's parameters."""
    start, ones = theta.size, np.ones(last - first, theta.dtype)
    for layer in range(len(sizes) - 2, -1, -1):
        n, m = sizes[layer], sizes[layer + 1]
        start -= n * m + m
        matrix, bias = start + n * m, start + n * m + m
        out[start:matrix] += np.dot(cache[layer][first:last].T, d).ravel()
        out[matrix:bias] += np.dot(ones, d)
        if layer > 0:
            d = np.dot(d, theta[start:matrix].reshape(n, m).T)
            _times_slope(d, cache[layer][first:last], activation)


def mlp_vjp_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, cache: tuple[NDArray, ...], d_y: NDArray
) -> NDArray:
    """Σ_b J_bᵀ d_y[b], `mlp.vjp`, block by block."""
    out = np.zeros_like(theta)
    for first in range(0, len(d_y), BLOCK):
        last = min(first + BLOCK, len(d_y))
        _pull(theta, sizes, activation, cache, first, last, d_y[first:last], out)
    return out


def fisher_vector_product_py(
    theta: NDArray,
    sizes: tuple[int, ...],
    activation: int,
    cache: tuple[NDArray, ...],
    weight: NDArray,
    segments: NDArray,
    vector: NDArray,
) -> NDArray:
    """Σ_b J_bᵀ F_b J_b v for an MLP, block by block: J v, then F in the output space, then Jᵀ, while all is in cache.

    F_b u = w∘u − w (w·u within each segment), w = weight[b]: the categorical Fisher with w = p (one segment per
    distribution); with no segments F_b = diag(w), the Gaussian's. `segments` (S, 2) holds starts and ends.
    """
    out = np.zeros_like(theta)
    for first in range(0, len(weight), BLOCK):
        last = min(first + BLOCK, len(weight))
        tangent = _push(theta, sizes, activation, cache, first, last, vector)
        _times_fisher(tangent, weight[first:last], segments)
        _pull(theta, sizes, activation, cache, first, last, tangent, out)
    return out

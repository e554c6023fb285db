"""Definitions of the kernels that walk backwards in time over arrays (T, N). `kernels.x` is the compiled `x_py`.

A row is handled as a slice of the flat array: that is what the compiler turns into vector instructions. A single stream
has no rows to speak of: its running value stays in a register, and each step waits for the one before.
"""

import numpy as np
from numpy.typing import NDArray


def reverse_scan_py(x: NDArray, decay: NDArray) -> NDArray:
    """y_t = x_t + decay_t y_{t+1} with y_T = 0, for x and decay (T, N).

    >>> reverse_scan_py(np.array([[1.0], [2.0], [4.0]]), np.full((3, 1), 0.5)).ravel()
    array([3., 4., 4.])
    """
    steps, width = x.shape
    y = x.copy()
    flat, factors = y.ravel(), decay.ravel()
    if width == 1:
        following = flat[steps - 1]
        for t in range(steps - 2, -1, -1):
            following = flat[t] + factors[t] * following
            flat[t] = following
        return y
    for t in range(steps - 2, -1, -1):
        first, end = t * width, t * width + width
        row, factor, after = flat[first:end], factors[first:end], flat[end : end + width]
        for n in range(width):
            row[n] += factor[n] * after[n]
    return y


def gae_py(
    reward: NDArray, value: NDArray, next_value: NDArray, terminated: NDArray, truncated: NDArray,
    gamma: float, lam: float,
) -> NDArray:  # fmt: skip
    """`returns.gae` for arrays (T, ...) in one pass: δ and its sum backwards.

    >>> no = np.zeros((2, 1), bool)
    >>> reward, value, next_value = np.array([[[1.0], [2.0]], [[1.0], [8.0]], [[8.0], [4.0]]])
    >>> gae_py(reward, value, next_value, no, no, 0.5, 0.5).ravel()
    array([ 3., -4.])
    """
    steps, width = len(reward), reward.size // len(reward)
    advantage, real = np.empty_like(reward), reward.dtype.type
    discount, decay = real(gamma), real(gamma * lam)
    r, v, w = reward.ravel(), value.ravel(), next_value.ravel()
    ends, cuts, out = terminated.ravel(), truncated.ravel(), advantage.ravel()
    if width == 1:
        following = real(0)
        for t in range(steps - 1, -1, -1):
            delta = r[t] + discount * (real(not ends[t]) * w[t]) - v[t]
            following = delta + decay * real(not (ends[t] | cuts[t])) * following
            out[t] = following
        return advantage
    after = np.zeros(width, reward.dtype)
    for t in range(steps - 1, -1, -1):
        row = slice(t * width, t * width + width)
        a, r_t, v_t, w_t, end, cut = out[row], r[row], v[row], w[row], ends[row], cuts[row]
        for n in range(width):
            a[n] = r_t[n] + discount * (real(not end[n]) * w_t[n]) - v_t[n]
        for n in range(width):
            a[n] += decay * real(not (end[n] | cut[n])) * after[n]
        after = a
    return advantage


HELPERS: tuple = ()

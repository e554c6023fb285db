"""Definitions of the kernels of a squashed Gaussian whose μ and bounded log σ a network puts out: there and back.

One pass over the numbers where `soft_actor.squash` and `squash_grad`, put together from bounding.py, squashing.py and
squashed_gaussian.py, take a dozen. `kernels.x` is the compiled form of `x_py`. They trust their callers.
"""

import math

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.squashing import LOG_TWO, NEAR

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


def _spread(x: float, noise: float, low: float, high: float) -> tuple:
    """log σ between its bounds, σ ε, and the slope of log σ in x; ½ (1 ± tanh x) as 1/(1 + e), e/(1 + e)."""
    e = np.exp(-2 * abs(x))
    larger, smaller = 1 / (1 + e), e / (1 + e)
    log_std = smaller * low + larger * high if x > 0 else larger * low + smaller * high
    return log_std, np.exp(log_std) * noise, 2 * (high - low) * larger * smaller


def _log_det(u: float) -> float:
    """`squashing.log_det` of one number."""
    size = abs(u)
    if size < NEAR:
        half = np.sinh(size / 2)
        return -2 * np.log1p(2 * half * half)
    return 2 * (LOG_TWO - size - np.log1p(np.exp(-2 * size)))


def squash_py(y: NDArray, noise: NDArray, low: float, high: float) -> tuple[NDArray, NDArray]:
    """`soft_actor.squash`: actions (B, A) and their log-probability (B,) from the network's output y (B, 2A)."""
    rows, actions = noise.shape
    action, log_prob = np.empty_like(noise), np.zeros(rows, noise.dtype)
    for b in range(rows):
        total = 0.0
        for i in range(actions):
            log_std, spread, _ = _spread(float(y[b, actions + i]), float(noise[b, i]), low, high)
            u = float(y[b, i]) + spread
            action[b, i] = np.tanh(u)
            total -= 0.5 * float(noise[b, i]) ** 2 + log_std + HALF_LOG_TWO_PI + _log_det(u)
        log_prob[b] = total
    return action, log_prob


def squash_grad_py(
    y: NDArray, noise: NDArray, low: float, high: float, d_action: NDArray, d_log_prob: NDArray
) -> NDArray:
    """`soft_actor.squash_grad`: what y (B, 2A) receives, (B, 2A)."""
    rows, actions = noise.shape
    d_y = np.empty_like(y)
    for b in range(rows):
        w = float(d_log_prob[b])
        for i in range(actions):
            _, spread, slope = _spread(float(y[b, actions + i]), float(noise[b, i]), low, high)
            u = float(y[b, i]) + spread
            d_u = float(d_action[b, i]) * np.exp(_log_det(u)) + 2 * w * np.tanh(u)
            d_y[b, i] = d_u
            d_y[b, actions + i] = (d_u * spread - w) * slope
    return d_y


HELPERS = (_spread, _log_det)

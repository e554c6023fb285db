r"""Quantile regression: the distribution of the return as N equally likely numbers, their target and their loss.

Legend: θ_i, i = 0 … N−1, the quantile of the return at τ_i = (2i + 1)/(2N), the middle of the i-th of N equal shares
of probability; their mean is Q. No support has to be chosen, unlike in C51: what moves is where, not how likely.

Paper: Dabney, Rowland, Bellemare, Munos (2018), Distributional reinforcement learning with quantile regression.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import values
from scratchrl.maths.constants import exact
from scratchrl.maths.returns import check


def quantile_target(
    reward: NDArray, next_quantiles: NDArray, terminated: NDArray, truncated: NDArray, gamma: float
) -> NDArray:
    """y_j = r + γ m θ_j(s′, a*), a* = argmax_a of the mean over j: all quantiles of the one best action.

    The distribution of r + γ m Z moves with Z, quantile by quantile, because the map is increasing. It is the mean that
    decides which action is best. A maximum for each j apart would put together the quantiles of an action nobody has.

    Args:
      reward, terminated, truncated: (B,); next_quantiles: (B, A, N); gamma in [0, 1].
    Returns:
      y (B, N).
    Raises:
      ValueError: a shape is wrong, or a flag is not boolean.
    Paper: algorithm 1.

    Checked in tests/maths/test_quantiles.py: its mean is DQN's target; never above the maximum quantile by quantile.

    >>> no = np.zeros(1, bool)
    >>> quantile_target(np.array([1.0]), np.array([[[0.0, 4.0], [3.0, 3.0]]]), no, no, 0.5)  # means 2 and 3
    array([[2.5, 2.5]])
    """
    check(reward, terminated=terminated, truncated=truncated)
    if next_quantiles.ndim != 3 or next_quantiles.shape[:1] != reward.shape or not next_quantiles.size:
        raise ValueError(
            f"next_quantiles: expected (B, A, N), a row for each of {reward.shape}, got {next_quantiles.shape}"
        )
    best = next_quantiles.sum(axis=-1).argmax(axis=-1)
    chosen = next_quantiles[np.arange(len(reward)), best]
    return reward[:, None] + gamma * (~terminated[:, None] * chosen)


def quantile_huber_loss(quantiles: NDArray, target: NDArray, kappa: float) -> tuple[NDArray, NDArray]:
    r"""L = Σ_i (1/M) Σ_j |τ_i − 1{u < 0}| H_κ(u),  u = y_j − θ_i, and its derivative by θ.

    A step of θ_i to the right passes a share F of the targets and moves away from them at the price 1 − τ_i, and
    towards the others at the price τ_i: with |u| for H both prices are even where F = τ_i, at the quantile. H rounds
    the kink at u = 0 within κ (`values.huber`), and moves the minimum a little. By ∂u/∂θ_i = −1,

        ∂L/∂θ_i = −(1/M) Σ_j |τ_i − 1{u < 0}| H_κ′(u)                      (1)

    The indicator jumps at u = 0, where H and its derivative are 0: no kink is left.

    Args:
      quantiles: θ (B, N), of the action taken, in the order of τ; target: y (B, M), constants; kappa: κ > 0.
    Returns:
      (value, d_quantiles): (B,) and (B, N), not averaged over the batch.
    Raises:
      ValueError: a shape is wrong, or κ is not positive.
    Paper: eq. 9 and 10. Implicit quantile networks (2018) divide H by κ, others take the mean over i too.

    Checked in tests/maths/test_quantiles.py: complex step; the minimum as κ → 0; the mirror image τ ↔ 1 − τ.

    >>> quantile_huber_loss(np.array([[0.0, 0.0]]), np.array([[2.0]]), kappa=1.0)  # H = 1.5, τ = ¼ and ¾
    (array([1.5]), array([[-0.25, -0.75]]))
    """
    if quantiles.ndim != 2 or target.ndim != 2 or len(quantiles) != len(target) or not target.size:
        raise ValueError(f"target: expected (B, M) beside quantiles (B, N), got {target.shape} and {quantiles.shape}")
    count = quantiles.shape[1]
    share = (2 * np.arange(count) + 1).astype(quantiles.dtype)[:, None] * exact(1, quantiles) / (2 * count)
    error = target[:, None, :] - quantiles[:, :, None]
    loss, slope = values.huber(error, kappa)
    price = np.where(error < 0, 1 - share, share)
    return (price * loss).sum(axis=(1, 2)) / target.shape[1], -(price * slope).sum(axis=2) / target.shape[1]  # (1)

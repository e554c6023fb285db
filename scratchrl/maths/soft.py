r"""Losses of soft actor-critic, per sample: each returns (value, derivative ...). All are to be made small.

Legend: log_prob = log π(a|s) of an action a = f(s, ε; θ) drawn now; q1, q2 = Q₁(s, a), Q₂(s, a); α the temperature,
the price of a nat; H̄ the entropy aimed at. Nothing is averaged here: the 1/B belongs to the caller.
"""

import numpy as np
from numpy.typing import NDArray


def sac_policy_loss(
    log_prob: NDArray, q1: NDArray, q2: NDArray, alpha: float
) -> tuple[NDArray, NDArray, NDArray, NDArray]:
    r"""L = α log π(a|s) − min(Q₁, Q₂)(s, a): at the mean, α KL(π‖exp(Q/α)/Z) up to the constant −α log Z.

        ∂L/∂log π = α,   ∂L/∂Q₁ = −[Q₁ ≤ Q₂],   ∂L/∂Q₂ = −[Q₁ > Q₂]                    (1)

    The smaller critic takes the whole slope, the first one at a tie: any split −s, −(1 − s) would be a subgradient.
    All three depend on a, and a on θ: the caller carries (1) through ∂Q/∂a and the pathwise ∂a/∂θ.

    Args:
      log_prob, q1, q2: (B,); alpha: a number.
    Returns:
      (value, d_log_prob, d_q1, d_q2), each (B,).
    Raises:
      ValueError: shapes differ.
    Paper: Haarnoja et al. (2018), Soft actor-critic algorithms and applications, eq. 9.

    Checked in tests/maths/test_soft.py: complex step, both sides of the tie, the KL.

    >>> sac_policy_loss(np.array([-1.0]), np.array([3.0]), np.array([2.0]), 0.5)
    (array([-2.5]), array([0.5]), array([-0.]), array([-1.]))
    """
    _check(log_prob, q1=q1, q2=q2)
    first = q1 <= q2
    value = alpha * log_prob - np.where(first, q1, q2)
    return value, alpha + 0 * log_prob, -first.astype(q1.dtype), -(~first).astype(q2.dtype)  # (1)


def temperature_loss(log_alpha: NDArray, log_prob: NDArray, target_entropy: float) -> tuple[NDArray, NDArray]:
    r"""L = −α (log π + H̄) with α = exp(log α), and ∂L/∂log α = L, because ∂α/∂log α = α.

    At the mean the derivative is α (H(π) − H̄): descent lowers the price of surprise while there is more of it than
    asked for. The gradient shrinks with α, so a small temperature recovers slowly.

    Args:
      log_alpha: a number, or one per sample; log_prob: (B,), a constant here; target_entropy: H̄, nats.
    Returns:
      (value, d_log_alpha), each (B,): the derivative with respect to log α, sample by sample.
    Raises:
      ValueError: log_alpha is neither a number nor shaped like log_prob.
    Paper: Haarnoja et al. (2018), Soft actor-critic algorithms and applications, eq. 18.

    Checked in tests/maths/test_soft.py: complex step, the root, the factor α between the two conventions.

    >>> temperature_loss(np.log(2.0), np.array([-3.0]), 1.0)[1].round(12)
    array([4.])
    """
    surprise = _missing_surprise(log_alpha, log_prob, target_entropy)
    value = np.exp(log_alpha + 0 * log_prob) * surprise
    return value, value


def temperature_loss_log(log_alpha: NDArray, log_prob: NDArray, target_entropy: float) -> tuple[NDArray, NDArray]:
    """L = −log α (log π + H̄), ∂L/∂log α = −(log π + H̄): the other convention.

    Its gradient is that of `temperature_loss` without the factor α > 0: same sign, same root, but steps of log α that
    do not depend on α. This is what many implementations descend.

    Args, Returns and Raises as for `temperature_loss`: (value, d_log_alpha), and its checks.

    >>> temperature_loss_log(2.0, np.array([-3.0]), 1.0)
    (array([4.]), array([2.]))
    """
    surprise = _missing_surprise(log_alpha, log_prob, target_entropy)
    return log_alpha * surprise, surprise


def _missing_surprise(log_alpha, log_prob, target_entropy):
    """−(log π + H̄), by how much the surprise of a sample exceeds the entropy aimed at."""
    if np.shape(log_alpha) not in ((), log_prob.shape):
        raise ValueError(f"log_alpha: expected a number or shape {log_prob.shape}, got {np.shape(log_alpha)}")
    return -(log_prob + target_entropy)


def _check(log_prob: NDArray, **others: NDArray) -> None:
    for name, array in others.items():
        if array.shape != log_prob.shape:
            raise ValueError(f"{name}: expected the shape of log_prob, {log_prob.shape}, got {array.shape}")

r"""Prioritised replay: how likely a transition is drawn again, and what a draw then has to weigh.

Paper: Schaul, Quan, Antonoglou, Silver (2016), Prioritized experience replay, section 3.3 and 3.4.
"""

import numpy as np
from numpy.typing import NDArray


def priorities(td_error: NDArray, alpha: float, eps: float) -> NDArray:
    """P(i) = (|δ_i| + ε)^α / Σ_j (|δ_j| + ε)^α: surprise drawn more often; α = 0 is uniform.

    Args:
      td_error: δ (N,), of every transition in the memory; alpha ≥ 0; eps: ε > 0, so that nothing is never drawn again.
    Returns:
      P (N,).
    Raises:
      ValueError: eps is not positive.

    Checked in tests/maths/test_prioritized.py: sums to 1, uniform at α = 0, unmoved by scaling δ and ε, ordered as |δ|.

    >>> priorities(np.array([1.0, -2.0]), alpha=1.0, eps=1.0)
    array([0.4, 0.6])
    """
    if not eps > 0:
        raise ValueError(f"eps: expected a positive number, got {eps}")
    powers = (np.abs(td_error) + eps) ** alpha
    return powers / powers.sum()


def importance_weights(probs: NDArray, size: int, beta: float) -> NDArray:
    r"""w_i = (N P_i)^−β / max_j (N P_j)^−β: what undoes the preference of the draw, scaled to shrink steps only.

    At β = 1 a uniform mean is recovered: Σ P_i (1/(N P_i)) f_i = (1/N) Σ f_i. The scale cancels N:

        w_i = (min_j P_j / P_i)^β                                          (1)

    Args:
      probs: P (B,), of the transitions drawn, positive; size: N, of the memory; beta: β in [0, 1].
    Returns:
      w (B,), at most 1.
    Raises:
      ValueError: size is not positive.

    Checked in tests/maths/test_prioritized.py: w P constant at β = 1, all 1 at β = 0, the definition.

    >>> importance_weights(np.array([0.25, 0.5]), size=4, beta=1.0)
    array([1. , 0.5])
    """
    if not size > 0:
        raise ValueError(f"size: expected a positive number, got {size}")
    return (probs.min() / probs) ** beta  # (1)

"""A free number made one between two bounds, smoothly: how the log σ that a network puts out is kept in reason."""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.constants import exact
from scratchrl.maths.squashing import log_det


def bounded(x: NDArray, low: float, high: float) -> NDArray:
    """y = ½ (1 − tanh x) low + ½ (1 + tanh x) high, elementwise: increasing, from low to high, their mean at x = 0.

    A weighted mean with weights in [0, 1] that are exactly 0 and 1 where tanh x is rounded to ±1: so y is low or high
    there, to the bit, and between them everywhere else. Cutting x off at the bounds instead would leave what is beyond
    them without a slope for ever; here it is small but not 0.

    Args:
      x: any shape; low < high.
    Returns:
      like x.
    Raises:
      ValueError: low is not below high.

    Checked in tests/maths/test_bounding.py: both ends to the bit, increasing, point symmetric.

    >>> bounded(np.array([-np.inf, 0.0, np.inf]), -5.0, 2.0)
    array([-5. , -1.5,  2. ])
    """
    check(low, high)
    up = np.tanh(x)
    return (1 - up) / 2 * low + (1 + up) / 2 * high


def bounded_grad(x: NDArray, low: float, high: float) -> NDArray:
    """dy/dx = ½ (high − low) (1 − tanh² x), elementwise; 1 − tanh² as exp(log_det), which keeps its digits far out.

    Args, Raises: as `bounded`. Returns: like x.

    Checked in tests/maths/test_bounding.py: complex step, also where tanh x is rounded to 1.

    >>> bounded_grad(np.array([0.0]), -5.0, 2.0)
    array([3.5])
    """
    check(low, high)
    return (exact(high, x) - exact(low, x)) / 2 * np.exp(log_det(x))


def check(low: float, high: float) -> None:
    """Raises a ValueError unless low < high.

    >>> check(-5.0, 2.0)
    """
    if not low < high:
        raise ValueError(f"low, high: expected low < high, got {low} and {high}")

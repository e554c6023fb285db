"""Schedules: a setting that changes from one value to another while training goes on, and then stays.

Legend: t steps so far, T steps that the change takes, u = min(1, max(0, t/T)) the share of it that is done.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from scratchrl.maths.constants import exact


def linear(step: ArrayLike, first: float, last: float, duration: float) -> Any:
    """(1 − u) first + u last: the same amount in every step. `first` and `last` themselves at the ends, to the bit.

    Args:
      step: t, a number or an array; first, last: any finite numbers; duration: T > 0, in the unit of t.
    Returns:
      like step.
    Raises:
      ValueError: duration is not positive.

    Checked in tests/maths/test_schedules.py.

    >>> linear(np.array([0.0, 25.0, 50.0, 900.0]), 1.0, 0.5, 50)
    array([1.  , 0.75, 0.5 , 0.5 ])
    """
    share = _share(step, duration)
    return (1 - share) * first + share * last


def exponential(step: ArrayLike, first: float, last: float, duration: float) -> Any:
    """first^(1 − u) · last^u: the same factor in every step, (last/first)^(1/T). The ends are exact here too.

    Its logarithm is `linear` in the logarithms of first and last, so it lies below the straight line.

    Args:
      step: t, a number or an array; first, last: positive; duration: T > 0, in the unit of t.
    Returns:
      like step.
    Raises:
      ValueError: first, last or duration is not positive.

    Checked in tests/maths/test_schedules.py.

    >>> exponential(np.array([0.0, 25.0, 50.0, 900.0]), 1.0, 0.25, 50)
    array([1.  , 0.5 , 0.25, 0.25])
    """
    for name, value in (("first", first), ("last", last)):
        if not value > 0:
            raise ValueError(f"{name}: expected a positive number, got {value}")
    share = _share(step, duration)
    return exact(first, share) ** (1 - share) * exact(last, share) ** share


def _share(step: ArrayLike, duration: float) -> Any:
    """u, in the number system of step."""
    if not duration > 0:
        raise ValueError(f"duration: expected a positive number, got {duration}")
    if isinstance(step, int | float):  # a tenth of the time that an array of one number takes
        return np.float64(min(1.0, max(0.0, step / duration)))
    progress = np.asarray(step) / duration
    none = 0 * progress
    return np.minimum(1 + none, np.maximum(none, progress))

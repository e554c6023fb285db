r"""eˣ − 1 − x without losing the digits that the subtraction would cancel: what every divergence near zero is made of.

Near x = 0 the function is x²/2, while eˣ − 1 ≈ x: subtracting leaves rounding errors of x, which for |x| < 1e-8 are
larger than the result. There its own series has no subtraction of nearly equal numbers:

    eˣ − 1 − x = Σ_{k≥2} xᵏ/k! = ½ x² (1 + x/3 (1 + x/4 (1 + …)))                      (1)
"""

import numpy as np
from numpy.typing import NDArray

SERIES_BELOW = 0.5  # there 16 terms of (1) leave less than 2⁻⁵³ of the result
TERMS = 16


def exp_excess(x: NDArray) -> NDArray:
    """eˣ − 1 − x ≥ 0, to a few roundings relative to its own size, for every x.

    Args:
      x: any shape, any number system. Balls take (2): a series cut short would not enclose the truth.
    Returns:
      like x.

    Checked in tests/maths/test_exponential.py: against 50 digits, down to the smallest x whose square is a number.

    >>> float(exp_excess(np.array(1e-10)))
    5.000000000166667e-21
    """
    if x.dtype == object:
        return _enclosed(x)
    near = np.abs(x.real) < SERIES_BELOW
    small = np.where(near, x, 0 * x)
    series = 1 + 0 * small
    for k in range(TERMS, 2, -1):
        series = 1 + small / k * series  # (1)
    return np.where(near, small * small / 2 * series, np.expm1(x) - x)


def _enclosed(x: NDArray) -> NDArray:
    r"""eˣ − 1 − x on balls x = m + h with midpoint m, so that h holds 0.

    In eˣ − 1 − x both terms carry the radius of x, and subtracting adds what ought to cancel. Expanded about m,

        eˣ − 1 − x = (eᵐ − 1 − m) + (eᵐ − 1)(eʰ − 1) + (eʰ − 1 − h),  eʰ − 1 − h = h (exp θh − 1), 0 ≤ θ ≤ 1  (2)

    by the mean value theorem; θh lies in the ball of h. Near zero the radius is then about |x| times that of x.
    """
    m = np.frompyfunc(lambda ball: ball.mid(), 1, 1)(x)
    grown, h = np.expm1(m), x - m
    return (grown - m) + grown * np.expm1(h) + h * np.expm1(h)  # (2)

"""Means that say how far they can be trusted."""

import math
from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean, its standard error s/√K, and the ends of its confidence interval (NaN when K = 1)."""

    mean: float
    standard_error: float
    low: float
    high: float


def mean_interval(sample, confidence=0.95):
    """x̄ ± t · s/√K, Student's confidence interval of the mean of K independent draws.

        x̄ = Σ x / K        s² = Σ (x − x̄)² / (K − 1)                     (1)

    (x̄ − E x) / (s/√K) has Student's distribution with K − 1 degrees of freedom when the draws are normal, and nearly
    so for the mean of many draws that are not, so with t its (1 + confidence)/2 quantile

        P(|x̄ − E x| ≤ t · s/√K) = confidence                             (2)

    Args:
      sample: the draws, (K,).
      confidence: between 0 and 1.
    Returns: Interval.
    Raises: ValueError if the sample is empty or not one-dimensional, or the confidence out of range.
    Checked in tests/runs/test_statistics.py: scipy.stats, and the coverage over 2,000 samples.

    >>> mean_interval(np.array([1.0, 3.0])).mean  # s = √2, s/√2 = 1, t = 12.706
    2.0
    >>> round(mean_interval(np.array([1.0, 3.0])).high, 3)
    14.706
    """
    x = np.asarray(sample, np.float64)
    if x.ndim != 1 or len(x) == 0:
        raise ValueError(f"sample: expected shape (K,) with K ≥ 1, got {x.shape}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence: expected a number between 0 and 1, got {confidence}")
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, math.nan, math.nan, math.nan)
    from scipy.special import stdtrit

    standard_error = float(x.std(ddof=1)) / math.sqrt(len(x))  # (1)
    margin = float(stdtrit(len(x) - 1, (1 + confidence) / 2)) * standard_error  # (2)
    return Interval(mean, standard_error, mean - margin, mean + margin)


def moving_mean(x, window):
    """yₖ = mean of x[max(0, k − window + 1) … k]: the mean of the last `window` values, fewer at the start.

    >>> moving_mean(np.array([1.0, 3.0, 5.0]), 2)
    array([1., 2., 4.])

    Checked in tests/runs/test_statistics.py against the definition.
    """
    total = np.concatenate([[0.0], np.cumsum(x, dtype=np.float64)])
    last = np.arange(1, len(total))
    first = np.maximum(last - window, 0)
    return (total[last] - total[first]) / (last - first)

"""Arrays one row later or earlier: what a recursion looks at, and where a mistake looks instead."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def later(array: NDArray, last: NDArray) -> NDArray:
    """x_{t+1} in row t, and `last` (1, …) in the last row.

    >>> later(np.array([1, 2, 3]), np.array([0]))
    array([2, 3, 0])
    """
    return np.concatenate([array[1:], last])


def earlier(array: NDArray, first: Any) -> NDArray:
    """x_{t−1} in row t, and `first` in the first row.

    >>> earlier(np.array([1, 2, 3]), 0)
    array([0, 1, 2])
    """
    return np.concatenate([np.full_like(array[:1], first), array[:-1]])


def episode_start(done: NDArray) -> NDArray:
    """The index of the row with which the episode of each row began.

    >>> episode_start(np.array([[False], [True], [False]])).ravel()
    array([0, 0, 2])
    """
    rows = np.arange(len(done)).reshape(-1, *[1] * (done.ndim - 1))
    return np.maximum.accumulate(np.where(earlier(done, True), rows, 0), axis=0)

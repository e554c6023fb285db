"""Ranks: processes that hold the rows of one batch between them, and what is a function of all of those rows.

    R       ranks, numbered from 0; rank r holds b_r rows, B = Σ_r b_r
    x_r     the mean of something over the rows of rank r

A loss, its gradient, a Fisher-vector product, a KL divergence are means over rows, and the mean over the union is made
of the means over its parts, each with its own number of rows:

    x = (1/B) Σ_r b_r x_r                                                              (1)

What is no mean (a standardisation, an explained variance) is computed from the union. Either way every rank has the
same bits afterwards, so that all decide alike without asking each other: when to stop, how far to go.

`ALONE` is the one process that holds everything: each method then gives back what it was given. Who else is there is
the business of whoever makes a `Ranks` (experience/mpi.py); here it is two functions.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

ONE = np.ones(1, np.float32)  # the least precise number that sums of means are made of


class Ranks(NamedTuple):
    """One rank's view of all of them. All ranks must call the same methods in the same order."""

    rank: int
    size: int  # R
    add: Callable[[NDArray], NDArray]  # (P,) → its sum over ranks, to the same bits on each; may reuse the array
    gather: Callable[[Any], list]  # anything → what every rank gave, by rank
    leave: Callable[[int], int]  # an exit code; ends all ranks with it, and never returns unless there is only one

    def mean(self, means: Any, rows: int) -> Any:
        """(1) for an array, a number, or a tuple of such, each of them a mean over this rank's b_r = `rows` ≥ 1 rows.

        Checked in tests/maths/test_ranks.py: of rows dealt out in any way, the mean over all rows.

        >>> ALONE.mean((1.5, 2.5), 7)
        (1.5, 2.5)
        """
        if self.size == 1:
            return means
        if not isinstance(means, tuple):
            return self.mean((means,), rows)[0]
        arrays = [np.asarray(part) for part in means]
        sums = np.concatenate([ONE, *[array.ravel() for array in arrays]])  # one sum over ranks for everything
        sums *= rows
        sums = self.add(sums)
        sums /= sums[0]  # (1): B stands where 1 was
        parts, start = [], 1
        for array in arrays:
            part = sums[start : start + array.size].reshape(array.shape)
            parts.append(part.astype(array.dtype, copy=False)[()])
            start += array.size
        return tuple(parts)

    def total(self, count: int) -> int:
        """Σ_r count_r.

        >>> ALONE.total(7)
        7
        """
        return count if self.size == 1 else sum(self.gather(count))

    def first(self, value: Any) -> Any:
        """What rank 0 gave; what the others gave is forgotten.

        >>> ALONE.first("θ")
        'θ'
        """
        return self.gather(value if self.rank == 0 else None)[0]

    def union(self, *rows: NDArray) -> tuple[NDArray, ...]:
        """For each of the arrays (b_r, ...) the rows of all ranks, (B, ...), rank by rank.

        >>> ALONE.union(np.array([1.5, 2.5]))
        (array([1.5, 2.5]),)
        """
        if self.size == 1:
            return rows
        return tuple(np.concatenate(parts) for parts in zip(*self.gather(rows), strict=True))

    def across(self, function: Callable[[NDArray], NDArray], rows: NDArray) -> NDArray:
        """This rank's rows of function(union): for what changes each row as all of them demand.

        >>> ALONE.across(np.cumsum, np.array([1.5, 2.5]))
        array([1.5, 4. ])
        """
        if self.size == 1:
            return function(rows)
        parts = self.gather(rows)
        start = sum(map(len, parts[: self.rank]))
        return function(np.concatenate(parts))[start : start + len(rows)]

    def cuts(self, rows: int, size: int) -> list[int]:
        """Where this rank's b_r = `rows` rows are cut, 0 to b_r, so that slice k of every rank is minibatch k of all.

        The union has M = `size` rows, of which rank r gives its share, M b_r/B up to rounding; the last union may be
        smaller. All ranks have equally many slices, and none is empty: M is raised to B/b_r, should it be below, for
        the rank that has the fewest rows.

            cut k of rank r = ⌊k M b_r/B⌋        < b_r for k M < B, and ≥ 1 above the one before since M b_r ≥ B

        Checked in tests/maths/test_ranks.py.

        >>> ALONE.cuts(5, 2)
        [0, 2, 4, 5]
        """
        counts = self.gather(rows)
        total = sum(counts)
        size = max(size, -(-total // max(min(counts), 1)))
        return [k * rows // total for k in range(0, total, size)] + [rows]


ALONE = Ranks(0, 1, add=lambda array: array, gather=lambda value: [value], leave=lambda code: code)

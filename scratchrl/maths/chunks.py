r"""Chunks: the rows of a batch taken some thousands at a time, so that a pass needs the memory of one chunk's layers.

    C     rows in a chunk; chunk k holds b_k ≤ C rows, B = Σ_k b_k
    x_k   the mean, over the rows of chunk k, of something that is a mean over rows

A network remembers every layer of every row for the way back: for a million rows more than the data themselves. But
losses, gradients, Fisher-vector products and divergences are means over rows, and a mean is made of those of its parts,

    x = (1/B) Σ_k b_k x_k                                                              (1)

so a chunk's layers can be forgotten when its mean is taken. Ranks hold the parts of a batch side by side (ranks.py);
chunks come one after another. A batch of at most C rows is its own only chunk, and its mean is x₁ to the bit.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

ROWS = 16_384  # C: a multiple of the kernels' blocks; two layers of 64 in float32 are then 8 MiB


def cut(rows: Any, size: int = ROWS) -> list[Any]:
    """The chunks of an array (B, ...), or of a tuple of such arrays, named or not: views, C rows each but the last.

    >>> cut((np.arange(3), np.zeros(3)), size=2)
    [(array([0, 1]), array([0., 0.])), (array([2]), array([0.]))]
    """
    count = _count(rows)
    if count <= size:
        return [rows]
    ends = range(size, count + size, size)
    return [_by_parts(lambda array, end=end: array[end - size : end], rows) for end in ends]


def total(function: Callable[[Any], Any], rows: Any, size: int = ROWS) -> Any:
    """Σ_k f(chunk k), f giving a number, an array, or a tuple of such, each a sum over its rows.

    Checked in tests/maths/test_chunks.py.

    >>> total(np.sum, np.arange(5.0), size=2).item()
    10.0
    """
    first, *others = cut(rows, size)
    result = function(first)
    for part in others:
        result = _by_parts(np.add, result, function(part))
    return result


def mean(function: Callable[[Any], Any], rows: Any, size: int = ROWS) -> Any:
    """(1) for f giving a number, an array, or a tuple of such, each a mean over its rows.

    Args:
      function: of a chunk, which is like `rows`; rows: as for `cut`, B ≥ 1.
    Returns:
      what function(rows) is, up to rounding; to the bit if the rows are one chunk.

    Checked in tests/maths/test_chunks.py: every size of chunk, and the complex step through it.

    >>> mean(np.mean, np.array([1.0, 2.0, 6.0]), size=2).item()  # (2 · 1.5 + 1 · 6)/3
    3.0
    """
    count = _count(rows)
    if count <= size:
        return function(rows)
    sums = total(lambda part: _by_parts(lambda x: _count(part) * x, function(part)), rows, size)
    return _by_parts(lambda x: x / count, sums)  # (1)


def each(function: Callable[[Any], Any], rows: Any, size: int = ROWS) -> Any:
    """f row for row: its results on the chunks, arrays (b_k, ...) or tuples of such, one after the other.

    Checked in tests/maths/test_chunks.py.

    >>> each(lambda x: 2 * x, np.arange(3), size=2)
    array([0, 2, 4])
    """
    parts = [function(part) for part in cut(rows, size)]
    return parts[0] if len(parts) == 1 else _by_parts(lambda *arrays: np.concatenate(arrays), *parts)


def _count(rows: Any) -> int:
    return len(rows[0] if isinstance(rows, tuple) else rows)


def _by_parts(operation: Callable[..., Any], x: Any, *others: Any) -> Any:
    """The operation on numbers or arrays; on tuples, entry by entry, and a named tuple keeps its names."""
    if not isinstance(x, tuple):
        return operation(x, *others)
    entries = map(operation, x, *others)
    return type(x)(*entries) if hasattr(x, "_fields") else tuple(entries)

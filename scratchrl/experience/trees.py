"""Trees of arrays: NamedTuples whose leaves are arrays or numbers, as one block of memory and leaf by leaf."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

LINE = 64  # bytes: arrays begin on a line of the cache, so that no two share one


def leaves(tree: Any) -> Iterator[np.ndarray]:
    """The arrays of nested tuples in order; of numbers, arrays ().

    >>> [leaf.shape for leaf in leaves((np.zeros(2), (np.ones(3), 7)))]
    [(2,), (3,), ()]
    """
    if isinstance(tree, tuple):
        for child in tree:
            yield from leaves(child)
    else:
        yield np.asarray(tree)


def mapped(function: Callable[[np.ndarray], Any], tree: Any) -> Any:
    """The same tuples with function(leaf) in the place of every leaf, called in order.

    >>> mapped(np.sum, (np.ones(2), (np.ones(3), 7)))
    (np.float64(2.0), (np.float64(3.0), np.int64(7)))
    """
    if not isinstance(tree, tuple):
        return function(np.asarray(tree))
    children = [mapped(function, child) for child in tree]
    return type(tree)(*children) if hasattr(tree, "_fields") else tuple(children)


def write(tree: Any, values: Any) -> None:
    """The numbers of `values` go into the arrays of `tree`, in place.

    >>> tree = (np.zeros(2), np.array(0))
    >>> write(tree, (np.ones(2), 7))
    >>> tree
    (array([1., 1.]), array(7))
    """
    for array, value in zip(leaves(tree), leaves(values), strict=True):
        array[...] = value


def size(tree: Any) -> int:
    """Bytes that `laid_out` needs.

    >>> size((np.zeros(9), 7))  # 72 and 8 bytes, in whole lines
    192
    """
    return sum(_room(leaf) for leaf in leaves(tree))


def _room(array: np.ndarray) -> int:
    return -(-array.nbytes // LINE) * LINE


def laid_out(tree: Any, buffer: Any) -> Any:
    """Arrays like those of `tree`, one after the other in `buffer`; the numbers are those of the buffer.

    >>> block = bytearray(128)
    >>> x, n = laid_out((np.ones(2), 7), block)
    >>> n[()] = 5
    >>> x, laid_out((np.ones(2), 7), block)[1]
    (array([0., 0.]), array(5))
    """
    end = 0

    def place(array: np.ndarray) -> np.ndarray:
        nonlocal end
        start, end = end, end + _room(array)
        return np.ndarray(array.shape, array.dtype, buffer, start)

    return mapped(place, tree)

"""Tables of numbers as Hypothesis draws them: row by row, so that a counterexample shrinks to its fewest rows.

Every number is a float32, and simple ones (whole numbers, then 1/4096ths) come first, so that examples read well.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st


@cache
def number(bound: float = 4.0) -> Any:
    """Numbers in ±bound: bound/4 times a whole number from −4 to 4, or any other multiple of bound/2¹⁴."""
    return st.integers(-(2**14), 2**14).map(lambda k: k * bound / (4 if -4 <= k <= 4 else 2**14))


@cache
def between(low: float, high: float) -> Any:
    """2¹² + 1 evenly spaced float32 numbers from low to high, the one nearest 0 the simplest."""
    start = 0 if low >= 0 else 2**12 if high <= 0 else round(-low / (high - low) * 2**12)
    steps = st.integers(-start, 2**12 - start)
    return steps.map(lambda k: float(np.float32(low + (high - low) * ((k + start) / 2**12))))


FLAG = st.booleans()


@st.composite
def table(draw, columns: Mapping[str, Any], rows: Any = (1, 6), width: Any = None):
    """Arrays by name with one first axis: (rows,), or (rows, width) if a width is given.

    Args:
      columns: name -> strategy of one entry.
      rows, width: a number, or (least, most); a width of None means no second axis.
    """
    least, most = rows if isinstance(rows, tuple) else (rows, rows)
    across = 1 if width is None else draw(st.integers(*width)) if isinstance(width, tuple) else width
    drawn = draw(_rows(tuple(columns.values()), across, least, most))
    arrays = {name: _column(drawn, i, across) for i, name in enumerate(columns)}
    return arrays if width is not None else {name: array[:, 0] for name, array in arrays.items()}


@cache
def _rows(entries: tuple[Any, ...], across: int, least: int, most: int) -> Any:
    """Made once: Hypothesis takes longer to look a new strategy over than to draw from a known one."""
    return st.lists(st.tuples(*[st.tuples(*[entry] * across) for entry in entries]), min_size=least, max_size=most)


def _column(drawn: list[Any], index: int, across: int) -> np.ndarray:
    cells = [row[index] for row in drawn]
    kind = float if not cells or isinstance(cells[0][0], float) else None
    return np.array(cells, dtype=kind).reshape(len(drawn), across)

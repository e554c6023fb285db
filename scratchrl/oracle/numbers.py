r"""The number systems of the oracle: what is true, and how far rounding may take a formula from it. No rtol anywhere.

The functions of maths/ run on object arrays of balls (balls.py) as they stand, so that

    truth(f, x)            f at 200 bits: an enclosure of the true value, some 60 digits wide of the mark at most
    error_bound(f, p, x)   f at p bits: each step of a p-bit floating-point evaluation of f stays inside the ball of
                           that step, so the farthest point of the last ball bounds its distance from the truth

with p = 53 for float64 and 24 for float32. Inputs are taken as exact. A comparison whose two sides overlap has no
answer at this precision: `Undecidable` says so, and the case is put aside, because a rounded program may go either way.
"""

from collections.abc import Callable, Mapping
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.balls import Undecidable, interval, to_balls

TRUE_BITS = 200
BITS = {np.dtype(np.float64): 53, np.dtype(np.float32): 24, np.dtype(np.float16): 11}


def evaluate(f: Callable[..., Any], bits: int, inputs: Mapping[str, Any]) -> tuple[NDArray, ...]:
    """The outputs of f on balls of that many bits, always as a tuple of arrays.

    Raises: Undecidable, and whatever f raises.
    """
    with flint.ctx.workprec(bits), np.errstate(all="ignore"):
        return leaves(f(**{name: to_balls(value) for name, value in inputs.items()}))


def leaves(result: Any) -> tuple[NDArray, ...]:
    """One array or a sequence of them, as a tuple of arrays.

    >>> leaves([np.zeros(2), 1.0])
    (array([0., 0.]), array(1.))
    """
    if isinstance(result, tuple | list):
        return tuple(np.asarray(leaf) for leaf in result)
    return (np.asarray(result),)


def truth(f: Callable[..., Any], **inputs: Any) -> tuple[NDArray, ...]:
    """The value of the formula f at these exact inputs, correctly rounded to float64 or not at all.

    Args:
      f: of maths/, or any function of NumPy algebra; keyword arguments as f names them.
    Returns:
      a tuple of float64 arrays (integers and flags as they are), one for each output of f.
    Raises:
      Undecidable: an enclosure holds more than one float64, or a comparison has no answer.

    Checked in tests/oracle/test_numbers.py against mpmath.

    >>> truth(lambda x: np.log(x), x=np.array([2.0]))[0].item() == float(np.log(2.0))
    True
    """
    return tuple(rounded(leaf) for leaf in evaluate(f, TRUE_BITS, inputs))


def rounded(leaf: NDArray) -> NDArray:
    """The float64 nearest to each ball; integers and flags as they are.

    Raises: Undecidable.
    """
    if leaf.dtype != object:
        return leaf
    with flint.ctx.workprec(TRUE_BITS), np.errstate(invalid="ignore"):
        return np.array(np.frompyfunc(_nearest, 1, 1)(leaf), dtype=np.float64)


def _nearest(ball: Any) -> float:
    arb = interval(ball)
    low, high = float(arb.lower()), float(arb.upper())
    if low == high or arb.is_nan():
        return float(arb)
    if not flint.arb(0).overlaps(arb):
        raise Undecidable(f"{arb} does not decide its float64")
    return 0.0


def decimal(number: Any, digits: int = 40) -> str:
    """A ball or number to that many significant digits.

    >>> decimal(0.1, 20)
    '0.10000000000000000555'
    """
    arb = interval(number)
    return "0" if arb == 0 else arb.str(digits, radius=False)


def error_bound(f: Callable[..., Any], precision: int, **inputs: Any) -> tuple[NDArray, ...]:
    """How far an evaluation of f with `precision` bits can be from the truth: one bound for every number it returns.

    Each bound is the distance from the truth to the far end of f's ball at that precision, plus one rounding of the
    result itself.

    Args:
      f, inputs: as in `truth`; precision: 53 for float64, 24 for float32.
    Returns:
      a tuple of float64 arrays ≥ 0.
    Raises:
      Undecidable: a branch of f depends on the rounding.

    Checked in tests/oracle/test_numbers.py: float32 and float64 runs of the catalogue's references stay within it.

    >>> bound = error_bound(lambda x: x + 1, 24, x=np.array([2.0**-30]))[0].item()
    >>> 2.0**-24 <= bound <= 2.0**-21
    True
    """
    true, rough = evaluate(f, TRUE_BITS, inputs), evaluate(f, precision, inputs)
    return tuple(bounds(t, r, precision) for t, r in zip(true, rough, strict=True))


def bounds(true: NDArray, rough: NDArray, precision: int) -> NDArray:
    """`error_bound` of one output, from its balls at 200 bits and at that precision."""
    with flint.ctx.workprec(TRUE_BITS):
        ulp = flint.arb(2) ** -precision
        pairs = [(interval(t), interval(r)) for t, r in zip(true.flat, rough.flat, strict=True)]
        far = [_far_end(r - t) + _far_end(t) * ulp for t, r in pairs]
        return np.array([float(x) for x in far], dtype=np.float64).reshape(true.shape)


def distances(numbers: NDArray, true: NDArray) -> NDArray:
    """|number − truth|, entry by entry, nothing lost to rounding; nan where either is."""
    with flint.ctx.workprec(TRUE_BITS):
        pairs = zip(numbers.flat, true.flat, strict=True)
        return np.array([float(_far_end(interval(n) - interval(t))) for n, t in pairs], dtype=np.float64).reshape(
            true.shape
        )


def overlap(first: NDArray, second: NDArray) -> bool:
    """Whether two enclosures of the same shape could be of the same numbers."""
    return all(interval(a).overlaps(interval(b)) for a, b in zip(first.flat, second.flat, strict=True))


def _far_end(arb: Any) -> Any:
    return abs(arb).upper()

r"""How many ulps an evaluation in float64 is off, against the truth: balls of 200 bits.

Let ŷ be what a function returns in float64, y the truth for exactly the same inputs x, and u = 2⁻⁵³, half the distance
of 1 to the next float64: the largest relative error of one rounding. Entry by entry,

    scaled = |ŷ − y| / ( u · (|y| + Σ_i |∂y/∂x_i| |x_i|) )                                (1)
    plain  = |ŷ − y| / ulp(y)                                                             (2)
    share  = |ŷ − y| / (the proven bound for this formula with 53 bits, numbers.py)       (3)

The unit of (1) is what one rounding of the result and one of each input do to the result. Nobody who is handed rounded
inputs can ask for more than a few units, and a program that loses no more is called backward stable: its result is
exact for inputs that nobody could tell from those given. Where the result is a small difference of large inputs (2) is
large however good the program is, and (1) is not. Every float64 among the arguments is an input, settings such as γ
too. (1) knows nothing of the number of operations: a sum over T steps may lose some √T of its units, but (3) at most 1.

The derivatives in (1) are complex steps; one that overflows counts as 0, which makes (1) larger. Errors below 2⁻¹⁰²²,
the smallest normal number, are underflow and count as none, and so does a truth beyond the largest float64.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.differentiation import complex_step
from scratchrl.oracle.numbers import TRUE_BITS, bounds, distances, evaluate

PRECISION, ROOM = 53, 3  # bits of a float64, and those that are left to libm and to sums in another order
UNIT, TINY, HUGE = 2.0**-PRECISION, float(np.finfo(np.float64).tiny), float(np.finfo(np.float64).max)
MORE_BITS = 4000  # for results like e⁻¹⁰⁰⁰ beside 1, of which 200 bits see nothing
SUSPICIOUS = 2.0  # scaled ulps from which on a case has to prove that its branches do not depend on rounding

Case = tuple[Callable[..., Any], Sequence[Any]]


class Ulps(NamedTuple):
    """(1) and (2) of one case: the worst over the entries of the result."""

    scaled: float
    plain: float


def measure(case: Case, known: float = 0.0) -> Ulps | None:
    """(1) and (2) of a function on its arguments; None if a branch depends on the rounding, or the truth is no number.

    Args:
      case: (function, arguments). Arrays of floats among these and floats, in lists too, are the inputs.
      known: (1) need not be worked out where it is certainly smaller, and |ŷ − y|/u|y| is returned for it.

    Checked in tests/oracle/test_accuracy.py: exact functions, formulas that are known to cancel.

    >>> measure((np.add, [np.array([2.0**53]), np.array([1.0])]))  # y = 2⁵³ + 1 is halfway between two float64
    Ulps(scaled=0.5, plain=0.5)
    """
    f, x = as_one_vector(case)
    with np.errstate(all="ignore"):
        got = np.asarray(f(x), dtype=np.float64)
        try:
            error, size = _against_the_truth(f, x, got)
            plain = _worst(error / np.spacing(np.maximum(size, TINY)))
            scaled = _worst(error / (UNIT * size + TINY))
            if scaled > known:
                scaled = _worst(error / (UNIT * (size + sensitivity(f, x)) + TINY))  # (1)
            if scaled > SUSPICIOUS:
                evaluate(f, PRECISION - ROOM, {"x": x})
        except Undecidable:
            return None
    return Ulps(scaled, plain)


def share_of_bound(case: Case) -> float:
    """(3): which part of the proven bound the error is, at its worst entry.

    >>> share_of_bound((np.sqrt, [np.array([2.0, 3.0])])) < 1
    True
    """
    f, x = as_one_vector(case)
    with np.errstate(all="ignore"):
        true, rough = (evaluate(f, bits, {"x": x})[0] for bits in (TRUE_BITS, PRECISION))
        error = distances(np.asarray(f(x), dtype=np.float64), true)
        return _worst(error / (bounds(true, rough, PRECISION) + TINY))


def as_one_vector(case: Case) -> tuple[Callable[..., NDArray], NDArray]:
    """The same function from all its inputs in one vector to all numbers of its result in one, and these inputs.

    >>> f, x = as_one_vector((lambda a, k, b: (a[k] * b, k), [np.array([2.0, 3.0]), 1, 5.0]))
    >>> x.tolist(), f(x).tolist()
    ([2.0, 3.0, 5.0], [15.0])
    """
    function, arguments = case
    x, build = inputs(arguments)
    return lambda x: _flat(function(*build(x))), x


def inputs(arguments: Sequence[Any]) -> tuple[NDArray, Callable[[NDArray], list[Any]]]:
    """Arrays of floats among the arguments, and floats, in lists too, as one vector; and the way back."""
    found: list[NDArray] = []
    plan = [_planned(argument, found) for argument in arguments]
    vector = np.concatenate([array.ravel() for array in found]) if found else np.zeros(0)
    return vector, lambda x: [build(x) for build in plan]


def _planned(argument: Any, found: list[NDArray]) -> Callable[[NDArray], Any]:
    """How to make an argument from the vector of all inputs; its own are added to those found before."""
    if isinstance(argument, list):
        items = [_planned(item, found) for item in argument]
        return lambda x: [item(x) for item in items]
    if not isinstance(argument, float) and getattr(argument, "dtype", None) != np.float64:
        return lambda x: argument
    start, shape = sum(array.size for array in found), np.shape(argument)
    found.append(np.asarray(argument))
    part, is_scalar = slice(start, start + found[-1].size), isinstance(argument, float)
    return lambda x: x[start] if is_scalar else x[part].reshape(shape)


def _flat(result: Any) -> NDArray:
    """All numbers of a result, indices and flags left out."""
    arrays = [np.ravel(leaf) for leaf in _leaves(result)]
    return np.concatenate([array for array in arrays if array.dtype.kind not in "iub"] or [np.zeros(0)])


def _leaves(result: Any) -> list[Any]:
    return [leaf for branch in result for leaf in _leaves(branch)] if isinstance(result, tuple | list) else [result]


def _against_the_truth(f: Callable[..., NDArray], x: NDArray, got: NDArray) -> tuple[NDArray, NDArray]:
    """|ŷ − y| and |y|; both 0 where the truth is no float64, and |ŷ − y| is inf where ŷ is not but y is."""
    true, zero = evaluate(f, TRUE_BITS, {"x": x})[0], np.zeros(got.shape)
    error, size = distances(got, true), distances(zero, true)
    if (distances(zero, true - true) > 2.0**-70 * size + TINY).any():  # the diameter of the ball
        true = evaluate(f, MORE_BITS, {"x": x})[0]
        error, size = distances(got, true), distances(zero, true)
    outside = ~(size <= HUGE)
    error = np.where(np.isfinite(got), error, np.inf)
    return np.where(outside, 0.0, error), np.where(outside, 0.0, size)


def sensitivity(f: Callable[..., NDArray], x: NDArray) -> NDArray:
    """Σ_i |∂y/∂x_i| |x_i|. All inputs turn complex at once, so that no function takes some for settings."""
    slopes = complex_step(lambda z: f(z).astype(complex), x)
    return np.nan_to_num(np.abs(slopes) * np.abs(x), nan=0.0, posinf=0.0).sum(axis=-1)


def _worst(ulps: NDArray) -> float:
    return float(ulps.max(initial=0.0))

r"""Arrays that carry a proven bound on what rounding can have done: the number system for whole networks.

Balls (numbers.py) are proven one number at a time; a batch through a network is a million of them. A `Bounded` is the
same idea, whole arrays at once: a float64 array and, entry by entry, how far any program may be from it that does the
same operations in floating point with unit roundoff u, summing in whatever order it likes. rules.py says how each
operation carries error on and adds its own.

The float64 array has rounding of its own. All bounds are convex in u and 0 at u = 0, so with u + 2⁻⁵³ in the place of
u the bound covers the distance between that program and this array. The bound itself is computed in float64, by sums
of positive terms, and is true to a relative 1e-9 or so.

NumPy hands its functions over to a Bounded, so the functions of maths/ run on it as they stand.

Paper: Wilkinson (1963), Rounding errors in algebraic processes: running error analysis.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from scratchrl.oracle.traces import rules

HALF_ULP = 2.0**-53


class Bounded(NDArrayOperatorsMixin):
    """value ± error, float64 arrays of one shape; `unit` is the roundoff of the program that is bounded.

    Checked in tests/oracle/traces/test_bounded.py: float32 runs of networks, densities and curvature stay within;
    balls agree.

    >>> x = Bounded(np.array([3.0]), np.array([0.5]), 0.0)
    >>> (x * x).value.item(), (x * x).error.item()  # 2.5² … 3.5² is within 9 ± 3.25
    (9.0, 3.25)
    """

    __slots__ = ("error", "unit", "value")
    __hash__ = None  # type: ignore[assignment]
    dtype = np.dtype(object)  # to the functions of maths/ it is another number system, like balls

    def __init__(self, value: Any, error: Any = None, unit: float = 0.0):
        self.value = np.asarray(value, dtype=np.float64)
        self.error = np.zeros(self.value.shape) if error is None else np.asarray(error, dtype=np.float64)
        self.unit = unit

    def __repr__(self) -> str:
        return f"Bounded({self.value} ± {self.error})"

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, key: Any) -> "Bounded":
        return Bounded(self.value[key], self.error[key], self.unit)

    def __setitem__(self, key: Any, new: Any) -> None:
        self.value[key], self.error[key] = pair(new)

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """An object array of numbers, each with its error: what an assignment into a plain array needs."""
        cells = np.empty(self.shape, object)
        for index in np.ndindex(self.shape):
            cells[index] = self[index]
        return cells

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        rule = rules.RULES.get(ufunc.__name__)
        if rule is None or method != "__call__" or options:
            return NotImplemented
        unit = max(x.unit for x in inputs if isinstance(x, Bounded))
        with np.errstate(all="ignore"):
            value, error = rule(unit, *(pair(x) for x in inputs))
        if out is None:
            return Bounded(value, error, unit)
        out[0].value, out[0].error = value, error
        return out[0]

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        rule = FUNCTIONS.get(function.__name__)
        return NotImplemented if rule is None else rule(self.unit, *args, **kwargs)

    @classmethod
    def pi(cls) -> "Bounded":
        return cls(np.pi, np.pi * HALF_ULP)

    def log(self) -> Any:
        return np.log(self)

    @property
    def flat(self) -> list["Bounded"]:
        return [self]  # what constants.py asks for its type

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        return np.ndim(self.value)

    @property
    def size(self) -> int:
        return np.size(self.value)

    @property
    def T(self) -> "Bounded":
        return Bounded(self.value.T, self.error.T, self.unit)

    def reshape(self, *shape: Any) -> "Bounded":
        return Bounded(self.value.reshape(*shape), self.error.reshape(*shape), self.unit)

    def astype(self, dtype: Any, copy: bool = True) -> "Bounded":
        """Itself: precision is what `unit` says."""
        return self

    def sum(self, axis: Any = None, keepdims: bool = False) -> "Bounded":
        value = self.value.sum(axis=axis, keepdims=keepdims)
        terms = self.size // max(1, np.size(value))
        size = (np.abs(self.value) + self.error).sum(axis=axis, keepdims=keepdims)
        error = self.error.sum(axis=axis, keepdims=keepdims) + rules.many_roundings(terms - 1, self.unit) * size
        return Bounded(value, error, self.unit)

    def mean(self, axis: Any = None, keepdims: bool = False) -> "Bounded":
        total = self.sum(axis, keepdims)
        return total / (self.size // max(1, total.size))

    def max(self, axis: Any = None, keepdims: bool = False) -> "Bounded":
        """The largest value; moves by no more than the largest error."""
        value, error = self.value.max(axis=axis, keepdims=keepdims), self.error.max(axis=axis, keepdims=keepdims)
        return Bounded(value, error, self.unit)


def rounding(value: Any, bits: int, error: Any = None) -> Bounded:
    """Numbers, exact unless an error is said, to be computed with at that many bits: 24 for float32, 53 for float64.

    >>> (rounding(np.array([2.0]), 24) / 3).error < 2.0**-24
    array([ True])
    """
    return Bounded(value, error, 2.0**-bits + HALF_ULP)


def pair(x: Any) -> tuple[Any, Any]:
    """(value, error) of an operand: numbers and plain arrays are exact, object arrays hold numbers with errors."""
    if isinstance(x, Bounded):
        return x.value, x.error
    array = np.asarray(x)
    if array.dtype != object:
        return array.astype(np.float64), np.zeros(array.shape)
    cells = [pair(cell) for cell in array.flat]
    value, error = (np.array([float(cell[i]) for cell in cells]).reshape(array.shape) for i in (0, 1))
    return value, error


def collected(result: Any, bits: int) -> Bounded:
    """A result that has become an object array of numbers with errors, as a Bounded again."""
    if isinstance(result, Bounded):
        return result
    value, error = pair(result)
    return rounding(value, bits, error)


# ---- NumPy's functions that are no ufuncs ----


def _where(unit: float, condition: Any, a: Any, b: Any) -> Bounded:
    (yes, doubt), (value_a, error_a), (value_b, error_b) = pair(condition), pair(a), pair(b)
    error = np.where(yes != 0, error_a, error_b)
    spread = np.where(doubt > 0, np.abs(value_a - value_b) + error_a + error_b, 0)
    return Bounded(np.where(yes != 0, value_a, value_b), error + spread, unit)


def _concatenate(unit: float, arrays: Any, axis: int = 0) -> Bounded:
    values, errors = zip(*(pair(array) for array in arrays), strict=True)
    return Bounded(np.concatenate(values, axis), np.concatenate(errors, axis), unit)


def _broadcast_to(unit: float, array: Bounded, shape: tuple[int, ...]) -> Bounded:
    return Bounded(np.broadcast_to(array.value, shape), np.broadcast_to(array.error, shape), unit)


def _clip(unit: float, array: Any, low: Any, high: Any) -> Any:
    return np.minimum(np.maximum(array, low), high)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "where": _where,
    "clip": _clip,
    "concatenate": _concatenate,
    "broadcast_to": _broadcast_to,
    "result_type": lambda unit, *args: np.dtype(object),
    "zeros_like": lambda unit, array: Bounded(np.zeros(array.shape), np.zeros(array.shape), unit),
    "ones_like": lambda unit, array: Bounded(np.ones(array.shape), np.zeros(array.shape), unit),
}

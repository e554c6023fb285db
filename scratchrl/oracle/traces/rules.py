r"""How far rounding takes each operation: rules (unit, (value, error), …) -> (value, error) for bounded.py.

    fl(a ∘ b) = (a ∘ b)(1 + η), |η| ≤ u                            one rounding for each of + − · / √              (1)
    |fl(Σ_{k≤n} a_k b_k) − Σ a_k b_k| ≤ γ_n Σ |a_k||b_k|,          γ_n = n u/(1 − n u), in whatever order          (2)

What came in as error goes on by the exact remainder of each operation (a product by |a|e_b + |b|e_a + e_a e_b, exp by
exp(a)(exp(e) − 1), …), never by first order alone, so a bound holds however large it is. A comparison that the errors
leave open is a number too: 0 or 1, with error 1.

Paper: Higham (2002), Accuracy and stability of numerical algorithms, section 3.1 for (2).
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Pair = tuple[Any, Any]  # value, error
ELEMENTARY = 8  # roundings allowed to exp, log and tanh, which no standard wants correct: 4 units in the last place


def many_roundings(n: int, unit: float) -> float:
    """γ_n = n u / (1 − n u): what n roundings in a row do at most, relatively; inf when that is all there is.

    >>> many_roundings(2, 0.25)
    1.0
    """
    return n * unit / (1 - n * unit) if n * unit < 1 else np.inf


def _rounded(unit: float, value: Any, error: Any) -> Pair:
    return value, error + unit * (np.abs(value) + error)  # (1)


def _product(unit: float, a: Pair, b: Pair) -> Pair:
    return _rounded(unit, a[0] * b[0], np.abs(a[0]) * b[1] + np.abs(b[0]) * a[1] + a[1] * b[1])


def _quotient(unit: float, a: Pair, b: Pair) -> Pair:
    value, room = a[0] / b[0], np.abs(b[0]) - b[1]
    return _rounded(unit, value, np.where(room > 0, (a[1] + np.abs(value) * b[1]) / room, np.inf))


def _matrix_product(unit: float, a: Pair, b: Pair) -> Pair:
    size_a, size_b = np.abs(a[0]) + a[1], np.abs(b[0]) + b[1]
    spread = size_a @ b[1] + a[1] @ np.abs(b[0])
    return a[0] @ b[0], spread + many_roundings(a[0].shape[-1], unit) * (size_a @ size_b)  # (2)


def _elementary(function: Callable[..., Any], spread: Callable[..., Any]) -> Callable[..., Pair]:
    """A rule from spread(a, e), a bound on |f(a ± e) − f(a)|."""
    return lambda unit, a: _rounded(ELEMENTARY * unit, function(a[0]), spread(*a))


def _root(unit: float, a: Pair) -> Pair:
    value = np.sqrt(a[0])
    low = np.sqrt(np.maximum(a[0] - a[1], 0))
    return _rounded(unit, value, np.where(a[1] > 0, a[1] / (value + low), 0))


def _comparison(holds: Callable[..., Any]) -> Callable[..., Pair]:
    def compare(unit: float, a: Pair, b: Pair) -> Pair:
        doubt = a[1] + b[1]
        return holds(a[0], b[0]) * 1.0, ((np.abs(a[0] - b[0]) <= doubt) & (doubt > 0)) * 1.0

    return compare


def _larger_error(choose: Callable[..., Any]) -> Callable[..., Pair]:
    return lambda unit, a, b: (choose(a[0], b[0]), np.maximum(a[1], b[1]))


RULES: dict[str, Callable[..., Pair]] = {
    "add": lambda unit, a, b: _rounded(unit, a[0] + b[0], a[1] + b[1]),
    "subtract": lambda unit, a, b: _rounded(unit, a[0] - b[0], a[1] + b[1]),
    "multiply": _product,
    "divide": _quotient,
    "matmul": _matrix_product,
    "negative": lambda unit, a: (-a[0], a[1]),
    "absolute": lambda unit, a: (np.abs(a[0]), a[1]),
    "power": lambda unit, a, b: _product(unit, a, a) if np.all(b[0] == 2) else NotImplemented,
    "square": lambda unit, a: _product(unit, a, a),
    "exp": _elementary(np.exp, lambda a, e: np.exp(a) * np.expm1(e)),
    "expm1": _elementary(np.expm1, lambda a, e: np.exp(a) * np.expm1(e)),
    "log": _elementary(np.log, lambda a, e: np.where(e < a, -np.log1p(-e / a), np.inf)),
    "sqrt": _root,
    "tanh": _elementary(np.tanh, lambda a, e: e / np.cosh(np.maximum(np.abs(a) - e, 0)) ** 2),  # steepest near 0
    "maximum": _larger_error(np.maximum),
    "minimum": _larger_error(np.minimum),
    "greater": _comparison(np.greater),
    "greater_equal": _comparison(np.greater_equal),
    "less": _comparison(np.less),
    "less_equal": _comparison(np.less_equal),
    "equal": _comparison(np.equal),
    "not_equal": _comparison(np.not_equal),
    "invert": lambda unit, a: (1 - a[0], a[1]),
}

"""Balls: numbers that know how far they may be from the truth.

A ball is an interval m ± r; every operation on balls returns one that provably contains the result for all numbers in
its operands (python-flint, Arb), at the precision of flint's context. The functions of maths/ run on object arrays of
balls as they stand. A comparison whose two sides overlap has no answer at this precision: `Undecidable`.

Paper: Johansson (2017), Arb: efficient arbitrary-precision midpoint-radius interval arithmetic.
"""

import math
import operator
from typing import Any

import flint
import numpy as np


class Undecidable(ArithmeticError):
    """A comparison of two balls that overlap: at this precision nobody can know."""


class Ball:
    """An Arb ball that compares only when the answer is certain. NumPy calls its methods: np.exp(array) -> .exp()."""

    __slots__ = ("arb",)

    def __init__(self, number: Any):
        self.arb = flint.arb(_raw(number))

    def __repr__(self) -> str:
        return f"Ball({self.arb})"

    def __bool__(self) -> bool:
        return self != 0

    def __float__(self) -> float:
        """The midpoint; 0 where it might be 0."""
        return 0.0 if not self.arb.is_nan() and self.arb.contains(0) else float(self.arb)

    @classmethod
    def pi(cls) -> "Ball":
        return _wrap(flint.arb.pi())

    def square(self) -> "Ball":
        return _wrap(self.arb * self.arb)

    def sign(self) -> int:
        return 0 if self == 0 else 1 if flint.arb(0) < self.arb else -1

    def conjugate(self) -> "Ball":
        return self


def _raw(number: Any) -> Any:
    if type(number) is Ball:
        return number.arb
    return number.item() if isinstance(number, np.generic) else number


def _wrap(arb: Any) -> Ball:
    ball = object.__new__(Ball)
    ball.arb = arb
    return ball


def _power(x: Any, n: Any) -> Any:
    """xⁿ. Arb's own is nan where the midpoint of x is 0: it takes a logarithm there."""
    return math.prod([x] * n) if isinstance(n, int) and n > 0 and x.mid() == 0 else x**n


def _arithmetic(name: str) -> None:
    step = _power if name == "pow" else getattr(operator, name)

    def forward(self, other):
        return NotImplemented if isinstance(other, np.ndarray) else _wrap(step(self.arb, _raw(other)))

    def backward(self, other):
        return NotImplemented if isinstance(other, np.ndarray) else _wrap(step(flint.arb(_raw(other)), self.arb))

    setattr(Ball, f"__{name}__", forward)
    setattr(Ball, f"__r{name}__", backward)


def _comparison(name: str, opposite: str) -> None:
    holds, fails = getattr(operator, name), getattr(operator, opposite)

    def compare(self, other):
        other = flint.arb(_raw(other))
        if holds(self.arb, other):
            return True
        if fails(self.arb, other):
            return False
        raise Undecidable(f"{self.arb} and {other} overlap")

    setattr(Ball, f"__{name}__", compare)


def _function(name: str, method: str) -> None:
    setattr(Ball, name, lambda self: _wrap(getattr(self.arb, method)()))


for _name in ("add", "sub", "mul", "truediv", "pow"):
    _arithmetic(_name)
for _name, _opposite in (("lt", "ge"), ("le", "gt"), ("gt", "le"), ("ge", "lt"), ("eq", "ne"), ("ne", "eq")):
    _comparison(_name, _opposite)
for _name in ("exp", "expm1", "log", "log1p", "sqrt", "sinh", "cosh", "tanh", "sin", "cos", "atanh"):
    _function(_name, _name)
for _name in ("floor", "ceil", "mid"):
    _function(_name, _name)
for _name, _method in (("__neg__", "__neg__"), ("__abs__", "__abs__"), ("arctanh", "atanh")):
    _function(_name, _method)
Ball.__hash__ = None  # type: ignore[assignment]

_each = np.frompyfunc(Ball, 1, 1)


def to_balls(value: Any) -> Any:
    """Floating-point arrays and floats, in lists too, as exact balls; integers, flags, all else as they are."""
    if isinstance(value, list):
        return [to_balls(item) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        return np.array(_each(value), dtype=object)
    return Ball(value) if isinstance(value, float) else value


def interval(number: Any) -> Any:
    """A ball, number or flag as flint's own."""
    number = _raw(number)
    return flint.arb(int(number) if isinstance(number, bool | np.bool_) else number)

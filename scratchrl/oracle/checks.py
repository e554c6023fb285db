"""What a claim of the library is made of, and the few measurements that all claims share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scratchrl.oracle.differentiation import complex_step, complex_step_directional, relative_error

FIRST, SECOND, EXACT = 1e-12, 1e-10, 1e-12  # bounds: first derivatives, second derivatives, identities


class Check(NamedTuple):
    """One claim about one function: error(rng) is by how much it is missed in one random case."""

    function: str  # "module.name"
    claim: str
    bound: float
    error: Callable[[np.random.Generator], float]


class Row(NamedTuple):
    """What became of a claim."""

    function: str
    check: str
    worst: float
    bound: float
    cases: int


def on(error: Callable[..., float], *variant: Any) -> Callable[[np.random.Generator], float]:
    """error(rng, *variant) as a function of rng alone: one measurement on one variant of a function."""
    return lambda rng: error(rng, *variant)


def gradient_error(value: Callable[[NDArray], NDArray], x: NDArray, gradient: NDArray) -> float:
    """Of a gradient of Σ value(x), against a complex step in every entry of x."""
    return relative_error(gradient, complex_step(lambda x: value(x).sum(), x))


def direction_error(function: Callable[[NDArray], NDArray], x: NDArray, v: NDArray, product: NDArray) -> float:
    """Of a Jacobian times v, against one complex step along v."""
    return relative_error(product, complex_step_directional(function, x, v))


def gap(left: ArrayLike, right: ArrayLike, size: float = 1.0) -> float:
    """How far two sides of an identity are apart, relative to the larger of `size` and the numbers in it."""
    return float(np.abs(np.subtract(left, right)).max() / max(size, np.abs(right).max()))

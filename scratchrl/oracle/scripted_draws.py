"""A generator of random numbers whose numbers are known: what is drawn at random can then be compared exactly.

It is called like numpy.random.Generator (or the older RandomState) and gives the next numbers of a script, standard
normal ones and ones between 0 and 1 apart from each other, in the order in which they are asked for.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scratchrl.oracle.roles import Role


class ScriptedGenerator:
    """numpy.random.Generator, as far as exploration and replays need it.

    Args:
      normal: standard normal draws, uniform: draws from [0, 1), in their order.

    Checked in tests/oracle/test_scripted_draws.py.

    >>> rng = ScriptedGenerator([0.5, -1.0], [0.25])
    >>> rng.normal(loc=1.0, scale=2.0, size=2).tolist(), float(rng.uniform(10, 14))
    ([2.0, -1.0], 11.0)
    """

    def __init__(self, normal: ArrayLike, uniform: ArrayLike):
        self.left = {"normal": np.ravel(normal), "uniform": np.ravel(uniform)}

    def _next(self, kind: str, size: Any) -> Any:
        count = int(np.prod(1 if size is None else size))
        if count > len(self.left[kind]):
            raise IndexError(f"rng: {count} more {kind} numbers were drawn, only {len(self.left[kind])} are needed")
        found, self.left[kind] = np.split(self.left[kind], [count])
        return float(found[0]) if size is None else found.reshape(size)

    def standard_normal(self, size: Any = None) -> Any:
        return self._next("normal", size)

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        return loc + scale * self._next("normal", _shape(size, loc, scale))

    def random(self, size: Any = None) -> Any:
        return self._next("uniform", size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        return low + np.subtract(high, low) * self._next("uniform", _shape(size, low, high))

    def choice(self, a: Any, size: Any = None, replace: bool = True, p: Any = None) -> Any:
        """One of a, or of range(a), where the cumulative probability passes a uniform draw; with replacement only."""
        among = np.arange(a) if np.ndim(a) == 0 else np.asarray(a)
        shares = np.full(len(among), 1 / len(among)) if p is None else np.asarray(p, np.float64)
        passed = np.searchsorted(np.cumsum(shares), self._next("uniform", size), side="right")
        return among[np.minimum(passed, len(among) - 1)]

    random_sample = random

    def randn(self, *size: int) -> Any:
        return self._next("normal", size or None)

    def rand(self, *size: int) -> Any:
        return self._next("uniform", size or None)

    def __repr__(self) -> str:
        return f"<generator of {self.left['normal'].tolist()} and {self.left['uniform'].tolist()}>"


def _shape(size: Any, *parameters: Any) -> Any:
    """Of what is drawn: the size that is asked for, else that of the parameters."""
    common = np.broadcast_shapes(*map(np.shape, parameters))
    return common if size is None and common else size


def rng(normal: str = "", uniform: str = "", **more: Any) -> Role:
    """A generator in the place of the canonical arguments of these names, the draws; normal comes first."""
    names = tuple(name for name in (normal, uniform) if name)

    def draws(case: Any) -> list[NDArray]:
        return [np.asarray(case[name]) if name else np.zeros(0) for name in (normal, uniform)]

    def means(given: Any) -> Any:
        return {name: array for name, array in zip((normal, uniform), given["rng"], strict=True) if name}

    return Role(
        "rng", ("generator", "random_state", "np_random", "random", "key", "rs"), names, draws, means,
        excludes=names, make=lambda draws: ScriptedGenerator(*map(np.asarray, draws)), **more,
    )  # fmt: skip

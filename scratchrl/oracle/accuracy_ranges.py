"""The ranges of inputs on which accuracy is measured: ordinary numbers for every function of maths/, and for every spec
its own ordinary and hard ones.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle import search, specs
from scratchrl.oracle.accuracy_cases import FAMILIES
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.ulps import Case

ORDINARY = "ordinary numbers"
WEIGHTS = {"squashed_gaussian.entropy": 100, "quadrature.normal_rule": 20, "pearlmutter": 5, "policies": 5, "mlp": 3}
WEIGHT_OF_LONG = 50  # trajectories of 200 steps
SIMPLEST = 3  # cases that Hypothesis begins with, all zeros and the like: not worth a place among few


class Range(NamedTuple):
    """Inputs of one kind for one function: draw(count, seed) makes cases. A weight counts one case as several."""

    function: str  # module.name, or the name of a spec
    label: str
    is_tame: bool
    weight: int
    draw: Callable[[int, int], list[Case]]


def every() -> list[Range]:
    """All ranges: of the functions in the order of their table, then of the specs in theirs."""
    return [*_of_functions(), *_of_specs()]


def _of_functions() -> list[Range]:
    return [
        Range(name, ORDINARY, True, _weight(name), partial(_draw_functions, index, name))
        for index, family in enumerate(FAMILIES)
        for name in family(np.random.default_rng(0))
    ]


def _weight(name: str) -> int:
    return next((weight for start, weight in WEIGHTS.items() if name.startswith(start)), 1)


def _draw_functions(index: int, name: str, count: int, seed: int) -> list[Case]:
    rows = [_family(index, seed, case)[name] for case in range(count)]
    return [(function, arguments) for function, *arguments in rows]


@lru_cache(maxsize=4096)
def _family(index: int, seed: int, case: int) -> dict[str, Any]:
    return FAMILIES[index](np.random.default_rng([seed, case]))


def _of_specs() -> list[Range]:
    return [
        Range(spec.name, label, kind is spec.tame, WEIGHT_OF_LONG if "200 steps" in label else 1, draw)
        for spec in specs.every().values()
        for kind in (spec.tame, spec.stress)
        for label, strategy in kind.items()
        for draw in [partial(_draw_spec, spec, strategy)]
    ]


def _draw_spec(spec: Spec, strategy: Any, count: int, seed: int) -> list[Case]:
    return [_in_a_row(spec, case) for case in search.draw(strategy, count + SIMPLEST, seed)[-count:]]


def _in_a_row(spec: Spec, case: Mapping[str, Any]) -> Case:
    """The reference of a spec and its arguments, by position."""
    return lambda *values: spec.reference(**dict(zip(case, values, strict=True))), list(case.values())

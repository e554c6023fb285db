"""Which entries of the catalogue, one or two, compute what was recorded from what was recorded.

One observed case has thousands of rows where diagnosis has many small ones, so float64 is asked first, and balls only
about what it finds near.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle import mistakes
from scratchrl.oracle.answers import Outputs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.judgement import judge
from scratchrl.oracle.mistake import BUG
from scratchrl.oracle.naming import Explanation
from scratchrl.oracle.roles import Case
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.subjects import Reading

PLAUSIBLE = 2.0**-10  # of the largest number around: what float64 has to agree to before balls are asked


def explain(
    reading: Reading, case: Case, answer: Outputs, tolerance: tuple[NDArray, ...]
) -> Explanation | None:
    """The least explanation by the catalogue: one entry before two, conventions before bugs.

    Args:
      tolerance: of the right formula. It judges a mistake in float64 where balls cannot: max(x, y) of two equal balls
        is undecidable, and one such row in a batch would hide the whole entry.
    """
    floats, recorded = as_floats(case), answer.arrays[0]
    alone = reading._replace(spec=reading.spec._replace(formulas=()))  # inside a mistake they need not say the same
    numbers = [x[np.isfinite(x)] for x in map(np.asarray, (*floats.values(), recorded)) if x.dtype.kind == "f"]
    largest = max(np.abs(x).max(initial=1.0) for x in numbers)
    for found in _candidates(reading.spec):
        value = in_floats(found.function, floats)
        if value is None or value.size != recorded.size:
            continue
        value = value.reshape(recorded.shape)
        if not _near(value, recorded, PLAUSIBLE * largest):
            continue
        try:
            agrees = judge(found.function, alone, case, answer, True).agrees
        except Undecidable:
            agrees = bool(tolerance) and _near(value, recorded, tolerance[0])
        if agrees:
            return found
    return None


def _candidates(spec: Spec) -> Iterator[Explanation]:
    known = mistakes.against(spec.name)
    ones = [Explanation((entry,), entry.around(spec.reference)) for entry in known]
    twos = [
        Explanation((outer, inner), outer.around(inner.around(spec.reference)))
        for outer, inner in product(known, known)
        if outer.slug != inner.slug
    ]
    for group in (ones, twos):
        yield from sorted(group, key=lambda found: sum(entry.kind == BUG for entry in found.entries))


def as_floats(case: Case) -> Case:
    """The case in float64."""
    return {name: np.float64(value) if is_float(value) else value for name, value in case.items()}


def in_floats(function: Callable[..., Any], floats: Case) -> NDArray | None:
    """Its first output, unless it fails."""
    with np.errstate(all="ignore"):
        try:
            result = function(**floats)
            return np.asarray(result[0] if isinstance(result, tuple) else result, dtype=np.float64)
        except Exception:
            return None


def _near(value: NDArray, recorded: NDArray, room: Any) -> bool:
    with np.errstate(all="ignore"):
        gap = np.abs(value - recorded)
    return bool(np.all((gap <= room) | (np.isnan(value) & np.isnan(recorded))))


def is_float(value: Any) -> bool:
    """Whether it is an array or number of NumPy's that balls stand for."""
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"

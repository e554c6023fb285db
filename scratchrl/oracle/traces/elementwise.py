"""Stages that are a spec of the oracle: their recorded inputs and outputs are one observed case of it.

The truth at 200 bits, 8 times the proven bound of rounding as tolerance, and the catalogue for a name: judgement.py
and naming.py, asked about numbers that are there already instead of a subject. Which mistakes are worth asking about
is seen in float64 first, since a rollout has thousands of rows and the catalogue hundreds of pairs.
"""

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle import mistakes, numpy_io, specs
from scratchrl.oracle.judgement import FACTOR, Verdict, judge
from scratchrl.oracle.mistake import BUG
from scratchrl.oracle.naming import Explanation
from scratchrl.oracle.numbers import TRUE_BITS, Undecidable, bounds, evaluate, rounded
from scratchrl.oracle.roles import Binding, Case
from scratchrl.oracle.specification import AS_DOCUMENTED, Spec
from scratchrl.oracle.subjects import Outputs, Reading
from scratchrl.oracle.traces.bounded import Bounded, collected, rounding
from scratchrl.oracle.traces.judging import (
    CONVENTION,
    DIFFERS,
    SAME,
    Example,
    Judged,
    compare,
    is_convention,
    remark,
    tolerance_of,
)
from scratchrl.oracle.traces.recording import dtype_of

PLAUSIBLE = 2.0**-10  # of the largest number around: what float64 has to agree to before balls are asked


def against_spec(name: str, case: Case, recorded: NDArray, bits: int) -> Judged:
    """A recorded output of the spec of that name, judged and, if it is something else, named.

    Args:
      case: canonical arguments, as recorded.
      bits: precision of the recording.

    Checked in tests/oracle/traces/test_elementwise.py.
    """
    spec = specs.get(name)
    reading, answer = _reading(spec, case, bits), Outputs((np.asarray(recorded),), dtype_of(bits), False)
    verdict = _decided(reading, case, answer)
    if verdict is None:
        return _by_bounds(reading, case, answer, bits)
    worst, example = _worst(verdict)
    if verdict.agrees:
        return Judged(SAME, worst)
    return _explained(Judged(DIFFERS, worst, example=example), reading, case, answer, verdict.tolerance)


def _decided(reading: Reading, case: Case, answer: Outputs) -> Verdict | None:
    """With the bounds of all fair writings, or of the reference alone, or None where balls have no answer."""
    for fair in (True, False):
        try:
            return judge(reading.spec.reference, reading, case, answer, fair)
        except Undecidable:
            continue
    return None


def _by_bounds(reading: Reading, case: Case, answer: Outputs, bits: int) -> Judged:
    """Where a branch hangs on rounding balls have no answer, but bounds that span both sides may be narrow enough."""
    expected = _bounded(reading.spec.reference, case, bits)[0]
    judged = compare(answer.arrays[0], expected, FACTOR)
    tolerance = (np.asarray(tolerance_of(expected, FACTOR)),)
    return judged if judged.verdict == SAME else _explained(judged, reading, case, answer, tolerance)


def _explained(
    judged: Judged, reading: Reading, case: Case, answer: Outputs, tolerance: tuple[NDArray, ...]
) -> Judged:
    found = explain(reading, case, answer, tolerance)
    if found is None:
        return judged
    remarks = tuple(remark(entry) for entry in found.entries)
    if is_convention(remarks):
        return judged._replace(verdict=CONVENTION, remarks=remarks, function=found.function)
    return judged._replace(remarks=remarks)


def explain(
    reading: Reading, case: Case, answer: Outputs, tolerance: tuple[NDArray, ...]
) -> Explanation | None:
    """The least explanation by the catalogue: one entry before two, conventions before bugs.

    Args:
      tolerance: of the right formula. It judges a mistake in float64 where balls cannot: max(x, y) of two equal balls
        is undecidable, and one such row in a batch would hide the whole entry.
    """
    floats = {name: np.float64(value) if _is_float(value) else value for name, value in case.items()}
    recorded = answer.arrays[0]
    largest = max(np.abs(x).max(initial=1.0) for x in (*floats.values(), recorded) if _is_float(x))
    for found in _candidates(reading.spec):
        value = _in_floats(found.function, floats, recorded.shape)
        if value is None or not _near(value, recorded, PLAUSIBLE * largest):
            continue
        try:
            agrees = judge(found.function, reading, case, answer, True).agrees
        except Undecidable:
            agrees = bool(tolerance) and _near(value, recorded, tolerance[0])
        if agrees:
            return found
    return None


def outputs(function: Callable[..., Any], case: Case, bits: int) -> list[Bounded]:
    """All outputs of a function of the catalogue with their bounds, for stages further on."""
    try:
        true, rough = evaluate(function, TRUE_BITS, case), evaluate(function, bits, case)
        return [
            rounding(rounded(t).astype(np.float64), bits, bounds(t, r, bits)) for t, r in zip(true, rough, strict=True)
        ]
    except Undecidable:
        return _bounded(function, case, bits)


def _bounded(function: Callable[..., Any], case: Case, bits: int) -> list[Bounded]:
    """By whole arrays with bounds that span both sides of a branch."""
    result = function(**{name: rounding(value, bits) if _is_float(value) else value for name, value in case.items()})
    return [collected(leaf, bits) for leaf in (result if isinstance(result, tuple) else (result,))]


def _reading(spec: Spec, case: Case, bits: int) -> Reading:
    """As if somebody's function with the canonical parameters had answered."""
    roles = {role.name: role for role in spec.roles}
    binding = Binding(tuple((name, roles[name]) for name in case), ())
    return Reading(spec.reference, spec, binding, AS_DOCUMENTED, numpy_io, dtype_of(bits), False, 0.0)


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray | np.generic) and value.dtype.kind == "f"


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


def _in_floats(function: Callable[..., Any], floats: Case, shape: tuple[int, ...]) -> NDArray | None:
    """Its first output, unless it fails or is of another size."""
    with np.errstate(all="ignore"):
        try:
            result = function(**floats)
            value = np.asarray(result[0] if isinstance(result, tuple) else result, dtype=np.float64)
        except Exception:
            return None
    return value.reshape(shape) if value.size == np.prod(shape) else None


def _near(value: NDArray, recorded: NDArray, room: Any) -> bool:
    with np.errstate(all="ignore"):
        gap = np.abs(value - recorded)
    return bool(np.all((gap <= room) | (np.isnan(value) & np.isnan(recorded))))


def _worst(verdict: Verdict) -> tuple[float, Example | None]:
    if verdict.complaint or not verdict.tolerance:
        return float("inf"), None
    got, right = (np.asarray(side[0], np.float64) for side in (verdict.got, verdict.expected))
    room = np.broadcast_to(verdict.tolerance[0], right.shape)
    with np.errstate(all="ignore"):
        shares = np.where((got == right) | (room == 0), 0.0, np.abs(got - right) / room)
    shares = np.where(np.isnan(got) & np.isnan(right), 0.0, np.where(np.isnan(shares), np.inf, shares))
    where = np.unravel_index(int(np.argmax(shares)), shares.shape)
    index = tuple(int(i) for i in where)
    return float(shares[where]), Example(index, float(got[where]), float(right[where]), float(room[where]))

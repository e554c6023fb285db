"""Stages that are a spec of the oracle: their recorded inputs and outputs are one observed case of it.

The truth at 200 bits and 8 times the proven bound of rounding as tolerance, by judgement.py, asked about numbers that
are there already instead of a subject; the catalogue for a name, by explanations.py.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle import numpy_io, specs
from scratchrl.oracle.answers import Outputs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.judgement import FACTOR, Verdict, judge
from scratchrl.oracle.numbers import TRUE_BITS, bounds, evaluate, rounded
from scratchrl.oracle.roles import Binding, Case
from scratchrl.oracle.specification import AS_DOCUMENTED, Spec
from scratchrl.oracle.subjects import Reading
from scratchrl.oracle.traces.bounded import Bounded, collected, rounding
from scratchrl.oracle.traces.explanations import as_floats, explain, in_floats, is_float
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


def against_spec(name: str, case: Case, recorded: NDArray, bits: int) -> Judged:
    """A recorded output of the spec of that name, judged and, if it is something else, named.

    Args:
      case: canonical arguments, as recorded.
      bits: precision of the recording.

    Checked in tests/oracle/traces/test_elementwise.py.
    """
    spec = _with_fair_formulas(specs.get(name), case)
    reading, answer = _reading(spec, case, bits), Outputs((np.asarray(recorded),), dtype_of(bits), False)
    try:
        verdict = judge(spec.reference, reading, case, answer, fair=True)
    except Undecidable:
        return _by_the_reference(reading, case, answer, bits)
    worst, example = _worst(verdict)
    if verdict.agrees:
        return Judged(SAME, worst)
    return _explained(Judged(DIFFERS, worst, example=example), reading, case, answer, verdict.tolerance)


def _with_fair_formulas(spec: Spec, case: Case) -> Spec:
    """Of the spec's other writings those that say the same here: some need v′_t = v_{t+1}, which may be the mistake."""
    floats = as_floats(case)
    right, *others = (in_floats(f, floats) for f in (spec.reference, *spec.formulas))
    fair = (f for f, other in zip(spec.formulas, others, strict=True) if _alike(other, right))
    return spec._replace(formulas=tuple(fair))


def _alike(value: NDArray | None, other: NDArray | None) -> bool:
    """Whether two writings say the same, as far as float64 can tell."""
    return value is not None and other is not None and np.allclose(value, other, 1e-9, 1e-12, equal_nan=True)


def _by_the_reference(reading: Reading, case: Case, answer: Outputs, bits: int) -> Judged:
    """Where a branch of a fair formula hangs on rounding: the reference alone, its own branches spanned if need be."""
    expected = outputs(reading.spec.reference, case, bits)[0]
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
    result = function(**{name: rounding(value, bits) if is_float(value) else value for name, value in case.items()})
    return [collected(leaf, bits) for leaf in (result if isinstance(result, tuple) else (result,))]


def _reading(spec: Spec, case: Case, bits: int) -> Reading:
    """As if somebody's function with the canonical parameters had answered."""
    roles = {role.name: role for role in spec.roles}
    binding = Binding(tuple((name, roles[name]) for name in case), ())
    return Reading(spec.reference, spec, binding, AS_DOCUMENTED, numpy_io, dtype_of(bits), False, 0.0)


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

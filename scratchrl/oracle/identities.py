"""Identities asked of a subject: equations that hold for the right function whatever its values are.

`identity.gap(f, **case)` combines calls of f into arrays that are zero for the right f. For the reference on balls the
gap is a ball around zero, and its radius says how much of a subject's gap rounding can explain.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from scratchrl.oracle.answers import Outputs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.numbers import BITS, error_bound, leaves
from scratchrl.oracle.roles import Case
from scratchrl.oracle.specification import Identity
from scratchrl.oracle.subjects import Reading


class _NotAnswered(Exception):
    pass


def fails(identity: Identity, reading: Reading, cases: Sequence[Case]) -> bool:
    """Whether a subject breaks it on one of the cases, as far as its parameters can express them."""
    return any(_broken(identity, reading, _expressible(reading, case)) for case in cases)


def _expressible(reading: Reading, case: Case) -> Case:
    """What of a case the subject is told, in canonical words."""
    return reading.binding.means(reading.given(case), reading.spec.absent)


def _broken(identity: Identity, reading: Reading, case: Case) -> bool:
    try:
        gaps = leaves(identity.gap(partial(_ask, reading), **case))
        bounds = _bounds(identity, reading, case)
    except (_NotAnswered, Undecidable):
        return False
    except Exception:  # the subject's outputs do not fit together
        return True
    pairs = list(zip(gaps, bounds, strict=False))  # outputs that the subject does not have are not missed
    return any(gap.shape != bound.shape or not np.all(np.abs(gap) <= FACTOR * bound) for gap, bound in pairs)


def _bounds(identity: Identity, reading: Reading, case: Case) -> tuple[Any, ...]:
    """How far from 0 rounding takes each gap, by the fair formula that it takes farthest."""
    formulas = (reading.spec.reference, *reading.spec.formulas)
    each = [error_bound(partial(identity.gap, formula), BITS[reading.dtype], **case) for formula in formulas]
    return tuple(np.max(np.where(np.isfinite(bounds), bounds, 0.0), axis=0) for bounds in zip(*each, strict=True))


def _ask(reading: Reading, **case: Any) -> Any:
    given = reading.given(case)
    meant = reading.binding.means(given, reading.spec.absent)
    if not all(_equal(meant[name], value) for name, value in case.items() if name in meant):
        raise _NotAnswered
    answer = reading.answer(given)
    if not isinstance(answer, Outputs) or answer.names:
        raise _NotAnswered
    arrays = answer.arrays[: len(reading.spec.outputs)]
    return arrays[0] if len(arrays) == 1 else arrays


def _equal(meant: Any, value: Any) -> bool:
    if isinstance(value, list):
        return len(meant) == len(value) and all(map(np.array_equal, meant, value))
    return np.array_equal(meant, value)

"""Naming: which entry of the catalogue, or which two, or which three conventions, compute what the subject computes.

The smallest counterexample is for people and often fits many mistakes at once: with T = 1 seven wrong GAEs are right.
Names come from a discriminating set of cases instead, the same for every subject of a spec. One entry before two, and
among as many conventions before bugs: the explanation that asks for least.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle import mistakes
from scratchrl.oracle.answers import Answer
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.judgement import Verdict, judge
from scratchrl.oracle.mistake import BUG, CONVENTION, Mistake
from scratchrl.oracle.roles import Case
from scratchrl.oracle.subjects import Reading


class Explanation(NamedTuple):
    """Entries that together reproduce a subject, and the other single entries that cannot be told from them."""

    entries: tuple[Mistake, ...]
    function: Callable[..., Any]
    others: tuple[Mistake, ...] = ()

    @property
    def is_convention(self) -> bool:
        return all(entry.kind != BUG for entry in self.entries)


def explain(
    reading: Reading, observed: Sequence[tuple[Case, Answer, bool]], several: bool = True
) -> Explanation | None:
    """The least explanation of what was observed, or None.

    Args:
      several: whether more than one entry may be at work: not where ordinary numbers show none.
      observed: (given, answer, whether every fair formula counts) where the subject left the reference, and on the
        discriminating set.
    """
    known = mistakes.against(reading.spec.name)
    single = [found for found in _ones(known, reading) if reproduces(found.function, reading, observed)]
    if single:
        best, rest = single[0], single[1:]
        others = {entry.slug: entry for found in rest for entry in found.entries}
        others.pop(best.entries[0].slug, None)
        return best._replace(others=tuple(others.values()))
    if not several:
        return None
    nested = itertools.chain(_nested(known, 2, reading), _nested(_conventions(known), 3, reading))
    return next((found for found in nested if reproduces(found.function, reading, observed)), None)


def _ones(known: Sequence[Mistake], reading: Reading) -> list[Explanation]:
    found = [Explanation((entry,), entry.around(reading.spec.reference)) for entry in known]
    return sorted(found, key=lambda one: _bugs(one.entries))


def _nested(known: Sequence[Mistake], count: int, reading: Reading) -> Iterator[Explanation]:
    """Each entry inside each other one, `count` deep, by the number of bugs."""
    chosen = [entries for entries in itertools.permutations(known, count) if len({e.slug for e in entries}) == count]
    for entries in sorted(chosen, key=_bugs):
        function = reading.spec.reference
        for entry in reversed(entries):
            function = entry.around(function)
        yield Explanation(entries, function)


def _conventions(known: Sequence[Mistake]) -> list[Mistake]:
    return [entry for entry in known if entry.kind == CONVENTION and not entry.equivalent]


def _bugs(entries: Sequence[Mistake]) -> int:
    return sum(entry.kind == BUG for entry in entries)


def reproduces(function: Callable[..., Any], reading: Reading, observed: Sequence[tuple[Case, Answer, bool]]) -> bool:
    """Whether a canonical function gives the subject's answers wherever that can be decided.

    Among them has to be one that the reference does not give, and the worst of these has to be explained and not just
    forgiven, as the rounding of a function that is harder to compute than the reference.
    """
    for given, answer, fair in observed:
        try:
            if not judge(function, reading, given, answer, fair).agrees:
                return False
        except Undecidable:
            continue
    left = [_compared(function, reading, *one) for one in observed]
    _, is_nearer = max(left, default=(0.0, False))
    return is_nearer


def _compared(
    function: Callable[..., Any], reading: Reading, given: Case, answer: Answer, fair: bool
) -> tuple[float, bool]:
    """How far the answer is from the reference, in tolerances, and whether the function is twice as near there."""
    try:
        right = judge(reading.spec.reference, reading, given, answer, fair)
        found = judge(function, reading, given, answer, fair)
    except Undecidable:
        return 0.0, False
    if right.agrees:
        return 0.0, False
    if right.complaint or not found.got:
        return np.inf, True
    with np.errstate(all="ignore"):
        far = np.nan_to_num(_distances(right) / np.concatenate([np.ravel(t) for t in right.tolerance]), nan=np.inf)
        worst = int(np.argmax(far))
        is_nearer = not _distances(found)[worst] > _distances(right)[worst] / 2
    return float(far[worst]), is_nearer


def _distances(verdict: Verdict) -> Any:
    """|got − expected| over all outputs, in a row."""
    pairs = zip(verdict.got, verdict.expected, strict=True)
    return np.concatenate([np.abs(np.subtract(got, expected, dtype=np.float64)).ravel() for got, expected in pairs])

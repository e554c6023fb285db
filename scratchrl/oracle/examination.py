"""One subject under examination: the search for where it leaves a function, its explanation, and the report."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle import identities, naming
from scratchrl.oracle.answers import Failure
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.drawn import drawn, sample
from scratchrl.oracle.judgement import Verdict, judge
from scratchrl.oracle.mistake import Mistake
from scratchrl.oracle.report import Report
from scratchrl.oracle.roles import Case
from scratchrl.oracle.search import SHRINKS, smallest
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.subjects import Reading

FEWER_SHRINKS = 60  # where examples are large
SCREENING, DISCRIMINATING, FEW = 6, 24, 4  # cases to choose a reading by; to name by, tame; of each special kind


HANGS, FAILS, ANSWERS, AGREES = -1, 0, 1, 2


class Found(NamedTuple):
    """Where a subject left a function."""

    kind: str  # tame, stress or edges
    label: str
    first: Case  # canonical
    smallest: Case


def score(way: Reading, cases: Sequence[Case]) -> int:
    """HANGS, FAILS somewhere, ANSWERS everywhere, AGREES everywhere with the reference."""
    found = AGREES
    for case in cases:
        given = way.given(case)
        answer = way.answer(given)
        if isinstance(answer, Failure):
            return HANGS if answer.kind == "hangs" else FAILS
        try:
            verdict = judge(way.spec.reference, way, given, answer, fair=True)
        except Undecidable:
            continue
        found = min(found, AGREES if verdict.agrees else FAILS if verdict.complaint else ANSWERS)
    return found


class Examination:
    """One subject under examination, with what has been counted so far."""

    def __init__(self, reading: Reading, spec: Spec, max_examples: int, seed: int):
        self.reading, self.spec, self.max_examples, self.seed = reading, spec, max_examples, seed
        self.cases = self.undecidable = 0
        self.hangs = False

    def report(self, name: str, accept: tuple[str, ...]) -> Report:
        """The whole examination."""
        function, explanation = self.spec.reference, None
        found = self._search(function)
        for _ in range(2):  # a convention may hide what shows on harder input only
            better = None if found is None or self.hangs else self._explain(found)
            if better is None:
                break
            explanation = better
            if not better.is_convention:
                break
            function = better.function
            found = self._search(function)
        return self._write(name, accept, function, explanation, found)

    def _search(self, function: Callable[..., Any]) -> Found | None:
        """The first kind of input on which the subject leaves `function`: tame, then edges, then stress."""
        for kind, share in (("tame", 1), ("edges", 2), ("stress", 2)):
            strategies = getattr(self.spec, kind)
            count = max(FEW, self.max_examples // share // max(1, len(strategies)))
            for label in strategies:
                cases = drawn(self.spec.name, kind, label, count, self.seed)
                bad = next((case for case in cases if self._is_bad(function, kind, case)), None)
                if bad is not None:
                    return Found(kind, label, bad, self._smaller(function, kind, label, count) or bad)
        return None

    def _smaller(self, function: Callable[..., Any], kind: str, label: str, count: int) -> Case | None:
        """The smallest bad case; none where a subject is not asked twice, or does not answer the same twice."""
        if self.hangs:
            return None
        is_bad, shrinks = partial(self._is_bad, function, kind), FEWER_SHRINKS if kind == "stress" else SHRINKS
        found = smallest(getattr(self.spec, kind)[label], is_bad, count, self.seed, shrinks)
        return None if found is None else found[1]

    def _is_bad(self, function: Callable[..., Any], kind: str, case: Case) -> bool:
        if self.hangs:
            return False
        try:
            self.cases += 1
            return not self._verdict(function, case, kind).agrees
        except Undecidable:
            self.undecidable += 1
            return False

    def _verdict(self, function: Callable[..., Any], case: Case, kind: str) -> Verdict:
        given = self.reading.given(case)
        answer = self.reading.answer(given)
        verdict = judge(function, self.reading, given, answer, kind != "stress")
        if isinstance(answer, Failure):
            self.hangs = answer.kind == "hangs"
            return verdict
        again = self.reading.answer(given)
        if _alike(answer, again):
            return verdict
        if verdict.agrees and judge(function, self.reading, given, again, kind != "stress").agrees:
            return verdict  # chance decides its rounding errors only
        random = Failure("random", "the same arguments gave two different answers")
        return judge(function, self.reading, given, random, kind != "stress")

    def _explain(self, found: Found) -> naming.Explanation | None:
        observed = [(found.smallest, found.kind), (found.first, found.kind)]
        observed += [(case, "tame") for case in sample(self.spec.name, "tame", DISCRIMINATING, self.seed)]
        observed += [(case, "edges") for case in sample(self.spec.name, "edges", FEW, self.seed)]
        if found.kind == "stress":
            observed += [(case, "stress") for case in sample(self.spec.name, "stress", DISCRIMINATING, self.seed)]
        facts = []
        for case, kind in observed:
            given = self.reading.given(case)
            facts.append((given, self.reading.answer(given), kind != "stress"))
        return naming.explain(self.reading, facts, several=found.kind != "stress")

    def _write(
        self, name: str, accept: tuple[str, ...], function: Callable[..., Any],
        explanation: naming.Explanation | None, found: Found | None,
    ) -> Report:  # fmt: skip
        reading, conventions = _reading_lines(self.reading)
        untested = self._untested()
        entries: tuple[Mistake, ...] = explanation.entries if explanation else ()
        shown: dict[str, Any] = {}
        if found is not None:
            shown = self._shown(function, found)
        return Report(
            subject=name,
            against=self.spec.name,
            verdict=_verdict_word(found, _is_gross(shown), entries, conventions),
            formula=self.spec.formula,
            source=self.spec.source,
            reading=reading,
            conventions=conventions,
            untested=untested,
            beware=self._misread(),
            outputs=self.spec.outputs,
            entries=entries,
            others=explanation.others if explanation else (),
            identities=() if found is None or found.kind == "stress" or self.hangs else self._failing_identities(),
            cases=self.cases,
            undecidable=self.undecidable,
            dtype=self.reading.dtype.name,
            declared=accept,
            **shown,
        )

    def _untested(self) -> tuple[str, ...]:
        """What nothing was asked about, because the subject has no parameter for it or does not answer it."""
        determined = {name for _, role in self.reading.binding.roles for name in role.determines}
        untested = [f"{name}: no parameter tells it" for name in self.spec.absent if name not in determined]
        if self.spec.differentiate and not self._gives_gradients():
            untested.append("the gradient: the answer came without one")
        return tuple(untested)

    def _misread(self) -> tuple[str, ...]:
        """Where only a part of each case was asked about: that whole ones are answered too, and with other numbers."""
        whole = self.reading._replace(layout=self.spec.layouts[0])
        if self.hangs or not self.reading.layout.is_part or whole.layout.is_part:
            return ()
        if score(whole, sample(self.spec.name, "tame", SCREENING, self.seed)) != ANSWERS:
            return ()
        return (f"arrays {whole.layout.name}: it takes them without complaint, and its numbers are wrong",)

    def _gives_gradients(self) -> bool:
        case = sample(self.spec.name, "tame", SCREENING, self.seed)[-1]
        answer = self.reading.answer(self.reading.given(case))
        return isinstance(answer, Failure) or len(answer.arrays) > 1

    def _shown(self, function: Callable[..., Any], found: Found) -> dict[str, Any]:
        given = self.reading.given(found.smallest)
        verdict = self._verdict(function, found.smallest, found.kind)
        return {
            "where": found.label if found.kind == "tame" else f"{found.kind}: {found.label}",
            "complaint": verdict.complaint,
            "counterexample": self.reading.shaped(given),
            **{name: self._as_the_subject_sees(verdict, name) for name in ("expected", "got", "tolerance")},
        }

    def _as_the_subject_sees(self, verdict: Verdict, name: str) -> Any:
        shaped = tuple(map(self.reading.layout.give, getattr(verdict, name)))
        if verdict.names:
            return dict(zip(verdict.names, shaped, strict=False))
        return None if not shaped else shaped[0] if len(shaped) == 1 else shaped

    def _failing_identities(self) -> tuple[str, ...]:
        cases = sample(self.spec.name, "tame", DISCRIMINATING, self.seed)
        return tuple(found.name for found in self.spec.identities if identities.fails(found, self.reading, cases))


def _is_gross(shown: Mapping[str, Any]) -> bool:
    """Whether a tenth of a result is missing where it is neither tiny nor huge: no rounding does that, logic does."""
    got, expected = shown.get("got"), shown.get("expected")
    if not (isinstance(got, np.ndarray) and isinstance(expected, np.ndarray) and got.shape == expected.shape):
        return False
    far, size = np.abs(got.astype(float) - expected.astype(float)), np.abs(expected.astype(float))
    return bool(np.any((far > 0.1 * size) & (far > 1e-3) & (size < 1e3) & np.isfinite(far)))


def _alike(first: Any, second: Any) -> bool:
    if isinstance(second, Failure):
        return False
    return all(np.array_equal(a, b, equal_nan=True) for a, b in zip(first.arrays, second.arrays, strict=True))


def _reading_lines(reading: Reading) -> tuple[tuple[str, ...], tuple[str, ...]]:
    library = reading.library.__name__.rsplit(".", 1)[1].removesuffix("_io")
    names = ", ".join(p if p == r.name else f"{p} = {r.name}" for p, r in reading.binding.roles)
    conventions = reading.binding.conventions()
    if reading.layout.note:
        conventions += (f"layout: {reading.layout.note}",)
    return (f"{library}, arrays {reading.layout.name}", names), conventions


def _verdict_word(found: Found | None, gross: bool, entries: tuple[Mistake, ...], conventions: tuple[str, ...]) -> str:
    if found is not None:
        return "unstable" if found.kind == "stress" and not gross else "wrong"
    return "convention" if entries or conventions else "correct"

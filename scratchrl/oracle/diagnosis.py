"""The oracle: somebody's function against a spec.

    correct      the truth within its proven bounds on every case
    convention   the truth under another convention, named
    unstable     right on tame input; loses digits or overflows at the stated one
    wrong        named after the mistake that computes the same, or unknown, with the smallest example found

A mismatch on tame or edge input is looked up in the catalogue (naming.py); when conventions explain it, the whole
search is done again with the convention in place of the reference, so that a second mistake behind it shows.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.drawn import sample
from scratchrl.oracle.examination import HANGS, SCREENING, Examination, score
from scratchrl.oracle.report import Report
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.subjects import Reading, readings
from scratchrl.oracle.suggestions import instead


def diagnose(
    subject: Callable[..., Any],
    against: str,
    roles: Mapping[str, str] | None = None,
    max_examples: int = 200,
    seed: int = 0,
    *,
    framework: str | None = None,
    dtype: str = "float64",
    accept: Sequence[str] = (),
    timeout: float = 10.0,
) -> Report:
    """What a function is, compared with the spec of that name.

    Args:
      subject: any callable; its parameters are read by name, see roles.py.
      against: name of a spec, see `scratchrl specs`.
      roles: parameter -> role, for parameters whose name does not say what they are.
      max_examples: tame cases; half as many edge cases and half as many stress cases come on top.
      seed: the same seed asks the same questions.
      framework: numpy, torch or jax; found out if not said.
      dtype: of what the subject is handed, float64 or float32. Its answer's dtype decides the tolerance.
      accept: slugs and "parameter = role" lines that are expected conventions; "unstable" for functions that need to
        be right on ordinary numbers only.
      timeout: seconds for one call.
    Returns:
      Report.
    Raises:
      ValueError: unknown spec, framework or role, or a signature that cannot be read.

    Checked in tests/oracle/test_diagnosis.py and tests/meta/.

    >>> from scratchrl.maths import returns
    >>> diagnose(returns.gae, "gae", max_examples=5).verdict
    'correct'
    """
    spec = specs.get(against)
    _check_names(spec, accept)
    libraries = None if framework is None else [framework]

    def examined(dtype: str) -> Report:
        ways = list(readings(subject, spec, roles or {}, libraries, np.dtype(dtype), timeout))
        return Examination(_choose(ways, seed), spec, max_examples, seed).report(_name(subject), tuple(accept))

    report = examined(dtype)
    if report.verdict == "wrong" and not report.entries and not report.complaint and dtype == "float64":
        return _in_single_precision(report, examined("float32"))
    return report


def _in_single_precision(double: Report, single: Report) -> Report:
    """What to say of a function that nothing explains in float64: perhaps that it calculates in float32."""
    if single.verdict == "wrong":
        return single if single.entries or single.complaint else double
    where = "float64, for it calculates in single precision: handed float32, it is right"
    return replace(double, verdict="unstable", where=where, entries=single.entries, conventions=single.conventions)


def _check_names(spec: Spec, accept: Sequence[str]) -> None:
    slugs = {entry.slug for entry in mistakes.against(spec.name)}
    unknown = [name for name in accept if name not in slugs | {"unstable", "layout"} and "=" not in name]
    if unknown:
        question = instead(unknown[0], slugs, "`scratchrl mistakes` lists them")
        raise ValueError(f"accept: {unknown[0]!r} is no convention of {spec.name}; {question}")


def assert_matches(
    subject: Callable[..., Any], against: str, *, accept: Mapping[str, str] | None = None, **options: Any
) -> None:
    """Raises an AssertionError with the report unless `diagnose` accepts the subject.

    Args:
      subject, against, options: as in `diagnose`.
      accept: expected convention (slug, or "parameter = role") -> the reason why it is meant.

    Checked in tests/oracle/test_diagnosis.py.
    """
    __tracebackhide__ = True
    report = diagnose(subject, against, accept=tuple(accept or ()), **options)
    if not report.accepted:
        raise AssertionError(str(report))


def _name(subject: Callable[..., Any]) -> str:
    module, name = getattr(subject, "__module__", None), getattr(subject, "__qualname__", None)
    return f"{module}:{name}" if module and name else repr(subject)


def _choose(ways: Sequence[Reading], seed: int) -> Reading:
    """In the likeliest framework that answers at all: the first reading that agrees with the reference on a few cases,
    else the first that answers. (What is wrong in torch may be right in NumPy, whose std is another.)"""
    cases = sample(ways[0].spec.name, "tame", SCREENING, seed)
    for _, group in itertools.groupby(ways, key=lambda way: way.library.__name__):
        candidates = list(group)
        scores = []
        for way in candidates:
            scores.append(score(way, cases))
            if scores[-1] == HANGS:
                return way
        if max(scores):
            return candidates[int(np.argmax(scores))]
    return ways[0]

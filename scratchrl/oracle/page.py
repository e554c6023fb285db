"""A report laid out to be read: verdict, smallest example, your numbers and the right ones, the mistake."""

import shlex
import textwrap
from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchrl.oracle.mistake import Mistake

WIDTH = 100
ALIKE = 1e-4  # relative; nine digits are shown
HEADLINES = {
    "correct": "CORRECT",
    "convention": "CORRECT under another convention",
    "unstable": "UNSTABLE: right on ordinary numbers",
    "wrong": "WRONG",
}


def text(report: Any) -> str:
    """The page.

    Checked in tests/oracle/test_page.py.
    """
    parts = (_head(report), _reading(report), _example(report), _entries(report), _identities(report), _foot(report))
    return "\n".join(line for part in parts for line in part)


def _head(report: Any) -> Iterator[str]:
    yield f"{report.subject} against {report.against}: {_headline(report)}"
    yield f"  the right formula   {report.formula}   [{report.source}]"


def _headline(report: Any) -> str:
    names = " and ".join(entry.slug for entry in report.entries)
    if report.verdict == "unstable":
        return f"{HEADLINES['unstable']}, lost at: {report.where}" + (f" ({names})" if names else "")
    if report.verdict == "wrong":
        what = report.complaint.split(":")[0] if report.complaint and not names else ""
        return f"{HEADLINES['wrong']}: {names or what or 'a mistake the catalogue does not know'}"
    accepted = ", accepted" if report.verdict == "convention" and report.accepted else ""
    return HEADLINES[report.verdict] + accepted + (f": {names}" if names else "")


def _reading(report: Any) -> Iterator[str]:
    yield f"  read as             {'; '.join(report.reading)}"
    for line in report.conventions:
        yield f"  convention          {line}"
    for line in report.untested:
        yield f"  not tested          {line}"
    for line in report.beware:
        yield f"  beware              {line}"


def _example(report: Any) -> Iterator[str]:
    if not report.counterexample:
        return
    yield ""
    yield f"Smallest example found ({report.where}):"
    for name, value in report.counterexample.items():
        yield f"  {name:<17} {_number(value)}"
    if report.complaint:
        yield f"  it {report.complaint}" if report.got is None else f"  {report.complaint}"
    for label, value in (("yours", report.got), ("right", report.expected)):
        if value is not None:
            yield from _numbers(label, _by_name(value, report.outputs))
    yield from _off(report)


def _off(report: Any) -> Iterator[str]:
    """By how much the worst entry is off, against what rounding may do; said where the numbers look alike."""
    for got, expected, tolerance in zip(*map(_tuple, (report.got, report.expected, report.tolerance)), strict=False):
        far = np.abs(np.asarray(got, dtype=np.float64) - expected)
        if tolerance.size and (far > tolerance).any():
            worst = np.argmax(np.where(far > tolerance, far / np.maximum(tolerance, np.finfo(float).tiny), 0))
            if far.flat[worst] < ALIKE * np.abs(expected).flat[worst]:
                yield f"  {'off by':<18}{far.flat[worst]:.2g}, where rounding explains {tolerance.flat[worst]:.2g}"


def _tuple(value: Any) -> tuple[Any, ...]:
    if isinstance(value, dict):
        return tuple(value.values())
    return value if isinstance(value, tuple) else () if value is None else (value,)


def _by_name(value: Any, outputs: tuple[str, ...]) -> Any:
    """Several outputs under their names."""
    return dict(zip(outputs, value, strict=False)) if isinstance(value, tuple) and len(value) > 1 else value


def _numbers(label: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _numbers(f"{label} {name}", item)
        return
    for item in _tuple(value):
        yield f"  {label:<17} {_number(item)}"


def _number(value: Any) -> str:
    if isinstance(value, np.ndarray):
        shown = np.array2string(value, precision=9, separator=", ", max_line_width=WIDTH - 20, threshold=40)
        return shown.replace("\n", "\n" + " " * 20)
    return repr(value)


def _entries(report: Any) -> Iterator[str]:
    for entry in report.entries:
        yield ""
        yield from _entry(entry)
    if report.others:
        yield f"  no input tells it from: {', '.join(entry.slug for entry in report.others)}"


def _entry(entry: Mistake) -> Iterator[str]:
    settings = ", ".join(f"{name} = {value:g}" for name, value in entry.variant.items())
    yield f"{entry.slug} ({entry.kind})" + (f", {settings}" if settings else "")
    yield f"  computes            {entry.formula}"
    if entry.difference:
        yield from textwrap.wrap(entry.difference, WIDTH, initial_indent="  ", subsequent_indent="  ")
    if entry.evidence:
        yield f"  seen in             {', '.join(entry.evidence)}"


def _identities(report: Any) -> Iterator[str]:
    if report.identities:
        yield ""
        yield "Identities that fail:"
        yield from (f"  {name}" for name in report.identities)


def _foot(report: Any) -> Iterator[str]:
    yield ""
    aside = f", {report.undecidable} set aside as undecidable" if report.undecidable else ""
    yield f"{report.cases} cases in {report.dtype}{aside}; tolerance: 8 x the proven rounding bound of each number"
    if report.verdict == "unstable" and not report.accepted:
        yield "If it will meet ordinary numbers only: --accept unstable"
    if report.verdict == "convention" and not report.accepted:
        flags = " ".join(f"--accept {shlex.quote(name)}" for name in _to_declare(report))
        yield f"If this is meant, declare it: {flags}"


def _to_declare(report: Any) -> list[str]:
    return [entry.slug for entry in report.entries] + [line.split(":")[0] for line in report.conventions]

"""What a replay says: rows, the first difference, a page, JSON."""

import json
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from scratchrl.oracle.traces.judging import ABSENT, CONVENTION, DIFFERS, SUSPECT, Judged, Remark

WIDTH = 110


class Row(NamedTuple):
    """One stage and what it came to."""

    stage: str
    formula: str
    judged: Judged
    output: str  # where the recording has it
    lacking: tuple[str, ...] = ()  # what it would take to run it

    @property
    def verdict(self) -> str:
        return self.judged.verdict

    @property
    def worst(self) -> float:
        """The largest error in units of its tolerance."""
        return self.judged.worst

    @property
    def slugs(self) -> tuple[str, ...]:
        return tuple(remark.slug for remark in self.judged.remarks)

    @property
    def suspect(self) -> bool:
        """Within the proven bound, but a hundred times farther off than our own run in that precision."""
        return self.verdict not in (DIFFERS, CONVENTION, ABSENT) and self.judged.rounding > SUSPECT


@dataclass(frozen=True)
class Replay:
    """A recorded update, stage by stage."""

    source: str
    bits: int  # of the recording's precision
    rows: tuple[Row, ...]

    @property
    def first_difference(self) -> Row | None:
        """The stage where the recording leaves the formulas; None if it does not."""
        return next((row for row in self.rows if row.verdict == DIFFERS), None)

    @property
    def agrees(self) -> bool:
        """Whether no stage differs."""
        return self.first_difference is None

    @property
    def suspects(self) -> tuple[str, ...]:
        """Stages that the proven bounds let pass and that look wrong all the same."""
        return tuple(row.stage for row in self.rows if row.suspect)

    @property
    def conventions(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(slug for row in self.rows if row.verdict == CONVENTION for slug in row.slugs))

    def row(self, stage: str) -> Row:
        """The row of that stage."""
        return next(row for row in self.rows if row.stage == stage)

    def to_json(self) -> str:
        """The whole of it for machines; numbers that are none as null."""
        rows = [_plain(row) for row in self.rows]
        first = self.first_difference
        told = {"source": self.source, "bits": self.bits, "agrees": self.agrees}
        told |= {"first_difference": first.stage if first else None}
        told |= {"conventions": list(self.conventions), "suspects": list(self.suspects)}
        return json.dumps(told | {"rows": rows}, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        return "\n".join((*_head(self), "", *_table(self), *_first(self), *_conventions(self), *_absent(self)))


def _plain(row: Row) -> dict[str, Any]:
    judged = row.judged
    example = judged.example and judged.example._asdict()
    return {
        "stage": row.stage,
        "formula": row.formula,
        "verdict": row.verdict,
        "worst": _number(row.worst),
        "times_own_rounding": _number(judged.rounding),
        "slugs": list(row.slugs),
        "example": example and {name: list(x) if name == "where" else _number(x) for name, x in example.items()},
        "note": judged.note,
        "lacking": list(row.lacking),
    }


def _number(value: float) -> float | str | None:
    return None if value != value else value if abs(value) < float("inf") else str(value)


# ---- the page ----


def _head(replay: Replay) -> Iterator[str]:
    judged = [row for row in replay.rows if row.verdict != ABSENT]
    first = replay.first_difference
    yield f"{replay.source}: {len(judged)} of {len(replay.rows)} stages recorded, at {replay.bits} bits"
    if first is None:
        conventions = f", under {', '.join(replay.conventions)}" if replay.conventions else ""
        yield f"ALL {len(judged)} AGREE{conventions}" if judged else "NOTHING TO REPLAY: no stage has inputs and output"
    else:
        yield f"FIRST DIFFERENCE: {first.stage}" + (f", {' and '.join(first.slugs)}" if first.slugs else "")
    if replay.suspects:
        yield f"SUSPECT, though rounding could explain it: {', '.join(replay.suspects)}"


def _table(replay: Replay) -> Iterator[str]:
    shown = [row for row in replay.rows if row.verdict != ABSENT]
    if not shown:
        return
    width = max(len(row.stage) for row in shown)
    yield f"{'stage':{width}}  {'verdict':11}  {'error':>8}  {'× own':>7}"
    for row in shown:
        own = "" if row.judged.rounding != row.judged.rounding else f"{row.judged.rounding:.3g}"
        aside = ", ".join(row.slugs) or ("suspect" if row.suspect else row.judged.note)
        yield f"{row.stage:{width}}  {row.verdict:11}  {row.worst:8.2g}  {own:>7}  {aside}".rstrip()
    yield "error: the largest, in units of what rounding can explain; × own: in units of our own rounding"


def _first(replay: Replay) -> Iterator[str]:
    row = replay.first_difference
    if row is None:
        return
    yield ""
    yield f"{row.stage}: {row.formula}"
    if row.judged.example is not None:
        where, recorded, right, tolerance = row.judged.example
        place = f"[{', '.join(map(str, where))}] " if where else ""
        yield f"  {place}recorded {recorded!r}, right {right!r} ± {tolerance:.2g}"
    if row.judged.note:
        yield f"  {row.judged.note}"
    for remark in row.judged.remarks:
        yield from _remark(remark)
    if not row.judged.remarks:
        yield "  nothing in the catalogue computes what was recorded here"


def _conventions(replay: Replay) -> Iterator[str]:
    told: set[str] = set()
    for row in replay.rows:
        for remark in row.judged.remarks:
            if row.verdict == CONVENTION and remark.slug not in told:
                told.add(remark.slug)
                yield ""
                yield f"{row.stage} follows a convention:"
                yield from _remark(remark)


def _remark(remark: Remark) -> Iterator[str]:
    yield f"  {remark.slug} ({remark.kind}): {remark.formula}"
    if remark.difference:
        yield from textwrap.wrap(remark.difference, WIDTH, initial_indent="    ", subsequent_indent="    ")
    if remark.evidence:
        yield f"    seen in {', '.join(remark.evidence)}"


def _absent(replay: Replay) -> Iterator[str]:
    """What was recorded and could not be used; the names of what was not recorded."""
    absent = [row for row in replay.rows if row.verdict == ABSENT]
    idle = [row for row in absent if row.output not in row.lacking]
    if idle:
        yield ""
    for row in idle:
        yield f"{row.stage} was recorded, but to replay it takes {', '.join(row.lacking)}"
    missing = dict.fromkeys(row.output for row in absent if row.output in row.lacking)
    if missing:
        yield ""
        yield from textwrap.wrap(f"not recorded: {', '.join(missing)}", WIDTH, subsequent_indent="  ")

r"""The accuracy of every function of maths/ in float64, in ulps against the truth, as a table.

A row is a function and a range of its inputs: ordinary (tame) numbers, and for the functions that are specs also their
hard ones. The unit is that of `ulps.measure`: u (|y| + Σ|∂y/∂x_i||x_i|), what rounding the result and each input once
may do. Claimed is for every row

    scaled ≤ 8                                                                              (1)
    share ≤ 1, the proven bound of the formula, where a note says why not (1)               (2)

and the notes stand below the rows. The worst input is looked for by random restarts and by small steps: half the cases
lie on the segment from the worst one so far to a new one. What it finds is a lower bound of the true maximum.

`accuracy_record.csv` holds the worst found by a long search and the inputs it happened at, as the C library keeps its
libm-test-ulps; `python -m scratchrl.oracle.accuracy_record 2000` makes it again, and the tests replay it.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from scratchrl.oracle.accuracy_notes import note
from scratchrl.oracle.accuracy_ranges import Range, every
from scratchrl.oracle.ulps import Case, inputs, measure, share_of_bound

LIMIT = 8.0
SUMMARY = """\
accuracy: {good} of {rows} rows within 8 scaled ulps, 8u (|y| + Σ|∂y/∂x||x|) with u = 2⁻⁵³, or with a note within bounds
the worst of a search by restarts and small steps: lower bounds of the true maxima, not exhaustive"""
SHOWN = 3  # inputs of the worst case
NEAREST = 40  # steps are 2⁻¹ to 2⁻⁴⁰ of the way


class Row(NamedTuple):
    """The worst of some cases of one range."""

    function: str
    range: str
    scaled: float
    plain: float
    cases: int  # those that were measured; where a branch depends on rounding there is nothing to measure
    worst: Case | None
    note: str = ""  # where scaled is above the limit, and it is known why
    share: float = 0.0  # of the proven bound, then


def run(cases: int = 2, seed: int = 0, ranges: list[Range] | None = None) -> list[Row]:
    """The worst of that many cases of every range, fewer where they are costly and one at least.

    Checked in tests/oracle/test_accuracy.py: no function is left out, formulas known to cancel are found out, the same
    seed gives the same rows.
    """
    return [search(range_, max(1, cases // range_.weight), seed) for range_ in (every() if ranges is None else ranges)]


def search(range_: Range, cases: int, seed: int) -> Row:
    """The worst case of one range: every second one is a step from the worst so far towards a new one."""
    rng = np.random.default_rng([seed, cases])
    worst, scaled, plain, measured = None, -1.0, 0.0, 0
    for number, case in enumerate(range_.draw(cases, seed)):
        if number % 2 and worst is not None:
            case = between(worst, case, 0.5 ** int(rng.integers(1, NEAREST)))
        found = measure(case, scaled)
        if found is not None:
            measured, plain = measured + 1, max(plain, found.plain)
            worst, scaled = (case, found.scaled) if found.scaled > scaled else (worst, scaled)
    row = Row(range_.function, range_.label, max(scaled, 0.0), plain, measured, worst)
    if scaled <= LIMIT or worst is None:
        return row
    return row._replace(note=note(row.function, row.range), share=share_of_bound(worst))


def between(start: Case, end: Case, t: float) -> Case:
    """The function of `start` at (1 − t) of its inputs and t of those of `end`; flags and indices are those of `start`.

    Ordinary numbers stay ordinary so, positive definite matrices positive definite, and distributions distributions.
    Where shapes differ there is nothing between the two, and it is `end`.

    >>> function, arguments = between((np.add, [np.zeros(1), 2.0]), (np.add, [np.ones(1), 4.0]), 0.25)
    >>> function(*arguments)
    array([2.75])
    """
    (x, build), (y, _) = inputs(start[1]), inputs(end[1])
    return (start[0], build(x + t * (y - x))) if x.shape == y.shape else end


def passed(rows: list[Row]) -> bool:
    """Whether (1) holds for every row, or (2) where there is a note.

    >>> row = Row("f", "ordinary numbers", 9.0, 9.0, 1, None)
    >>> passed([row]), passed([row._replace(note="a sum of 10⁶ terms", share=0.1)])
    (False, True)
    """
    return all(row.scaled <= LIMIT or (row.note and row.share <= 1) for row in rows)


def table(rows: list[Row], known: Mapping[tuple[str, str], float]) -> str:
    """The rows as text; below them why some claim no more than their bound, and a summary.

    Args:
      known: (function, range) -> the worst scaled error on record, 0 where there is none.

    >>> print(table([Row("f", "ordinary numbers", 0.75, 3.0, 2, (abs, [0.5]))], {("f", "ordinary numbers"): 1.5}))
    function  range              scaled    known    plain  cases
    f         ordinary numbers     0.75      1.5        3      2  at 0.5
    accuracy: 1 of 1 rows within 8 scaled ulps, ...
    the worst of a search by restarts and small steps: lower bounds of the true maxima, not exhaustive
    """
    width = [max(map(len, column)) for column in zip(("function", "range"), *(row[:2] for row in rows), strict=True)]
    notes = list(dict.fromkeys(row.note for row in rows if row.note))
    lines = [f"{'function':{width[0]}}  {'range':{width[1]}}  {'scaled':>7}  {'known':>7}  {'plain':>7}  cases"]
    for row in rows:
        record = known.get((row.function, row.range), 0.0)
        numbers = "  ".join(f"{number:7.2g}" for number in (row.scaled, record, row.plain))
        line = f"{row.function:{width[0]}}  {row.range:{width[1]}}  {numbers}  {row.cases:5}{_place(row)}"
        reason = f"  note {notes.index(row.note) + 1}, {row.share:.2g} of the bound" if row.note else ""
        lines.append(line + reason + ("" if passed([row]) else "  FAILED"))
    lines += [f"note {number}: {note}" for number, note in enumerate(notes, 1)]
    return "\n".join([*lines, SUMMARY.format(good=sum(passed([row]) for row in rows), rows=len(rows))])


def _place(row: Row) -> str:
    """The first inputs of the worst case."""
    x = inputs(row.worst[1])[0] if row.worst else ()
    more = f", … ({len(x)} numbers)" if len(x) > SHOWN else ""
    return f"  at {', '.join(f'{number:.3g}' for number in x[:SHOWN])}{more}" if len(x) else ""

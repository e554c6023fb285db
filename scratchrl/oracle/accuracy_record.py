"""The worst accuracy ever found, and the inputs it happened at: `accuracy_record.csv`, beside this file.

    python -m scratchrl.oracle.accuracy_record CASES [FUNCTION ...]

looks again, with that many cases for each range, and writes what it finds, range by range: for all of them, for those
of the functions named, or with the name `new` for those that have no line yet.

A line is a range: function, range, scaled, plain, share (`ulps.py`; the last where a note is), cases, inputs. These are
the arguments as JSON, arrays as nested lists of decimals that read back to the same float64; none where there are many.
"""

import csv
import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle import accuracy, accuracy_ranges
from scratchrl.oracle.accuracy import Row
from scratchrl.oracle.ulps import inputs

FILE = Path(__file__).with_suffix(".csv")
MOST_NUMBERS = 200  # that are kept of one case


class Record(NamedTuple):
    """A line of the file. No arguments: not kept."""

    scaled: float
    plain: float
    share: float
    cases: int
    arguments: list[Any] | None


def read() -> dict[tuple[str, str], Record]:
    """(function, range) -> the worst that is known.

    Checked in tests/oracle/test_accuracy.py: its inputs give its numbers.
    """
    if not FILE.exists():
        return {}
    with FILE.open(encoding="utf-8", newline="") as file:
        return {(line["function"], line["range"]): _parsed(line) for line in csv.DictReader(file)}


def scaled() -> dict[tuple[str, str], float]:
    """(function, range) -> the worst scaled error on record."""
    return {key: record.scaled for key, record in read().items()}


def _parsed(line: dict[str, str]) -> Record:
    arguments = _decoded(json.loads(line["inputs"])) if line["inputs"] else None
    return Record(float(line["scaled"]), float(line["plain"]), float(line["share"]), int(line["cases"]), arguments)


def write(rows: list[Row]) -> None:
    """Puts rows in the places of those they are about, new ones at the end; ranges that are no more are dropped."""
    known = {key: _fields(*key, record) for key, record in read().items()}
    known |= {(row.function, row.range): _fields(row.function, row.range, _of(row)) for row in rows}
    order = [(range_.function, range_.label) for range_ in accuracy_ranges.every()]
    with FILE.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("function", "range", *Record._fields[:-1], "inputs"))
        table.writerows(known[key] for key in order if key in known)


def _of(row: Row) -> Record:
    arguments = list(row.worst[1]) if row.worst is not None else []
    few = 0 < len(inputs(arguments)[0]) <= MOST_NUMBERS
    return Record(row.scaled, row.plain, row.share, row.cases, arguments if few else None)


def _fields(function: str, label: str, record: Record) -> tuple[Any, ...]:
    try:
        kept = "" if record.arguments is None else json.dumps(_encoded(record.arguments), separators=(",", ":"))
    except TypeError:  # an argument is a function
        kept = ""
    numbers = (f"{number:.3g}" for number in record[:3])
    return (function, label, *numbers, record.cases, kept)


def _encoded(value: Any) -> Any:
    """What JSON can hold: of numbers without axes and of lists it is told apart from arrays."""
    if isinstance(value, np.ndarray):
        return value.tolist() if value.ndim else {"number": value.item()}
    return {"list": [_encoded(item) for item in value]} if isinstance(value, list) else value


def _decoded(value: Any) -> Any:
    if isinstance(value, dict):
        return np.array(value["number"]) if "number" in value else [_decoded(item) for item in value["list"]]
    return np.array(value) if isinstance(value, list) else value


def main(cases: str, *functions: str) -> None:
    """Looks for the worst, writes each as it is found, and prints the table beside what was known before."""
    before, rows = scaled(), []
    for range_ in accuracy_ranges.every():
        is_new = (range_.function, range_.label) not in before
        if not functions or range_.function in functions or (is_new and "new" in functions):
            rows += accuracy.run(int(cases), ranges=[range_])
            write(rows[-1:])
    print(accuracy.table(rows, before))


if __name__ == "__main__":
    main(*sys.argv[1:])

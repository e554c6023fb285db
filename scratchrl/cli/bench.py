"""`scratchrl bench`: how fast the hot paths are, beside every peer that is installed and beside the hardware."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from scratchrl.cli.errors import Refused, refusing

STEADY, QUICK = (31, 0.02, 5), (9, 0.005, 2)  # rounds, seconds of a turn, rounds of whole runs


@dataclass(frozen=True)
class Bench:
    """Measures every row, ours and each installed peer by turns in one process, and prints medians, ratios and targets.
    One thread unless a row says two. Speeds are this machine's and this moment's; ratios are what to compare."""

    only: str = ""
    """rows whose group or name contains this"""
    rounds: int | None = None
    """turns of every contender; the table shows medians (default 31, 5 of whole runs; with --quick 9 and 2)"""
    quick: bool = False
    """few and short turns, and no rows that take minutes: a first look"""
    json: Path | None = None
    """also write the measurements here"""
    against: Path | None = None
    """a file that --json wrote, at another commit: prints what has changed since"""


def bench(arguments):
    """Prints the table row by row; 0 whether or not targets are met."""
    asked = tyro.cli(Bench, args=arguments, prog="scratchrl bench")
    if asked.rounds is not None and asked.rounds < 1:
        raise Refused(f"--rounds: expected at least 1, got {asked.rounds}")
    from scratchrl.bench import machine, table
    from scratchrl.bench.measure import Pace, measure, repetitions, seconds
    from scratchrl.bench.work import all_works
    from scratchrl.runs.atomic import replacing

    with refusing(ValueError, prefix=f"--against {asked.against}: "):
        before = table.from_json(asked.against.read_text(encoding="utf-8"))[1] if asked.against else None
    works = [work for work in all_works() if asked.only.lower() in f"{work.group}: {work.name}".lower()]
    works = [work for work in works if not (asked.quick and work.slow)]
    if not works:
        raise Refused(f"--only: no row's group or name contains {asked.only!r}")
    rounds, turn, whole = QUICK if asked.quick else STEADY
    pace = Pace(asked.rounds or rounds, turn, asked.rounds or whole)
    described = machine.description()
    described["peaks"] = machine.peaks(lambda run: seconds(run, repetitions(run, turn)))
    print(f"{table.preamble(described)}\n\n{table.HEAD}", flush=True)
    results = []
    for work in works:
        results.append(measure(work, pace))
        print("\n".join(table.lines(results[-1])), flush=True)
        if asked.json is not None:
            with replacing(asked.json) as file:
                file.write(table.to_json(described, results))
    print(f"\n{table.summary(results)}")
    if before is not None:
        print("\n".join(["", *table.against(before, results)]))
    return 0

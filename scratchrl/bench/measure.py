"""The one place with a clock: contenders take turns, the medians are compared."""

import statistics
import time
from collections.abc import Mapping
from typing import NamedTuple

from scratchrl.bench import threads
from scratchrl.bench.work import Run, Work, ready


class Pace(NamedTuple):
    """How long to look."""

    rounds: int  # turns of every contender
    turn: float  # seconds that a turn lasts at least: calls are repeated until then
    whole: int  # rounds where a turn is a whole run


class Result(NamedTuple):
    """One row, measured."""

    name: str
    group: str
    threads: int
    unit: str
    rate: str
    at_most: float
    targets: dict[str, float]
    cost: dict[str, float]  # contender → median over rounds, for one unit of the work
    absent: dict[str, str]  # contender → why it is missing


def measure(work: Work, pace: Pace) -> Result:
    """Every contender's median cost."""
    with threads.limited(work.threads):
        runs, absent = ready(work.contenders)
    with threads.limited(work.threads):  # once more, for the libraries that the setups have loaded
        turns = taking_turns(work, runs, pace)
    cost = {name: statistics.median(seen) / work.amount.get(name, 1) for name, seen in turns.items()}
    return Result(*work[:2], work.threads, work.unit, work.rate, work.at_most, dict(work.targets), cost, absent)


def taking_turns(work: Work, runs: Mapping[str, Run], pace: Pace) -> dict[str, list[float]]:
    """Costs of a call in each round, contenders one after the other within it; each round begins with another one."""
    calls = dict.fromkeys(runs, 1) if work.whole else {name: repetitions(run, pace.turn) for name, run in runs.items()}
    turns: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(pace.whole if work.whole else pace.rounds):
        for name in rotated(list(runs), number):
            turns[name].append(seconds(runs[name], calls[name]) if work.unit == "s" else float(runs[name]()))
    return turns


def rotated(names: list[str], by: int) -> list[str]:
    """The same circle, begun elsewhere.

    >>> rotated(["a", "b", "c"], 4)
    ['b', 'c', 'a']
    """
    cut = by % len(names)
    return names[cut:] + names[:cut]


def repetitions(run: Run, turn: float) -> int:
    """Calls that last at least `turn` seconds together: doubled until a tenth of that is seen, then extrapolated."""
    run()  # compiles
    calls = 1
    while (spent := seconds(run, calls) * calls) < turn / 10:
        calls *= 2
    return max(1, round(calls * turn / spent))


def seconds(run: Run, calls: int) -> float:
    """Mean seconds of one call, over so many in a row."""
    begin = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - begin) / calls


def ratios(result: Result) -> dict[str, float]:
    """Peer → how many times as fast as it ours is (limit → the share of it that ours reaches).

    >>> no = dict(group="", threads=1, unit="s", rate="", at_most=1.0, targets={}, absent={})
    >>> ratios(Result("row", cost={"ours": 2.0, "peer": 3.0}, **no))
    {'peer': 1.5}
    """
    return {name: cost / result.cost["ours"] for name, cost in result.cost.items() if name != "ours"}


def missed(result: Result) -> list[str]:
    """What the row falls short of: names of peers and limits, and "at most" for the absolute bound.

    >>> row = Result("row", "", 1, "s", "", 1.0, {"a": 1.4, "b": 1.6}, {"ours": 2.0, "a": 3.0, "b": 3.0}, {})
    >>> missed(row)
    ['b', 'at most']
    """
    beside = ratios(result).items()  # nan where both gave up
    short = [name for name, ratio in beside if name in result.targets and not ratio >= result.targets[name]]
    return [*short, "at most"] if result.cost["ours"] > result.at_most else short

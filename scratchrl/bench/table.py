"""The printed table, its JSON, and two of them side by side."""

import json
import math
from typing import Any

from scratchrl.bench.measure import Result, missed, ratios
from scratchrl.bench.work import LIMITS

HEAD = f"{'work':<54}{'threads':>8}{'ours':>15}  {'beside':<28}{'':>13}{'ratio':>9}{'target':>9}"
PREFIXES = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def lines(result: Result) -> list[str]:
    """One line for each peer and limit of a row; the first one names the row."""
    found = ratios(result)
    beside = [f"{name:<28}{shown(result, name):>13}{_verdict(result, name)}" for name in found]
    beside += [f"{name:<28}{why:>13}" for name, why in result.absent.items()]
    if result.at_most < math.inf:
        flag = "  MISSED" if "at most" in missed(result) else ""
        beside.append(f"{'at most':<28}{'':>22}{quantity(result.at_most, result.unit):>9}{flag}")
    heads = [f"{result.name:<54}{result.threads:>8}{shown(result, 'ours'):>15}"]
    heads += [" " * len(heads[0])] * (len(beside) - 1)
    return [f"{head}  {tail}" for head, tail in zip(heads, beside or [""], strict=True)]


def _verdict(result: Result, name: str) -> str:
    ratio, target = ratios(result)[name], result.targets.get(name)
    asked = "" if target is None else "≥ " + times(name, target)
    return f"{times(name, ratio):>9}{asked:>9}{'  MISSED' if name in missed(result) else ''}"


def times(name: str, ratio: float) -> str:
    """A ratio to a peer, or a share of a limit.

    >>> times("torch", 2.34), times("torch", 2500.0), times("sgemm", 0.731)
    ('2.34×', '2500×', '73 %')
    """
    if name in LIMITS:
        return f"{ratio:.0%}".replace("%", " %")
    return f"{ratio:.3g}×" if ratio < 100 else f"{ratio:.0f}×"


def shown(result: Result, name: str) -> str:
    """The cost of a contender, or its speed if that is what the row counts."""
    cost = result.cost[name]
    return f"{1 / cost:,.0f} {result.rate}/s" if result.rate else quantity(cost, result.unit)


def quantity(number: float, unit: str) -> str:
    """Three digits and a unit that suits them.

    >>> quantity(0.00123, "s"), quantity(3.3e-06, "s"), quantity(181.25, "MB"), quantity(54067.0, "steps")
    ('1.23 ms', '3.3 µs', '181 MB', '54,067 steps')
    """
    if unit != "s":
        return f"{number:,.0f} {unit}" if number >= 1000 else f"{number:.3g} {unit}"
    size, prefix = next((pair for pair in PREFIXES if number >= pair[0]), PREFIXES[-1])
    return f"{number / size:.3g} {prefix}"


def preamble(machine: dict[str, Any]) -> str:
    """Machine, versions and peaks, a line each."""
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    peaks = ", ".join(f"{name}: {value:.0f}" for name, value in machine["peaks"].items())
    return f"{machine['cpu']}, {machine['cores']} cores; Python {machine['python']}; {versions}\n{peaks}"


def summary(results: list[Result]) -> str:
    """How many targets are met."""
    short = sum(len(missed(result)) for result in results)
    known = sum(name in result.targets for result in results for name in result.cost)
    known += sum(result.at_most < math.inf for result in results)
    return f"{known - short} of {known} targets met"


# ---- on disk ----


def to_json(machine: dict[str, Any], results: list[Result]) -> str:
    """Everything measured; `against` reads it."""
    costs = [{name: _finite(cost) for name, cost in result.cost.items()} for result in results]
    rows = [
        {**result._asdict(), "at_most": _finite(result.at_most), "cost": cost}
        for result, cost in zip(results, costs, strict=True)
    ]
    return json.dumps({"machine": machine, "rows": rows}, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str) -> tuple[dict[str, Any], list[Result]]:
    """What `to_json` wrote.

    Raises:
      ValueError: it is something else.
    """
    try:
        held = json.loads(text)
        return held["machine"], [_row(row) for row in held["rows"]]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"expected what --json wrote, got something else ({error})") from error


def _row(row: dict[str, Any]) -> Result:
    cost = {name: _number(seconds) for name, seconds in row["cost"].items()}
    return Result(**{**row, "at_most": _number(row["at_most"]), "cost": cost})


def _finite(number: float) -> float | None:
    return number if number < math.inf else None


def _number(finite: float | None) -> float:
    return math.inf if finite is None else finite


def against(old: list[Result], new: list[Result]) -> list[str]:
    """What became of each row: time now over time then, of ours alone and as measured in the peers' time.

    The second is the one to trust where the machine is shared: whatever slowed that run slowed the peers in it too.
    """
    before = {(result.name, result.threads): result for result in old}
    rows = [f"{'work':<54}{'threads':>8}{'ours now/then':>15}  beside each peer, now/then"]
    for result in new:
        then = before.get((result.name, result.threads))
        rows.append(f"{result.name:<54}{result.threads:>8}{'new':>15}" if then is None else _change(then, result))
    return rows


def _change(then: Result, now: Result) -> str:
    was, is_ = ratios(then), ratios(now)
    beside = [f"{name} {was[name] / is_[name]:.2f}" for name in is_ if name in was]
    change = now.cost["ours"] / then.cost["ours"]
    return f"{now.name:<54}{now.threads:>8}{change:>15.2f}  {', '.join(beside)}"

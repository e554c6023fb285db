"""Work: one row of the benchmark, which is one computation and everybody who does it.

A contender is a setup: called once, it returns the function that is measured. Imports of peers stand inside setups; one
that is not installed is left out and hides nobody else. Some contenders are no library but a limit: `sgemm` and
`bandwidth` (machine.py) say what the same floating-point operations or the same reads and writes cost at the peak of
this machine, `environment` what the environments cost that a run plays. They take turns with the others, so that
whatever else the machine does slows them too.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from math import inf
from types import MappingProxyType
from typing import Any, NamedTuple

import scratchrl.bench

Run = Callable[[], Any]
Setup = Callable[[], Run]
LIMITS = ("sgemm", "bandwidth", "environment")
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Work(NamedTuple):
    """One row."""

    name: str
    group: str  # the file it stands in
    contenders: Mapping[str, Setup]  # "ours" first; a setup may raise ImportError: then this one is not installed
    targets: Mapping[str, float]  # peer → how many times as fast as it ours is to be; limit → the share of it
    threads: int = 1  # of BLAS and torch
    amount: Mapping[str, float] = NOTHING  # contender → how much of the work one call does; 1 unless said
    rate: str = ""  # what is counted by `amount`, if speed is to be shown and not time
    at_most: float = inf  # what ours may cost: seconds, or `unit`s
    unit: str = "s"  # not "s": the number that a call returns is what it cost, in this unit, and no clock is read
    whole: bool = False  # seconds long, like a training run: setups warm it up, one call is a turn
    slow: bool = False  # minutes long: no part of a quick look
    answers: Mapping[str, Callable[[Any], Any]] = NOTHING  # contender → what its return value means, as one array
    tolerance: float | None = None  # answers agree so far, relative to the largest; None: there is nothing to compare


def all_works() -> list[Work]:
    """The rows of every file of this room that has a table WORKS."""
    names = sorted(module.name for module in pkgutil.iter_modules(scratchrl.bench.__path__))
    modules = (importlib.import_module(f"scratchrl.bench.{name}") for name in names)
    return [work for module in modules for work in getattr(module, "WORKS", ())]


def ready(contenders: Mapping[str, Setup]) -> tuple[dict[str, Run], dict[str, str]]:
    """The contenders that can take part, set up; and for each of the others why it cannot.

    >>> def absent():
    ...     import no_such_library
    >>> ready({"ours": lambda: max, "peer": absent})
    ({'ours': <built-in function max>}, {'peer': 'no_such_library is not installed'})
    """
    runs, absent = {}, {}
    for name, setup in contenders.items():
        try:
            runs[name] = setup()
        except ImportError as error:
            absent[name] = f"{error.name} is not installed" if error.name else str(error)
    return runs, absent

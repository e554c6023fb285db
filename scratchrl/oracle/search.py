"""Drawing cases and shrinking counterexamples: what the oracle asks of Hypothesis.

The same seed asks the same questions. Nothing is kept between calls, and the number of attempts at a smaller example
is limited by count, not by the clock, so that a report is the same on every machine.
"""

import pickle
from collections.abc import Callable
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase, Verbosity

from scratchrl.oracle.roles import Case

SHRINKS = 300  # calls of the predicate after its first yes


def draw(strategy: Any, count: int, seed: int) -> list[Case]:
    """That many cases of a strategy, the simplest first, always the same for one seed and version of Hypothesis.

    >>> from hypothesis import strategies as st
    >>> len(draw(st.fixed_dictionaries({"x": st.integers()}), 5, seed=0))
    5
    """
    cases: list[Case] = []
    _run(strategy, cases.append, count, seed, (Phase.generate,))
    return cases


def smallest(
    strategy: Any, is_bad: Callable[[Case], bool], count: int, seed: int, shrinks: int = SHRINKS
) -> tuple[Case, Case] | None:
    """The first bad case among `count` drawn ones, and the smallest that shrinking it finds; None if all are good.

    >>> from hypothesis import strategies as st
    >>> smallest(st.fixed_dictionaries({"x": st.integers(0, 99)}), lambda case: case["x"] > 7, 200, seed=0)[1]
    {'x': 8}
    """
    bad: list[Case] = []
    known: set[bytes] = set()
    left = shrinks

    def refuse_bad(case: Case) -> None:
        nonlocal left
        key = pickle.dumps(case)
        left -= bool(bad)
        if key in known or (left > 0 and is_bad(case)):
            known.add(key)
            bad.append(case)
            raise _Bad

    try:
        _run(strategy, refuse_bad, count, seed, (Phase.generate, Phase.shrink))
    except _Bad:
        return bad[0], bad[-1]
    return None


class _Bad(Exception):
    pass


def _run(strategy: Any, use: Callable[[Case], None], count: int, seed: int, phases: tuple[Phase, ...]) -> None:
    settings = hypothesis.settings(
        max_examples=count,
        phases=phases,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )

    def ask(case):
        use(case)

    hypothesis.seed(seed)(settings(hypothesis.given(strategy)(ask)))()

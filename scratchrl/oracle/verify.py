"""The library's own claims, recomputed on this machine: every derivative and every identity, as one table.

A `Check` is one claim about one function, and a way to measure its error in one random case. `run` takes the worst of
`CASES` of them. First derivatives are compared with complex steps and may be off by 1e-12, second ones by 1e-10.

NumPy only, and no randomness but the seed's.
"""

import numpy as np

from scratchrl.oracle import (
    checks_action_values,
    checks_deterministic,
    checks_distributions,
    checks_kernels,
    checks_networks,
    checks_objectives,
    checks_returns,
    checks_search,
    checks_soft_actor,
    checks_squashed,
)
from scratchrl.oracle.checks import Check, Row

CASES = 20


def checks() -> list[Check]:
    """Every claim, file by file."""
    files = (
        checks_networks, checks_distributions, checks_squashed, checks_objectives, checks_returns, checks_action_values,
        checks_soft_actor, checks_deterministic, checks_search, checks_kernels,
    )  # fmt: skip
    return [check for file in files for check in file.checks()]


def measure(check: Check, seed: int, cases: int = CASES) -> Row:
    """The worst error of one claim over independent cases; nan, which no case may produce, counts as the worst."""
    errors = [check.error(np.random.default_rng([seed, case])) for case in range(cases)]
    return Row(check.function, check.claim, float(np.max(errors)), check.bound, cases)


def run(seed: int = 0) -> list[Row]:
    """All claims measured.

    Checked in tests/oracle/test_verify.py: no derivative of maths/ is left out, and none can be off by 1e-9 unnoticed.
    """
    return [measure(check, seed) for check in checks()]


def passed(rows: list[Row]) -> bool:
    """Whether every worst error is within its bound (nan is not).

    >>> passed([Row("f", "claim", 1e-15, 1e-12, 1)]), passed([Row("f", "claim", float("nan"), 1e-12, 1)])
    (True, False)
    """
    return all(row.worst <= row.bound for row in rows)


def table(rows: list[Row]) -> str:
    """The rows as text, failures marked, a summary at the end.

    >>> print(table([Row("mlp.vjp", "complex step", 1e-15, 1e-12, 20)]))
    function  check           worst    bound  cases
    mlp.vjp   complex step  1.0e-15  1.0e-12     20
    1 of 1 checks passed
    """
    width = [max(map(len, column)) for column in zip(("function", "check"), *(row[:2] for row in rows), strict=True)]
    head = f"{'function':{width[0]}}  {'check':{width[1]}}  {'worst':>7}  {'bound':>7}  {'cases':>5}"
    lines = [
        f"{row.function:{width[0]}}  {row.check:{width[1]}}  {row.worst:7.1e}  {row.bound:7.1e}  {row.cases:5}"
        + ("" if passed([row]) else "  FAILED")
        for row in rows
    ]
    good = sum(passed([row]) for row in rows)
    return "\n".join([head, *lines, f"{good} of {len(rows)} checks passed"])

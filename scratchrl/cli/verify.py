"""`scratchrl verify`: the library's own claims, checked on this machine."""

from dataclasses import dataclass

import tyro

from scratchrl.cli.errors import Refused, missing


@dataclass(frozen=True)
class Verify:
    """Checks every derivative, identity and accuracy claim of the library itself and prints two tables; exit code 1 if
    any fails. The second, accuracy in ulps, needs the extra `oracle`."""

    accuracy_cases: int = 2
    """Cases for each row of the accuracy table; more look harder for bad ones."""


def verify(arguments):
    """Prints the tables; 0 if every row passed, 1 if not."""
    asked = tyro.cli(Verify, args=arguments, prog="scratchrl verify")
    if asked.accuracy_cases < 1:
        raise Refused(f"--accuracy-cases: expected at least 1, got {asked.accuracy_cases}")
    from scratchrl.oracle import verify as checks

    rows = checks.run()
    print(checks.table(rows))
    return 0 if _is_accurate(asked.accuracy_cases) and checks.passed(rows) else 1


def _is_accurate(cases):
    """Prints the table of accuracy, or what to install for it."""
    try:
        from scratchrl.oracle import accuracy, accuracy_record
    except ModuleNotFoundError as error:
        if missing(error.name) is None:
            raise
        print(f"no table of accuracy: {missing(error.name)}")
        return True
    rows = accuracy.run(cases)
    print(f"\n{accuracy.table(rows, accuracy_record.scaled())}")
    return accuracy.passed(rows)

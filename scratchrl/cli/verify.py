"""`scratchrl verify`: the library's own claims, checked on this machine."""

from dataclasses import dataclass

import tyro


@dataclass(frozen=True)
class Verify:
    """Checks every derivative, identity and accuracy claim of the library itself and prints one table; exit code 1 if
    any fails."""


def verify(arguments):
    """Prints the table; 0 if every row passed, 1 if not."""
    tyro.cli(Verify, args=arguments, prog="scratchrl verify")
    from scratchrl.oracle import verify as checks

    rows = checks.run()
    print(checks.table(rows))
    return 0 if checks.passed(rows) else 1

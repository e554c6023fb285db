"""`scratchrl vectors --out DIR`: golden vectors for other languages."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Vectors:
    """Writes a JSON file of inputs, right outputs, error budgets and the outputs of every known mistake for each spec,
    and the schema of these files."""

    out: Path
    """Folder of the files; made if it is not there."""


def vectors(arguments):
    """Writes the files and prints their paths."""
    asked = tyro.cli(Vectors, args=arguments, prog="scratchrl vectors")
    from scratchrl.oracle import vectors as golden
    from scratchrl.runs.atomic import replacing

    for path in golden.write(asked.out, replacing):
        print(path)
    return 0

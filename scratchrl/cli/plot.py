"""`scratchrl plot RUN...`: runs over environment steps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from scratchrl.cli.errors import refusing


@dataclass(frozen=True)
class Plot:
    """Draws runs over environment steps. Runs that differ in their seed alone are drawn as a mean and a band."""

    runs: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="RUN...")]
    """Folders of runs."""
    out: Path = Path("curves.png")
    """The picture: .png, .svg, .pdf, ..."""


def plot(arguments):
    """Draws the picture and prints its path."""
    asked = tyro.cli(Plot, args=arguments, prog="scratchrl plot")
    from scratchrl.runs.plot import draw

    with refusing(ValueError):
        if not asked.runs:
            raise ValueError("plot: expected at least one folder of a run")
        draw(asked.runs, asked.out)
    print(asked.out)
    return 0

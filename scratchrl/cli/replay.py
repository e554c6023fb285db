"""`scratchrl replay FILE`: a recorded update of another library, recomputed stage by stage."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from scratchrl.cli.errors import refusing
from scratchrl.runs.atomic import replacing


@dataclass(frozen=True)
class ReplayFile:
    """Recomputes a recorded update and prints every stage with its verdict; the first that differs is named. Exit code
    1 if one does. examples/recorders/ make such files."""

    recording: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FILE.npz")]
    """The recording."""
    json: Path | None = None
    """Also write the result there."""


def replay(arguments):
    """Prints the page; 0 if no stage differs, 1 if one does."""
    asked = tyro.cli(ReplayFile, args=arguments, prog="scratchrl replay")
    from scratchrl.oracle import replay as recomputed

    with refusing(ValueError):
        found = recomputed(asked.recording)
    print(found)
    if asked.json is not None:
        with replacing(asked.json) as file:
            file.write(found.to_json() + "\n")
    return 0 if found.first_difference is None else 1

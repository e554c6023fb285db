"""`scratchrl replay FILE`: a recorded update of another library, recomputed stage by stage."""

import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from scratchrl.cli.errors import Refused, refusing, written
from scratchrl.runs.atomic import replacing


@dataclass(frozen=True)
class ReplayFile:
    """Recomputes a recorded update and prints every stage with its verdict; the first that differs is named. Exit code
    1 if one does. examples/recorders/ make such files."""

    recording: Annotated[Path | None, tyro.conf.Positional, tyro.conf.arg(metavar="FILE.npz")] = None
    """The recording."""
    format: bool = False
    """Print what a recording may hold, every name with its shape and meaning, and do nothing else."""
    json: Path | None = None
    """Also write the result there; if it cannot be recomputed, {"error": why}."""


def replay(arguments):
    """Prints the page; 0 if no stage differs, 1 if one does."""
    asked = tyro.cli(ReplayFile, args=arguments, prog="scratchrl replay", config=(tyro.conf.FlagCreatePairsOff,))
    if asked.format:
        return _format()
    if asked.recording is None:
        raise Refused("replay: expected a recording, FILE.npz; --format says what it may hold")
    from scratchrl.oracle import replay as recomputed

    with written(asked.json), refusing(ValueError):
        found = recomputed(asked.recording)
    print(found)
    if asked.json is not None:
        with replacing(asked.json) as file:
            file.write(found.to_json() + "\n")
    return 0 if found.first_difference is None else 1


def _format():
    from scratchrl.oracle.traces import names

    print(inspect.getdoc(names))
    return 0

"""`scratchrl check MODULE:FUNCTION --against SPEC`: the oracle, on somebody else's function."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from scratchrl.cli.errors import Refused, refusing, written
from scratchrl.runs.atomic import replacing

Repeated = tyro.conf.UseAppendAction


@dataclass(frozen=True)
class Check:
    """Compares a function with a spec and prints the verdict: correct, a named convention, unstable, or wrong with the
    mistake and the smallest example. Exit code 0 if correct or as accepted, 1 if not, 2 if it cannot be asked."""

    function: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="MODULE:FUNCTION")]
    """The subject: a module that Python can import from here, and the name of the function in it."""
    against: str
    """Name of the spec; `scratchrl specs` lists them."""
    role: Annotated[tuple[str, ...], Repeated, tyro.conf.arg(metavar="PARAMETER=ROLE")] = ()
    """What a parameter is, where its name does not say it; may be repeated."""
    accept: Annotated[tuple[str, ...], Repeated, tyro.conf.arg(metavar="NAME")] = ()
    """A convention that is meant: a slug, or "PARAMETER = ROLE" as the report prints it; may be repeated."""
    json: Path | None = None
    """Also write the report there; if it cannot be asked, {"error": why}."""
    framework: Literal["auto", "numpy", "torch", "jax"] = "auto"
    """What the subject is handed."""
    dtype: Literal["float64", "float32"] = "float64"
    """Precision of what it is handed. What it answers in decides the tolerance."""
    examples: int = 200
    """Ordinary cases; as many stress cases and edge cases together come on top."""
    seed: int = 0
    """Seed of the cases."""
    timeout: float = 10.0
    """Seconds for one call."""


def check(arguments):
    """Prints the report; 0 if accepted, 1 if not."""
    asked = tyro.cli(Check, args=arguments, prog="scratchrl check")
    with written(asked.json):
        report = _diagnosed(asked)
    print(report)
    if asked.json is not None:
        with replacing(asked.json) as file:
            file.write(report.to_json() + "\n")
    return 0 if report.accepted else 1


def _diagnosed(asked):
    from scratchrl.oracle import diagnose, subjects

    sys.path.insert(0, os.getcwd())
    with refusing(ValueError):
        return diagnose(
            subjects.load(asked.function),
            asked.against,
            dict(_pair(role) for role in asked.role),
            asked.examples,
            asked.seed,
            framework=None if asked.framework == "auto" else asked.framework,
            dtype=asked.dtype,
            accept=asked.accept,
            timeout=asked.timeout,
        )


def _pair(role):
    parameter, equals, name = role.partition("=")
    if not equals:
        raise Refused(f"--role: expected PARAMETER=ROLE, got {role!r}")
    return parameter.strip(), name.strip()

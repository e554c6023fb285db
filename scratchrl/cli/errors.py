"""Errors that are the user's to mend become one line and exit code 2; all others are ours and keep their traceback."""

import json
from contextlib import contextmanager

from scratchrl.runs.atomic import replacing

EXTRAS = {
    "matplotlib": "plots",
    "moviepy": "video",
    "pygame": "video",
    "flint": "oracle",
    "hypothesis": "oracle",
    "mpi4py": "mpi",
}


class Refused(ValueError):
    """A request that cannot be served as it stands; the message is the line the user sees."""


@contextmanager
def refusing(*kinds, prefix=""):
    """Errors of these kinds, raised inside, are about what the user gave: they become Refused."""
    try:
        yield
    except kinds as error:
        raise Refused(f"{prefix}{error}") from error


@contextmanager
def written(path):
    """A refusal inside also goes into the JSON file `path`, as {"error": the line}, for machines; None: nowhere."""
    try:
        yield
    except Exception as error:
        line = explain(error)
        if path is not None and line is not None:
            with replacing(path) as file:
                file.write(json.dumps({"error": line}, ensure_ascii=False) + "\n")
        raise


def explain(error):
    """The one line for `error`, or None if it is a bug.

    >>> explain(ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib"))
    'matplotlib is not installed: pip install "scratchrl[plots]"'
    >>> explain(FileNotFoundError(2, "No such file or directory", "a.json"))
    'a.json: no such file or directory'
    >>> explain(ZeroDivisionError()) is None
    True
    """
    if isinstance(error, ModuleNotFoundError):
        return missing(error.name)
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename2 or error.filename}: {(error.strerror or str(error)).lower()}"
    if isinstance(error, _expected()):
        return " ".join(str(error).split())
    return None


def missing(module):
    """How to install an absent module that one of our extras brings, or None."""
    name = (module or "").split(".")[0]
    return f'{name} is not installed: pip install "scratchrl[{EXTRAS[name]}]"' if name in EXTRAS else None


def _expected():
    from scratchrl.experience.accord import Discord
    from scratchrl.experience.environments import UnusableEnvironment
    from scratchrl.runs.checkpoint import CheckpointError

    return Refused, UnusableEnvironment, CheckpointError, Discord, OSError

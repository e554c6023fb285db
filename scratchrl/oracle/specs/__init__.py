"""The specs: what can be checked, one file per family."""

import importlib
import pkgutil
from functools import cache

from scratchrl.oracle.specification import Spec


@cache
def every() -> dict[str, Spec]:
    """Name -> spec, in the order of the files and of their lines."""
    found: dict[str, Spec] = {}
    for file in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{file.name}")
        found |= {value.name: value for value in vars(module).values() if isinstance(value, Spec)}
    return found


def get(name: str) -> Spec:
    """The spec of that name.

    Raises: ValueError for a name that is none.
    """
    if name not in every():
        raise ValueError(f"against: expected one of {', '.join(every())}, got {name!r}")
    return every()[name]

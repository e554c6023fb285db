"""The specs: what can be checked, one file per family."""

import importlib
import pkgutil
from functools import cache

from scratchrl.oracle.specification import Spec
from scratchrl.oracle.suggestions import instead


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
        otherwise = f"the specs are {', '.join(every())}"
        raise ValueError(f"against: unknown spec {name!r}; {instead(name, every(), otherwise)}")
    return every()[name]

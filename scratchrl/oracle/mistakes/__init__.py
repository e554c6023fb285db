"""The catalogue: every known mistake and convention, one file per family."""

import importlib
import pkgutil
from functools import cache

from scratchrl.oracle.mistake import Mistake


@cache
def catalogue() -> tuple[Mistake, ...]:
    """All of it, in the order of the files and of their lines."""
    found: list[Mistake] = []
    for file in pkgutil.iter_modules(__path__):
        for value in vars(importlib.import_module(f"{__name__}.{file.name}")).values():
            if isinstance(value, tuple) and value and all(isinstance(item, Mistake) for item in value):
                found += value
    return tuple(found)


def against(spec: str) -> tuple[Mistake, ...]:
    """Those that a subject of this spec may show."""
    return tuple(entry for entry in catalogue() if entry.against == spec)

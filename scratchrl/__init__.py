"""scratchrl: deep reinforcement learning in NumPy, every derivative written by hand, every claim checked."""

import importlib
from collections.abc import Callable
from typing import Any

__version__ = "0.1.0"


def submodules(package: str, **functions: str) -> Callable[[str], Any]:
    """A package's `__getattr__` that imports a submodule when it is first asked for: nothing heavy before its time.

    functions: name -> the submodule that defines it, for functions to be had from the package itself.

    >>> import scratchrl
    >>> scratchrl.maths.returns.__name__
    'scratchrl.maths.returns'
    """

    def submodule(name: str) -> Any:
        if name in functions:
            return getattr(submodule(functions[name]), name)
        full = f"{package}.{name}"
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return submodule


__getattr__ = submodules(__name__)

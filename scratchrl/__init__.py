"""scratchrl: deep reinforcement learning in NumPy, every derivative written by hand, every claim checked."""

import importlib
from collections.abc import Callable
from types import ModuleType

__version__ = "0.1.0"


def submodules(package: str) -> Callable[[str], ModuleType]:
    """A package's `__getattr__` that imports a submodule when it is first asked for: nothing heavy before its time.

    >>> import scratchrl
    >>> scratchrl.maths.returns.__name__
    'scratchrl.maths.returns'
    """

    def submodule(name: str) -> ModuleType:
        full = f"{package}.{name}"
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as error:
            if error.name != full:
                raise
            raise AttributeError(f"module {package!r} has no attribute {name!r}") from None

    return submodule


__getattr__ = submodules(__name__)

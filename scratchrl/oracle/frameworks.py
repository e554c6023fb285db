"""What a subject is handed and what it hands back: NumPy arrays, torch tensors, JAX arrays, and their gradients.

Each framework is a module with the same three functions:

    to_native(value, dtype)              a NumPy value in the framework's own type, floats in that dtype
    to_numpy(result)                     back
    gradient(function, natives, names)   (outputs, d Σ outputs[0] / d natives[name], …); None without autodiff
"""

import importlib
import inspect
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

FRAMEWORKS = {"numpy": "numpy_io", "torch": "torch_io", "jax": "jax_io"}


def framework(name: str) -> ModuleType:
    """The module of that name.

    Raises: ValueError for a name that is none.
    """
    if name not in FRAMEWORKS:
        raise ValueError(f"framework: expected one of {', '.join(FRAMEWORKS)}, got {name!r}")
    return importlib.import_module(f"scratchrl.oracle.{FRAMEWORKS[name]}")


def loss_of(outputs: Any) -> Any:
    """What is to be differentiated: the output itself, the first of several, or of a dict the entry "loss".

    >>> loss_of((1.0, "clip fraction")), loss_of({"clip fraction": 0.0, "loss": 2.0})
    (1.0, 2.0)
    """
    if isinstance(outputs, dict):
        return outputs.get("loss", next(iter(outputs.values())))
    return outputs[0] if isinstance(outputs, tuple | list) else outputs


def likely(subject: Callable[..., Any]) -> tuple[str, ...]:
    """The frameworks a function may be written in, likeliest first: those its code names, else those its module knows.

    `x.std()` names none, and means another σ in torch than in NumPy: in a module that imports torch it is torch's.

    >>> likely(lambda x: x)
    ('numpy',)
    """
    function = inspect.unwrap(getattr(subject, "func", subject))
    function = getattr(function, "__func__", function)
    scope = getattr(function, "__globals__", {})
    names = getattr(getattr(function, "__code__", None), "co_names", ())
    named = _packages([scope[name] for name in names if name in scope])
    return tuple(named) or tuple(dict.fromkeys([*_packages(scope.values()), "numpy"]))


def _packages(values: Iterable[Any]) -> list[str]:
    """Frameworks among the homes of these objects, NumPy last: tensor code often uses it for small things."""
    homes = [value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None) for value in values]
    found = {home.split(".")[0] for home in homes if isinstance(home, str)}
    return [name for name in ("torch", "jax", "numpy") if name in found]

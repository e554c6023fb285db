"""A subject at work: somebody's function, one reading of its signature, called so that nothing it does can hurt us."""

import importlib
import inspect
import itertools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle.answers import Answer, Failure, Outputs, are_gradients, by_name, in_order, needs_names, rank
from scratchrl.oracle.frameworks import framework, likely, loss_of
from scratchrl.oracle.roles import Binding, Case, bindings
from scratchrl.oracle.specification import Layout, Spec
from scratchrl.oracle.time_limit import TooLong, time_limit


class Reading(NamedTuple):
    """A subject under one reading of its signature."""

    subject: Callable[..., Any]
    spec: Spec
    binding: Binding
    layout: Layout
    library: ModuleType
    dtype: np.dtype
    numeric_flags: bool  # flags as 0.0 and 1.0: some subjects calculate with them
    timeout: float

    def given(self, case: Case) -> Case:
        """The case in the subject's words, canonical layout, by role name."""
        return self.binding.give(self.layout.fit(case))

    def shaped(self, given: Case) -> Case:
        """What was given, by parameter, in the subject's layout."""
        return {parameter: _shaped(given[role.name], self.layout) for parameter, role in self.binding.roles}

    def arguments(self, given: Case) -> Case:
        """What the call will be given, by parameter, in the subject's layout and framework."""
        shaped = self.shaped(given)
        if self.numeric_flags:
            shaped = {name: _as_number(value) for name, value in shaped.items()}
        natives = {name: self.library.to_native(value, self.dtype) for name, value in shaped.items()}
        makers = {parameter: role.make for parameter, role in self.binding.roles if role.make}
        return natives | {parameter: make(natives[parameter]) for parameter, make in makers.items()}

    def answer(self, given: Case) -> Answer:
        """One call, or how it failed."""
        natives, kept = self.arguments(given), self.arguments(given)
        try:
            with time_limit(self.timeout), np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result, gradients = self._call(natives)
        except TooLong as error:
            return Failure("hangs", str(error))
        except (Exception, SystemExit, GeneratorExit) as error:
            return Failure("raises", _words(error))
        data = [parameter for parameter, role in self.binding.roles if not role.make]
        if not _same(natives, kept, data, self.library):
            return Failure("mutates", "it changed its arguments")
        axes = max(map(rank, self.shaped(given).values()), default=0)
        return self._outputs(result, gradients, 0 if self.spec.differentiate else axes)

    def _call(self, natives: Case) -> tuple[Any, Any]:
        parameters = {role.name: parameter for parameter, role in self.binding.roles}
        leaves = tuple(parameters[name] for name in self._leaves() if name in parameters)
        if leaves and (found := self.library.gradient(self._apply, natives, leaves)) is not None:
            result, gradients = found
            beside = in_order(result, self.spec.outputs)[1:]
            own = gradients is None or are_gradients(beside, [natives[name] for name in leaves])
            return (result, None) if own else (loss_of(result), gradients)
        return self._apply(natives), None

    def _leaves(self) -> list[str]:
        """Roles whose parameters determine what the spec differentiates by, in its order."""
        roles = [role for _, role in self.binding.roles]
        return [role.name for by in self.spec.differentiate for role in roles if role.determines[:1] == (by,)]

    def _apply(self, natives: Case) -> Any:
        positional = [natives[name] for name in self.binding.positional if name in natives]
        named = {name: value for name, value in natives.items() if name not in self.binding.positional}
        return self.subject(*positional, **named)

    def _outputs(self, result: Any, gradients: Any, axes: int) -> Answer:
        named = by_name(result, self.spec)
        if self.spec.keys and not named:
            return Failure("returns", f"no dict or named tuple with any of {', '.join(self.spec.outputs)}")
        items = list(named.values()) or in_order(result, self.spec.outputs, axes)
        if not items:
            return Failure("returns", "nothing")
        try:
            arrays = [np.array(self.library.to_numpy(item)) for item in [*items, *(gradients or ())]]
        except (Exception, SystemExit) as error:
            return Failure("returns", f"no arrays: {_words(error)}")
        for array in arrays:
            if array.dtype.kind not in "fiub":
                return Failure("returns", f"dtype {array.dtype} instead of numbers")
        floats = [array.dtype for array in arrays if array.dtype.kind == "f"]
        coarsest = min([*floats, np.dtype(self.dtype)], key=lambda dtype: np.finfo(dtype).bits)
        shaped = tuple(self.layout.take(array) for array in arrays)
        if not needs_names(named, self.spec):
            return Outputs(shaped, coarsest, bool(gradients))
        counting = self.spec.settle(dict(zip(named, shaped, strict=True)))
        return Outputs(tuple(counting.values()), coarsest, False, tuple(counting))


def readings(
    subject: Callable[..., Any], spec: Spec, roles: Mapping[str, str], libraries: Sequence[str] | None,
    dtype: np.dtype, timeout: float,
) -> Iterator[Reading]:  # fmt: skip
    """Every way the subject can be called, likeliest first.

    Raises: UnknownParameter.
    """
    modules = [framework(name) for name in libraries or likely(subject)]
    found = list(bindings(subject, spec.roles, spec.required, roles))
    flags = (False, True) if any(role.flags for binding in found for _, role in binding.roles) else (False,)
    for module, binding, layout, numeric in itertools.product(modules, found, spec.layouts, flags):
        yield Reading(subject, spec, binding, layout, module, dtype, numeric, timeout)


def _words(error: BaseException) -> str:
    """What an exception says, if it can be made to say it and that can be printed."""
    try:
        text = str(error)[:300]
    except Exception:
        text = "(an exception that cannot be printed)"
    return f"{type(error).__name__}: {text}".encode("utf-8", "backslashreplace").decode()


def _shaped(value: Any, layout: Layout) -> Any:
    return layout.give(value) if isinstance(value, np.ndarray) else value


def _as_number(value: Any) -> Any:
    return value.astype(np.float64) if isinstance(value, np.ndarray | np.generic) and value.dtype == bool else value


def _same(natives: Case, kept: Case, names: Sequence[str], library: ModuleType) -> bool:
    def alike(a: Any, b: Any) -> bool:
        if callable(a):
            return True
        if isinstance(a, tuple):
            return a == b
        if isinstance(a, list):
            return len(a) == len(b) and all(map(alike, a, b))
        return np.array_equal(library.to_numpy(a), library.to_numpy(b), equal_nan=True)

    return all(alike(natives[name], kept[name]) for name in names)


def load(name: str) -> Callable[..., Any]:
    """The function that MODULE:FUNCTION names; FUNCTION may be dotted (Class.method).

    Raises: ValueError in words, whatever goes wrong.
    """
    module_name, _, path = name.partition(":")
    if not path:
        raise ValueError(f"subject: expected MODULE:FUNCTION, got {name!r}")
    try:
        found: Any = importlib.import_module(module_name)
        for part in path.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise ValueError(f"subject: cannot load {name!r}: {type(error).__name__}: {error}") from error
    if not callable(found) or inspect.ismodule(found):
        raise ValueError(f"subject: {name!r} is not a function")
    return found

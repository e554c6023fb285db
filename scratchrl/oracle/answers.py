"""What a subject answers: outputs of the spec, under their names or in their order, or a failure to answer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.specification import Spec


class Failure(NamedTuple):
    """What a subject did instead of answering."""

    kind: str  # raises, hangs, mutates, random or returns
    text: str


class Outputs(NamedTuple):
    """What a subject answered: float arrays in the canonical layout, and the precision they came in."""

    arrays: tuple[NDArray, ...]
    dtype: np.dtype
    differentiated: bool  # whether the gradients are its framework's and not its own
    names: tuple[str, ...] = ()  # which outputs of the spec these are; empty: the first ones


Answer = Outputs | Failure


def by_name(result: Any, spec: Spec) -> dict[str, Any]:
    """The outputs that came back under names the spec knows, in its order."""
    if spec.keys and hasattr(result, "_asdict"):
        result = result._asdict()
    if not isinstance(result, dict):
        return {}
    known = {spec.keys.get(name, name): item for name, item in result.items()}
    return {name: known[name] for name in spec.outputs if name in known}


def needs_names(named: Mapping[str, Any], spec: Spec) -> bool:
    """Whether they are other outputs than the first ones."""
    return bool(spec.keys) or (not spec.differentiate and tuple(named) != spec.outputs[: len(named)])


def in_order(result: Any, outputs: Sequence[str], axes: int = 0) -> list[Any]:
    """What came back, output by output; what a subject returns beyond them (a report, a flag) is its own business.

    A list of things with fewer axes than `axes`, that of the arrays it was given, is one output, row by row.
    """
    if isinstance(result, dict):
        return list(result.values())[: len(outputs)]
    if isinstance(result, list) and (len(outputs) == 1 or all(np.ndim(item) < axes for item in result)):
        return [result]
    return list(result[: len(outputs)]) if isinstance(result, tuple | list) else [result]


def rank(value: Any) -> int:
    """The number of axes of an array, or of a list of things that are alike."""
    if isinstance(value, list) and value:
        return 1 + rank(value[0])
    return value.ndim if isinstance(value, np.ndarray) else 0


def are_gradients(items: list[Any], leaves: list[Any]) -> bool:
    """Whether what came back beside a loss are its derivatives, and not a clip fraction or some other diagnostic."""
    shapes = [np.shape(leaf) for leaf in leaves]
    return 0 < len(items) <= len(leaves) and all(np.shape(x) == y for x, y in zip(items, shapes, strict=False))

"""What a stage of the replay is, and the two kinds of arithmetic the networks are run in."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.traces.bounded import collected, rounding
from scratchrl.oracle.traces.judging import Judged, Variant, compare
from scratchrl.oracle.traces.recording import Recording, dtype_of

Found = dict[str, Callable[..., Any]]  # spec name -> the convention in force, once a stage has found one


class Stage(NamedTuple):
    """One step of the data flow.

    name: of what it makes, an array of the recording as a rule; needs: what it is made from; also: what it is made
      from where some setting is recorded.
    examine: (recording, conventions found so far) -> Judged; may add to what was found.
    """

    name: str
    formula: str
    needs: tuple[str, ...]
    examine: Callable[[Recording, Found], Judged]
    output: str = ""  # where it is not the name
    also: Mapping[str, tuple[str, ...]] = {}

    def lacks(self, recording: Recording) -> tuple[str, ...]:
        """What it would take to run it."""
        more = [name for setting, names in self.also.items() if recording.has(setting) for name in names]
        return recording.lacks(self.output or self.name, *self.needs, *more)


class Arithmetic(NamedTuple):
    """How a formula of maths/ is run: weights by `lift`, data by `plain`."""

    name: str
    lift: Callable[[NDArray], Any]
    plain: Callable[[NDArray], NDArray]


def bounded(bits: int) -> Arithmetic:
    """With proven bounds for programs of that precision."""
    return Arithmetic("bounded", lambda theta: rounding(theta, bits), _as_float(np.dtype(np.float64)))


def native(bits: int) -> Arithmetic:
    """In that precision itself."""
    cast = _as_float(dtype_of(bits))
    return Arithmetic(f"{bits} bits", cast, cast)


def _as_float(dtype: np.dtype) -> Callable[[NDArray], NDArray]:
    return lambda array: np.ascontiguousarray(array, dtype) if array.dtype.kind == "f" else array


def by_network(
    recording: Recording,
    recorded: NDArray,
    compute: Callable[[Arithmetic], Any],
    variants: tuple[Variant, ...] = (),
    factor: float = 1.0,
) -> Judged:
    """A stage that runs a network: recorded numbers against compute(arithmetic), bounded and in its own precision.

    The bound holds for sums in any order, and a network is sums: factor 1. What has other writings gets more room.
    """
    expected = collected(compute(bounded(recording.bits)), recording.bits)
    twin = np.asarray(compute(native(recording.bits)), dtype=np.float64)
    return compare(recorded, expected, factor, variants, twin)

"""The clip of a gradient by its global norm."""

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, CONVENTION
from scratchrl.oracle.traces.bounded import Bounded, rounding
from scratchrl.oracle.traces.judging import SAME, Judged, Remark, Variant, compare, known
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Found, Stage

APART = known("mask-grad-clip-subset", BUG, "the norm of each network apart, not of all parameters at once")
UNCLIPPED = Remark("clip-left-out", BUG, "g itself, though ‖g‖ > c")
ALWAYS = Remark("clip-always", BUG, "g · c/‖g‖ also where ‖g‖ < c: short gradients are made longer")
BY_VALUE = Remark("clip-by-value", CONVENTION, "each number clipped to [−c, c]: another direction")
CLIPPED = Remark("norm-after-clipping", CONVENTION, "‖g‖ of the clipped gradient")
LARGEST = Remark("norm-largest", CONVENTION, "max |g|, the ∞-norm")


def stages(recording: Recording) -> tuple[Stage, ...]:
    """Both need the gradient of every network there is."""
    nets = [net for net in ("policy", "value") if getattr(recording, net) is not None]
    gradients = tuple(f"gradient/{net}" for net in nets)
    clipped = tuple(f"clipped/{net}" for net in nets)
    return (
        Stage("grad_norm", "‖g‖ over all parameters", gradients, _grad_norm),
        Stage("clipped", "g · min(1, c/‖g‖)", ("max_grad_norm", *gradients, *clipped[1:]), _clipped, (*clipped, "")[0]),
    )


def _gradients(recording: Recording, when: str) -> list[NDArray]:
    return [recording[f"{when}/{net}"] for net in ("policy", "value") if recording.has(f"{when}/{net}")]


def _norm(recording: Recording) -> Bounded:
    gradient = rounding(np.concatenate(_gradients(recording, "gradient")), recording.bits)
    return np.sqrt((gradient * gradient).sum())


def _grad_norm(recording: Recording, found: Found) -> Judged:
    gradient = np.concatenate(_gradients(recording, "gradient"))
    cap = float(recording.arrays.get("max_grad_norm", np.inf))
    variants = (
        Variant(CLIPPED, lambda: np.array(min(np.linalg.norm(gradient), cap))),
        Variant(LARGEST, lambda: np.abs(gradient).max()),
    )
    return compare(recording["grad_norm"], _norm(recording), 1.0, variants)


def _clipped(recording: Recording, found: Found) -> Judged:
    """One factor for all: the factor is held to c/‖g‖, and every number to the factor.

    The norm of thousands of numbers has a wide proven bound; that all were shortened alike has a narrow one.
    """
    gradient = np.concatenate(_gradients(recording, "gradient"))
    clipped = np.concatenate(_gradients(recording, "clipped"))
    unit = 2.0**-recording.bits
    largest = int(np.argmax(np.abs(gradient)))
    factor = clipped[largest] / gradient[largest] if gradient[largest] else 1.0
    shared = Bounded(factor * gradient, 2 * unit * np.abs(factor * gradient), unit)
    direction = compare(clipped, shared, FACTOR, _other_directions(recording))
    length = _length(recording, factor)
    return direction if direction.verdict != SAME or direction.worst > length.worst else length


def _length(recording: Recording, factor: float) -> Judged:
    norm, cap = _norm(recording), float(recording["max_grad_norm"])
    limit = np.minimum(cap / norm, Bounded(1.0, unit=norm.unit))
    variants = (
        Variant(UNCLIPPED, lambda: np.array(1.0)),
        Variant(ALWAYS, lambda: np.array(cap / norm.value)),
    )
    return compare(np.array(factor), limit, FACTOR, variants)


def _other_directions(recording: Recording) -> tuple[Variant, ...]:
    gradients, cap = _gradients(recording, "gradient"), float(recording["max_grad_norm"])

    def apart() -> NDArray:
        return np.concatenate([g * min(1.0, cap / np.linalg.norm(g)) for g in gradients])

    return Variant(APART, apart), Variant(BY_VALUE, lambda: np.clip(np.concatenate(gradients), -cap, cap))

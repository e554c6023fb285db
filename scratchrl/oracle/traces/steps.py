"""From a gradient to new weights: the optimizer's memories and its step."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import optimizers
from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG
from scratchrl.oracle.traces.judging import Judged, Remark, Variant, compare, known, remark
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Found, Stage, bounded

MEMORIES = {"adam": ("m", "v"), "rmsprop": ("v",), "sgd": (), "momentum": ("m",)}
SETTINGS = {
    "adam": ("lr", "beta1", "beta2", "eps", "t"),
    "rmsprop": ("lr", "decay", "eps"),
    "sgd": ("lr",),
    "momentum": ("lr", "momentum"),
}
FORMULAS = {
    "m_after": "m ← β₁ m + (1 − β₁) g",
    "v_after": "v ← β₂ v + (1 − β₂) g²",
    "after": "θ ← θ + step(g)",
}
ASCENT = Remark("step-uphill", BUG, "θ ← θ − step(g): the loss is made large")
CLIP_UNUSED = Remark("clip-unused", BUG, "the gradient was clipped, and the step was made with the unclipped one")
NO_STEP = Remark("no-step", BUG, "θ stays")
EPS_IN_ROOT = known("rmsprop-eps-in-sqrt", "convention", "g/√(s + ε) for g/(√s + ε)")


def kind(recording: Recording) -> str:
    """Which of the recursions of maths/optimizers.py it is."""
    name = str(recording["optimizer"])
    return "momentum" if name == "sgd" and recording.has("momentum") else name


def stages(recording: Recording) -> Iterator[Stage]:
    """For each network its memories, then its weights; TRPO steps without an optimizer."""
    if not recording.has("optimizer"):
        for net in _nets(recording):
            yield Stage(f"after/{net}", FORMULAS["after"], ("optimizer",), _examiner(net, "after"))
        return
    memories = MEMORIES[kind(recording)]
    for net in _nets(recording):
        fresh = recording.arrays.get("t") == 0
        needs = (*SETTINGS[kind(recording)], gradient_name(recording, net), f"before/{net}")
        needs += () if fresh else tuple(f"{memory}/{net}" for memory in memories)
        for made in (*(f"{memory}_after" for memory in memories), "after"):
            yield Stage(f"{made}/{net}", FORMULAS[made], needs, _examiner(net, made))


def _nets(recording: Recording) -> list[str]:
    nets = ("value",) if recording.has("delta") else ("policy", "value")
    return [net for net in nets if getattr(recording, net) is not None]


def gradient_name(recording: Recording, net: str) -> str:
    """What the step is made with: the clipped gradient, if there is one."""
    return f"clipped/{net}" if recording.has(f"clipped/{net}") else f"gradient/{net}"


def _examiner(net: str, made: str) -> Any:
    def examine(recording: Recording, found: Found) -> Judged:
        expected = stepped(recording, net, bounded(recording.bits).lift)[made]
        return compare(recording[f"{made}/{net}"], expected, FACTOR, tuple(_variants(recording, net, made)))

    return examine


def stepped(
    recording: Recording, net: str, lift: Callable[[NDArray], Any], gradient: str = "", eps_root: bool = False
) -> dict[str, Any]:
    """Memories and weights after one step of the recorded optimizer, in any arithmetic."""
    before, g = lift(recording[f"before/{net}"]), lift(recording[gradient or gradient_name(recording, net)])
    m, v = (lift(recording.thetas.get(f"{name}/{net}", np.zeros(g.shape))) for name in ("m", "v"))
    lr, eps = float(recording["lr"]), float(recording.arrays.get("eps", 0.0))
    match kind(recording):
        case "adam":
            betas = float(recording["beta1"]), float(recording["beta2"])
            (m, v, _), step = optimizers.adam(optimizers.Adam(m, v, int(recording["t"])), g, lr, *betas, eps)
        case "rmsprop":
            epsilons = (0.0, eps) if eps_root else (eps, 0.0)
            (v,), step = optimizers.rmsprop(optimizers.RMSProp(v), g, lr, float(recording["decay"]), *epsilons)
        case "momentum":
            (m,), step = optimizers.momentum(optimizers.Momentum(m), g, lr, float(recording["momentum"]))
        case _:
            _, step = optimizers.sgd((), g, lr)
    return {"m_after": m, "v_after": v, "after": before + step, "step": step}


def _variants(recording: Recording, net: str, made: str) -> Iterator[Variant]:
    def plain(array: NDArray) -> NDArray:
        return array

    before = recording[f"before/{net}"]
    if kind(recording) == "rmsprop":
        yield Variant(EPS_IN_ROOT, lambda: stepped(recording, net, plain, eps_root=True)[made])
    if recording.has(f"clipped/{net}", f"gradient/{net}"):
        yield Variant(CLIP_UNUSED, lambda: stepped(recording, net, plain, f"gradient/{net}")[made])
    if made == "after":
        yield Variant(NO_STEP, lambda: before)
        yield Variant(ASCENT, lambda: before - stepped(recording, net, plain)["step"])
    if kind(recording) == "adam" and "adam_step" in specs.every():
        for entry in sorted(mistakes.against("adam_step"), key=lambda entry: entry.kind == BUG):
            yield Variant(remark(entry), partial(_by_catalogue, recording, net, entry, made))


def _by_catalogue(recording: Recording, net: str, entry: Any, made: str) -> NDArray:
    """What a mistake of Adam's does to the memories or the weights; nan where it has no answer."""
    before = recording[f"before/{net}"]
    case = {name: float(recording[name]) for name in ("lr", "beta1", "beta2", "eps")}
    memory = {name: recording.thetas.get(f"{name}/{net}", np.zeros(before.shape)) for name in ("m", "v")}
    gradient = recording[gradient_name(recording, net)]
    try:  # the spec's t counts the step being made
        step, m, v = entry.around(specs.get("adam_step").reference)(
            gradient=gradient, t=int(recording["t"]) + 1, **memory, **case
        )
    except Exception:
        return np.full(before.shape, np.nan)
    return {"m_after": m, "v_after": v, "after": before + step}[made]

"""The stages of a rollout: values and log-probabilities from weights, then advantages and targets from values."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import returns
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, CONVENTION
from scratchrl.oracle.traces.bounded import rounding
from scratchrl.oracle.traces.elementwise import against_spec
from scratchrl.oracle.traces.judging import Judged, Remark, Variant, compare, known
from scratchrl.oracle.traces.networks import log_prob_judged, values, values_judged
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Arithmetic, Found, Stage, by_network, native


def _rows(array: NDArray) -> NDArray:
    return array.reshape(-1, *array.shape[2:])


def _value(recording: Recording, found: Found) -> Judged:
    return values_judged(recording, recording["value"], "old/value", _rows(recording["obs"]))


def _log_prob_old(recording: Recording, found: Found) -> Judged:
    action = _rows(recording["action"])
    return log_prob_judged(recording, recording["log_prob_old"], "old/policy", _rows(recording["obs"]), action)


# ---- what the successor was worth ----


def _next_value(recording: Recording, found: Found) -> Judged:
    """V of next_obs, or where that was not recorded, of the next row of obs inside an episode."""
    terminated, truncated = recording["terminated"], recording["truncated"]
    if recording.has("next_obs"):
        rows, next_obs = ~terminated, recording["next_obs"]
    else:
        rows = ~(terminated | truncated)
        rows[-1] = False
        next_obs = np.concatenate([recording["obs"][1:], recording["obs"][-1:]])
    shape = recording["next_value"].shape

    def compute(arithmetic: Arithmetic) -> Any:
        return values(recording, "old/value", _rows(next_obs), arithmetic).reshape(shape)[rows]

    judged = by_network(recording, recording["next_value"][rows], compute, _successors(recording, rows))
    return judged if judged.verdict != "same" else _after_reset(recording, judged)


def _after_reset(recording: Recording, judged: Judged) -> Judged:
    """Without next_obs the value at a time limit cannot be computed, but that of the reset observation is known."""
    if recording.has("next_obs"):
        return judged
    cut = (recording["truncated"] & ~recording["terminated"])[:-1]
    reset = recording["value"][1:] if recording.has("value") else None
    if reset is None or not cut.any() or not np.array_equal(recording["next_value"][:-1][cut], reset[cut]):
        return judged
    return judged._replace(verdict="differs", worst=float("inf"), remarks=(RESET,))


RESET = known("gae-trunc-boot-reset-obs", BUG, "v′_t := V(obs_{t+1}), the first observation after the reset")
CURRENT = known("gae-trunc-boot-current", BUG, "v′_t := V(obs_t) at a time limit, the value before the action")
STALE = known("gae-last-value-stale", BUG, "v′_{T−1} := V(obs_{T−1}): the last bootstrap is one step old")
EVERYWHERE = Remark("next-value-is-value", BUG, "v′_t := V(obs_t) everywhere")


def _successors(recording: Recording, rows: NDArray) -> tuple[Variant, ...]:
    if not recording.has("value", "obs"):
        return ()
    value, given = recording["value"], recording["next_value"]
    cut = recording["terminated"] | recording["truncated"]
    following = np.concatenate([value[1:], given[-1:]])
    last = np.zeros(cut.shape, bool)
    last[-1] = True
    right = values(recording, "old/value", _rows(recording["next_obs"]), native(53)).reshape(value.shape) \
        if recording.has("next_obs") else following  # fmt: skip
    return (
        Variant(RESET, lambda: np.where(cut, following, right)[rows]),
        Variant(CURRENT, lambda: np.where(cut, value, right)[rows]),
        Variant(STALE, lambda: np.where(last, value, right)[rows]),
        Variant(EVERYWHERE, lambda: value[rows]),
    )


# ---- advantages ----

SUCCESSORS = ("old/value", "obs", "terminated", "truncated")
CASE = ("reward", "value", "next_value", "terminated", "truncated", "gamma", "lam")


def case_of(recording: Recording, *names: str) -> dict[str, Any]:
    """Recorded arrays as a canonical case, read-only to nobody: floats stay in their dtype, settings are floats."""
    return {name: float(recording[name]) if np.ndim(recording[name]) == 0 else recording[name] for name in names}


def _advantage(recording: Recording, found: Found) -> Judged:
    case = case_of(recording, *CASE)
    hidden = case["terminated"] & ~np.isfinite(case["next_value"])  # it does not count, and 0 · nan would
    case["next_value"] = np.where(hidden, np.zeros_like(case["next_value"]), case["next_value"])
    return against_spec("gae", case, recording["advantage"], recording.bits)


def _target(recording: Recording, found: Found) -> Judged:
    value, advantage = recording["value"], recording["advantage"]
    expected = rounding(advantage, recording.bits) + value.astype(np.float64)
    return compare(recording["target"], expected, FACTOR, _targets(recording))


def _targets(recording: Recording) -> tuple[Variant, ...]:
    value = recording["value"].astype(np.float64)
    variants = [Variant(known("gae-returns-stale-zero", BUG, "R_t = v_t: added before A was computed"), lambda: value)]
    if recording.has(*CASE):
        case: dict[str, Any] = {
            name: np.float64(x) if np.ndim(x) and x.dtype != bool else x
            for name, x in case_of(recording, *CASE).items()
        }
        remark = known("vtarget-lambda1", CONVENTION, "R_t = the λ = 1 return, whatever λ the advantage has")
        variants.append(Variant(remark, lambda: returns.gae(**(case | {"lam": 1.0})) + value))
    return tuple(variants)


STAGES = (
    Stage("value", "v_t = V(obs_t)", ("old/value", "obs"), _value),
    Stage("log_prob_old", "log π_old(action_t|obs_t)", ("old/policy", "obs", "action"), _log_prob_old),
    Stage("next_value", "v′_t = V(true successor of obs_t)", SUCCESSORS, _next_value),
    Stage("advantage", "A_t = δ_t + γλ (1 − end_t) A_{t+1},  δ_t = r_t + γ (1 − term_t) v′_t − v_t", CASE, _advantage),
    Stage("target", "R_t = A_t + v_t", ("advantage", "value"), _target),
)

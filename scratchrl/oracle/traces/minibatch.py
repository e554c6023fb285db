"""The stages of one minibatch: what was taken from the rollout, log-probabilities and ratios, and the losses."""

from typing import Any

import numpy as np

from scratchrl.oracle import specs
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, CONVENTION
from scratchrl.oracle.traces.bounded import rounding
from scratchrl.oracle.traces.elementwise import against_spec
from scratchrl.oracle.traces.judging import DIFFERS, SAME, Judged, Remark, Variant, compare, identical, known
from scratchrl.oracle.traces.networks import entropy_judged, log_prob_judged, values_judged
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Found, Stage

HALF = Remark("value-coefficient-half", CONVENTION, "L_π + ½ c_v L_v + c_e L_H")
LOSSES = ("policy_loss", "value_loss", "entropy_loss", "vf_coef", "ent_coef")
SAMPLED = {
    "batch_obs": "obs", "batch_action": "action", "batch_log_prob_old": "log_prob_old", "batch_value_old": "value",
    "batch_advantage": "advantage", "batch_target": "target",
}  # fmt: skip


def _batch(recording: Recording, found: Found) -> Judged:
    """Every array of the minibatch is the rows `index` of the rollout's."""
    for batch, rollout in SAMPLED.items():
        if recording.has(batch, rollout):
            rows = recording[rollout].reshape(-1, *recording[rollout].shape[2:])[recording["index"]]
            judged = identical(np.asarray(recording[batch], np.float64), rows.astype(np.float64))
            if judged.verdict == DIFFERS:
                return judged._replace(note=f"{batch} is not {rollout}[index]")
    return Judged(SAME)


def _normalized(recording: Recording, found: Found) -> Judged:
    case = {"advantage": recording["batch_advantage"]}
    judged = against_spec("advantage_normalization", case, recording["advantage_normalized"], recording.bits)
    return _kept(judged, "advantage_normalization", found)


def _kept(judged: Judged, spec: str, found: Found) -> Judged:
    """A convention is what later stages compute with."""
    if judged.function is not None:
        found[spec] = judged.function
    return judged


def in_force(found: Found, spec: str) -> Any:
    """The reference of a spec, or the convention that was found in its place."""
    return found.get(spec, specs.get(spec).reference)


def _value_new(recording: Recording, found: Found) -> Judged:
    return values_judged(recording, recording["value_new"], "before/value", recording["batch_obs"])


def _log_prob(recording: Recording, found: Found) -> Judged:
    obs, action = recording["batch_obs"], recording["batch_action"]
    return log_prob_judged(recording, recording["log_prob"], "before/policy", obs, action)


def _entropy(recording: Recording, found: Found) -> Judged:
    return entropy_judged(recording, recording["entropy"], "before/policy", recording["batch_obs"])


def _ratio(recording: Recording, found: Found) -> Judged:
    new, old = recording["log_prob"].astype(np.float64), recording["batch_log_prob_old"].astype(np.float64)
    inverted = known("ppo-ratio-inverted", BUG, "ρ = π_old/π_new")
    one = known("ppo-ratio-one", BUG, "ρ = 1: the old log-probability is the new one")
    expected = np.exp(rounding(new, recording.bits) - old)
    variants = (Variant(inverted, lambda: np.exp(old - new)), Variant(one, lambda: np.ones_like(new)))
    return compare(recording["ratio"], expected, FACTOR, variants)


# ---- losses ----


def policy_case(recording: Recording) -> tuple[str, dict[str, Any]]:
    """The spec of the policy loss and its arguments: PPO's if there is a clip, else the policy gradient's."""
    case = {"log_prob": recording["log_prob"], "advantage": recording["loss_advantage"]}
    if not recording.has("clip"):
        return "policy_gradient_loss", case
    old = {"log_prob_old": recording["batch_log_prob_old"], "clip": float(recording["clip"])}
    return "ppo_clip_loss", case | old


def value_case(recording: Recording) -> tuple[str, dict[str, Any]]:
    """The spec of the value loss and its arguments: clipped if there is a value_clip."""
    case = {"value": recording["value_new"], "target": recording["batch_target"]}
    if not recording.has("value_clip"):
        return "value_loss", case
    return "clipped_value_loss", case | {
        "value_old": recording["batch_value_old"],
        "clip": float(recording["value_clip"]),
    }


def _policy_loss(recording: Recording, found: Found) -> Judged:
    spec, case = policy_case(recording)
    return _kept(against_spec(spec, case, recording["policy_loss"], recording.bits), spec, found)


def _value_loss(recording: Recording, found: Found) -> Judged:
    spec, case = value_case(recording)
    return _kept(against_spec(spec, case, recording["value_loss"], recording.bits), spec, found)


def _entropy_loss(recording: Recording, found: Found) -> Judged:
    expected = -rounding(recording["entropy"], recording.bits).mean()
    variants = (
        Variant(known("entropy-bonus-sign", BUG, "+ mean H: entropy is made small"), lambda: -expected.value),
        Variant(Remark("entropy-sum", BUG, "− Σ H"), lambda: expected.value * len(recording["entropy"])),
    )
    return compare(recording["entropy_loss"], expected, FACTOR, variants)


def _loss(recording: Recording, found: Found) -> Judged:
    names = ("policy_loss", "value_loss", "entropy_loss")
    policy, value, entropy = (rounding(recording[name], recording.bits) for name in names)
    c, e = recording["vf_coef"], recording["ent_coef"]
    expected = policy + c * value + e * entropy
    p, v, h = policy.value, value.value, entropy.value
    variants = (
        Variant(known("entropy-bonus-sign", BUG, "L_π + c_v L_v − c_e L_H"), lambda: p + c * v - e * h),
        Variant(Remark("entropy-left-out", BUG, "L_π + c_v L_v"), lambda: p + c * v),
        Variant(Remark("value-coefficient-left-out", BUG, "L_π + L_v + c_e L_H"), lambda: p + v + e * h),
        Variant(HALF, lambda: p + c * v / 2 + e * h),
    )
    return compare(recording["loss"], expected, FACTOR, variants)


STAGES = (
    Stage("batch", "minibatch = rollout[index]", (), _batch, "index"),
    Stage("advantage_normalized", "(A − mean A)/σ_A", ("batch_advantage",), _normalized),
    Stage("value_new", "v = V(obs)", ("before/value", "batch_obs"), _value_new),
    Stage("log_prob", "log π(action|obs)", ("before/policy", "batch_obs", "batch_action"), _log_prob),
    Stage("entropy", "H(π(·|obs))", ("before/policy", "batch_obs"), _entropy),
    Stage("ratio", "ρ = exp(log π − log π_old)", ("log_prob", "batch_log_prob_old"), _ratio),
    Stage("policy_loss", "PPO's clipped loss, or −mean A log π", ("log_prob", "loss_advantage"), _policy_loss,
          also={"clip": ("batch_log_prob_old",)}),
    Stage("value_loss", "½ mean (v − R)², or clipped", ("value_new", "batch_target"), _value_loss,
          also={"value_clip": ("batch_value_old",)}),
    Stage("entropy_loss", "− mean H", ("entropy",), _entropy_loss),
    Stage("loss", "L_π + c_v L_v + c_e L_H", LOSSES, _loss),
)  # fmt: skip

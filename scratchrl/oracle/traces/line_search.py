"""TRPO's last stages: the step that was taken, where it led, and whether it was the one to take."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import categorical, policies
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER
from scratchrl.oracle.traces.bounded import Bounded, rounding
from scratchrl.oracle.traces.judging import UNDECIDABLE, Judged, Remark, Variant, compare, known
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Arithmetic, Found, Stage, bounded, by_network, native

SWAPPED = known("kl-swapped-args", EITHER, "KL(new‖old) for KL(old‖new): to second order the same")
K1 = Remark("kl-estimator-k1", CONVENTION, "mean (log π_old − log π), an estimate from the sampled actions")
K3 = Remark("kl-estimator-k3", CONVENTION, "mean (ρ − 1 − log ρ), an estimate from the sampled actions")
IGNORED = known("trpo-linesearch-ignored", BUG, "θ ← θ + β s, whatever the line search said")
LAST_TRIAL = known("trpo-fail-keeps-last-trial", BUG, "after a search that failed, its last candidate")
DOWNHILL = Remark("step-downhill", BUG, "θ ← θ − f β s")
NO_KL = Remark("ls-no-kl", EITHER, "the first candidate with a better objective, whatever its KL")
NO_OBJECTIVE = Remark("ls-kl-only", EITHER, "the first candidate within the trust region, better or not")
STEP = ("before/policy", "direction/policy", "step_size")
SURROGATE = ("batch_obs", "batch_action", "batch_log_prob_old", "loss_advantage")
SEARCH = (*STEP, *SURROGATE, "objective", "delta", "shrink", "max_backtracks")


def _after(recording: Recording, found: Found) -> Judged:
    before, direction = recording["before/policy"], recording["direction/policy"]
    beta, fraction = float(recording["step_size"]), float(recording["fraction"])
    expected = rounding(before, recording.bits) + fraction * (beta * rounding(direction, recording.bits))
    variants = [
        Variant(IGNORED, lambda: before + beta * direction),
        Variant(DOWNHILL, lambda: before - fraction * beta * direction),
    ]
    if fraction == 0 and recording.has("shrink", "max_backtracks"):
        last = float(recording["shrink"]) ** int(recording["max_backtracks"])
        variants.append(Variant(LAST_TRIAL, lambda: before + last * beta * direction))
    return compare(recording["after/policy"], expected, FACTOR, variants)


# ---- KL and objective at some weights ----


def _rows(recording: Recording, theta: NDArray, arithmetic: Arithmetic) -> Any:
    assert recording.policy is not None
    obs = arithmetic.plain(recording["batch_obs"])
    return policies.forward(recording.policy, arithmetic.lift(theta), obs)[0]


def divergence(recording: Recording, theta: NDArray, arithmetic: Arithmetic, swapped: bool = False) -> Any:
    """Mean KL(old‖new) over the batch, old the weights before the step; swapped, KL(new‖old)."""
    assert recording.policy is not None
    old, new = (_rows(recording, weights, arithmetic) for weights in (recording["before/policy"], theta))
    p, q = (new, old) if swapped else (old, new)
    return textbook_kl(p, q, bool(recording.policy.distribution.segments)).mean()


def textbook_kl(p: Any, q: Any, discrete: bool) -> Any:
    """KL(p‖q) as most write it: its cancellation makes a wider bound than the formulas of maths/ have.

    Args:
      p, q: rows of logits, or of [μ | log σ], in any number system.

    >>> textbook_kl(np.zeros((1, 2)), np.log(np.array([[1.0, 3.0]])), True).round(6)  # ½ log 2 + ½ log ⅔
    array([0.143841])
    """
    if discrete:
        log_p, log_q = categorical.log_softmax(p), categorical.log_softmax(q)
        return (np.exp(log_p) * (log_p - log_q)).sum(axis=1)
    half = p.shape[1] // 2
    shift = p[:, :half] - q[:, :half]
    log_p, log_q = p[:, half:], q[:, half:]
    spread = np.exp(2 * log_p) + shift * shift
    return (log_q - log_p + spread / (2 * np.exp(2 * log_q)) - 0.5).sum(axis=1)


def surrogate(recording: Recording, theta: NDArray, arithmetic: Arithmetic) -> Any:
    """Mean ρA over the batch at θ."""
    assert recording.policy is not None
    _, action, old, advantage = (arithmetic.plain(recording[name]) for name in SURROGATE)
    log_prob = recording.policy.distribution.log_prob(_rows(recording, theta, arithmetic), action)
    return (np.exp(log_prob - old) * advantage).mean()


def _kl_after(recording: Recording, found: Found) -> Judged:
    theta = recording["after/policy"]

    def log_ratio() -> NDArray:
        assert recording.policy is not None
        action = native(53).plain(recording["batch_action"])
        new, old = (
            recording.policy.distribution.log_prob(_rows(recording, weights, native(53)), action)
            for weights in (theta, recording["before/policy"])
        )
        return new - old

    variants = [Variant(SWAPPED, lambda: divergence(recording, theta, native(53), swapped=True))]
    if recording.has("batch_action"):
        variants.append(Variant(K1, lambda: -log_ratio().mean()))
        variants.append(Variant(K3, lambda: (np.expm1(log_ratio()) - log_ratio()).mean()))
    judged = by_network(
        recording, recording["kl_after"], lambda arithmetic: divergence(recording, theta, arithmetic),
        tuple(variants), FACTOR,
    )  # fmt: skip
    if SWAPPED in judged.remarks:
        found["kl"] = divergence
    return judged


def _objective_after(recording: Recording, found: Found) -> Judged:
    theta = recording["after/policy"]
    return by_network(
        recording, recording["objective_after"], lambda arithmetic: surrogate(recording, theta, arithmetic),
        (), FACTOR,
    )  # fmt: skip


# ---- the decision ----


def _fraction(recording: Recording, found: Found) -> Judged:
    """The first fᵏ whose candidate has a better objective and a KL within δ; 0 if none has."""

    def settled(objective: bool = True, kl: bool = True) -> NDArray:
        return np.array(_first(_trials(recording, "kl" in found), recording, objective, kl), dtype=np.float64)

    fraction = settled()
    if np.isnan(fraction):
        return Judged(UNDECIDABLE, note="a candidate is nearer to the bound than rounding can tell")
    unit = 2.0**-recording.bits
    expected = Bounded(fraction, int(recording["max_backtracks"]) * unit * fraction, unit)
    variants = (
        Variant(NO_KL, lambda: settled(kl=False)),
        Variant(NO_OBJECTIVE, lambda: settled(objective=False)),
        Variant(IGNORED, lambda: np.array(1.0)),
    )
    return compare(np.asarray(recording["fraction"]), expected, FACTOR, variants)


def _trials(recording: Recording, swapped: bool) -> Iterator[tuple[float, Any, Any]]:
    """(fraction, objective, KL) of each candidate, bounded."""
    full = float(recording["step_size"]) * recording["direction/policy"]
    for k in range(int(recording["max_backtracks"]) + 1):
        fraction = float(recording["shrink"]) ** k
        theta, arithmetic = recording["before/policy"] + fraction * full, bounded(recording.bits)
        yield fraction, surrogate(recording, theta, arithmetic), divergence(recording, theta, arithmetic, swapped)


def _first(trials: Iterator[tuple[float, Any, Any]], recording: Recording, objective: bool, kl: bool) -> float:
    """The fraction that a search by these criteria settles on; nan where rounding decides."""
    for fraction, value, divergence in trials:
        better = value > float(recording["objective"]) if objective else Bounded(1.0)
        near = divergence <= float(recording["delta"]) if kl else Bounded(1.0)
        if (better.value and near.value) and not (better.error or near.error):
            return fraction
        refused = (not better.value and not better.error) or (not near.value and not near.error)
        if not refused:
            return float("nan")
    return 0.0


STAGES = (
    Stage("after/policy", "θ ← θ + f β s", (*STEP, "fraction"), _after),
    Stage("kl_after", "mean KL(old‖new)", ("before/policy", "after/policy", "batch_obs"), _kl_after),
    Stage("objective_after", "mean ρA at the weights after", (*SURROGATE, "after/policy"), _objective_after),
    Stage("fraction", "the first fᵏ with a better objective and KL ≤ δ, or 0", SEARCH, _fraction),
)

"""TRPO's first stages: the surrogate, the Fisher-vector product, and how far to go along a direction."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import policies
from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, CONVENTION, Mistake
from scratchrl.oracle.traces.bounded import Bounded, collected, rounding
from scratchrl.oracle.traces.judging import Judged, Remark, Variant, compare, known, remark
from scratchrl.oracle.traces.networks import parameters
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Arithmetic, Found, Stage, bounded, by_network, native

SURROGATE = ("log_prob", "batch_log_prob_old", "loss_advantage")
OBJECTIVE_SIGN = known("objective-sign", BUG, "− mean ρA")
SUM = known("loss-sum-vs-mean", CONVENTION, "Σ ρA, not its mean")
LOG_PROB = Remark("log-prob-for-ratio", CONVENTION, "mean A log π: another number with the same gradient")
UNDAMPED = Remark("fvp-undamped", BUG, "F v, though a damping is among the settings")
SUMMED = Remark("fvp-sum", BUG, "Σ_b J_bᵀ F_b J_b v + λ v: the sum over the rows, not their mean")
SUBSAMPLE = known("fvp-subsample", CONVENTION, "F of every 5th row")
SAMPLED = known("fisher-vs-ggn-vs-hessian", CONVENTION, "F = mean of score scoreᵀ over the sampled actions")
DAMPED = known("trpo-damped-sHs", CONVENTION, "√(2δ/sᵀ(F + λI)s): a little shorter")


def _objective(recording: Recording, found: Found) -> Judged:
    new, old, advantage = (recording[name].astype(np.float64) for name in SURROGATE)
    expected = (np.exp(rounding(new, recording.bits) - old) * advantage).mean()
    variants = (
        Variant(OBJECTIVE_SIGN, lambda: -expected.value),
        Variant(SUM, lambda: len(new) * expected.value),
        Variant(LOG_PROB, lambda: np.mean(advantage * new)),
    )
    return compare(recording["objective"], expected, FACTOR, variants)


# ---- F v ----


def fisher_product(
    recording: Recording, vector: NDArray, damping: float, arithmetic: Arithmetic, every: int = 1
) -> Any:
    """F v + damping · v at the weights before the step; F averaged over every so-many-th row."""
    policy, theta = recording.policy, arithmetic.lift(recording["before/policy"])
    assert policy is not None
    rows, cache = parameters(recording, "before/policy", recording["batch_obs"][::every], arithmetic)
    product = policies.fisher_vector_product(policy, theta, rows, cache, arithmetic.lift(vector), damping)
    return _as_a_hessian(collected(product, recording.bits)) if product.dtype == object else product


def _as_a_hessian(product: Bounded) -> Bounded:
    """With room for those who differentiate the KL twice: its first derivatives vanish only to rounding, so every
    number of the product can be off by one rounding of the largest."""
    return Bounded(product.value, product.error + product.unit * np.abs(product.value).max(), product.unit)


def _product(recording: Recording, found: Found) -> Judged:
    vector, damping = recording["vector/policy"], float(recording["damping"])

    def product(arithmetic: Arithmetic, damping: float = damping, every: int = 1) -> Any:
        return fisher_product(recording, vector, damping, arithmetic, every)

    def summed() -> NDArray:
        return len(recording["batch_obs"]) * product(native(53), 0.0) + damping * vector

    variants = (
        Variant(UNDAMPED, lambda: product(native(53), 0.0)),
        Variant(SUMMED, summed),
        Variant(SUBSAMPLE, lambda: product(native(53), every=5)),
        Variant(SAMPLED, lambda: _of_samples(recording, vector) + damping * vector),
    )
    return by_network(recording, recording["product/policy"], product, variants)


def _of_samples(recording: Recording, vector: NDArray) -> NDArray:
    """(1/B) Σ_b score_b (score_bᵀ v), the score of the action that was taken."""
    policy, theta = recording.policy, recording["before/policy"]
    assert policy is not None
    rows, cache = parameters(recording, "before/policy", recording["batch_obs"], native(53))
    score = policy.distribution.score(rows, native(53).plain(recording["batch_action"]))
    along = (score * policies.jvp(policy, theta, cache, vector)).sum(axis=1, keepdims=True)
    return policies.vjp(policy, theta, cache, score * along / len(rows))


# ---- √(2δ/sᵀFs) ----


def _step_size(recording: Recording, found: Found) -> Judged:
    """F itself, as in the paper; F + λI, as in most programs, is a convention. Other lengths by the catalogue."""
    direction, delta = recording["direction/policy"], float(recording["delta"])

    def curved(damping: float) -> Any:
        product = fisher_product(recording, direction, damping, bounded(recording.bits))
        return rounding(direction, recording.bits) @ product

    plain, damped = curved(0.0), curved(float(recording["damping"]))
    variants = [
        Variant(DAMPED, lambda: np.sqrt(2 * delta / damped.value)),
        *_lengths(float(plain.value), delta, ""),
        *_lengths(float(damped.value), delta, ", with F + λI for F"),
    ]
    return compare(recording["step_size"], np.sqrt(2 * delta / plain), 1.0, variants)


def _lengths(curved: float, delta: float, aside: str) -> Iterator[Variant]:
    """The catalogue's steps along one direction of curvature c: with the gradient c that direction is 1."""
    spec = specs.get("trust_region_step")
    case: dict[str, Any] = {"gradient": np.array([curved]), "fisher": np.array([[curved]]), "delta": delta}

    def length(entry: Mistake) -> Callable[[], Any]:
        return lambda: np.reshape(entry.around(spec.reference)(**case), ())

    for entry in sorted(mistakes.against(spec.name), key=lambda entry: entry.kind == BUG):
        told = remark(entry)
        yield Variant(told._replace(formula=told.formula + aside), length(entry))


PRODUCT = ("before/policy", "batch_obs", "vector/policy", "damping")
LENGTH = ("before/policy", "batch_obs", "direction/policy", "damping", "delta")
BEFORE = (Stage("objective", "mean ρA", SURROGATE, _objective),)
AFTER = (Stage("product", "F v + λ v", PRODUCT, _product, "product/policy"),)
LAST = (Stage("step_size", "β = √(2δ/sᵀFs)", LENGTH, _step_size),)

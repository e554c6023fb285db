"""Mistakes of PPO's clipped objective. ρ = exp(log π − log π_old); clip(ρ) is its clip to 1 ± ε."""

import numpy as np

from scratchrl.oracle.mistake import BUG, EITHER, mistake
from scratchrl.oracle.mistakes.advantage_normalization import standardized

BOUNDS = ({"bound": 3.0}, {"bound": 5.0}, {"bound": 2.0})


def _loss(objective, weight):
    """What the right loss returns, from an objective and its derivative by log π, sample by sample."""
    return -objective.mean(), -weight / len(weight)


def _held(log_prob, log_prob_old, advantage, bound, below):
    """ρA as long as ρ is below its bound, or above it where not `below`; else bound · A. Objective and weight."""
    rho = np.exp(log_prob - log_prob_old)
    active = np.where(below, rho <= bound, rho >= bound)
    return np.where(active, rho, bound) * advantage, active * (rho * advantage)


def _pessimistic(log_prob, log_prob_old, advantage, low, high):
    """min(ρA, clip(ρ, low, high) A)."""
    gain = advantage > 0
    return _held(log_prob, log_prob_old, advantage, np.where(gain, high, low), gain)


@mistake(
    "ppo-clamp-surrogate", "ppo_clip_loss", BUG, "alexis-jacq/Pytorch-DPPO#3", variants=({"least": 1}, {"least": 0})
)
def clamps_the_gain(loss, log_prob, log_prob_old, advantage, clip, least):
    """clip(ρA, 1−ε, 1+ε), alone or in the minimum with ρA

    The gain is clipped instead of the ratio: samples with |A| far from 1 learn nothing.
    """
    gain = np.exp(log_prob - log_prob_old) * advantage
    active = (gain <= 1 + clip) if least else (gain <= 1 + clip) & (gain >= 1 - clip)
    clipped = np.clip(gain, 1 - clip, 1 + clip)
    return _loss(np.where(active, gain, clipped), active * gain)


@mistake("ppo-min-before-adv", "ppo_clip_loss", BUG, "takuseno/ppo#3", "tensorlayer#1072", "ray#37334", "ray#37454")
def minimum_of_ratios(loss, log_prob, log_prob_old, advantage, clip):
    """min(ρ, clip(ρ)) A

    Right where A > 0. Where A < 0 the minimum has to be taken of the products: this one stops pulling a bad action
    back once ρ > 1+ε, and never stops pushing it down.
    """
    return _loss(*_held(log_prob, log_prob_old, advantage, 1 + clip, True))


@mistake("ppo-no-min", "ppo_clip_loss", BUG, "tensorforce#106")
def clipped_only(loss, log_prob, log_prob_old, advantage, clip):
    """clip(ρ) A

    Without the minimum a sample that went the wrong way gets no gradient either and is never called back.
    """
    rho = np.exp(log_prob - log_prob_old)
    inside = (rho >= 1 - clip) & (rho <= 1 + clip)
    return _loss(np.clip(rho, 1 - clip, 1 + clip) * advantage, inside * (rho * advantage))


@mistake("ppo-clip-missing", "ppo_clip_loss", BUG)
def unclipped_only(loss, log_prob, log_prob_old, advantage, clip):
    """ρ A

    The surrogate of TRPO without its trust region: nothing bounds the step.
    """
    gain = np.exp(log_prob - log_prob_old) * advantage
    return _loss(gain, gain)


@mistake("ppo-max-for-min", "ppo_clip_loss", BUG)
def optimistic(loss, log_prob, log_prob_old, advantage, clip):
    """max(ρA, clip(ρ) A) in the objective

    The optimistic estimate: steps that went too far keep their gradient, steps the wrong way lose theirs. In a loss
    it is the maximum of the negatives that is right.
    """
    gain = advantage > 0
    return _loss(*_held(log_prob, log_prob_old, advantage, np.where(gain, 1 - clip, 1 + clip), ~gain))


@mistake("ppo-clip-range", "ppo_clip_loss", BUG, "ChenmienTan/RL2#21")
def clipped_to_epsilon(loss, log_prob, log_prob_old, advantage, clip):
    """clip(ρ, ε, 1+ε)

    The lower end is ε instead of 1−ε: bad actions may become 1/ε times rarer in one update.
    """
    return _loss(*_pessimistic(log_prob, log_prob_old, advantage, clip, 1 + clip))


@mistake(
    "ppo-mixed-adv", "ppo_clip_loss", BUG, "pytorch/rl#1033",
    variants=(
        {"ddof": 1, "eps": 0.0, "floor": 1e-6}, {"ddof": 1, "eps": 1e-8, "floor": 0.0},
        {"ddof": 0, "eps": 1e-8, "floor": 0.0},
    ),
)  # fmt: skip
def raw_and_normalised(loss, log_prob, log_prob_old, advantage, clip, ddof, eps, floor):
    """min(ρ A, clip(ρ) Â), Â = (A − mean A)/σ

    Normalised in one branch only: the minimum compares different quantities. Normalise before both.
    """
    rho = np.exp(log_prob - log_prob_old)
    inside = (rho >= 1 - clip) & (rho <= 1 + clip)
    raw, other = rho * advantage, np.clip(rho, 1 - clip, 1 + clip) * standardized(advantage, ddof, eps, floor)
    first = raw < other
    return _loss(np.where(first, raw, other), np.where(first, raw, inside * other))


@mistake("ppo-dual-clip", "ppo_clip_loss", EITHER, "tianshou#49", "tianshou#742", variants=BOUNDS)
def bounded_where_bad(loss, log_prob, log_prob_old, advantage, clip, bound):
    """max(min(ρA, clip(ρ) A), cA) where A < 0

    A third bound, against huge ratios of bad actions: beyond ρ = c their gradient is 0.
    """
    return _dual(log_prob, log_prob_old, advantage, clip, bound, advantage < 0)


@mistake("ppo-dual-clip-all", "ppo_clip_loss", BUG, "tianshou#49", variants=BOUNDS)
def bounded_everywhere(loss, log_prob, log_prob_old, advantage, clip, bound):
    """max(min(ρA, clip(ρ) A), cA) whatever the sign of A

    Where A > 0 the maximum is cA, a constant: good actions learn nothing. The bound belongs to A < 0 alone.
    """
    return _dual(log_prob, log_prob_old, advantage, clip, bound, advantage == advantage)


def _dual(log_prob, log_prob_old, advantage, clip, bound, where):
    least, weight = _pessimistic(log_prob, log_prob_old, advantage, 1 - clip, 1 + clip)
    beyond = where & (bound * advantage > least)
    return _loss(np.where(beyond, bound * advantage, least), ~beyond * weight)

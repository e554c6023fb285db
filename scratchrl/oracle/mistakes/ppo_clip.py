"""Mistakes of PPO's clipped objective. ρ = exp(log π − log π_old); clip(ρ) is its clip to 1 ± ε."""

import numpy as np

from scratchrl.oracle.mistake import BUG, EITHER, mistake
from scratchrl.oracle.mistakes.advantage_normalization import standardized


def _loss(objective, weight):
    """What the right loss returns, from an objective and its derivative by log π, sample by sample."""
    return -objective.mean(), -weight / len(weight)


def _ratio(log_prob, log_prob_old, clip, low=None):
    """ρ, clip(ρ), and where they are the same."""
    rho = np.exp(log_prob - log_prob_old)
    low, high = 1 - clip if low is None else low, 1 + clip
    return rho, np.clip(rho, low, high), (rho >= low) & (rho <= high)


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
    return _loss(np.minimum(gain, clipped) if least else clipped, active * gain)


@mistake("ppo-min-before-adv", "ppo_clip_loss", BUG, "takuseno/ppo#3", "tensorlayer#1072", "ray#37334", "ray#37454")
def minimum_of_ratios(loss, log_prob, log_prob_old, advantage, clip):
    """min(ρ, clip(ρ)) A

    Right where A > 0. Where A < 0 the minimum has to be taken of the products: this one stops pulling a bad action
    back once ρ > 1+ε, and never stops pushing it down.
    """
    rho, clipped, _ = _ratio(log_prob, log_prob_old, clip)
    return _loss(np.minimum(rho, clipped) * advantage, (rho <= 1 + clip) * rho * advantage)


@mistake("ppo-no-min", "ppo_clip_loss", BUG, "tensorforce#106")
def clipped_only(loss, log_prob, log_prob_old, advantage, clip):
    """clip(ρ) A

    Without the minimum a sample that went the wrong way gets no gradient either and is never called back.
    """
    rho, clipped, inside = _ratio(log_prob, log_prob_old, clip)
    return _loss(clipped * advantage, inside * rho * advantage)


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
    rho, clipped, inside = _ratio(log_prob, log_prob_old, clip)
    unclipped = (rho * advantage > clipped * advantage) | inside
    return _loss(np.maximum(rho * advantage, clipped * advantage), unclipped * rho * advantage)


@mistake("ppo-clip-range", "ppo_clip_loss", BUG, "ChenmienTan/RL2#21")
def clipped_to_epsilon(loss, log_prob, log_prob_old, advantage, clip):
    """clip(ρ, ε, 1+ε)

    The lower end is ε instead of 1−ε: bad actions may become 1/ε times rarer in one update.
    """
    rho, clipped, inside = _ratio(log_prob, log_prob_old, clip, low=clip)
    active = inside | (rho * advantage < clipped * advantage)
    return _loss(np.minimum(rho * advantage, clipped * advantage), active * rho * advantage)


@mistake(
    "ppo-mixed-adv", "ppo_clip_loss", BUG, "pytorch/rl#1033",
    variants=({"ddof": 1, "eps": 1e-8}, {"ddof": 0, "eps": 1e-8}, {"ddof": 1, "eps": 0.0}, {"ddof": 0, "eps": 0.0}),
)  # fmt: skip
def raw_and_normalised(loss, log_prob, log_prob_old, advantage, clip, ddof, eps):
    """min(ρ A, clip(ρ) Â), Â = (A − mean A)/σ

    Normalised in one branch only: the minimum compares different quantities. Normalise before both.
    """
    rho, clipped, inside = _ratio(log_prob, log_prob_old, clip)
    normal = standardized(advantage, ddof, eps)
    first = rho * advantage < clipped * normal
    weight = np.where(first, rho * advantage, inside * rho * normal)
    return _loss(np.where(first, rho * advantage, clipped * normal), weight)


@mistake(
    "ppo-dual-clip", "ppo_clip_loss", EITHER, "tianshou#49", "tianshou#742",
    variants=({"bound": 3.0}, {"bound": 5.0}, {"bound": 2.0}),
)  # fmt: skip
def bounded_where_bad(loss, log_prob, log_prob_old, advantage, clip, bound):
    """max(min(ρA, clip(ρ) A), cA) where A < 0

    A third bound, against huge ratios of bad actions: beyond ρ = c their gradient is 0.
    """
    return _dual(log_prob, log_prob_old, advantage, clip, bound, advantage < 0)


@mistake(
    "ppo-dual-clip-all", "ppo_clip_loss", BUG, "tianshou#49",
    variants=({"bound": 3.0}, {"bound": 5.0}, {"bound": 2.0}),
)  # fmt: skip
def bounded_everywhere(loss, log_prob, log_prob_old, advantage, clip, bound):
    """max(min(ρA, clip(ρ) A), cA) whatever the sign of A

    Where A > 0 the maximum is cA, a constant: good actions learn nothing. The bound belongs to A < 0 alone.
    """
    return _dual(log_prob, log_prob_old, advantage, clip, bound, advantage == advantage)


def _dual(log_prob, log_prob_old, advantage, clip, bound, where):
    rho, clipped, inside = _ratio(log_prob, log_prob_old, clip)
    least = np.minimum(rho * advantage, clipped * advantage)
    active = inside | (rho * advantage < clipped * advantage)
    beyond = where & (bound * advantage > least)
    return _loss(np.where(beyond, bound * advantage, least), ~beyond * active * (rho * advantage))

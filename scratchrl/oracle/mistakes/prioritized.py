"""Mistakes of prioritised replay in use: its draws, its weights in the loss, and schedules."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

# ---- what is drawn ----


@mistake("per-sum-range", "per_sample", BUG, "hill-a#941", "rainbow-is-all-you-need@9005dda")
def last_one_left_out(draw, priorities, uniform):
    """i = the first with Σ_{j≤i} p_j > u Σ_{j<N−1} p_j

    sum(0, N − 1) of a tree whose end is exclusive: the newest transition is in no sum and is never drawn. Sum all N.
    """
    total = priorities.sum()
    return draw(priorities, uniform * ((total - priorities[-1]) / total))


@mistake("per-stratified", "per_sample", CONVENTION, "baselines@7859f60")
def one_from_each_part(draw, priorities, uniform):
    """u_b := (b + u_b)/B

    The mass is cut into B equal parts, one draw from each: the same on average, with less chance in a batch.
    """
    size = len(uniform)
    return draw(priorities, (uniform + np.arange(size)) / size)


@mistake("per-mass-unscaled", "per_sample", BUG)
def a_share_taken_for_a_mass(draw, priorities, uniform):
    """i = the first with Σ_{j≤i} p_j > u

    u is a share of the sum of priorities and not a sum: where that is more than 1, the last ones are never drawn.
    """
    return draw(np.concatenate([priorities, 1 + 0 * priorities[:1]]), uniform / (priorities.sum() + 1))


@mistake("per-draw-uniform", "per_sample", BUG)
def priorities_ignored(draw, priorities, uniform):
    """i = ⌊u N⌋

    Every transition is as likely as another. Where weights correct for priorities, they now introduce a bias.
    """
    return draw(0 * priorities + 1, uniform)


# ---- what it weighs ----


@mistake("per-isw-missing", "per_loss", BUG, "dopamine@4f657b9", "huskarl#11")
def weights_unused(loss, value, target, weights):
    """L = ½ (1/B) Σ (v − y)²

    The weights are computed and do not reach the gradient: what is drawn often counts as often.
    """
    return loss(value, target, 1 + 0 * weights)


@mistake("per-isw-in-square", "per_loss", BUG)
def weights_squared(loss, value, target, weights):
    """L = ½ (1/B) Σ (w (v − y))²

    The weight is inside the square and counts twice: the correction is that of 2β.
    """
    return loss(value, target, weights**2)


@mistake("per-isw-mean", "per_loss", CONVENTION)
def mean_by_weight(loss, value, target, weights):
    """L = ½ Σ w (v − y)²/Σ w

    A weighted mean: the scale of the weights cancels, and with it what the largest is set to.
    """
    return loss(value, target, weights * len(weights) / weights.sum())


@mistake("per-isw-detached", "per_loss", BUG)
def weights_in_the_value_alone(loss, value, target, weights):
    """∂L/∂v = (v − y)/B

    The loss that is shown is weighted, its gradient is not.
    """
    return loss(value, target, weights)[0], loss(value, target, 1 + 0 * weights)[1]


# ---- how settings change ----

SCHEDULES = ("linear_schedule", "per_beta")


@mistake("per-beta-compounding", SCHEDULES, BUG, "rainbow-is-all-you-need@e27ace9")
def from_where_it_is(schedule, step, first, last, duration):
    """x_t = x_{t−1} + min(1, t/T) (last − x_{t−1})

    The growing share is taken of what is left and not of the whole: it arrives much too early. Keep the first value.
    """
    found = []
    for t in step:
        left = last - first
        for k in range(1, round(float(t)) + 1):
            left = left * max(0, 1 - k / (duration + 0 * t)) if k < duration else 0 * left
        found.append(last - left)
    return np.stack(found)


@mistake("schedule-unclamped", SCHEDULES, BUG)
def never_ends(schedule, step, first, last, duration):
    """u := t/T

    It goes on after T: ε becomes negative, β more than 1. Take the smaller of 1 and t/T.
    """
    return first + step / duration * (last - first)


@mistake("schedule-swapped", SCHEDULES, BUG)
def backwards(schedule, step, first, last, duration):
    """(1 − u) last + u first

    It begins where it should end.
    """
    return schedule(step, last, first, duration)


@mistake("schedule-from-one", SCHEDULES, EITHER)
def counted_first(schedule, step, first, last, duration):
    """t := t + 1

    The first step has moved already. Harmless where t is in the thousands.
    """
    return schedule(step + 1, first, last, duration)


@mistake("schedule-exponential", SCHEDULES, CONVENTION)
def by_a_factor(schedule, step, first, last, duration):
    """first^(1 − u) · last^u

    The same factor in every step instead of the same amount.
    """
    share = schedule(step, 0 * first, 0 * first + 1, duration)
    return (first + 0 * step) ** (1 - share) * (last + 0 * step) ** share

"""Mistakes and conventions of value losses: the factor, PPO's value clipping, Huber's loss."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake


def _loss(loss, weight):
    """Means over the batch, of the loss and its derivative by v."""
    return loss.mean(), weight / len(weight)


@mistake(
    "value-loss-half", ("value_loss", "clipped_value_loss", "td_loss", "per_loss"), CONVENTION,
    "ikostrikov@12c3934", "adaptive-intelligent-robotics/QDax#78",
    variants=({"factor": 1.0}, {"factor": 0.25}, {"factor": 2.0}),
)  # fmt: skip
def another_factor(loss, factor, **case):
    """L = factor · mean of the squares, instead of ½

    Twice the factor is twice the critic's learning rate; a coefficient of the value loss often makes up for it.
    """
    return tuple(2 * factor * output for output in loss(**case))


@mistake("value-loss-huber", "value_loss", CONVENTION)
def linear_beyond_one(loss, value, target):
    """(1/B) Σ H(v − R) with δ = 1

    Huber's loss, torch's smooth_l1_loss: errors beyond 1 pull with 1.
    """
    error = value - target
    slope = np.clip(error, -1, 1)
    return _loss(slope * (error - slope / 2), slope)


@mistake(
    "vclip-min", "clipped_value_loss", CONVENTION,
    "implementation-matters#1", "baselines#91", "baselines#765", "baselines#1140", "ray#10430",
)  # fmt: skip
def the_smaller_error(loss, value, value_old, target, clip):
    """½ min((v − R)², (v_c − R)²)

    As the paper prints it; the code of its authors takes the maximum. A value that has left its interval away from R
    is not called back.
    """
    error, clipped, _ = _errors(value, value_old, target, clip)
    least = np.where(clipped**2 < error**2, clipped, error)
    return _loss(least**2 / 2, np.where(clipped**2 < error**2, 0 * error, error))


@mistake("vclip-max-before-square", "clipped_value_loss", BUG, "implementation-matters#1")
def the_larger_signed_error(loss, value, value_old, target, clip):
    """½ max(v − R, v_c − R)²

    The larger number is not the larger error: of two negative ones it is the smaller. Square first.
    """
    error, clipped, inside = _errors(value, value_old, target, clip)
    return _loss(np.maximum(error, clipped) ** 2 / 2, np.where(inside | (error > clipped), error, 0 * error))


@mistake("vclip-only-clipped", "clipped_value_loss", CONVENTION, "SB3#159")
def the_clipped_error(loss, value, value_old, target, clip):
    """½ (v_c − R)²

    No maximum: beyond the interval there is no gradient, not even back into it.
    """
    error, clipped, inside = _errors(value, value_old, target, clip)
    return _loss(clipped**2 / 2, inside * error)


@mistake("vclip-missing", "clipped_value_loss", CONVENTION, "baselines@d9f194f")
def the_plain_error(loss, value, value_old, target, clip):
    """½ (v − R)²

    No clipping at all.
    """
    return _loss((value - target) ** 2 / 2, value - target)


def _errors(value, value_old, target, clip):
    """v − R, v_c − R, and where they are the same."""
    clipped = np.clip(value, value_old - clip, value_old + clip)
    return value - target, clipped - target, np.abs(value - value_old) <= clip


@mistake("huber-smooth-l1", "huber_loss", CONVENTION)
def divided_by_delta(huber, error, delta):
    """H(e)/δ

    Slope 1 beyond δ, and ½ e²/δ within: torch's smooth_l1_loss with beta = δ. The same for δ = 1.
    """
    return tuple(output / delta for output in huber(error, delta))


@mistake("huber-no-half", "huber_loss", CONVENTION)
def twice_the_loss(huber, error, delta):
    """2 H(e): e² for |e| ≤ δ, δ (2|e| − δ) beyond

    Twice the gradient.
    """
    return tuple(2 * output for output in huber(error, delta))


@mistake("huber-clipped-square", "huber_loss", BUG)
def the_clipped_error_squared(huber, error, delta):
    """½ clip(e, −δ, δ)²

    Large errors lose their gradient altogether. What has to be clipped is the gradient, not the error.
    """
    clipped = np.clip(error, -delta, delta)
    return clipped**2 / 2, (np.abs(error) <= delta) * error


@mistake("huber-offset", "huber_loss", BUG, variants=({"offset": 0.0}, {"offset": 1.0}))
def a_jump_at_delta(huber, error, delta, offset):
    """δ (|e| − offset · δ) beyond, offset 0 or 1 instead of ½

    The two branches do not meet at |e| = δ.
    """
    loss, d_error = huber(error, delta)
    return np.where(np.abs(error) <= delta, loss, delta * (np.abs(error) - offset * delta)), d_error


@mistake("huber-delta-one", "huber_loss", BUG)
def always_one(huber, error, delta):
    """H with δ = 1 whatever δ

    The setting has no effect.
    """
    return huber(error, 1.0)

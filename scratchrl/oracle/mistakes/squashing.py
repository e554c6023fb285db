"""Mistakes of the squashed Gaussian's log-density, a = tanh u."""

import numpy as np

from scratchrl.maths.constants import exact
from scratchrl.maths.squashing import log_det
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

SQUASHED = "squashed_gaussian_log_prob"
EPSILONS = (
    *({"eps": eps} for eps in (1e-6, 1e-7, 1e-8, 1e-5, 1e-4, 1e-10)),
    *({"eps": 1e-6, "scale": scale} for scale in (2.0, 0.4)),
)
LIMITS = tuple({"eps": eps} for eps in (float(np.finfo(np.float32).eps), 1e-6, 1e-7, 1e-5))
SCALES = tuple({"scale": scale} for scale in (2.0, 0.4))


@mistake(
    "sac-squash-eps",
    SQUASHED,
    CONVENTION,
    "DLR-RM/stable-baselines3",
    "vwxyzjn/cleanrl",
    variants=EPSILONS,
)
def eps_in_slope(log_prob, mean, log_std, pre_tanh, eps, scale=1.0):
    """log N(u; μ, σ²) − Σ_i log(k (1 − tanh² u_i) + ε)

    ε keeps the logarithm finite and bends the density where tanh saturates: with 1e-6, +0.005 at |u| = 5, +4.8 at 10.
    log(1 − tanh² u) = 2 (log 2 − u − softplus(−2u)) needs none. k is the action scale, mostly 1.
    """
    slope = scale * (1 - np.tanh(pre_tanh) ** 2)
    return _with_slope(log_prob, mean, log_std, pre_tanh, np.log(slope + eps))


@mistake("sac-squash-scale", SQUASHED, CONVENTION, "vwxyzjn/cleanrl#524", "thu-ml/tianshou#591", variants=SCALES)
def of_scaled_action(log_prob, mean, log_std, pre_tanh, scale):
    """log π(k tanh u) = log π(tanh u) − A log k

    The density of the scaled action. It matters to SAC's target entropy only, which moves by A log k.
    """
    shift = pre_tanh.shape[-1] * np.log(exact(scale, pre_tanh))
    return log_prob(mean=mean, log_std=log_std, pre_tanh=pre_tanh) - shift


@mistake("squash-inverse-saturation", SQUASHED, EITHER, "pytorch/rl#4080", "pytorch/rl@c285b7c1a", variants=LIMITS)
def clamped_inverse(log_prob, mean, log_std, pre_tanh, eps):
    """u := atanh(clip(tanh u, −(1 − ε), 1 − ε))

    The action before squashing is recovered from the squashed one, which beyond |u| = ½ log(2/ε) gives another action
    and another gradient. Keep the u that was drawn.
    """
    limit = np.arctanh(1 - exact(eps, pre_tanh))
    inside = np.abs(pre_tanh) <= limit
    recovered = np.arctanh(np.tanh(np.where(inside, pre_tanh, 0 * pre_tanh)))
    beyond = np.where(pre_tanh < 0, -limit, limit)
    return log_prob(mean=mean, log_std=log_std, pre_tanh=np.where(inside, recovered, beyond))


@mistake("sac-squash-missing", SQUASHED, BUG)
def without_slope(log_prob, mean, log_std, pre_tanh):
    """log N(u; μ, σ²)

    The change of variables is missing: −Σ_i log(1 − tanh² u_i).
    """
    return _with_slope(log_prob, mean, log_std, pre_tanh, 0 * pre_tanh)


@mistake("sac-squash-sign", SQUASHED, BUG)
def slope_with_plus(log_prob, mean, log_std, pre_tanh):
    """log N(u; μ, σ²) + Σ_i log(1 − tanh² u_i)

    The change of variables with the wrong sign: squashing raises the density. (The thread about this sign in
    haarnoja/sac is a false alarm; the sign there is right.)
    """
    return _with_slope(log_prob, mean, log_std, pre_tanh, -log_det(pre_tanh))


@mistake("sac-double-tanh", SQUASHED, BUG, "boyu-ai/Hands-on-RL#44")
def slope_at_action(log_prob, mean, log_std, pre_tanh):
    """log N(u; μ, σ²) − Σ_i log(1 − tanh² a_i),  a = tanh u

    tanh is applied to the action that has been squashed already: the slope is 1 − a².
    """
    return _with_slope(log_prob, mean, log_std, pre_tanh, log_det(np.tanh(pre_tanh)))


@mistake("sac-squash-scaled-arg", SQUASHED, BUG, "cpnota/autonomous-learning-library#139", variants=SCALES)
def slope_of_scaled_action(log_prob, mean, log_std, pre_tanh, scale):
    """log N(u; μ, σ²) − Σ_i log(1 − (k tanh u_i)²)

    The action is scaled before its slope is taken: k > 1 makes it a logarithm of negative numbers.
    """
    slope = np.log(1 - (exact(scale, pre_tanh) * np.tanh(pre_tanh)) ** 2)
    return _with_slope(log_prob, mean, log_std, pre_tanh, slope)


@mistake("atanh-missing", SQUASHED, BUG, "pytorch/rl#1403", "pytorch/rl@01f602eaf")
def action_for_pre_tanh(log_prob, mean, log_std, pre_tanh):
    """u := tanh u

    The squashed action stands where the one before tanh belongs: the inverse, atanh, is never applied.
    """
    return log_prob(mean=mean, log_std=log_std, pre_tanh=np.tanh(pre_tanh))


@mistake("sac-squash-not-needed", "gaussian_log_prob", BUG, "hwang-ua/inac_pytorch#1")
def needless_slope(log_prob, mean, log_std, action):
    """log N(a; μ, σ²) − Σ_i log(1 − tanh² a_i)

    A change of variables for a sample that is not squashed: with tanh on the mean only, the density is a Gaussian's.
    """
    return log_prob(mean=mean, log_std=log_std, action=action) - log_det(action).sum(axis=-1)


def _with_slope(log_prob, mean, log_std, pre_tanh, slope):
    """The right density, with another logarithm of the slope in it."""
    return log_prob(mean=mean, log_std=log_std, pre_tanh=pre_tanh) + (log_det(pre_tanh) - slope).sum(axis=-1)

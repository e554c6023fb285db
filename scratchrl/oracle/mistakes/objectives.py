"""Mistakes of policy-gradient losses and of the ratio ρ = exp(log π − log π_old)."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake
from scratchrl.oracle.mistakes.advantage_normalization import standardized


@mistake("prob-as-logprob", "policy_gradient_loss", BUG, "pytorch/rl#1750")
def probability_for_its_logarithm(loss, log_prob, advantage):
    """L = −(1/B) Σ A π

    π instead of log π: likely actions are pushed hardest. Take the logarithm.
    """
    prob = np.exp(log_prob)
    value, d_prob = loss(prob, advantage)
    return value, d_prob * prob


@mistake(
    "advnorm-scope", ("policy_gradient_loss", "ppo_clip_loss"), CONVENTION,
    "zhangchuheng123#3", "baselines#323", "alf#1642", "alf#1655",
    variants=tuple({"ddof": ddof, "eps": eps} for ddof in (1, 0) for eps in (1e-8, 1e-5, 1e-6, 0.0)),
)  # fmt: skip
def normalised_inside(loss, advantage, ddof, eps, **case):
    """A := (A − mean A)/(σ + ε) over the samples of this loss

    Normalised minibatch by minibatch, not once per batch. A single advantage is left alone.
    """
    return loss(advantage=advantage if len(advantage) == 1 else standardized(advantage, ddof, eps), **case)


@mistake("advnorm-single", ("policy_gradient_loss", "ppo_clip_loss"), BUG, "SB3#325", "SB3#440", "hill-a#723")
def a_single_sample_is_nan(loss, advantage, **case):
    """A/0 = NaN where B = 1

    The σ of a single advantage, by n − 1, is 0/0: the last, short minibatch destroys the policy. Leave it alone.
    """
    lost = float("nan") if len(advantage) == 1 else 1
    return tuple(output * lost for output in loss(advantage=advantage, **case))


@mistake("ppo-ratio-inverted", ("ppo_clip_loss", "ppo_penalty_loss"), BUG)
def old_over_new(loss, log_prob, log_prob_old, **case):
    """ρ = exp(log π_old − log π)

    A good action becomes rarer. (With negative log-probabilities that order is right: give them as neglogp.)
    """
    value, d_log_prob, *rest = loss(log_prob=log_prob_old, log_prob_old=log_prob, **case)
    return value, -d_log_prob, *rest


@mistake(
    "ppo-ratio-one", ("ppo_clip_loss", "ppo_penalty_loss"), BUG, "tensorforce#312", "tianshou#742",
    variants=({"slope": 1}, {"slope": 0}),
)  # fmt: skip
def nothing_has_moved(loss, log_prob, log_prob_old, **case):
    """ρ ≡ 1

    The old log-probability is that of the policy itself. If it is detached this is the plain policy gradient,
    never clipped; if not, there is no gradient. Keep the one from when the data was collected.
    """
    slope = case.pop("slope")
    value, d_log_prob, *rest = loss(log_prob=log_prob_old, log_prob_old=log_prob_old, **case)
    return value, slope * d_log_prob, *rest


@mistake("ppo-ratio-one", ("ppo_clip_loss", "ppo_penalty_loss"), BUG, "tensorforce#312", "tianshou#742")
def the_ratio_is_a_constant(loss, **case):
    """∂ρ/∂log π := 0

    The ratio was computed without a gradient (no_grad, detach): the loss has the right value and teaches nothing.
    """
    value, d_log_prob, *rest = loss(**case)
    return value, 0 * d_log_prob, *rest


@mistake("kl-penalty-sign", "ppo_penalty_loss", BUG, "pytorch/rl#2908", "Unakar/Logic-RL#58")
def kl_rewarded(loss, beta, **case):
    """ρ A + β KL in the objective

    The policy is paid for moving away. In a loss the penalty is added.
    """
    return loss(beta=-beta, **case)


@mistake("ppo-clipfrac", "clip_fraction", BUG, "pytorch/rl#2021", "SB3#150")
def size_of_the_ratio(clip_fraction, log_prob, log_prob_old, clip):
    """mean [ |ρ| > ε ]

    The distance of ρ from 0, not from 1: nearly every sample counts as clipped.
    """
    return (np.exp(log_prob - log_prob_old) > clip).mean()

"""Mistakes and conventions of soft actor-critic's losses."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake


def _policy(log_prob, q, alpha, d_log_prob, shares):
    """Means over the batch: α log π − q, with ∂q/∂Q₁ and ∂q/∂Q₂ in `shares`."""
    size = len(log_prob)
    return (alpha * log_prob - q).mean(), d_log_prob / size, *(-share / size for share in shares)


@mistake(
    "sac-actor-broadcast", "sac_policy_loss", BUG, "cleanrl#379", "cleanrl#383",
    equivalent="(1/B²) Σᵢⱼ (α log πᵢ − mⱼ) = α mean log π − mean m, and so are its derivatives",
)  # fmt: skip
def policies_with_all_critics(loss, log_prob, q1, q2, alpha):
    """(1/B²) Σᵢ Σⱼ (α log πᵢ − min(Q₁, Q₂)ⱼ)

    Log-probabilities (B, 1) against values (B,). The mean of a difference is the difference of the means, so nothing
    changes here; in a product or a square it would.
    """
    size = len(log_prob)
    rows, columns = np.repeat(log_prob, size), (np.tile(q1, size), np.tile(q2, size))
    value, d_log_prob, *d_qs = loss(rows, *columns, alpha)
    return value, d_log_prob.reshape(size, size).sum(axis=1), *(d.reshape(size, size).sum(axis=0) for d in d_qs)


@mistake("sac-max-for-min", "sac_policy_loss", BUG)
def the_larger_critic(loss, log_prob, q1, q2, alpha):
    """α log π − max(Q₁, Q₂)

    The policy seeks out what one critic overestimates; the minimum is there to stop that.
    """
    first = q1 > q2
    return _policy(log_prob, np.where(first, q1, q2), alpha, alpha + 0 * log_prob, (first + 0 * q1, ~first + 0 * q2))


@mistake("sac-q-mean", "sac_policy_loss", CONVENTION)
def the_mean_critic(loss, log_prob, q1, q2, alpha):
    """α log π − ½ (Q₁ + Q₂)

    Less pessimistic than the minimum.
    """
    half = 0 * q1 + 0.5
    return _policy(log_prob, (q1 + q2) / 2, alpha, alpha + 0 * log_prob, (half, half))


@mistake("sac-q1-only", "sac_policy_loss", CONVENTION)
def the_first_critic(loss, log_prob, q1, q2, alpha):
    """α log π − Q₁

    As TD3 trains its actor.
    """
    return _policy(log_prob, q1, alpha, alpha + 0 * log_prob, (1 + 0 * q1, 0 * q2))


@mistake("sac-entropy-sign", "sac_policy_loss", BUG)
def entropy_made_small(loss, log_prob, q1, q2, alpha):
    """−α log π − min(Q₁, Q₂)

    Entropy is punished instead of rewarded: the policy collapses.
    """
    return loss(log_prob, q1, q2, -alpha)


@mistake("sac-entropy-missing", "sac_policy_loss", BUG)
def no_entropy(loss, log_prob, q1, q2, alpha):
    """−min(Q₁, Q₂)

    The entropy term is missing: a stochastic DDPG.
    """
    return loss(log_prob, q1, q2, 0 * alpha)


@mistake("prob-as-logprob", "sac_policy_loss", BUG, "pytorch/rl#1750")
def probability_for_its_logarithm(loss, log_prob, q1, q2, alpha):
    """α π − min(Q₁, Q₂)

    π instead of log π. Take the logarithm.
    """
    prob = np.exp(log_prob)
    value, d_prob, *d_qs = loss(prob, q1, q2, alpha)
    return value, d_prob * prob, *d_qs


@mistake(
    "sac-alpha-log", "temperature_loss", CONVENTION,
    "SB3#36", "SB3#712", "cleanrl#414", "tianshou#557", "softlearning#163", "softlearning#177", "rlkit#71", "rlkit#171",
    "ray#15625", "p-christ#65",
)  # fmt: skip
def descends_the_logarithm(loss, log_alpha, log_prob, target_entropy):
    """L = −(1/B) Σ log α (log π + H̄)

    The gradient by log α lacks the factor α: same sign, same root, steps that do not shrink with α.
    """
    surprise = -(log_prob + target_entropy).mean()
    return log_alpha * surprise, surprise


@mistake("sac-alpha-sign", "temperature_loss", BUG, "softlearning#177")
def target_subtracted(loss, log_alpha, log_prob, target_entropy):
    """L = −(1/B) Σ α (log π − H̄)

    The temperature settles where the entropy is −H̄. log π and H̄ are added: log π is minus an entropy already.
    """
    return loss(log_alpha, log_prob, -target_entropy)

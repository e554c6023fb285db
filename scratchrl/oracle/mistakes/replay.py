"""Mistakes of prioritised replay and of dueling heads."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake


@mistake("per-isw-exponent", "per_weights", BUG, "takoika#1")
def weights_inverted(weights, probs, size, beta, least):
    """w_i = (1/(N P_i))^−β

    The exponent is negative and the base inverted: what is drawn too often is weighed more still.
    """
    return (probs / probs.max()) ** beta


@mistake("per-isw-unnormalised", "per_weights", CONVENTION)
def not_scaled(weights, probs, size, beta, least):
    """w_i = (N P_i)^−β

    Not divided by the largest: the learning rate then goes up where w > 1.
    """
    return weights(probs, size, beta, least) * (size * probs.min()) ** -beta


@mistake("per-isw-uncorrected", "per_weights", BUG)
def full_correction(weights, probs, size, beta, least):
    """w_i = (1/(N P_i)) / max

    β is not applied: the full correction from the first step on.
    """
    return weights(probs, size, 1.0 + 0 * beta, least)


@mistake("per-max-scope", "per_weights", EITHER, "chainerrl#570", "takoika#2", "seed_rl#3")
def largest_of_the_memory(weights, probs, size, beta, least):
    """w_i = (N P_i)^−β / max_j (N P_j)^−β,  j over the whole memory

    Scaled by the rarest transition there is: weights, and so steps, are smaller, often by much.
    """
    return (least / probs) ** beta


@mistake("per-eps-place", "per_probabilities", CONVENTION, "alf#1232", "Shmuma/ptan#36", "pytorch/rl#2242")
def epsilon_after_the_power(priorities, td_error, alpha, eps):
    """P ∝ |δ|^α + ε

    ε is added after the power: with α < 1 it counts for less.
    """
    powers = np.where(td_error == 0, 0 * td_error, priorities_alone(td_error, alpha)) + eps
    return powers / powers.sum()


def priorities_alone(td_error, alpha):
    """|δ|^α, with 1 for 0."""
    size = np.abs(td_error)
    return np.where(size == 0, 1 + size, size) ** alpha


@mistake("per-no-exponent", "per_probabilities", BUG)
def proportional(priorities, td_error, alpha, eps):
    """P ∝ |δ| + ε

    α is not applied: large errors are drawn too often.
    """
    return priorities(td_error, 1.0 + 0 * alpha, eps)


@mistake("per-no-abs", "per_probabilities", BUG)
def signed(priorities, td_error, alpha, eps):
    """P ∝ (δ + ε)^α

    The sign of the error is kept: powers of negative numbers are nan.
    """
    powers = (td_error + eps) ** alpha
    return powers / powers.sum()


@mistake("dueling-mean-all", "dueling_q", BUG, "Packt@5324e0a")
def mean_of_the_batch(dueling, value, advantage):
    """Q = V + A − mean of A over the batch and the actions

    The values of one state depend on which others happen to be in the batch. Take the mean along the action axis.
    """
    return value[:, None] + advantage - advantage.sum() / advantage.size


@mistake("dueling-max", "dueling_q", CONVENTION)
def less_the_largest(dueling, value, advantage):
    """Q = V + A − max_a A

    The paper's eq. 8: V is then the value of the best action. The order of the actions is the same.
    """
    return value[:, None] + advantage - advantage.max(axis=1, keepdims=True)


@mistake("dueling-no-mean", "dueling_q", BUG)
def sum_of_both(dueling, value, advantage):
    """Q = V + A

    Nothing ties V down: a constant can move freely between the two heads.
    """
    return value[:, None] + advantage

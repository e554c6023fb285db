"""Mistakes of quantile regression: quantiles of different actions mixed, and errors at the wrong price."""

import numpy as np

from scratchrl.maths import values
from scratchrl.oracle.mistake import BUG, CONVENTION, mistake


@mistake("qr-max-per-quantile", "quantile_target", BUG, "sb3-contrib#18")
def best_of_each_quantile(target, next_quantiles, **case):
    """y_j = r + γ m max_a θ_j(s′, a)

    A maximum for each quantile apart: the quantiles of an action that does not exist, better than all that do. Choose
    the action by its mean, and take all its quantiles.
    """
    return target(next_quantiles=next_quantiles.max(axis=1)[:, None, :], **case)


@mistake("qr-expected-mix", "quantile_target", BUG, "rlax@eb71660")
def mean_of_each_quantile(target, next_quantiles, **case):
    """y_j = r + γ m Σ_a π(a) θ_j(s′, a), here of equal π

    Quantiles do not average: the mixture over actions has other quantiles than the means of theirs.
    """
    mean = next_quantiles.sum(axis=1, keepdims=True) / next_quantiles.shape[1]
    return target(next_quantiles=mean, **case)


@mistake("qr-indicator-sign", "quantile_huber_loss", BUG, "chainer/chainerrl#590")
def price_turned_round(loss, quantiles, target, kappa):
    """|τ_i − 1{u > 0}|

    Each number is pulled to the quantile 1 − τ_i. So it is when u is θ_i − y_j and the indicator stays.
    """
    value, d_quantiles = loss(quantiles[:, ::-1], target, kappa)
    return value, d_quantiles[:, ::-1]


@mistake(
    "qr-reduction", "quantile_huber_loss", CONVENTION, "sb3-contrib#13", "dopamine#27", "toshikwa#16",
    variants=(
        {"mean_over_i": 1}, {"over_kappa": 1}, {"sum_over_j": 1}, {"mean_over_i": 1, "over_kappa": 1},
        {"sum_over_j": 1, "over_kappa": 1}, {"swapped": 1}, {"swapped": 1, "over_kappa": 1},
    ),
)  # fmt: skip
def another_scale(loss, quantiles, target, kappa, mean_over_i=0, over_kappa=0, sum_over_j=0, swapped=0):
    """the mean over i too, or the sum over j too, or the mean over i and the sum over j, or H_κ/κ

    The same minimum; the learning rate has another meaning.
    """
    scale = 1 + 0 * kappa
    scale = scale / (quantiles.shape[1] if mean_over_i or swapped else 1)
    scale = scale * (target.shape[1] if sum_over_j or swapped else 1)
    return tuple(output * scale / (kappa if over_kappa else 1) for output in loss(quantiles, target, kappa))


@mistake("qr-broadcast", "quantile_huber_loss", BUG, "BY571/QR-DQN#1", "DistRL-TensorFlow2#1")
def price_along_the_targets(loss, quantiles, target, kappa):
    """|τ_j − 1{u < 0}|

    τ (N,) is broadcast along the targets instead of the quantiles; it fits as long as there are as many. Give it a
    trailing axis, τ[:, None].
    """
    count = quantiles.shape[1]
    if target.shape[1] not in (1, count) and count != 1:
        raise ValueError(f"operands could not be broadcast together: {target.shape[1]} targets, {count} quantiles")
    share = (2 * np.arange(count) + 1) * (1 + 0 * quantiles[:1]) / (2 * count)
    error = target[:, None, :] - quantiles[:, :, None]
    huber, slope = values.huber(error, kappa)
    price = np.where(error < 0, 1 - share[0] + 0 * error, share[0] + 0 * error)
    size = len(target) * target.shape[1]
    return (price * huber).sum() / size, -(price * slope).sum(axis=2) / size


@mistake("qr-no-price", "quantile_huber_loss", BUG)
def price_is_even(loss, quantiles, target, kappa):
    """½ H_κ(u)

    Without the price every number is pulled to the middle: all quantiles become the median.
    """
    error = target[:, None, :] - quantiles[:, :, None]
    huber, slope = values.huber(error, kappa)
    size = 2 * len(target) * target.shape[1]
    return huber.sum() / size, -slope.sum(axis=2) / size

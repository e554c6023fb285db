"""Mistakes and conventions that any loss can have: its sign, its mean, and which samples meet in it."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

POLICY = ("ppo_clip_loss", "ppo_penalty_loss", "sac_policy_loss", "temperature_loss", "actor_critic_loss")
MEANS = ("policy_gradient_loss", *POLICY, "value_loss", "clipped_value_loss", "td_loss", "per_loss",
         "ddpg_policy_loss")  # fmt: skip
DETACHED = tuple(spec for spec in MEANS if not spec.startswith("ppo"))  # there it is ppo-ratio-one
CROSSED = ("policy_gradient_loss", "ppo_clip_loss", "ppo_penalty_loss", "value_loss", "clipped_value_loss")


def arrays(case):
    """The arguments with one entry per sample."""
    return {name: value for name, value in case.items() if np.ndim(value) == 1}


def count(case):
    """B."""
    return len(next(iter(arrays(case).values())))


@mistake("objective-sign", POLICY, EITHER)
def to_be_made_large(loss, **case):
    """−L

    An objective to be maximised, gradient and all. Handed to an optimiser that minimises, it makes the policy worse.
    """
    return tuple(-output for output in loss(**case))


@mistake("pg-sign", "policy_gradient_loss", BUG)
def ascent_minimised(loss, **case):
    """L = +(1/B) Σ A log π

    Minimised, it makes good actions rarer: put a minus in front. If it is meant as an objective to be maximised,
    check minus its value.
    """
    return tuple(-output for output in loss(**case))


@mistake("loss-sum-vs-mean", MEANS, EITHER, "IntelLabs/coach#344", "p-christ#65")
def summed(loss, **case):
    """L = Σ instead of (1/B) Σ

    The step grows with the batch: B times the learning rate, unless the optimiser divides by the gradient's size.
    """
    return tuple(count(case) * output for output in loss(**case))


@mistake("unreduced", MEANS, CONVENTION)
def sample_by_sample(loss, **case):
    """L_b of each sample, no mean

    The caller has to average. Gradients are those of the sum.
    """
    rows = [loss(**case | {n: a[b : b + 1] for n, a in arrays(case).items()}) for b in range(count(case))]
    losses, *gradients = zip(*rows, strict=True)
    return np.stack(losses), *(np.concatenate(d) if np.ndim(d[0]) else sum(d) for d in gradients)


@mistake("loss-detached", DETACHED, BUG)
def without_gradient(loss, **case):
    """every derivative 0, at the right value

    The loss was cut from its graph (detach, no_grad, .data): the optimiser's step does nothing.
    """
    value, *gradients = loss(**case)
    return value, *(0 * gradient for gradient in gradients)


@mistake("reduced", "huber_loss", CONVENTION, variants=({"mean": True}, {"mean": False}))
def averaged(huber, error, delta, mean):
    """(1/B) Σ H(e), or Σ H(e)

    One number for the batch instead of one for each error.
    """
    loss, d_error = huber(error, delta)
    share = len(error) if mean else 1
    return loss.sum() / share, d_error / share


@mistake(
    "shape-broadcast-NxN", CROSSED, BUG,
    "pytorch/rl#1243", "tianshou#155", "batch-ppo#45", "Mighty#126", "morl-baselines#88",
    "rainbow-is-all-you-need@85ed719",
)  # fmt: skip
def every_sample_with_every_other(loss, **case):
    """L = (1/B²) Σᵢ Σⱼ, A or R from j and everything else from i

    (B,) met (B, 1) and became (B, B): each prediction is held against every target, each action praised for the
    average advantage. Squeeze one of them or compare the shapes.
    """
    size = count(case)
    other = {name: np.tile(case[name], size) for name in ("advantage", "target") if name in case}
    pairs = {name: np.repeat(array, size) for name, array in arrays(case).items()} | other
    value, *gradients = loss(**case | pairs)
    return value, *(d.reshape(size, size).sum(axis=1) for d in gradients)


@mistake(
    "masked-mean-denominator", "masked_mean", BUG, "sb3-contrib@bfa86ce", "pytorch/rl#4057",
)  # fmt: skip
def padding_counts(masked_mean, x, mask):
    """(1/(B T)) Σ m x instead of Σ m x / Σ m

    Padded entries are 0 in the sum but still counted: the mean shrinks by the share of entries that are valid.
    """
    return masked_mean(x, mask) * (np.sum(mask) / mask.size)


@mistake("masked-mean-per-row", "masked_mean", CONVENTION)
def mean_of_row_means(masked_mean, x, mask):
    """(1/B) Σ_b (Σ_t m x / Σ_t m)

    Every sequence weighs the same, and its entries the less the longer it is.
    """
    return np.stack([masked_mean(row, valid) for row, valid in zip(x, mask, strict=True)]).mean()

"""Mistakes of running statistics: how much a batch weighs, and what lies between two of them."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake


def folded(batches, merge, prior=0.0):
    """(mean, variance) after merge(mean, variance, count, batch mean, batch variance, B) of every batch in turn.

    The start is mean 0, variance 1, with the weight of `prior` samples.
    """
    zero = 0 * batches[0][0]
    mean, variance, count = zero, zero + 1, zero + prior
    for batch in batches:
        own_mean = batch.sum(axis=0) / len(batch)
        own_variance = ((batch - own_mean) ** 2).sum(axis=0) / len(batch)
        mean, variance, count = merge(mean, variance, count, own_mean, own_variance, len(batch))
    return mean, variance


def chan(mean, variance, count, own_mean, own_variance, size):
    """The right one."""
    delta, total = own_mean - mean, count + size
    m2 = variance * count + own_variance * size + delta**2 * count * size / total
    return mean + delta * size / total, m2 / total, total


def counted_as_one(mean, variance, count, own_mean, own_variance, size):
    """A batch of one sample."""
    return chan(mean, variance, count, own_mean, own_variance, 1)


def added_share(mean, variance, count, own_mean, own_variance, size):
    """mean + δ + B/n."""
    _, new_variance, total = chan(mean, variance, count, own_mean, own_variance, size)
    return own_mean + size / (total + 0 * mean), new_variance, total


def late_distance(mean, variance, count, own_mean, own_variance, size):
    """δ from the new mean."""
    new_mean, _, total = chan(mean, variance, count, own_mean, own_variance, size)
    m2 = variance * count + own_variance * size + (own_mean - new_mean) ** 2 * count * size / total
    return new_mean, m2 / total, total


def without_distance(mean, variance, count, own_mean, own_variance, size):
    """No δ in M₂."""
    new_mean, _, total = chan(mean, variance, count, own_mean, own_variance, size)
    return new_mean, (variance * count + own_variance * size) / total, total


def of_unbiased(mean, variance, count, own_mean, own_variance, size):
    """M₂_B divided by B − 1 and multiplied by B."""
    return chan(mean, variance, count, own_mean, own_variance * size / (size - 1 + 0 * own_mean), size)


PRIORS = ({"prior": 0.0}, {"prior": 1e-4})


@mistake("rms-std", "running_moments", CONVENTION)
def standard_deviation(moments, batches):
    """(mean, √variance)

    The second output is the standard deviation.
    """
    mean, variance = moments(batches)
    return mean, np.sqrt(variance)


@mistake("rms-ddof-1", "running_moments", EITHER)
def unbiased(moments, batches):
    """variance = Σ (x − mean)²/(n − 1)

    Unbiased, torch's default; of a single sample it is 0/0.
    """
    mean, variance = moments(batches)
    n = sum(map(len, batches))
    return mean, variance * n / (n - 1 + 0 * mean)


@mistake("rms-prior-count", "running_moments", CONVENTION, "baselines", "SB3", "Gymnasium",
         variants=({"prior": 1e-4}, {"prior": 1e-2}, {"prior": 1.0}))  # fmt: skip
def invented_samples(moments, batches, prior):
    """n₀ = 1e-4 samples of mean 0 and variance 1 before the first

    Avoids 0/0 before the first batch; after 50 samples it is still 1.5e-5 of the variance.
    """
    return folded(batches, chan, prior)


@mistake("rms-batchcount1", "running_moments", BUG, "cleanrl#18", variants=PRIORS)
def batches_count_as_one(moments, batches, prior):
    """B := 1

    A batch weighs as much as one sample: batches of different sizes are weighed alike, and the prior counts for more.
    """
    return folded(batches, counted_as_one, prior)


@mistake("rms-mean-missing-old", "running_moments", BUG, "rllte#47", variants=PRIORS)
def plus_for_times(moments, batches, prior):
    """mean ← mean + δ + B/n

    A plus where a times belongs, δ B/n: the old mean cancels, and the share of the batch is added to that of its mean.
    """
    return folded(batches, added_share, prior)


@mistake("rms-delta-after-update", "running_moments", BUG, "FastTD3#32", variants=PRIORS)
def distance_to_the_new_mean(moments, batches, prior):
    """M₂ ← M₂ + M₂_B + (mean_B − new mean)² n_old B/n

    δ is taken after the mean has moved towards the batch: the distance between the batches is counted too small.
    """
    return folded(batches, late_distance, prior)


@mistake("rms-M2-overwritten", "running_moments", BUG, "akanazawa/fpo#13")
def last_batch_only(moments, batches):
    """M₂ ← Σ (x − old mean)(x − new mean), nothing added up

    Only the last batch is in M₂, divided by all samples: the standard deviation shrinks like σ/√k.
    """
    *before, last = batches
    mean, _ = moments(batches)
    old = moments(before)[0] if before else 0 * mean
    return mean, ((last - old) * (last - mean)).sum(axis=0) / sum(map(len, batches))


@mistake("rms-no-between-term", "running_moments", BUG)
def batches_apart(moments, batches):
    """M₂ ← M₂ + M₂_B

    Without δ² n_old B/n: how far apart the batches lie is not counted.
    """
    return folded(batches, without_distance)


@mistake("rms-batch-ddof-1", "running_moments", BUG, "pokaxpoka/B_Pref#3", variants=PRIORS)
def unbiased_batches(moments, batches, prior):
    """M₂_B := B/(B − 1) Σ (x − mean_B)²

    torch.var of a batch is unbiased by default and is then taken for the population's: too much for small batches, 0/0
    for those of one sample.
    """
    return folded(batches, of_unbiased, prior)

"""Mistakes of running statistics that take in the moments of a batch: what each weighs, what lies between them."""

from scratchrl.oracle.mistake import BUG, EITHER, mistake
from scratchrl.oracle.mistakes import running_moments as merges

UPDATE = "moments_update"


def joined(merge, mean, variance, count, batch_mean, batch_variance, batch_count):
    """One of the merges, of arguments by name."""
    return merge(mean, variance, count, batch_mean, batch_variance, batch_count)


@mistake("rms-count-overflow", UPDATE, BUG, "brax@ca7649c")
def thirty_two_bits(update, mean, variance, count, batch_mean, batch_variance, batch_count):
    """n := (n_a + n_b + 2³¹) mod 2³² − 2³¹

    The count is an int32 and turns negative after 2,147,483,647 samples: an hour of a fast simulator. Count in 64 bits
    or in floating point.
    """
    total = (count + batch_count + 2**31) % 2**32 - 2**31
    delta = batch_mean - mean
    m2 = variance * count + batch_variance * batch_count + delta**2 * count * batch_count / total
    return mean + delta * batch_count / total, m2 / total, total


@mistake("rms-batchcount1", UPDATE, BUG, "cleanrl#18")
def a_batch_counts_as_one(update, **case):
    """n_b := 1

    A batch weighs as much as one sample.
    """
    return joined(merges.counted_as_one, **case)


@mistake("rms-mean-missing-old", UPDATE, BUG, "rllte#47")
def plus_for_times(update, **case):
    """mean ← mean + δ + n_b/n

    A plus where a times belongs, δ n_b/n: the old mean cancels.
    """
    return joined(merges.added_share, **case)


@mistake("rms-delta-after-update", UPDATE, BUG, "FastTD3#32")
def distance_to_the_new_mean(update, **case):
    """M₂ ← M₂ + M₂_b + (mean_b − new mean)² n_a n_b/n

    δ is taken after the mean has moved towards the batch: the distance between the two is counted too small.
    """
    return joined(merges.late_distance, **case)


@mistake("rms-M2-overwritten", UPDATE, BUG, "akanazawa/fpo#13")
def last_batch_only(update, mean, variance, count, batch_mean, batch_variance, batch_count):
    """M₂ ← Σ (x − old mean)(x − new mean), nothing added up

    Only the batch is in M₂, divided by all samples: the standard deviation shrinks like σ/√k.
    """
    new_mean, _, total = merges.chan(mean, variance, count, batch_mean, batch_variance, batch_count)
    own = batch_variance + (batch_mean - mean) * (batch_mean - new_mean)
    return new_mean, own * batch_count / total, total


@mistake("rms-no-between-term", UPDATE, BUG)
def batches_apart(update, **case):
    """M₂ ← M₂ + M₂_b

    Without δ² n_a n_b/n: how far apart the two lie is not counted.
    """
    return joined(merges.without_distance, **case)


@mistake("rms-weights-swapped", UPDATE, BUG)
def weighed_by_the_other(update, mean, batch_mean, **case):
    """mean ← mean + δ n_a/n

    Each mean has the weight of the other: a single new sample all but replaces what a thousand said.
    """
    _, variance, total = update(mean=mean, batch_mean=batch_mean, **case)
    return mean + (batch_mean - mean) * case["count"] / total, variance, total


@mistake("rms-ddof-1", UPDATE, EITHER)
def unbiased(update, **case):
    """variance = M₂/(n − 1)

    Unbiased; handed on as the population's, it grows with every update.
    """
    mean, variance, total = update(**case)
    return mean, variance * total / (total - 1 + 0 * mean), total


@mistake("rms-batch-ddof-1", UPDATE, BUG, "pokaxpoka/B_Pref#3")
def unbiased_batches(update, **case):
    """M₂_b := n_b/(n_b − 1) Σ (x − mean_b)²

    torch.var of a batch is unbiased by default and is then taken for the population's.
    """
    return joined(merges.of_unbiased, **case)

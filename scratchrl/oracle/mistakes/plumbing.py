"""Mistakes of optimizers, target networks and running statistics."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

# ---- optimizers ----


@mistake("adam-eps-hat", "adam_step", CONVENTION, "tensorflow#9047", "tf-keras#315")
def epsilon_before_the_correction(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """step = −lr √(1 − β₂ᵗ)/(1 − β₁ᵗ) m/(√v + ε)

    The paper's faster form, whose ε̂ is ε √(1 − β₂ᵗ): with the same number, ε weighs more in the first steps.
    """
    exact_eps = eps / (1 - beta2**t) ** 0.5
    return adam(gradient, m, v, t, lr, beta1, beta2, exact_eps, theta)


@mistake("adam-eps-in-sqrt", "adam_step", CONVENTION)
def epsilon_under_the_root(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """step = −lr m̂/√(v̂ + ε)

    Under the root ε acts like √ε outside: 1e-8 becomes 1e-4.
    """
    step, m, v = adam(gradient, m, v, t, lr, beta1, beta2, 0 * eps, 0 * theta)
    v_hat = v / (1 - beta2**t)
    shorter = np.sqrt(v_hat / (v_hat + eps))
    return theta + step * shorter, m, v


@mistake("adam-no-correction", "adam_step", EITHER)
def started_at_zero(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """step = −lr m/(√v + ε)

    Without m̂ and v̂ the first steps are (1 − β₁)/√(1 − β₂) times as long: three times, with the usual numbers.
    """
    _, m, v = adam(gradient, m, v, t, lr, beta1, beta2, eps)
    return theta - lr * m / (np.sqrt(v) + eps), m, v


@mistake("adam-t-from-zero", "adam_step", BUG)
def corrected_by_the_step_before(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """m̂ = m/(1 − β₁ᵗ⁻¹),  v̂ = v/(1 − β₂ᵗ⁻¹)

    t is counted up after its use: the first step divides by zero, the next ones are too long. Count first.
    """
    _, m, v = adam(gradient, m, v, t, lr, beta1, beta2, eps)
    m_hat, v_hat = m / (1 - beta1 ** (t - 1)), v / (1 - beta2 ** (t - 1))
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@mistake("adam-corrected-state", "adam_step", BUG)
def correction_is_remembered(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """m ← m̂,  v ← v̂

    The corrected means overwrite the running ones, and are corrected again in the next step.
    """
    step, m, v = adam(gradient, m, v, t, lr, beta1, beta2, eps, theta)
    return step, m / (1 - beta1**t), v / (1 - beta2**t)


@mistake("adam-betas-swapped", "adam_step", BUG)
def memories_swapped(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """β₂ for the mean of g, β₁ for that of g²

    The direction remembers a thousand gradients and its scale only ten.
    """
    return adam(gradient, m, v, t, lr, beta2, beta1, eps, theta)


@mistake("update-subtracted", ("adam_step", "rmsprop_step"), EITHER)
def to_be_subtracted(optimizer, gradient, theta=0.0, **case):
    """+lr m̂/(√v̂ + ε), or θ plus it

    An update for the caller to subtract. Where parameters come back, they have gone uphill.
    """
    step, *state = optimizer(gradient=gradient, theta=0.0, **case)
    return theta - step, *state


@mistake(
    "rmsprop-eps-in-sqrt", "rmsprop_step", CONVENTION,
    "jax#1427", "pytorch#23796", "chainer#4754", "optax#532", "SB3 RMSpropTFLike",
)  # fmt: skip
def tensorflows_rmsprop(rmsprop, gradient, s, lr, decay, eps, theta=0.0):
    """step = −lr g/√(s + ε)

    TensorFlow's. Under the root ε acts like √ε outside, and A2C's learning rates were tuned with it.
    """
    _, s = rmsprop(gradient, s, lr, decay, eps)
    return theta - lr * gradient / np.sqrt(s + eps), s


@mistake("rmsprop-stale-square", "rmsprop_step", BUG)
def divided_by_the_old_square(rmsprop, gradient, s, lr, decay, eps, theta=0.0):
    """step = −lr g/(√s + ε) with the s of the step before

    g² joins its mean after the division: the first step is lr g/ε.
    """
    _, new = rmsprop(gradient, s, lr, decay, eps)
    return theta - lr * gradient / (np.sqrt(s) + eps), new


# ---- target networks ----


@mistake(
    "polyak-swapped", "polyak_update", BUG,
    "MADDPG_Multi_UAV_Roundup#10", "mimoralea/gdrl#14", "medipixel#47", "rlevo#182",
)  # fmt: skip
def shares_swapped(polyak, online, target, tau):
    """(1 − τ) θ + τ θ′

    The roles of τ and 1 − τ, or of the two networks, have changed places: with τ = 0.005 the target all but copies.
    """
    return polyak(target, online, tau)


@mistake("polyak-tau-ignored", "polyak_update", BUG)
def copied(polyak, online, target, tau):
    """θ′ ← θ

    A hard copy at every call: there is no target network left.
    """
    return online + 0 * target


@mistake("polyak-not-updated", "polyak_update", BUG)
def left_alone(polyak, online, target, tau):
    """θ′ ← θ′

    The new parameters are computed and not kept: the target never moves.
    """
    return target + 0 * online


# ---- running statistics ----


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

    def merge(mean, variance, count, own_mean, own_variance, size):
        return chan(mean, variance, count, own_mean, own_variance, 1)

    return folded(batches, merge, prior)


@mistake("rms-mean-missing-old", "running_moments", BUG, "rllte#47", variants=PRIORS)
def plus_for_times(moments, batches, prior):
    """mean ← mean + δ + B/n

    A plus where a times belongs, δ B/n: the old mean cancels, and the share of the batch is added to that of its mean.
    """

    def merge(mean, variance, count, own_mean, own_variance, size):
        _, new_variance, total = chan(mean, variance, count, own_mean, own_variance, size)
        return mean + (own_mean - mean) + size / total, new_variance, total

    return folded(batches, merge, prior)


@mistake("rms-delta-after-update", "running_moments", BUG, "FastTD3#32", variants=PRIORS)
def distance_to_the_new_mean(moments, batches, prior):
    """M₂ ← M₂ + M₂_B + (mean_B − new mean)² n_old B/n

    δ is taken after the mean has moved towards the batch: the distance between the batches is counted too small.
    """

    def merge(mean, variance, count, own_mean, own_variance, size):
        new_mean, _, total = chan(mean, variance, count, own_mean, own_variance, size)
        m2 = variance * count + own_variance * size + (own_mean - new_mean) ** 2 * count * size / total
        return new_mean, m2 / total, total

    return folded(batches, merge, prior)


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

    def merge(mean, variance, count, own_mean, own_variance, size):
        new_mean, _, total = chan(mean, variance, count, own_mean, own_variance, size)
        return new_mean, (variance * count + own_variance * size) / total, total

    return folded(batches, merge)


@mistake("rms-batch-ddof-1", "running_moments", BUG, "pokaxpoka/B_Pref#3", variants=PRIORS)
def unbiased_batches(moments, batches, prior):
    """M₂_B := B/(B − 1) Σ (x − mean_B)²

    torch.var of a batch is unbiased by default and is then taken for the population's: too much for small batches, 0/0
    for those of one sample.
    """

    def merge(mean, variance, count, own_mean, own_variance, size):
        return chan(mean, variance, count, own_mean, own_variance * size / (size - 1 + 0 * own_mean), size)

    return folded(batches, merge, prior)

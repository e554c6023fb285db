"""Mistakes of the Gaussian entropy, and of the sign of any."""

from scratchrl.maths.constants import log_two_pi
from scratchrl.oracle.mistake import BUG, mistake

ENTROPIES = ("gaussian_entropy", "categorical_entropy")
SUMMED = ("ikostrikov/pytorch-a2c-ppo-acktr-gail@67b0115", "DLR-RM/stable-baselines3 changelog")


@mistake("entropy-bonus-sign", ENTROPIES, BUG, "DLR-RM/stable-baselines3@799e30ff", "google-deepmind/rlax@dd7fb8b")
def negated(entropy, **case):
    """−H

    The sign: whoever adds this as a bonus makes the policy certain of itself.
    """
    return -entropy(**case)


@mistake("entropy-half-logstd", "gaussian_entropy", BUG, "ray-project/ray#2968", "ray-project/ray#6475")
def half_log_std(entropy, mean, log_std):
    """Σ_i [ ½ log σ_i + ½ log 2πe ]

    log σ is halved, as if it were a log variance. The entropy without that is right, negative or not (ray#2920).
    """
    return entropy(mean=mean, log_std=log_std / 2)


@mistake("entropy-no-half", "gaussian_entropy", BUG)
def without_half(entropy, mean, log_std):
    """Σ_i [ log σ_i + ½ log 2π ]

    −log π(μ) and not its mean: ½ per dimension, the mean of ½ z², is missing.
    """
    return entropy(mean=mean, log_std=log_std) - mean.shape[-1] / 2


@mistake("entropy-no-constant", "gaussian_entropy", BUG)
def log_std_alone(entropy, mean, log_std):
    """Σ_i log σ_i

    Its gradient is right, its value is not: ½ log 2πe per dimension is missing.
    """
    return entropy(mean=mean, log_std=log_std) - mean.shape[-1] * ((1 + log_two_pi(mean)) / 2)


@mistake("entropy-not-summed", "gaussian_entropy", BUG, *SUMMED)
def dimensions_apart(entropy, mean, log_std):
    """log σ_i + ½ log 2πe, one for every dimension

    Not summed over the action dimensions: a mean over everything then is the entropy divided by A.
    """
    return entropy(mean=mean[..., None], log_std=log_std[..., None])


@mistake("entropy-not-summed", "gaussian_entropy", BUG, *SUMMED)
def mean_over_dimensions(entropy, mean, log_std):
    """(1/A) Σ_i [ log σ_i + ½ log 2πe ]

    The mean over the action dimensions instead of the sum: an entropy bonus A times too small.
    """
    return entropy(mean=mean, log_std=log_std) / mean.shape[-1]

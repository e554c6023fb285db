"""Mistakes of log-densities and entropies."""

import numpy as np

from scratchrl.maths import categorical
from scratchrl.maths.constants import exact, log_two_pi
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

GAUSSIANS = ("gaussian_log_prob", "squashed_gaussian_log_prob")
LOG_PROBS = (*GAUSSIANS, "categorical_log_prob")
SMALL = ({"eps": 1e-8}, {"eps": 1e-6}, {"eps": 1e-5}, {"eps": 1e-10})
ROUNDED = 2.0**-18
CLAMPS = tuple({"eps": eps} for eps in (1e-8, 1e-6, float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)))


@mistake("neglogp", LOG_PROBS, CONVENTION, "openai/baselines#652", "hill-a/stable-baselines#447")
def negative(log_prob, **case):
    """−log π(a)

    The negative log-probability, as in OpenAI's baselines: ratios are exp(old − new) there.
    """
    return -log_prob(**case)


@mistake("logp-no-constant", GAUSSIANS, EITHER)
def without_constant(log_prob, mean, **case):
    """Σ_i [ −½ z_i² − log σ_i ]

    Without −½ log 2π per dimension: ratios and gradients are the same, entropies and KL penalties are not.
    """
    return log_prob(mean=mean, **case) + mean.shape[-1] * (log_two_pi(mean) / 2)


@mistake("logp-eps-in-std", GAUSSIANS, CONVENTION, "openai/spinningup gaussian_likelihood", variants=SMALL[:3])
def eps_beside_std(log_prob, mean, log_std, eps, **at):
    """z = (a − μ)/(σ + ε)

    An ε beside σ in z alone. Right for σ ≫ ε; narrow policies have a wrong density that does not integrate to 1.
    """
    ((name, x),) = at.items()
    std = np.exp(log_std)
    return log_prob(mean=x - (x - mean) * (std / (std + eps)), log_std=log_std, **{name: x})


@mistake("logp-eps-in-std", GAUSSIANS, CONVENTION, variants=SMALL[:3])
def eps_added_to_std(log_prob, log_std, eps, **case):
    """σ := σ + ε

    An ε added to σ everywhere: a density, but of a wider policy.
    """
    return log_prob(log_std=np.log(np.exp(log_std) + eps), **case)


@mistake("logp-std-as-var", GAUSSIANS, BUG, "hill-a/stable-baselines#1058", "hill-a/stable-baselines@259f278")
def std_as_variance(log_prob, log_std, **case):
    """−Σ_i [ (a_i − μ_i)²/(2σ_i) + ½ log σ_i + ½ log 2π ]

    σ stands where σ² belongs: square it in the quotient and do not halve its logarithm.
    """
    return log_prob(log_std=log_std / 2, **case)


@mistake("logp-var-as-std", GAUSSIANS, BUG)
def variance_as_std(log_prob, log_std, **case):
    """−Σ_i [ (a_i − μ_i)²/(2σ_i⁴) + 2 log σ_i + ½ log 2π ]

    The variance is handed to something that expects σ: take its root.
    """
    return log_prob(log_std=2 * log_std, **case)


@mistake("logp-invstd-not-squared", GAUSSIANS, BUG, "takuseno/d3rlpy#192")
def inverse_std_not_squared(log_prob, mean, log_std, **at):
    """−Σ_i [ ½ (a_i − μ_i)²/σ_i + log σ_i + ½ log 2π ]

    1/σ is taken outside the square: divide before squaring.
    """
    ((name, x),) = at.items()
    return log_prob(mean=x - (x - mean) * np.exp(log_std / 2), log_std=log_std, **{name: x})


@mistake("logp-not-summed", GAUSSIANS, BUG, "thu-ml/tianshou#41", "AI4Finance-Foundation/ElegantRL#273")
def dimensions_apart(log_prob, **case):
    """log π(a_i), one for every dimension

    Not summed over the action dimensions: later broadcasting or averaging treats each dimension as an action.
    """
    return log_prob(**{name: array[..., None] for name, array in case.items()})


@mistake("logp-mean-over-dims", GAUSSIANS, BUG, "takuseno/d3rlpy#192")
def mean_over_dimensions(log_prob, mean, **case):
    """(1/A) log π(a)

    The mean over the action dimensions instead of the sum: ratios become their A-th root.
    """
    return log_prob(mean=mean, **case) / mean.shape[-1]


@mistake("logp-of-clipped-action", "gaussian_log_prob", BUG, "thu-ml/tianshou#312", "vwxyzjn/cleanrl#240")
def clipped_action(log_prob, mean, log_std, action):
    """log π(clip(a, −1, 1))

    The density of the clipped action: it was not drawn, so ρ ≠ 1 already at θ = θ_old. Keep the raw one for log π.
    """
    return log_prob(mean=mean, log_std=log_std, action=np.clip(action, -1.0, 1.0))


@mistake("prob-as-logprob", LOG_PROBS, BUG, "pytorch/rl#1750", "pytorch/rl@0e02132e4")
def without_logarithm(log_prob, **case):
    """π(a)

    The probability or density itself: the logarithm is missing.
    """
    return np.exp(log_prob(**case))


@mistake("logp-eps-in-log", "categorical_log_prob", CONVENTION, "pytorch/rl@c8676f4a8", variants=SMALL)
def eps_in_logarithm(log_prob, logits, action, eps):
    """log(p_a + ε)

    An ε inside the logarithm: improbable actions look more probable than they are, and their gradient is cut off.
    """
    return np.log(np.exp(log_prob(logits=logits, action=action)) + eps)


@mistake("logp-eps-in-log", "categorical_log_prob", CONVENTION, "rlworkgroup/garage Categorical", variants=CLAMPS)
def clamped_in_logarithm(log_prob, logits, action, eps):
    """log max(p_a, ε)

    Probabilities below ε count as ε: no gradient reaches them.
    """
    return np.log(np.maximum(np.exp(log_prob(logits=logits, action=action)), exact(eps, logits)))


@mistake("logp-eps-in-log", "categorical_entropy", CONVENTION, "pytorch/rl@c8676f4a8", variants=SMALL)
def eps_in_entropy(entropy, logits, eps):
    """−Σ_i p_i log(p_i + ε)

    An ε inside the logarithm: at most A ε too little.
    """
    p = categorical.softmax(logits)
    return -(p * np.log(p + eps)).sum(axis=-1)


@mistake("probs-as-logits", "categorical_log_prob", BUG, "thu-ml/tianshou#1193", "thu-ml/tianshou@9491c797")
def softmax_twice(log_prob, logits, action):
    """l := softmax(l)

    Probabilities are taken for logits, so softmax is applied twice: no action can be e times likelier than another.
    """
    return log_prob(logits=categorical.softmax(logits), action=action)


@mistake("probs-as-logits", "categorical_entropy", BUG, "thu-ml/tianshou#1193", "thu-ml/tianshou@9491c797")
def entropy_of_softmax_twice(entropy, logits):
    """l := softmax(l)

    Probabilities are taken for logits, so softmax is applied twice and the entropy stays near log A.
    """
    return entropy(categorical.softmax(logits))


@mistake("logits-as-log-probs", "categorical_log_prob", BUG)
def without_normaliser(log_prob, logits, action):
    """l_a

    The logit itself: log Σ_j exp l_j has not been subtracted.
    """
    return log_prob(logits=logits, action=action) + _log_mass(logits)


@mistake("logits-as-log-probs", "categorical_entropy", BUG)
def entropy_without_normaliser(entropy, logits):
    """−Σ_i p_i l_i

    Logits stand for log p: log Σ_j exp l_j is missing, and a shift of the logits changes the entropy.
    """
    return entropy(logits) - _log_mass(logits)


def _log_mass(logits):
    """log Σ exp l, and 0 for logits that are log-probabilities but for their rounding."""
    log_mass = np.log(np.exp(logits).sum(axis=-1))
    return np.where(np.abs(log_mass) < ROUNDED, 0 * log_mass, log_mass)

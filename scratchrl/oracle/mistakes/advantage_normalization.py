"""Mistakes and conventions of advantage normalisation: which σ, which ε, over what, and what a single one becomes."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake

EPSILONS = (1e-8, 1e-5, 1e-6, float(np.finfo(np.float32).eps), 1e-7, 1e-9, 1e-10)


def standardized(advantage, ddof, eps, floor=0.0):
    """(A − mean A)/(max(σ, floor) + ε) with σ² by n − ddof."""
    deviation, variance = _moments(advantage, ddof)
    return deviation / (np.maximum(np.sqrt(variance), floor) + eps)


def _moments(advantage, ddof):
    """A − mean A, and σ² by n − ddof; of a single one, by n."""
    deviation = advantage - advantage.mean()
    return deviation, (deviation**2).sum() / max(advantage.size - ddof, 1)


def _variants(*epsilons):
    return tuple({"ddof": ddof, "eps": eps} for ddof in (1, 0) for eps in epsilons)


@mistake("advnorm-ddof", "advantage_normalization", CONVENTION, "SB3", "pytorch/rl@4d3c5537e")
def by_n_minus_one(normalize, advantage):
    """(A − mean A)/σ with σ² = Σ(A − mean A)²/(n − 1)

    The unbiased σ², which is what torch's std computes: smaller results by the factor √(1 − 1/n).
    """
    n = advantage.size
    return normalize(advantage) * np.sqrt((n - 1 + 0 * advantage) / n)


@mistake("advnorm-eps", "advantage_normalization", CONVENTION, "SB3", "ikostrikov", variants=_variants(*EPSILONS))
def epsilon_beside_sigma(normalize, advantage, ddof, eps):
    """(A − mean A)/(σ + ε)

    Where the spread is not large against ε, advantages come out smaller.
    """
    return standardized(advantage, ddof, eps)


@mistake("advnorm-clamp", "advantage_normalization", CONVENTION, "pytorch/rl@4d3c5537e", variants=_variants(1e-6, 1e-8))
def sigma_at_least_epsilon(normalize, advantage, ddof, eps):
    """(A − mean A)/max(σ, ε)

    Untouched by ε wherever the spread is larger.
    """
    return standardized(advantage, ddof, 0.0, floor=eps)


@mistake(
    "advnorm-eps-in-sqrt", "advantage_normalization", CONVENTION, "TF-agents variance_epsilon",
    variants=_variants(1e-8, 1e-5, 1e-6, 1e-3, 1e-12),
)  # fmt: skip
def epsilon_beside_the_variance(normalize, advantage, ddof, eps):
    """(A − mean A)/√(σ² + ε)

    ε counts as a standard deviation of √ε: 1e-8 acts like 1e-4.
    """
    deviation, variance = _moments(advantage, ddof)
    return deviation / np.sqrt(variance + eps)


@mistake(
    "advnorm-single", "advantage_normalization", BUG, "SB3#325", "SB3#440", "hill-a#723",
    variants=({"constant": 1}, {"constant": 0}),
)  # fmt: skip
def nothing_to_divide_by(normalize, advantage, constant):
    """0/0 = NaN where there is one advantage, or where all are equal

    One NaN in the advantages is a NaN in every weight of the policy. Return 0 there, or leave a single one alone.
    """
    alike = (advantage == advantage.flat[0]).all() if constant else advantage.size == 1
    return advantage * float("nan") if alike else normalize(advantage)


@mistake("advnorm-single-kept", "advantage_normalization", CONVENTION, "SB3#1028")
def a_single_one_is_kept(normalize, advantage):
    """A itself where there is only one

    Its sign and size survive, where the formula would make it 0.
    """
    return advantage + 0 if advantage.size == 1 else normalize(advantage)


@mistake("advnorm-axis", "advantage_normalization", BUG, "tensorflow/agents#651")
def over_an_axis_of_length_one(normalize, advantage):
    """A − A = 0

    Mean and σ along an axis of length 1, as of (1, T) along axis 0: nothing is left. Take them over the other axis.
    """
    return 0 * advantage


@mistake("adv-standardised-but-unused", "advantage_normalization", BUG, "openai/baselines#64")
def raw(normalize, advantage):
    """A

    The normalised advantages are computed and the raw ones returned.
    """
    return advantage + 0


@mistake("advnorm-variance", "advantage_normalization", BUG)
def divided_by_the_variance(normalize, advantage):
    """(A − mean A)/σ²

    The square root is missing: the result grows as the advantages shrink.
    """
    _, variance = _moments(advantage, 0)
    return normalize(advantage) / (np.sqrt(variance) if variance > 0 else 1)


@mistake("advnorm-not-centred", "advantage_normalization", CONVENTION)
def scaled_only(normalize, advantage):
    """A/σ

    The mean stays: every action keeps the sign of its advantage.
    """
    _, variance = _moments(advantage, 0)
    return advantage / np.sqrt(variance) if variance > 0 else 0 * advantage


@mistake("advnorm-not-scaled", "advantage_normalization", CONVENTION)
def centred_only(normalize, advantage):
    """A − mean A

    The scale of the rewards stays in the step.
    """
    return advantage - advantage.mean()

"""Mistakes of KL divergences and their estimators."""

import numpy as np

from scratchrl.maths import categorical
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.mistakes.densities import ROUNDED

DIVERGENCES = ("gaussian_kl", "categorical_kl")
SWAPPED = ("google-deepmind/rlax@f716d73", "vwxyzjn/cleanrl@7dc0baef", "openai/spinningup#192")
ESTIMATORS = ("DLR-RM/stable-baselines3#417", "DLR-RM/stable-baselines3@2ada2dd0")
EPSILONS = tuple({"eps": eps} for eps in (1e-5, 1e-8, 1e-6, 1e-10))


@mistake("kl-swapped-args", DIVERGENCES, EITHER, *SWAPPED)
def other_direction(kl, **case):
    """KL(q‖p)

    The other direction. Near p = q both have the same Hessian and few notice; far from it this one seeks modes.
    """
    return kl(**{name: case[f"{name[:-1]}{'q' if name[-1] == 'p' else 'p'}"] for name in case})


@mistake("kl-swapped-args", "kl_estimator", EITHER, *SWAPPED)
def other_sign(kl, log_prob, log_prob_old):
    """d := log p_old − log p

    Old and new exchanged: under samples of old this is no estimator of KL(old‖new); under samples of new it is one of
    KL(new‖old).
    """
    return kl(log_prob=log_prob_old, log_prob_old=log_prob)


@mistake("kl-estimator-k1", "kl_estimator", CONVENTION, *ESTIMATORS, "openai/spinningup")
def k1(kl, log_prob, log_prob_old):
    """1/B Σ −d

    Unbiased, and often negative: its spread is of order d, that of k3 of order d².
    """
    return _mean(log_prob_old - log_prob)


@mistake("kl-estimator-k2", "kl_estimator", CONVENTION, *ESTIMATORS)
def k2(kl, log_prob, log_prob_old):
    """1/B Σ ½ d²

    Never negative, and biased from the third order of d on.
    """
    return _mean((log_prob - log_prob_old) ** 2 / 2)


@mistake("kl-estimator-per-sample", "kl_estimator", CONVENTION)
def per_sample(kl, log_prob, log_prob_old):
    """k(d_b), one for every sample

    Not averaged over the batch.
    """
    rows = range(len(log_prob))
    return np.stack([np.asarray(kl(log_prob=log_prob[[b]], log_prob_old=log_prob_old[[b]])) for b in rows])


@mistake("kl-estimator-sum", "kl_estimator", EITHER)
def summed(kl, log_prob, log_prob_old):
    """Σ k(d_b)

    Summed over the batch: thresholds depend on its size.
    """
    return len(log_prob) * kl(log_prob=log_prob, log_prob_old=log_prob_old)


@mistake("kl-self-zero", DIVERGENCES, BUG, "pytorch/rl#1922", "pytorch/rl@e538fdc1b", "tensorforce/tensorforce#105")
def of_itself(kl, **case):
    """KL(p‖p) = 0

    Both arguments come from the same parameters, which an update has overwritten: keep those of the old policy.
    """
    return kl(**{name: case[f"{name[:-1]}p"] for name in case})


@mistake("kl-self-zero", "kl_estimator", BUG, "pytorch/rl#1922", "pytorch/rl@e538fdc1b")
def estimate_of_itself(kl, log_prob, log_prob_old):
    """d := 0

    Both log-probabilities come from the same parameters: keep those of the policy that sampled.
    """
    return kl(log_prob=log_prob, log_prob_old=log_prob)


@mistake("kl-eps-in-log", "gaussian_kl", CONVENTION, "google/brax _NormalDistribution", variants=EPSILONS)
def eps_in_log_ratio(kl, mean_p, log_std_p, mean_q, log_std_q, eps):
    """Σ_i [ log(σ_q/σ_p + ε) + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − ½ ]

    An ε inside the logarithm: KL(p‖p) is A ε and not 0.
    """
    log_ratio = log_std_q - log_std_p
    excess = np.log(np.exp(log_ratio) + eps) - log_ratio
    return kl(mean_p=mean_p, log_std_p=log_std_p, mean_q=mean_q, log_std_q=log_std_q) + excess.sum(axis=-1)


@mistake("kl-eps-in-variance", "gaussian_kl", CONVENTION, "openai/spinningup diagonal_gaussian_kl", variants=EPSILONS)
def eps_beside_variance(kl, mean_p, log_std_p, mean_q, log_std_q, eps):
    """Σ_i [ log σ_q − log σ_p + (σ_p² + (μ_p − μ_q)²)/(2(σ_q² + ε)) − ½ ]

    An ε beside the variance in the quotient alone: KL(p‖p) is negative, −½ Σ ε/(σ² + ε).
    """
    var_q, second_moment = np.exp(2 * log_std_q), np.exp(2 * log_std_p) + (mean_p - mean_q) ** 2
    lost = (second_moment / var_q - second_moment / (var_q + eps)) / 2
    return kl(mean_p=mean_p, log_std_p=log_std_p, mean_q=mean_q, log_std_q=log_std_q) - lost.sum(axis=-1)


@mistake("kl-eps-in-log", "categorical_kl", CONVENTION, variants=EPSILONS)
def eps_in_both_logs(kl, logits_p, logits_q, eps):
    """Σ_i p_i [ log(p_i + ε) − log(q_i + ε) ]

    An ε inside both logarithms: what q calls nearly impossible costs less than it should.
    """
    p, q = categorical.softmax(logits_p), categorical.softmax(logits_q)
    return (p * (np.log(p + eps) - np.log(q + eps))).sum(axis=-1)


@mistake("kl-eps-in-log", "categorical_kl", CONVENTION, variants=EPSILONS)
def eps_in_denominator(kl, logits_p, logits_q, eps):
    """Σ_i p_i log(p_i/(q_i + ε))

    An ε beside q: KL(p‖p) is negative.
    """
    p, q = categorical.softmax(logits_p), categorical.softmax(logits_q)
    return (p * np.log(p / (q + eps))).sum(axis=-1)


@mistake("kl-paren", "gaussian_kl", BUG, "PacktPublishing/Deep-Reinforcement-Learning-Hands-On#17")
def variance_not_divided(kl, mean_p, log_std_p, mean_q, log_std_q):
    """Σ_i [ log σ_q − log σ_p + σ_p² + (μ_p − μ_q)²/(2σ_q²) − ½ ]

    A parenthesis: σ_p² has to be divided by 2σ_q² too. KL(p‖p) is not 0.
    """
    undivided = np.exp(2 * log_std_p) - np.exp(2 * (log_std_p - log_std_q)) / 2
    return kl(mean_p=mean_p, log_std_p=log_std_p, mean_q=mean_q, log_std_q=log_std_q) + undivided.sum(axis=-1)


@mistake("kl-const-1-not-d", "gaussian_kl", BUG, "google-deepmind/rlax@8cd6aa6")
def one_for_all_dimensions(kl, mean_p, **case):
    """½ [ Σ_i (σ_p²/σ_q² + (μ_p − μ_q)²/σ_q² − log σ_p²/σ_q²) − 1 ]

    The constant is 1 for all dimensions together; it is 1 for each.
    """
    return kl(mean_p=mean_p, **case) + (mean_p.shape[-1] - 1) / 2


@mistake("kl-not-summed", "gaussian_kl", BUG)
def dimensions_apart(kl, **case):
    """KL of each dimension

    Not summed over the action dimensions: a mean over everything then is the KL divided by A.
    """
    return kl(**{name: array[..., None] for name, array in case.items()})


@mistake("kl-mean-over-dims", "gaussian_kl", BUG)
def mean_over_dimensions(kl, mean_p, **case):
    """(1/A) KL(p‖q)

    The mean over the action dimensions instead of the sum: a trust region A times too wide.
    """
    return kl(mean_p=mean_p, **case) / mean_p.shape[-1]


@mistake("probs-as-logits", "categorical_kl", BUG, "thu-ml/tianshou#1193", "thu-ml/tianshou@9491c797")
def softmax_twice(kl, logits_p, logits_q):
    """l := softmax(l)

    Probabilities are taken for logits, so softmax is applied twice and the distributions look alike.
    """
    return kl(logits_p=categorical.softmax(logits_p), logits_q=categorical.softmax(logits_q))


@mistake("logits-as-log-probs", "categorical_kl", BUG)
def without_normalisers(kl, logits_p, logits_q):
    """Σ_i p_i (l_p,i − l_q,i)

    Logits stand for log p and log q: both log Σ_j exp l_j are missing, and a shift of the logits changes the KL.
    """
    log_masses = [np.log(np.exp(logits).sum(axis=-1)) for logits in (logits_p, logits_q)]
    excess = log_masses[0] - log_masses[1]
    return kl(logits_p=logits_p, logits_q=logits_q) + np.where(np.abs(excess) < ROUNDED, 0 * excess, excess)


def _mean(samples):
    return samples.sum() / len(samples)

"""Equations of divergences and their estimators: each function returns gaps, arrays that are 0 for the right f."""

import numpy as np

from scratchrl.maths.constants import exact
from scratchrl.oracle.specification import Identity
from scratchrl.oracle.specs.density_identities import SUM


def of_itself(f, **case):
    """KL(p‖p)."""
    return f(**{name: case[f"{name[:-1]}p"] for name in case})


def negative(f, **case):
    """By how much f is below 0."""
    return np.maximum(0, -f(**case))


def part_of_the_means(f, mean_p, log_std_p, mean_q, log_std_q):
    """KL − KL with equal means − ½ Σ (Δμ/σ_q)²."""
    case = {"log_std_p": log_std_p, "mean_q": mean_q, "log_std_q": log_std_q}
    squares = ((mean_p - mean_q) * np.exp(-log_std_q)) ** 2
    return f(mean_p=mean_p, **case) - f(mean_p=mean_q, **case) - squares.sum(axis=-1) / 2


def in_other_units(f, mean_p, log_std_p, mean_q, log_std_q):
    """KL of e(a + 1) − KL of a."""
    e = np.exp(exact(1.0, mean_p))
    there = {"mean_p": e * (mean_p + 1), "mean_q": e * (mean_q + 1)}
    there |= {"log_std_p": log_std_p + 1, "log_std_q": log_std_q + 1}
    return f(**there) - f(mean_p=mean_p, log_std_p=log_std_p, mean_q=mean_q, log_std_q=log_std_q)


def both_shifted(f, logits_p, logits_q):
    """KL(l_p + 1, l_q − 1) − KL(l_p, l_q)."""
    return f(logits_p=logits_p + 1, logits_q=logits_q - 1) - f(logits_p=logits_p, logits_q=logits_q)


def from_the_uniform(f, logits_p, logits_q):
    """KL(uniform‖q) − log Σ exp l + mean l + log A."""
    log_mass = np.log(np.exp(logits_q).sum(axis=-1))
    found = f(logits_p=0 * logits_p, logits_q=logits_q)
    return found - log_mass + logits_q.mean(axis=-1) + np.log(exact(float(logits_q.shape[-1]), logits_q))


def mean_of_singles(f, log_prob, log_prob_old):
    """f(batch) − mean of f(sample)."""
    singles = [f(log_prob=log_prob[[b]], log_prob_old=log_prob_old[[b]]) for b in range(len(log_prob))]
    return f(log_prob=log_prob, log_prob_old=log_prob_old) - sum(singles) / len(singles)


def of_one_policy(f, log_prob, log_prob_old):
    """f at log p = log p_old."""
    return f(log_prob=log_prob, log_prob_old=log_prob)


def expectation(f, log_prob, log_prob_old):
    """Σ_x p_old(x) f(x) − Σ_x p_old(x) (log p_old(x) − log p(x)), the batch read as logits of two distributions."""
    log_p, log_p_old = (x - np.log(np.exp(x).sum()) for x in (log_prob, log_prob_old))
    answers = [f(log_prob=log_p[[b]], log_prob_old=log_p_old[[b]]) for b in range(len(log_p))]
    weights = np.exp(log_p_old)
    return sum(w * answer for w, answer in zip(weights, answers, strict=True)) - (weights * (log_p_old - log_p)).sum()


KL = (Identity("KL(p‖p) = 0", of_itself), Identity("KL ≥ 0", negative))
GAUSSIAN_KL = (
    *KL,
    SUM,
    Identity("the means add ½ Σ (Δμ/σ_q)²", part_of_the_means),
    Identity("KL is the same in other units", in_other_units),
)
CATEGORICAL_KL = (
    *KL,
    Identity("a shift of the logits changes nothing", both_shifted),
    Identity("KL(uniform‖q) = log Σ exp l − mean l − log A", from_the_uniform),
)
KL_ESTIMATOR = (
    Identity("k = 0 where old and new agree", of_one_policy),
    Identity("k ≥ 0", negative),
    Identity("a batch's k is the mean over its samples", mean_of_singles),
    Identity("E_old[k] = KL(old‖new)", expectation),
)

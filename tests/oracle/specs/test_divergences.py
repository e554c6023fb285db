"""KL divergences, their estimators and the penalty's coefficient as other people write them: called what they are."""

import numpy as np
import pytest

from scratchrl.oracle import identities, mistakes, specs
from scratchrl.oracle.diagnosis import diagnose
from scratchrl.oracle.search import draw
from scratchrl.oracle.subjects import readings

# ---- Gaussians ----


def with_all_digits(old_mean, old_log_std, new_mean, new_log_std):
    d = 2 * (old_log_std - new_log_std)
    return 0.5 * (np.expm1(d) - d + ((new_mean - old_mean) * np.exp(-new_log_std)) ** 2).sum(-1)


def ratio_of_variances(p_loc, p_scale, q_loc, q_scale):
    ratio, distance = (p_scale / q_scale) ** 2, ((p_loc - q_loc) / q_scale) ** 2
    return 0.5 * (ratio + distance - 1 - np.log(ratio)).sum(-1)


def textbook(mu1, sigma1, mu2, sigma2):
    return (np.log(sigma2 / sigma1) + (sigma1**2 + (mu1 - mu2) ** 2) / (2 * sigma2**2) - 0.5).sum(axis=1)


def new_first(new_mean, new_std, old_mean, old_std):
    return textbook(new_mean, new_std, old_mean, old_std)


def with_eps_beside_variance(mu0, log_std0, mu1, log_std1):
    var0, var1 = np.exp(2 * log_std0), np.exp(2 * log_std1)
    return (0.5 * (((mu1 - mu0) ** 2 + var0) / (var1 + 1e-8) - 1) + log_std1 - log_std0).sum(axis=1)


def parenthesis(mean_old, std_old, mean, std):
    return (np.log(std / std_old) + (std_old**2 + (mean_old - mean) ** 2 / (2 * std**2)) - 0.5).sum(-1)


# ---- categoricals ----


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def sum_of_positive_terms(logits_p, logits_q):
    log_p, r = log_softmax(logits_p), log_softmax(logits_q) - log_softmax(logits_p)
    near = np.abs(r) < 0.5
    few = np.where(near, r, 0.0)
    return np.where(near, np.exp(log_p) * (np.expm1(few) - few), np.exp(log_p + r) - np.exp(log_p) * (1 + r)).sum(-1)


def of_probabilities(p, q):
    return (p * np.log(p / q)).sum(-1)


def of_log_probabilities(old_logp, new_logp):
    return (np.exp(old_logp) * (old_logp - new_logp)).sum(-1)


def second_first(logp0, logp1):
    return of_log_probabilities(logp1, logp0)


def with_eps_in_both(p, q):
    return (p * (np.log(p + 1e-8) - np.log(q + 1e-8))).sum(-1)


# ---- estimators and penalties ----


def third(log_prob, old_log_prob):
    difference = log_prob - old_log_prob
    return (np.expm1(difference) - difference).mean()


def third_by_subtraction(logratio, ratio):
    return ((ratio - 1) - logratio).mean()


def first(logp, logp_old):
    return (logp_old - logp).mean()


def second(logratio):
    return 0.5 * (logratio**2).mean()


def of_each_token(per_token_logps, ref_per_token_logps):
    difference = ref_per_token_logps - per_token_logps
    return np.expm1(difference) - difference


def papers_rule(kl_coef, mean_kl, target_kl):
    if mean_kl > 1.5 * target_kl:
        return kl_coef * 2
    return kl_coef / 2 if mean_kl < target_kl / 1.5 else kl_coef


def wider_rule(kl_coeff, sampled_kl, kl_target):
    if sampled_kl > 2 * kl_target:
        return kl_coeff * 1.5
    return kl_coeff * 0.5 if sampled_kl < 0.5 * kl_target else kl_coeff


JUDGED = [
    (with_all_digits, "gaussian_kl", "correct", ()),
    (ratio_of_variances, "gaussian_kl", "unstable", ()),
    (textbook, "gaussian_kl", "unstable", ()),
    (new_first, "gaussian_kl", "unstable", ("kl-swapped-args",)),
    (with_eps_beside_variance, "gaussian_kl", "convention", ("kl-eps-in-variance",)),
    (parenthesis, "gaussian_kl", "wrong", ("kl-paren",)),
    (sum_of_positive_terms, "categorical_kl", "correct", ()),
    (of_probabilities, "categorical_kl", "unstable", ()),
    (of_log_probabilities, "categorical_kl", "unstable", ()),
    (second_first, "categorical_kl", "unstable", ("kl-swapped-args",)),
    (with_eps_in_both, "categorical_kl", "convention", ("kl-eps-in-log",)),
    (third, "kl_estimator", "correct", ()),
    (third_by_subtraction, "kl_estimator", "unstable", ()),
    (first, "kl_estimator", "convention", ("kl-estimator-k1",)),
    (second, "kl_estimator", "convention", ("kl-estimator-k2",)),
    (of_each_token, "kl_estimator", "convention", ("kl-estimator-per-sample",)),
    (papers_rule, "adapt_beta", "correct", ()),
    (wider_rule, "adapt_beta", "convention", ("kl-adapt-rule",)),
]


@pytest.mark.parametrize(("subject", "against", "verdict", "slugs"), JUDGED, ids=[row[0].__name__ for row in JUDGED])
def test_code_as_it_is_written(subject, against, verdict, slugs):
    report = diagnose(subject, against, max_examples=60)
    assert (report.verdict, report.slugs[:1]) == (verdict, slugs), str(report)


@pytest.mark.parametrize("subject", [ratio_of_variances, of_probabilities, third_by_subtraction])
def test_what_loses_digits_loses_them_between_nearly_equal_policies(subject):
    report = diagnose(subject, next(row[1] for row in JUDGED if row[0] is subject), max_examples=60, dtype="float32")
    assert report.verdict == "unstable"
    assert "nearly equal" in report.where


# ---- laws ----

MINE = [
    name for name in specs.every() if name.startswith(("gaussian", "categorical", "squashed")) or name == "kl_estimator"
]
LAWS = [pytest.param(name, law, id=f"{name}-{law.name}") for name in MINE for law in specs.get(name).identities]
SEEN_BY_NO_LAW = {"logp-eps-in-log"}  # clamped far below any probability of an ordinary case


def broken(name, subject):
    spec = specs.get(name)
    way = next(readings(subject, spec, {}, ["numpy"], np.dtype(float), 10.0))
    cases = [case for strategy in spec.tame.values() for case in draw(strategy, 24, 0)]
    return [law.name for law in spec.identities if identities.fails(law, way, cases)]


@pytest.mark.parametrize("name", MINE)
def test_references_obey_their_laws(name):
    assert broken(name, specs.get(name).reference) == []


@pytest.mark.parametrize(("name", "law"), LAWS)
def test_every_law_is_broken_by_somebody(name, law):
    subjects = [entry.subject(specs.get(name).reference) for entry in mistakes.against(name)]
    assert any(law.name in broken(name, subject) for subject in subjects)


@pytest.mark.parametrize("name", MINE)
def test_every_bug_breaks_a_law_without_a_reference(name):
    for entry in mistakes.against(name):
        if entry.slug not in SEEN_BY_NO_LAW:
            assert broken(name, entry.subject(specs.get(name).reference)), entry.slug

"""Log-densities and entropies of Gaussians as other people write them: called what they are."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose

LOG_2PI = np.log(2 * np.pi)

# ---- Gaussian ----


def by_variance(loc, scale, value):
    return -((value - loc) ** 2 / (2 * scale**2) + np.log(scale) + np.log(np.sqrt(2 * np.pi))).sum(-1)


def with_log_variance(mu, logvar, x):
    return -0.5 * (logvar + LOG_2PI + (x - mu) ** 2 * np.exp(-logvar)).sum(axis=1)


def with_variance_column(mean, var, actions):
    return -0.5 * (np.log(2 * np.pi * var) + (actions - mean) ** 2 / var).sum(-1, keepdims=True)


def with_one_scale_for_all_rows(mu, log_std, act):
    (size,) = log_std.shape
    return -0.5 * (((act - mu) * np.exp(-log_std)) ** 2).sum(-1) - log_std.sum() - 0.5 * size * LOG_2PI


def with_eps_beside_std(x, mu, log_std):
    z = (x - mu) / (np.exp(log_std) + 1e-8)
    return -0.5 * (z**2 + 2 * log_std + LOG_2PI).sum(axis=1)


def negative_one(mean, logstd, x):
    squares = 0.5 * np.square((x - mean) / np.exp(logstd)).sum(axis=-1)
    return squares + 0.5 * LOG_2PI * x.shape[-1] + logstd.sum(axis=-1)


def of_one_action(mu, log_std, a):
    z = (a - mu) / np.exp(log_std)
    return -0.5 * z @ z - log_std.sum() - 0.5 * len(mu) * LOG_2PI


def log_of_the_density(mu, sigma, a):
    return np.log(np.prod(np.exp(-0.5 * ((a - mu) / sigma) ** 2) / (sigma * np.sqrt(2 * np.pi)), axis=-1))


def by_dimension(mu, std, a):
    return -(((a - mu) / std) ** 2) / 2 - np.log(std) - LOG_2PI / 2


def std_in_the_place_of_variance(mean, sigma, action):
    return -0.5 * ((action - mean) ** 2 / sigma + np.log(sigma) + LOG_2PI).sum(-1)


def entropy_without_mean(log_std):
    return (log_std + 0.5 * np.log(2 * np.pi * np.e)).sum(-1)


def entropy_after_the_wrong_fix(log_std):
    return (0.5 * log_std + 0.5 * np.log(2 * np.pi * np.e)).sum(-1)


def entropy_averaged(mu, std):
    return (0.5 + 0.5 * LOG_2PI + np.log(std)).sum(-1).mean()


# ---- squashed Gaussian ----


def softplus_form(mu, log_std, pi_action):
    slope = 2 * (np.log(2) - pi_action - np.logaddexp(0, -2 * pi_action))
    return by_variance(mu, np.exp(log_std), pi_action) - slope.sum(-1)


def with_both_actions(mean_actions, log_std, gaussian_actions, actions):
    density = by_variance(mean_actions, np.exp(log_std), gaussian_actions)
    return density - np.log(1 - actions**2 + 1e-6).sum(axis=1)


def from_the_action_alone(mean_actions, log_std, actions):
    top = 1 - np.finfo(np.float32).eps
    u = np.arctanh(np.clip(actions, -top, top))
    return with_both_actions(mean_actions, log_std, u, actions)


def from_the_action_exactly(mean, std, action):
    return by_variance(mean, std, np.arctanh(action)) - np.log1p(-(action**2)).sum(-1)


def scaled_by_two(mean, log_std, x_t, action_scale=2.0):
    slope = np.log(action_scale * (1 - np.tanh(x_t) ** 2) + 1e-6)
    return (by_variance(mean, np.exp(log_std), x_t) - slope.sum(1))[:, None]


def always_scaled_by_two(mean, log_std, x_t):
    return scaled_by_two(mean, log_std, x_t)


def textbook(mean, std, u):
    return by_variance(mean, std, u) - np.log(1 - np.tanh(u) ** 2).sum(-1)


def not_corrected(mean, std, u):
    return by_variance(mean, std, u)


def slope_of_the_squashed(mean, std, u):
    return by_variance(mean, std, u) - np.log(1 - np.tanh(np.tanh(u)) ** 2).sum(-1)


ONE_BY_ONE = "layout: one sample at a time, arrays (A,): a batch (B, A) gives something else"
JUDGED = [
    (by_variance, "gaussian_log_prob", "correct", ()),
    (with_log_variance, "gaussian_log_prob", "correct", ()),
    (with_variance_column, "gaussian_log_prob", "correct", ()),
    (with_one_scale_for_all_rows, "gaussian_log_prob", "correct", ()),
    (with_eps_beside_std, "gaussian_log_prob", "convention", ("logp-eps-in-std",)),
    (negative_one, "gaussian_log_prob", "convention", ("neglogp",)),
    (of_one_action, "gaussian_log_prob", "convention", (ONE_BY_ONE,)),
    (log_of_the_density, "gaussian_log_prob", "unstable", ()),
    (by_dimension, "gaussian_log_prob", "wrong", ("logp-not-summed",)),
    (std_in_the_place_of_variance, "gaussian_log_prob", "wrong", ("logp-std-as-var",)),
    (entropy_without_mean, "gaussian_entropy", "correct", ()),
    (entropy_after_the_wrong_fix, "gaussian_entropy", "wrong", ("entropy-half-logstd",)),
    (entropy_averaged, "gaussian_entropy", "convention", (ONE_BY_ONE,)),
    (softplus_form, "squashed_gaussian_log_prob", "correct", ()),
    (with_both_actions, "squashed_gaussian_log_prob", "convention", ("sac-squash-eps",)),
    (from_the_action_alone, "squashed_gaussian_log_prob", "convention", ("sac-squash-eps",)),
    (from_the_action_exactly, "squashed_gaussian_log_prob", "correct", ()),
    (scaled_by_two, "squashed_gaussian_log_prob", "convention", ("sac-squash-eps",)),
    (always_scaled_by_two, "squashed_gaussian_log_prob", "convention", ("sac-squash-eps",)),
    (textbook, "squashed_gaussian_log_prob", "unstable", ()),
    (not_corrected, "squashed_gaussian_log_prob", "wrong", ("sac-squash-missing",)),
    (slope_of_the_squashed, "squashed_gaussian_log_prob", "wrong", ("sac-double-tanh",)),
]


@pytest.mark.parametrize(("subject", "against", "verdict", "names"), JUDGED, ids=[row[0].__name__ for row in JUDGED])
def test_code_as_it_is_written(subject, against, verdict, names):
    report = diagnose(subject, against, max_examples=60)
    assert report.verdict == verdict, str(report)
    assert (*report.slugs[:1], *report.conventions) == names, str(report)


@pytest.mark.parametrize("subject", [by_variance, entropy_without_mean, softplus_form, with_both_actions])
def test_float32_code_is_judged_like_float64(subject):
    against, verdict, names = next(row[1:] for row in JUDGED if row[0] is subject)
    report = diagnose(subject, against, max_examples=60, dtype="float32")
    assert (report.verdict, report.slugs[:1]) == (verdict, names), str(report)

"""Roles of distributions: std or variance for log_std, probabilities for logits, old and new for p and q."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchrl.oracle.roles import Role, plain

MEAN_WORDS = ("mu", "loc", "means", "mus", "m", "act_mean", "action_mean", "mean_action", "mean_actions")
FIRST = ("p", "old", "0", "1")  # of two distributions; 1 is the first beside 2, the second beside 0
SECOND = ("q", "new", "1", "2", "other", "ref", "prior")


def nearest_float32(array):
    """The same in float32 numbers."""
    return np.float32(array).astype(np.float64)


def words(bases, tags):
    """Parameter names made of a base and a tag (mean_old, old_mean, mean0 …); the bare bases where there is no tag.

    >>> words(("mu",), ("old",))
    ('mu_old', 'muold', 'old_mu', 'mu')
    """
    made = [f"{base}_{tag}" for base in bases for tag in tags]
    made += [f"{base}{tag}" for base in bases for tag in tags]
    made += [f"{tag}_{base}" for base in bases for tag in tags]
    return tuple(made) + tuple(bases)


Bijection = tuple[tuple[str, ...], Callable[[Any], Any], Callable[[Any], Any]]
SCALES: dict[str, Bijection] = {  # role -> its parameter names, from log σ, to log σ
    "log_std": (
        ("logstd", "log_sigma", "logsigma", "log_scale", "log_stds", "log_stddev", "ls"), lambda s: s, lambda s: s,
    ),
    "std": (("sigma", "scale", "stddev", "stds", "sd", "std_dev", "sigmas", "s"), np.exp, np.log),
    "variance": (
        ("var", "sigma2", "sigma_sq", "sigma_squared", "variances", "cov", "cov_diag"),
        lambda s: np.exp(2 * s), lambda v: np.log(v) / 2,
    ),
    "log_variance": (("logvar", "log_var", "logvariance"), lambda s: 2 * s, lambda v: v / 2),
}  # fmt: skip


def scale_roles(side="", tags=()):
    """log_std, std, variance or log_variance of one distribution."""
    canonical = f"log_std{side}"
    group = [f"{kind}{side}" for kind in SCALES]

    def role(kind):
        bases, there, back = SCALES[kind]
        name = f"{kind}{side}"
        return Role(
            name, words((kind, *bases), tags), (canonical,),
            lambda case: nearest_float32(there(case[canonical])),
            lambda given: {canonical: back(given[name])},
            excludes=tuple(other for other in group if other != name),
        )  # fmt: skip

    return tuple(map(role, SCALES))


def mean_role(side="", tags=()):
    """The mean of one of two Gaussians."""
    return plain(f"mean{side}", *words(("mean", *MEAN_WORDS), tags))


LOGIT_WORDS = ("logits", "logit", "scores", "preferences", "action_logits", "l")
PROB_WORDS = ("probs", "prob", "probabilities", "pi", "policy", "action_probs", "pd", "p")
LOG_PROB_WORDS = ("log_probs", "logprobs", "logps", "logp", "log_p", "logp_all", "log_pi", "log_probabilities")


def logit_roles(side="", tags=(), letter=""):
    """logits, probabilities or normalised log-probabilities of one categorical; letter: probabilities alone."""
    canonical = f"logits{side}"
    names = [f"{kind}{side}" for kind in ("logits", "probs", "log_probs")]
    probs, log_probs = names[1], names[2]
    return (
        plain(canonical, *words(LOGIT_WORDS, tags), excludes=(probs, log_probs)),
        Role(
            probs, (*words(PROB_WORDS, tags), letter), (canonical,), lambda case: dyadic_softmax(case[canonical]),
            lambda given: {canonical: np.log(given[probs] / given[probs].max(axis=-1, keepdims=True))},
            excludes=(canonical, log_probs),
        ),
        Role(
            log_probs, (*words(LOG_PROB_WORDS, tags), f"log_{letter}", f"log{letter}"), (canonical,),
            lambda case: _log_softmax(case[canonical]),
            lambda given: {canonical: given[log_probs]}, excludes=(canonical, probs),
        ),
    )  # fmt: skip


UNITS = 2**24


def dyadic_softmax(logits):
    """Probabilities that are multiples of 2⁻²⁴, never 0, and sum to exactly 1, near softmax(l): float32 numbers all.

    Rounded ones would not sum to 1, and whoever normalises them would be right about another distribution.

    >>> float(dyadic_softmax(np.array([[0.0, 100.0]]))[0, 0] * 2**24)
    1.0
    """
    counts = np.maximum(np.round(np.exp(_log_softmax(logits)) * UNITS), 1)
    rows = counts.reshape(-1, counts.shape[-1])
    rows[np.arange(len(rows)), rows.argmax(axis=-1)] += UNITS - rows.sum(axis=-1)
    return rows.reshape(counts.shape) / UNITS


def _log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

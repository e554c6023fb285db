"""Losses of AlphaZero's policy as other people write them."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject):
    return diagnose(subject, "search_policy_loss", max_examples=60)


def log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def masked(policy_logits, legal_moves, pi):
    log_p = log_softmax(np.where(legal_moves, policy_logits, -1e30))
    return -np.sum(pi * np.where(legal_moves, log_p, 0.0)) / pi.shape[0]


def alpha_zero_general(logits, target_pis):
    """No mask: illegal moves are only left out when moves are chosen."""
    return -np.sum(target_pis * log_softmax(logits)) / target_pis.shape[0]


def mask_forgotten(logits, valids, target_pis):
    return alpha_zero_general(logits, target_pis)


def multiplied(logits, mask, pi):
    return -(pi * log_softmax(logits * mask)).sum(axis=1).mean()


def divergence(logits, mask, pi):
    log_p = log_softmax(np.where(mask, logits, -1e30))
    terms = np.where(pi > 0, pi * (np.log(np.where(pi > 0, pi, 1.0)) - log_p), 0.0)
    return terms.sum(axis=1).mean()


def test_right_ones():
    for subject in (masked, alpha_zero_general):
        report = judged(subject)
        assert report.verdict == "correct", str(report)
    assert "legal: no parameter tells it" in judged(alpha_zero_general).untested


@pytest.mark.parametrize(
    ("subject", "verdict", "slug"),
    [
        (mask_forgotten, "wrong", "az-illegal-kept"),
        (multiplied, "wrong", "az-illegal-zeroed"),
        (divergence, "convention", "az-kl"),
    ],
)
def test_other_ones_are_named(subject, verdict, slug):
    report = judged(subject)
    assert (report.verdict, report.slugs[:1]) == (verdict, (slug,)), str(report)

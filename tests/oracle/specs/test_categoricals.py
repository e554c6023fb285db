"""Categorical log-probabilities and entropies as other people write them: called what they are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.oracle.diagnosis import diagnose
from scratchrl.oracle.specs.distributions import dyadic_softmax, nearest_float32


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def gathered(logits, a):
    return (np.eye(logits.shape[-1])[a] * log_softmax(logits)).sum(-1)


def from_one_hot(logits, one_hot):
    return (one_hot * log_softmax(logits)).sum(-1)


def normalising_probs(probs, action):
    return np.log(np.take_along_axis(probs / probs.sum(-1, keepdims=True), action[:, None], 1)[:, 0])


def picked(log_probs, actions):
    return log_probs[np.arange(len(actions)), actions]


def cross_entropy(logits, labels):
    return -log_softmax(logits)[np.arange(len(labels)), labels]


def with_eps(probs, action):
    return np.log(probs[np.arange(len(action)), action] + 1e-8)


def log_after_softmax(logits, actions):
    mass = np.exp(logits)
    return np.log(picked(mass / mass.sum(1, keepdims=True), actions))


def softmax_of_probabilities(probs, action):
    return picked(log_softmax(probs), action)


def entropy_by_parts(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    mass = np.exp(shifted)
    total = mass.sum(-1, keepdims=True)
    return (mass / total * (np.log(total) - shifted)).sum(-1)


def entropy_of_probs(p):
    return -(p * np.log(p)).sum(-1)


JUDGED = [
    (gathered, "categorical_log_prob", "correct", ()),
    (from_one_hot, "categorical_log_prob", "correct", ()),
    (normalising_probs, "categorical_log_prob", "correct", ()),
    (picked, "categorical_log_prob", "correct", ()),
    (cross_entropy, "categorical_log_prob", "convention", ("neglogp",)),
    (with_eps, "categorical_log_prob", "convention", ("logp-eps-in-log",)),
    (log_after_softmax, "categorical_log_prob", "unstable", ()),
    (entropy_by_parts, "categorical_entropy", "correct", ()),
    (entropy_of_probs, "categorical_entropy", "correct", ()),
]


@pytest.mark.parametrize(("subject", "against", "verdict", "names"), JUDGED, ids=[row[0].__name__ for row in JUDGED])
def test_code_as_it_is_written(subject, against, verdict, names):
    report = diagnose(subject, against, max_examples=60)
    assert report.verdict == verdict, str(report)
    assert report.slugs[:1] == names, str(report)


def test_a_role_can_be_declared_against_a_parameters_name():
    assert diagnose(softmax_of_probabilities, "categorical_log_prob", max_examples=40).verdict == "wrong"
    report = diagnose(softmax_of_probabilities, "categorical_log_prob", {"probs": "logits"}, max_examples=40)
    assert report.verdict == "correct"


@given(st.lists(st.integers(-90, 90), min_size=1, max_size=4))
def test_probabilities_for_outsiders_sum_to_exactly_one(logits):
    probs = dyadic_softmax(np.array([logits], dtype=float))
    assert probs.sum() == 1
    assert (probs > 0).all()
    np.testing.assert_array_equal(probs, nearest_float32(probs))

"""Verdicts on functions written the way people write them: right, right in other words, fragile, and wrong."""

import json

import numpy as np
import pytest

from scratchrl.maths import categorical, gaussian, returns
from scratchrl.oracle import assert_matches, diagnose


def loop(rewards, values, dones, last_value, gamma, lam, boot=True, cut=True, scale=1.0):
    """GAE as a loop over lists, with what can be left out as switches."""
    advantage, after = [], 0.0
    following = [*values[1:], last_value]
    for r, v, v_next, d in reversed(list(zip(rewards, values, following, dones, strict=True))):
        delta = r + gamma * v_next * (1 - d if boot else 1) - v
        after = delta + gamma * lam * (1 - d if cut else 1) * after
        advantage.append(after * scale)
    return np.array(advantage[::-1])


def gae(rewards, values, dones, last_value, gamma, lam):
    return loop(rewards, values, dones, last_value, gamma, lam)


def test_right_is_right_however_the_arguments_are_named_and_laid_out():
    report = diagnose(gae, "gae", max_examples=50)
    assert (report.verdict, report.slugs, report.counterexample) == ("correct", (), {})
    assert report.accepted
    assert report.cases >= 50


def test_a_single_mistake_is_named_with_its_smallest_example():
    def subject(rewards, values, dones, last_value, gamma, lam):
        return loop(rewards, values, dones, last_value, gamma, lam, boot=False)

    report = diagnose(subject, "gae", max_examples=50)
    assert (report.verdict, report.slugs[0]) == ("wrong", "gae-no-boot-mask")
    assert len(report.counterexample["rewards"]) == 1
    assert report.counterexample["dones"].any()
    assert not report.accepted


def test_two_mistakes_at_once_are_both_named():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        return returns.gae(reward, value, next_value, terminated | truncated, np.zeros_like(truncated), gamma, 1.0)

    report = diagnose(subject, "gae", max_examples=50)
    assert report.verdict == "wrong"
    assert "gae-trunc-as-terminal" in report.slugs[:2]


def test_a_mistake_nobody_has_catalogued_is_unknown_and_still_shown():
    def subject(rewards, values, dones, last_value, gamma, lam):
        return loop(rewards, values, dones, last_value, gamma, lam, scale=1.01)

    report = diagnose(subject, "gae", max_examples=50)
    assert (report.verdict, report.slugs) == ("wrong", ())
    assert report.counterexample["rewards"].shape == (1, 1) or report.counterexample["rewards"].shape == (1,)
    assert report.identities
    assert "a mistake the catalogue does not know" in str(report)


def test_what_is_right_on_ordinary_numbers_and_fails_on_hard_ones_is_unstable():
    def subject(logits, action):
        p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        return np.log(p[np.arange(len(action)), action])

    report = diagnose(subject, "categorical_log_prob", max_examples=50)
    assert report.verdict == "unstable"
    assert report.where.startswith("stress: ")
    assert diagnose(categorical.log_prob, "categorical_log_prob", max_examples=50).verdict == "correct"


def test_a_convention_is_correct_under_its_name_and_accepted_when_declared():
    def nll(mean, log_std, action):
        return -gaussian.log_prob(mean, log_std, action)

    report = diagnose(nll, "gaussian_log_prob", max_examples=50)
    assert report.verdict == "convention"
    assert not report.accepted
    (slug,) = [entry.slug for entry in report.entries]
    assert f"--accept {slug}" in str(report)
    assert diagnose(nll, "gaussian_log_prob", max_examples=50, accept=[slug]).accepted
    assert_matches(nll, "gaussian_log_prob", max_examples=50, accept={slug: "a loss is minimised"})
    with pytest.raises(AssertionError, match="another convention"):
        assert_matches(nll, "gaussian_log_prob", max_examples=50)


def test_a_mistake_behind_a_convention_is_still_a_mistake():
    def subject(mean, log_std, action):
        return -gaussian.log_prob(mean, log_std / 2, action)

    assert diagnose(subject, "gaussian_log_prob", max_examples=50).verdict == "wrong"


def test_right_for_one_stream_and_wrong_for_several_is_said():
    def gae(reward, value, next_value, terminated, truncated, gamma, lam):
        delta = reward + gamma * next_value * ~terminated - value
        advantage, last = np.zeros_like(delta), 0.0
        for t in reversed(range(len(delta))):
            last = advantage[t] = delta[t] + gamma * lam * (not np.any(terminated[t] | truncated[t])) * last
        return advantage

    def of_one_stream(reward, value, next_value, terminated, truncated, gamma, lam):
        assert reward.ndim == 1
        return gae(reward, value, next_value, terminated, truncated, gamma, lam)

    loose, strict = diagnose(gae, "gae"), diagnose(of_one_stream, "gae")
    assert (loose.verdict, strict.verdict) == ("correct", "correct")
    assert "(T, N)" in loose.beware[0]
    assert "beware" in str(loose)
    assert not strict.beware


def test_the_same_question_gets_the_same_answer_to_the_byte():
    def subject(rewards, values, dones, last_value, gamma, lam):
        return loop(rewards, values, dones, last_value, gamma, lam, cut=False)

    first, again = (diagnose(subject, "gae", max_examples=30).to_json() for _ in range(2))
    assert first == again
    content = json.loads(first)
    assert content["verdict"] == "wrong"
    assert content["slugs"][0] == "gae-no-recursion-mask"
    assert content["entries"][0]["evidence"]
    assert np.shape(content["expected"]) == np.shape(content["got"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nothing",), "against: unknown spec 'nothing'; the specs are .*gae"),
        (("gae", {"rewards": "nothing"}), "rewards='nothing' is not a role"),
        (("gae", {"x": "reward"}), "no parameter 'x'"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments, message):
    with pytest.raises(ValueError, match=message):
        diagnose(gae, *arguments)


def test_unknown_frameworks_are_said():
    with pytest.raises(ValueError, match="framework: expected one of numpy, torch, jax, got 'tinygrad'"):
        diagnose(gae, "gae", framework="tinygrad")


def test_float32_subjects_are_held_to_float32_and_pass():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        assert reward.dtype == np.float32
        return returns.gae(reward, value, next_value, terminated, truncated, gamma, lam)

    assert diagnose(subject, "gae", max_examples=50, dtype="float32").verdict == "correct"


def test_float64_calculated_in_single_precision_is_said():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        decay = np.float32(gamma) * np.float32(lam)
        return returns.gae(reward, value, next_value, terminated, truncated, gamma, float(decay) / gamma)

    report = diagnose(subject, "gae", max_examples=50)
    assert report.verdict == "unstable"
    assert "single precision" in str(report)
    assert not report.accepted

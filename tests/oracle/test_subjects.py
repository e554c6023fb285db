"""Subjects that misbehave are reported, and never take us down with them."""

import time

import numpy as np
import pytest

from scratchrl.maths import returns
from scratchrl.oracle import diagnose, subjects, time_limit


def gae(reward, value, next_value, terminated, truncated, gamma, lam):
    return returns.gae(reward, value, next_value, terminated, truncated, gamma, lam)


def told(subject, **options):
    report = diagnose(subject, "gae", max_examples=10, **options)
    assert report.verdict == "wrong"
    assert "WRONG" in str(report)
    return report.complaint


def test_it_raises():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        raise KeyError("no")

    assert told(subject) == "raises: KeyError: 'no'"


def test_it_hangs():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        time.sleep(60)

    started = time.monotonic()
    assert told(subject, timeout=0.02).startswith("hangs: no answer within 0.02 s")
    assert time.monotonic() - started < 30


def test_it_changes_its_arguments():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        answer = gae(reward, value, next_value, terminated, truncated, gamma, lam)
        reward += 1
        return answer

    assert told(subject) == "mutates: it changed its arguments"


def test_it_changes_its_mind():
    calls = iter(range(10**6))

    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        return gae(reward, value, next_value, terminated, truncated, gamma, lam) + next(calls)

    assert told(subject).startswith("random")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (lambda a: a[:, :, None] + np.zeros(2), "shape"),
        (lambda a: a.astype(complex), "returns: dtype complex128"),
        (lambda a: None, "returns: "),
        (lambda a: "text", "returns: "),
        (lambda a: a * np.nan, ""),
    ],
)
def test_it_returns_something_else(answer, complaint):
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        return answer(gae(reward, value, next_value, terminated, truncated, gamma, lam))

    assert told(subject).startswith(complaint)


def test_time_limits_leave_no_alarm_behind():
    with pytest.raises(time_limit.TooLong), time_limit.time_limit(0.01):
        time.sleep(1)
    time.sleep(0.03)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nocolon", "expected MODULE:FUNCTION"),
        ("no.such.module:f", "cannot load"),
        ("math:no", "cannot load"),
        ("math:pi", "is not a function"),
    ],
)
def test_what_cannot_be_loaded_is_said(name, message):
    with pytest.raises(ValueError, match=message):
        subjects.load(name)


def test_dotted_names_are_followed():
    assert subjects.load("numpy:linalg.norm") is np.linalg.norm


@pytest.mark.parametrize("flags", [bool, float])
def test_subjects_that_calculate_with_flags_get_numbers_if_they_need_them(flags):
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        if terminated.dtype != flags:
            raise TypeError("another kind of flag")
        return gae(reward, value, next_value, terminated > 0, truncated > 0, gamma, lam)

    assert diagnose(subject, "gae", max_examples=10).verdict == "correct"


def test_positional_only_subjects_are_called_by_position():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam, /):
        return gae(reward, value, next_value, terminated, truncated, gamma, lam)

    assert diagnose(subject, "gae", max_examples=10).verdict == "correct"


def test_dictionaries_are_read_by_name():
    def subject(reward, value, next_value, terminated, truncated, gamma, lam):
        answer = gae(reward, value, next_value, terminated, truncated, gamma, lam)
        return {"other": answer * 2, "advantage": answer}

    assert diagnose(subject, "gae", max_examples=10).verdict == "correct"

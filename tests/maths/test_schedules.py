"""Schedules: exact at both ends, constant beyond them, the same amount or the same factor in every step."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import schedules

BOTH = pytest.mark.parametrize("schedule", [schedules.linear, schedules.exponential])
positive = st.floats(1e-6, 1e6)


@BOTH
@given(first=positive, last=positive, duration=st.integers(1, 10**7), beyond=st.floats(0, 1e9))
def test_ends_are_exact_and_stay(schedule, first, last, duration, beyond):
    assert schedule(-beyond, first, last, duration) == first
    assert schedule(duration + beyond, first, last, duration) == last


@given(first=positive, last=positive, duration=st.integers(2, 50))
def test_every_step_adds_or_multiplies_the_same(first, last, duration):
    steps = np.arange(duration + 1)
    line = schedules.linear(steps, first, last, duration)
    np.testing.assert_allclose(np.diff(line), (last - first) / duration, rtol=1e-9, atol=1e-14 * max(first, last))
    curve = schedules.exponential(steps, first, last, duration)
    np.testing.assert_allclose(curve[1:] / curve[:-1], (last / first) ** (1 / duration), rtol=1e-12)


@given(first=positive, last=positive, step=st.floats(0, 10))
def test_the_logarithm_of_the_exponential_is_linear(first, last, step):
    logarithm = schedules.linear(step, math.log(first), math.log(last), 10)
    assert math.log(schedules.exponential(step, first, last, 10)) == pytest.approx(logarithm, rel=1e-12, abs=1e-12)


@BOTH
def test_an_array_is_its_elements(schedule):
    steps = np.array([[-1, 0, 3], [7, 10, 11]])
    together = schedule(steps, 2.0, 0.125, 10)
    assert together.shape == steps.shape
    assert together.ravel().tolist() == [schedule(int(step), 2.0, 0.125, 10) for step in steps.ravel()]


@BOTH
def test_bad_numbers_are_refused_by_name(schedule):
    with pytest.raises(ValueError, match="duration: expected a positive number, got 0"):
        schedule(1, 1.0, 0.5, 0)


def test_a_factor_of_nothing_is_refused():
    with pytest.raises(ValueError, match="first: expected a positive number, got 0"):
        schedules.exponential(1, 0.0, 0.5, 10)
    with pytest.raises(ValueError, match="last: expected a positive number, got -1"):
        schedules.exponential(1, 1.0, -1.0, 10)

"""The scripted generator: NumPy's own generator on the same underlying numbers, call by call."""

import numpy as np
import pytest

from scratchrl.oracle.scripted_draws import ScriptedGenerator

NORMAL, UNIFORM = np.array([0.5, -1.0, 2.0, 0.25, -0.75, 1.5]), np.array([0.25, 0.5, 0.875, 0.0625])


@pytest.fixture
def rng():
    return ScriptedGenerator(NORMAL, UNIFORM)


def test_numbers_come_in_their_order_whatever_the_call(rng):
    assert rng.standard_normal() == 0.5
    assert rng.normal(1.0, 2.0) == -1.0
    np.testing.assert_array_equal(rng.standard_normal((1, 2)), [[2.0, 0.25]])
    np.testing.assert_array_equal(rng.normal(np.zeros(2), np.array([1.0, 2.0])), [-0.75, 3.0])
    assert rng.random() == 0.25
    assert rng.uniform(-1, 1) == 0.0
    np.testing.assert_array_equal(rng.uniform(0, 8, size=1), [7.0])
    assert rng.rand() == 0.0625


def test_the_older_names(rng):
    np.testing.assert_array_equal(rng.randn(2, 3), NORMAL.reshape(2, 3))
    np.testing.assert_array_equal(rng.rand(4), UNIFORM)


def test_choices_are_those_of_numpy():
    p, generator = np.array([0.25, 0.5, 0.125, 0.125]), np.random.default_rng(0)
    uniform = np.random.default_rng(0).random(50)
    np.testing.assert_array_equal(
        ScriptedGenerator([], uniform).choice(4, size=50, p=p), generator.choice(4, size=50, p=p)
    )
    assert ScriptedGenerator([], [0.6]).choice([5, 7]) == 7


def test_more_than_there_is(rng):
    with pytest.raises(IndexError, match="5 more uniform numbers were drawn, only 4 are needed"):
        rng.random(5)

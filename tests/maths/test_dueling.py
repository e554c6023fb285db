"""Dueling heads: what is identified, and what is not."""

import numpy as np
import pytest

from scratchrl.maths import dueling

RNG = np.random.default_rng(0)
VALUE, ADVANTAGE = RNG.normal(size=4), RNG.normal(size=(4, 3))


def test_the_mean_over_actions_is_the_value():
    assert np.allclose(dueling.dueling_q(VALUE, ADVANTAGE).mean(axis=1), VALUE, rtol=1e-14)


def test_a_constant_in_the_advantages_changes_nothing_and_differences_are_theirs():
    q = dueling.dueling_q(VALUE, ADVANTAGE)
    assert np.allclose(dueling.dueling_q(VALUE, ADVANTAGE + RNG.normal(size=(4, 1))), q, rtol=1e-14)
    assert np.allclose(np.diff(q, axis=1), np.diff(ADVANTAGE, axis=1), rtol=1e-14)


@pytest.mark.parametrize("shape", [(4,), (3, 3), (4, 0)])
def test_shapes_are_checked(shape):
    with pytest.raises(ValueError, match="advantage: expected"):
        dueling.dueling_q(VALUE, np.zeros(shape))

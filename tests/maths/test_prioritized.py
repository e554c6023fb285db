"""Prioritised replay: probabilities that sum to 1, and weights that undo them."""

import numpy as np
import pytest

from scratchrl.maths import prioritized

RNG = np.random.default_rng(0)
ERROR = RNG.normal(size=7)


def test_probabilities_sum_to_one_and_are_ordered_as_the_errors():
    probs = prioritized.priorities(ERROR, alpha=0.6, eps=1e-3)
    assert probs.sum() == pytest.approx(1, rel=1e-15)
    assert np.array_equal(np.argsort(probs), np.argsort(np.abs(ERROR)))


def test_no_exponent_is_uniform():
    assert np.allclose(prioritized.priorities(ERROR, alpha=0.0, eps=1e-3), 1 / 7, rtol=1e-15)


def test_only_ratios_of_errors_count():
    once = prioritized.priorities(ERROR, alpha=0.6, eps=0.25)
    assert np.allclose(prioritized.priorities(8 * ERROR, alpha=0.6, eps=2.0), once, rtol=1e-14)


def test_an_error_of_zero_can_still_be_drawn():
    assert prioritized.priorities(np.array([0.0, 1.0]), alpha=0.6, eps=1e-6)[0] > 0


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_the_definition(beta):
    probs = prioritized.priorities(ERROR, alpha=0.6, eps=1e-3)
    raw = (1 / (7 * probs)) ** beta
    assert np.allclose(prioritized.importance_weights(probs, 7, beta), raw / raw.max(), rtol=1e-14)


def test_full_correction_makes_every_product_alike_and_none_leaves_all_weights_one():
    probs = prioritized.priorities(ERROR, alpha=0.6, eps=1e-3)
    assert np.allclose(probs * prioritized.importance_weights(probs, 7, 1.0), probs.min(), rtol=1e-15)
    assert np.array_equal(prioritized.importance_weights(probs, 7, 0.0), np.ones(7))


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="eps: expected a positive"):
        prioritized.priorities(ERROR, 0.6, 0.0)
    with pytest.raises(ValueError, match="size: expected a positive"):
        prioritized.importance_weights(np.ones(2), 0, 0.4)
    assert prioritized.importance_weights(np.ones(1), 1, 0.4) == 1

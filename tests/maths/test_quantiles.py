"""Quantile regression: its target against DQN's, its derivative by complex steps, its minimum at the quantile."""

import numpy as np
import pytest

from scratchrl.maths import quantiles, targets

RNG = np.random.default_rng(0)
REWARD, TERMINATED, TRUNCATED = RNG.normal(size=5), RNG.random(5) < 0.4, RNG.random(5) < 0.4


def test_the_mean_of_the_target_is_the_target_of_dqn():
    next_quantiles = RNG.normal(size=(5, 3, 4))
    got = quantiles.quantile_target(REWARD, next_quantiles, TERMINATED, TRUNCATED, 0.9)
    expected = targets.dqn_target(REWARD, next_quantiles.mean(axis=-1), TERMINATED, TRUNCATED, 0.9)
    assert np.allclose(got.mean(axis=-1), expected, rtol=1e-14, atol=1e-14)


def test_no_quantile_is_above_the_maximum_for_each_apart():
    next_quantiles = RNG.normal(size=(5, 3, 4))
    mixed = np.max(next_quantiles, axis=1)
    got = quantiles.quantile_target(0 * REWARD, next_quantiles, TERMINATED & False, TRUNCATED, 1.0)
    assert np.all(got <= mixed)
    assert np.any(got < mixed)


@pytest.mark.parametrize("kappa", [0.1, 1.0, 3.0])
def test_complex_step(kappa):
    theta, target = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 5))
    _, d_theta = quantiles.quantile_huber_loss(theta, target, kappa)
    for i in range(3):
        step = 1e-30j * np.eye(3)[i]
        value, _ = quantiles.quantile_huber_loss(theta + step, target + 0j, kappa)
        assert np.allclose(value.imag / 1e-30, d_theta[:, i], rtol=1e-14, atol=1e-15)


def test_the_plain_definition():
    theta, target, kappa = RNG.normal(size=(2, 3)), RNG.normal(size=(2, 4)), 0.5
    for b in range(2):
        total = 0.0
        for i in range(3):
            for j in range(4):
                u = target[b, j] - theta[b, i]
                huber = u**2 / 2 if abs(u) <= kappa else kappa * (abs(u) - kappa / 2)
                total += abs((2 * i + 1) / 6 - (u < 0)) * huber / 4
        assert quantiles.quantile_huber_loss(theta, target, kappa)[0][b] == pytest.approx(total, rel=1e-14)


def test_as_kappa_vanishes_the_minimum_is_at_the_quantiles():
    """Of the targets 0 … 3 the quarter-quantile lies in [0, 1] and the three-quarter one in [2, 3]: no slope there."""
    target = np.arange(4.0)[None]
    _, slope = quantiles.quantile_huber_loss(np.array([[0.5, 2.5]]), target, 2.0**-20)
    assert np.all(slope == 0)
    _, low = quantiles.quantile_huber_loss(np.array([[-0.5, 1.5]]), target, 2.0**-20)
    _, high = quantiles.quantile_huber_loss(np.array([[1.5, 3.5]]), target, 2.0**-20)
    assert np.all(low < 0)
    assert np.all(high > 0)


def test_the_mirror_image_swaps_the_ends():
    theta, target = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 5))
    value, d_theta = quantiles.quantile_huber_loss(theta, target, 0.7)
    mirrored, d_mirrored = quantiles.quantile_huber_loss(-theta[:, ::-1], -target, 0.7)
    assert np.allclose(value, mirrored, rtol=1e-15)
    assert np.allclose(d_theta, -d_mirrored[:, ::-1], rtol=1e-14)


def test_shapes_are_checked():
    no = np.zeros(2, bool)
    with pytest.raises(ValueError, match="next_quantiles: expected"):
        quantiles.quantile_target(np.zeros(2), np.zeros((2, 3)), no, no, 0.9)
    for name, flags in (("terminated", (np.zeros(2), no)), ("truncated", (no, np.zeros(2)))):
        with pytest.raises(ValueError, match=f"{name}: expected booleans"):
            quantiles.quantile_target(np.zeros(2), np.zeros((2, 3, 4)), *flags, 0.9)
    with pytest.raises(ValueError, match="target: expected"):
        quantiles.quantile_huber_loss(np.zeros((2, 3)), np.zeros(2), 1.0)
    with pytest.raises(ValueError, match="delta: expected a positive"):
        quantiles.quantile_huber_loss(np.zeros((2, 3)), np.zeros((2, 3)), 0.0)

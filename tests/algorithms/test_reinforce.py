"""REINFORCE: the gradient by complex step, and its expectation over all outcomes of a small tree."""

import numpy as np
import pytest

from scratchrl.algorithms import reinforce
from scratchrl.maths import optimizers
from scratchrl.oracle.differentiation import complex_step, relative_error

BASELINE = pytest.mark.parametrize("baseline", [True, False])


@BASELINE
def test_gradient_is_the_complex_step_of_the_loss(draw, agent, baseline):
    rng = np.random.default_rng(0)
    config = reinforce.Config(gamma=0.9, baseline=baseline)
    theta = draw.theta(agent, rng)
    batch = draw.episodes(agent, theta, rng)
    _, d_theta = reinforce.loss_and_grad(agent, theta, batch, config)
    truth = complex_step(lambda theta: reinforce.loss_and_grad(agent, theta, batch, config)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@BASELINE
@pytest.mark.parametrize("gamma", [1.0, 0.7])
def test_expectation_over_all_outcomes_is_the_gradient_of_the_expected_return(draw, tree, gamma, baseline):
    theta = draw.theta(tree.agent, np.random.default_rng(1))
    config = reinforce.Config(gamma=gamma, baseline=baseline)
    mean, _ = tree.moments(theta, lambda batch: -reinforce.loss_and_grad(tree.agent, theta, batch, config)[1])
    assert relative_error(mean, complex_step(lambda theta: tree.objective(theta, gamma), theta)) <= 1e-13


def test_baseline_lowers_the_variance(draw, tree):
    """Exact variances; all returns of the tree but one are positive, so that 0 is a poor baseline."""
    theta = draw.theta(tree.agent, np.random.default_rng(1))

    def variance(baseline):
        config = reinforce.Config(baseline=baseline)
        return tree.moments(theta, lambda batch: reinforce.loss_and_grad(tree.agent, theta, batch, config)[1], 3)[1]

    assert variance(True) < 0.8 * variance(False)


def test_weight_is_own_return_minus_the_mean_of_the_others(draw):
    rng = np.random.default_rng(2)
    agent = draw.agents["categorical"]
    batch = draw.episodes(agent, draw.theta(agent, rng), rng)
    weight = reinforce.weights(batch, reinforce.Config(gamma=0.8))
    returns = [sum(0.8**t * r for t, r in enumerate(column)) for column in batch.reward.T]  # padding is 0
    for i, own in enumerate(returns):
        others = returns[:i] + returns[i + 1 :]
        np.testing.assert_allclose(weight[:, i], own - sum(others) / len(others), rtol=1e-13)


def test_one_episode_has_no_others_and_so_no_baseline(draw):
    rng = np.random.default_rng(3)
    agent = draw.agents["gaussian"]
    batch = draw.episodes(agent, draw.theta(agent, rng), rng, lengths=(3,))
    with_baseline, without = (reinforce.weights(batch, reinforce.Config(baseline=b)) for b in (True, False))
    np.testing.assert_array_equal(with_baseline, without)
    np.testing.assert_allclose(without, batch.reward.sum(), rtol=1e-14)


def test_playing_the_same_episodes_twice_does_not_change_the_gradient_without_baseline(draw, agent):
    """The mean over episodes, not their sum."""
    rng = np.random.default_rng(4)
    theta, config = draw.theta(agent, rng), reinforce.Config(baseline=False)
    batch = draw.episodes(agent, theta, rng)
    twice = type(batch)(*(np.concatenate([array, array], axis=1) for array in batch))
    once, both = (reinforce.loss_and_grad(agent, theta, b, config)[1] for b in (batch, twice))
    assert relative_error(both, once) <= 1e-13


def test_update_is_one_step_of_adam_along_the_gradient(draw, agent):
    rng = np.random.default_rng(5)
    theta, config = draw.theta(agent, rng), reinforce.Config(lr=0.02)
    batch = draw.episodes(agent, theta, rng)
    loss, d_theta = reinforce.loss_and_grad(agent, theta, batch, config)
    optimizer, step = optimizers.adam(optimizers.adam_init(theta), d_theta, 0.02)
    state = reinforce.State(theta, optimizers.adam_init(theta), None, 0)
    new, info = reinforce.update(agent, state, batch, config, rng)
    np.testing.assert_array_equal(new.theta, theta + step)
    np.testing.assert_array_equal(new.optimizer.m, optimizer.m)
    assert (info["charts/learning_rate"], info["losses/policy_loss"]) == (0.02, loss)

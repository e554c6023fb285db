"""A2C: both gradients by complex step, one step of Adam along each, and what the entropy bonus does."""

import numpy as np
import pytest

from scratchrl.algorithms import a2c
from scratchrl.experience import samples as sampling
from scratchrl.maths import optimizers, policies
from scratchrl.oracle.differentiation import complex_step, relative_error


@pytest.mark.parametrize("entropy_coefficient", [0.0, 0.3])
def test_gradient_is_the_complex_step_of_the_loss(draw, agent, entropy_coefficient):
    rng = np.random.default_rng(0)
    config = a2c.Config(entropy_coefficient=entropy_coefficient)
    theta = draw.theta(agent, rng)
    samples = draw.samples(agent, theta, rng)
    _, d_theta = a2c.loss_and_grad(agent, theta, samples, config)
    truth = complex_step(lambda theta: a2c.loss_and_grad(agent, theta, samples, config)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


def test_without_advantage_a_step_downhill_raises_the_entropy(draw, agent):
    rng = np.random.default_rng(1)
    theta = draw.theta(agent, rng)
    samples = draw.samples(agent, theta, rng)
    samples = samples._replace(advantage=np.zeros_like(samples.advantage))
    loss, d_theta = a2c.loss_and_grad(agent, theta, samples, a2c.Config(entropy_coefficient=0.5))

    def entropy(theta):
        return agent.policy.distribution.entropy(policies.forward(agent.policy, theta, samples.obs)[0]).mean()

    assert loss == pytest.approx(-0.5 * entropy(theta), rel=1e-14)
    assert entropy(theta - 1e-3 * d_theta) > entropy(theta)


def test_gradient_at_the_old_policy_is_zero_on_average(draw):
    """E[score] = 0: with A = 1 and every action weighted by its probability nothing is learnt."""
    rng = np.random.default_rng(2)
    agent = draw.agents["categorical"]
    theta = draw.theta(agent, rng)
    obs, action = np.repeat(rng.standard_normal((6, 3)), 4, axis=0), np.tile(np.arange(4), 6)
    probability = np.exp(policies.log_prob(agent.policy, theta, obs, action))
    samples = draw.samples(agent, theta, rng, 24)._replace(obs=obs, action=action, advantage=probability)
    _, d_theta = a2c.loss_and_grad(agent, theta, samples, a2c.Config())
    _, typical = a2c.loss_and_grad(agent, theta, samples._replace(advantage=np.ones(24)), a2c.Config())
    assert np.abs(d_theta).max() <= 1e-14 * np.abs(typical).max()


@pytest.mark.parametrize("limit", [1e-3, 1e6])
def test_update_is_one_step_of_adam_along_each_clipped_gradient(draw, agent, limit):
    rng = np.random.default_rng(3)
    config = a2c.Config(total_steps=1000, max_grad_norm=limit, lam=0.8, entropy_coefficient=0.1)
    state = at_rest(draw, agent, rng, step=250)
    batch = draw.batch(agent, state.theta, rng)
    new, info = a2c.update(agent, state, batch, config, rng)
    samples = sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam)
    policy_gradient = complex_step(lambda x: a2c.loss_and_grad(agent, x, samples, config)[0], state.theta)
    value_gradient = complex_step(lambda x: half_mean_square(agent, x, samples), state.phi)
    for old, moved, optimizer, gradient in (
        (state.theta, new.theta, new.theta_optimizer, policy_gradient),
        (state.phi, new.phi, new.phi_optimizer, value_gradient),
    ):
        shortened = gradient * min(1, limit / np.linalg.norm(gradient))
        assert relative_error(optimizer.m, (1 - 0.9) * shortened) <= 1e-12
        step = optimizers.adam(optimizers.adam_init(old), shortened, 0.75 * 1e-3)[1]
        np.testing.assert_allclose(moved - old, step, rtol=0, atol=1e-12)
        assert optimizer.t == 1
    assert info["charts/learning_rate"] == 0.75 * config.policy_lr
    assert new.step == 250 + batch.valid.sum()


def half_mean_square(agent, phi, samples):
    """L(φ) written out for the network with one hidden layer of 5."""
    w1, b1, w2, b2 = np.split(phi, [15, 20, 25])
    value = np.tanh(samples.obs @ w1.reshape(3, 5) + b1) @ w2 + b2
    return 0.5 * ((value - samples.target) ** 2).mean()


def at_rest(draw, agent, rng, step):
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    return a2c.State(theta, phi, optimizers.adam_init(theta), optimizers.adam_init(phi), None, step)


@pytest.mark.parametrize(("anneal", "factors"), [(True, [1.0, 0.5, 0.25, 0.0]), (False, [1.0] * 4)])
def test_learning_rates_fall_linearly_to_nothing_or_stay(draw, anneal, factors):
    rng = np.random.default_rng(4)
    agent = draw.agents["categorical"]
    config = a2c.Config(total_steps=400, anneal=anneal)
    state = at_rest(draw, agent, rng, 0)
    batch = draw.batch(agent, state.theta, rng)
    moves = []
    for step in (0, 200, 300, 400):
        new, info = a2c.update(agent, state._replace(step=step), batch, config, rng)
        moves.append((info["charts/learning_rate"], new.theta - state.theta, new.phi - state.phi))
    for factor, (lr, d_theta, d_phi) in zip(factors, moves, strict=True):
        assert lr == factor * 1e-3
        np.testing.assert_allclose(d_theta, factor * moves[0][1], rtol=0, atol=1e-15)
        np.testing.assert_allclose(d_phi, factor * moves[0][2], rtol=0, atol=1e-15)

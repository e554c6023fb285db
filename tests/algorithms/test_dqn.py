"""DQN: the gradient by complex step, the expected update against T* of known MDPs, when the copy moves."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from scratchrl.algorithms import dqn
from scratchrl.exact.bellman import optimal_operator
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import chain, garnet
from scratchrl.experience.replay import NStepTransitions, Replay
from scratchrl.maths import mlp, optimizers
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

NET = MLP((3, 6, 4), "tanh")


def samples_of(rng, rows=40):
    return NStepTransitions(
        rng.standard_normal((rows, 3)), rng.integers(0, 4, rows), rng.standard_normal(rows),
        rng.standard_normal((rows, 3)), *(rng.random((2, rows)) < 0.3), rng.choice([0.9, 0.81], rows),
    )  # fmt: skip


def thetas(rng, net=NET):
    return rng.standard_normal((2, mlp.size(net)))


BOTH = pytest.mark.parametrize("double", [False, True])
LOSSES = pytest.mark.parametrize("delta", [None, 0.5])


@BOTH
@LOSSES
def test_gradient_is_the_complex_step_of_the_loss(double, delta):
    rng, config = np.random.default_rng(0), dqn.Config(double=double, huber_delta=delta)
    (theta, target), samples = thetas(rng), samples_of(rng)
    _, d_theta = dqn.loss_and_grad(NET, theta, target, samples, config)
    truth = complex_step(lambda x: dqn.loss_and_grad(NET, x, target, samples, config)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@BOTH
def test_target_sample_by_sample(double):
    rng, config = np.random.default_rng(1), dqn.Config(double=double)
    (theta, target), samples = thetas(rng), samples_of(rng)
    y = dqn.td_target(NET, theta, target, samples, config)
    for b in range(40):
        online, copy = (mlp.forward(NET, x, samples.next_obs[b : b + 1])[0][0] for x in (theta, target))
        worth = copy[online.argmax()] if double else copy.max()
        future = 0.0 if samples.terminated[b] else samples.discount[b] * worth
        assert y[b] == pytest.approx(samples.reward[b] + future, rel=1e-14)
    assert (samples.truncated & ~samples.terminated).any()


@BOTH
@LOSSES
def test_float32_takes_the_fused_gradient_to_the_same_numbers(double, delta):
    rng, config = np.random.default_rng(2), dqn.Config(double=double, huber_delta=delta)
    (theta, target), samples = thetas(rng), samples_of(rng)
    short = NStepTransitions(*(x.astype(np.float32) if x.dtype == float else x for x in samples))
    loss, d_theta = dqn.loss_and_grad(NET, theta.astype(np.float32), target.astype(np.float32), short, config)
    truth, d_truth = dqn.loss_and_grad(NET, theta, target, samples, config)
    assert loss == pytest.approx(truth, rel=1e-4)
    np.testing.assert_allclose(d_theta, d_truth, rtol=1e-3, atol=1e-4)
    assert d_theta.dtype == np.float32


# ---- on known MDPs: one-hot states, a table of weights ----

WORLDS = {"chain": chain(), "garnet": garnet(np.random.default_rng(0), 5, 3, gamma=0.8)}


def table(mdp, q):
    """(network, θ) that holds q (S, A)."""
    return MLP(q.shape), np.concatenate([q.ravel(), np.zeros(q.shape[1])])


def every_transition(mdp):
    """(s, a, s', P(s'|s,a)) of all that can happen before the end."""
    for s, a, t in itertools.product(*map(range, mdp.transition.shape)):
        if mdp.transition[s, a, t] > 0 and not mdp.terminal[s]:
            yield s, a, t, mdp.transition[s, a, t]


def one(mdp, s, a, t):
    eye, reward = np.eye(len(mdp.start)), np.broadcast_to(mdp.reward, mdp.transition.shape)
    end, no = mdp.terminal[[t]], np.zeros(1, bool)
    return NStepTransitions(eye[[s]], np.array([a]), reward[[s], a, t], eye[[t]], end, no, np.full(1, mdp.gamma))


def expected_gradient(mdp, q, config):
    """Σ_{s'} P(s'|s,a) ∂L/∂W for every (s, a), (S, A): each moves its own entry of the table and no other."""
    net, theta = table(mdp, q)
    total = np.zeros_like(q)
    for s, a, t, p in every_transition(mdp):
        ((d_w, _),) = mlp.layers(net, dqn.loss_and_grad(net, theta, theta, one(mdp, s, a, t), config)[1])
        assert np.count_nonzero(d_w) <= 1
        total += p * d_w
    return total


@BOTH
@pytest.mark.parametrize("name", WORLDS)
def test_expected_gradient_is_the_bellman_residual(name, double):
    """q − T*q at every entry, whatever q is: in particular 0 at Q* and nowhere else."""
    mdp, config = WORLDS[name], dqn.Config(double=double, huber_delta=None)
    alive = ~mdp.terminal
    for seed in range(3):
        q = np.random.default_rng(seed).standard_normal(mdp.transition.shape[:2])
        residual = (q - optimal_operator(mdp, q))[alive]
        np.testing.assert_allclose(expected_gradient(mdp, q, config)[alive], residual, rtol=0, atol=1e-13)
    best = policy_iteration(mdp).q
    assert np.abs(expected_gradient(mdp, best, config)).max() <= 1e-12


@BOTH
@pytest.mark.parametrize("name", WORLDS)
def test_expected_update_leads_to_the_optimal_values(name, double):
    mdp, config = WORLDS[name], dqn.Config(double=double, huber_delta=None)
    q = np.zeros(mdp.transition.shape[:2])
    for _ in range(130):
        q = q - expected_gradient(mdp, q, config)  # a full step: q ← T*q
    alive = ~mdp.terminal
    np.testing.assert_allclose(q[alive], policy_iteration(mdp).q[alive], atol=1e-5)


# ---- one update ----


def state_of(rng, config, rows=30, step=0):
    theta, target = thetas(rng)
    optimizer = optimizers.adam(optimizers.adam_init(theta), theta, 1e-3)[0]
    full = samples_of(rng, config.capacity)
    env = np.arange(config.capacity, dtype=np.int32) % 2
    return dqn.State(theta, target, optimizer, Replay(*full[:6], env, rows, rows), step)


SMALL = dqn.Config(capacity=50, minibatch=16, learning_starts=0, total_steps=1000, target_every=20)


@pytest.mark.parametrize("limit", [1e-3, 1e6])
def test_update_is_adam_along_the_clipped_gradient(draw, limit):
    rng = np.random.default_rng(3)
    config = replace(SMALL, max_grad_norm=limit)
    state, batch = state_of(rng, config, step=250), draw.batch(draw.agents["categorical"], draw_theta(draw), rng, 4, 2)
    new, info = dqn.update(NET, state, batch, config, np.random.default_rng(4))
    samples = dqn.replay.sample_n_step(new.replay, np.random.default_rng(4), 16, config.n_step, config.gamma, 2)
    loss, gradient = dqn.loss_and_grad(NET, state.theta, state.target, samples, config)
    shortened = gradient * min(1, limit / np.linalg.norm(gradient))
    optimizer, step = optimizers.adam(state.optimizer, shortened, (1 - new.step / 1000) * config.lr)
    np.testing.assert_allclose(new.theta, state.theta + step, rtol=0, atol=1e-12)
    np.testing.assert_allclose(new.optimizer.v, optimizer.v, rtol=1e-9, atol=1e-18)
    assert info["losses/td_loss"] == loss
    assert new.step == 250 + batch.valid.sum() < 260
    assert new.target is state.target


def draw_theta(draw):
    return draw.theta(draw.agents["categorical"], np.random.default_rng(0))


@pytest.mark.parametrize("tau", [1.0, 0.25])
def test_the_copy_moves_when_a_multiple_of_target_every_is_passed(draw, tau):
    rng, config = np.random.default_rng(5), replace(SMALL, tau=tau)
    batch = draw.batch(draw.agents["categorical"], draw_theta(draw), rng, 4, 2)
    count = int(batch.valid.sum())
    for before, moves in ((0, False), (19 - count, False), (20 - count, True), (19, True), (20, False)):
        state = state_of(np.random.default_rng(6), config, step=before)
        new, _ = dqn.update(NET, state, batch, config, np.random.default_rng(7))
        expected = tau * new.theta + (1 - tau) * state.target if moves else state.target
        np.testing.assert_allclose(new.target, expected, rtol=1e-14)


def test_nothing_is_learnt_before_learning_starts(draw):
    config = replace(SMALL, learning_starts=100)
    batch = draw.batch(draw.agents["categorical"], draw_theta(draw), np.random.default_rng(8), 4, 2)
    state = state_of(np.random.default_rng(9), config, rows=0)
    new, info = dqn.update(NET, state, batch, config, np.random.default_rng(0))
    assert new.theta is state.theta
    assert np.isnan(info["losses/td_loss"])
    assert new.replay.size == new.step == batch.valid.sum()


def test_epsilon_falls_linearly_and_stays():
    config = dqn.Config(epsilon_first=0.5, epsilon_last=0.1, epsilon_steps=100)
    assert [dqn.epsilon(step, config) for step in (0, 50, 100, 900)] == [0.5, pytest.approx(0.3), 0.1, 0.1]

"""VPG: the five weights by loops, their common expectation over all outcomes of a small tree, the gradient."""

import numpy as np
import pytest

from scratchrl.algorithms import a2c, vpg
from scratchrl.experience import samples as sampling
from scratchrl.maths import critic, optimizers, policies, returns
from scratchrl.oracle.differentiation import complex_step, relative_error

PHIS = ("total_return", "reward_to_go", "reward_to_go_baseline", "q", "advantage")
GAMMA, LAM = 0.9, 0.7


def by_loops(phi, reward, value, next_value, terminated):
    """Φ of one whole episode, from the definitions: sums over k, windows mixed with weights λ."""
    steps = len(reward)

    def to_go(t):
        return sum(GAMMA ** (k - t) * reward[k] for k in range(t, steps))

    def window(t, n):
        """The n-step return; the last row's successor counts unless the episode terminated there."""
        bootstrap = 0.0 if terminated and t + n == steps else next_value[t + n - 1]
        return sum(GAMMA**k * reward[t + k] for k in range(n)) + GAMMA**n * bootstrap

    def mixture(t):
        longest = steps - t
        shorter = sum((1 - LAM) * LAM ** (n - 1) * window(t, n) for n in range(1, longest))
        return shorter + LAM ** (longest - 1) * window(t, longest)

    return {
        "total_return": [to_go(0)] * steps,
        "reward_to_go": [to_go(t) for t in range(steps)],
        "reward_to_go_baseline": [to_go(t) - value[t] for t in range(steps)],
        "q": [mixture(t) for t in range(steps)],
        "advantage": [mixture(t) - value[t] for t in range(steps)],
    }[phi]


@pytest.mark.parametrize("phi", PHIS)
def test_weights_are_their_definitions_in_a_padded_batch(draw, phi):
    """Episodes of four lengths that end in termination, truncation and both; V is consistent along each."""
    rng = np.random.default_rng(0)
    agent = draw.agents["categorical"]
    batch = draw.episodes(agent, draw.theta(agent, rng), rng)
    assert (batch.terminated & ~batch.truncated).any()
    assert (batch.truncated & ~batch.terminated).any()
    assert not batch.valid.all()
    all_values = rng.standard_normal((batch.reward.shape[0] + 1, batch.reward.shape[1]))
    value, next_value = all_values[:-1], all_values[1:]
    got = vpg.weights(batch, value, next_value, vpg.Config(phi=phi, gamma=GAMMA, lam=LAM))
    for n, steps in enumerate(batch.valid.sum(axis=0)):
        column = (array[:steps, n] for array in (batch.reward, value, next_value))
        truth = by_loops(phi, *column, terminated=batch.terminated[steps - 1, n])
        np.testing.assert_allclose(got[:steps, n], truth, rtol=1e-13, atol=1e-14)


def test_gradient_is_the_complex_step_of_the_loss(draw, agent):
    rng = np.random.default_rng(1)
    theta = draw.theta(agent, rng)
    samples = draw.samples(agent, theta, rng)
    _, d_theta = vpg.loss_and_grad(agent, theta, samples, 3)
    truth = complex_step(lambda theta: vpg.loss_and_grad(agent, theta, samples, 3)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


def test_gradient_is_that_of_a2c_times_rows_per_episode(draw, agent):
    rng = np.random.default_rng(2)
    theta = draw.theta(agent, rng)
    samples = draw.samples(agent, theta, rng, rows=40)
    loss, d_theta = vpg.loss_and_grad(agent, theta, samples, 8)
    mean, d_mean = a2c.loss_and_grad(agent, theta, samples, a2c.Config())
    assert relative_error(d_theta, 40 / 8 * d_mean) <= 1e-14
    assert loss == pytest.approx(40 / 8 * mean, rel=1e-14)


def exact_values(tree, theta):
    """V of the root and of the second choice, γ = 1, in the shape of `batch.obs`'s rows: (T = 2,)."""
    (_, go), second = policies_of(tree, theta)
    below = second @ [tree.rewards[1, 0], tree.rewards[1, 1]]
    return np.array([(1 - go) * tree.rewards[0,] + go * (tree.rewards[1,] + below), below])


def policies_of(tree, theta):
    log_prob = [policies.log_prob(tree.agent.policy, theta, np.eye(2), np.array([a, a])) for a in (0, 1)]
    return np.exp(np.array(log_prob).T)


@pytest.mark.parametrize("lam", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("phi", PHIS)
def test_all_weights_have_the_same_expectation_the_gradient(draw, tree, phi, lam):
    """γ = 1, V exact: E[ĝ] = ∇J for each Φ and each λ, summed over all joint outcomes of two episodes."""
    theta = draw.theta(tree.agent, np.random.default_rng(3))
    mean, _ = tree.moments(theta, lambda batch: estimate(tree, theta, batch, phi, lam))
    assert relative_error(mean, complex_step(lambda theta: tree.objective(theta, 1.0), theta)) <= 1e-13


def test_reward_to_go_minus_exact_value_has_less_variance_than_either_simpler_weight(draw, tree):
    theta = draw.theta(tree.agent, np.random.default_rng(3))
    simplest, to_go, baseline = (
        tree.moments(theta, lambda batch, phi=phi: estimate(tree, theta, batch, phi, 1.0))[1] for phi in PHIS[:3]
    )
    assert baseline < 0.9 * min(simplest, to_go)


def estimate(tree, theta, batch, phi, lam):
    value = np.broadcast_to(exact_values(tree, theta)[: len(batch.reward), None], batch.reward.shape)
    next_value = np.concatenate([value[1:], 0 * value[:1]])
    weight = vpg.weights(batch, value, next_value, vpg.Config(phi=phi, gamma=1.0, lam=lam))
    samples = sampling.weighted(tree.agent, theta, batch, value, weight, weight)
    return -vpg.loss_and_grad(tree.agent, theta, samples, batch.reward.shape[1])[1]


def test_normalised_weights_are_standardised_over_the_transitions_alone(draw):
    rng = np.random.default_rng(4)
    agent = draw.agents["categorical"]
    theta = draw.theta(agent, rng)
    batch = draw.episodes(agent, theta, rng)
    state = vpg.State(theta, draw.phi(agent, rng), None, None, None, 0)
    raw, scaled = (vpg.judged(agent, state, batch, vpg.Config(normalize_phi=on)) for on in (False, True))
    assert len(raw.advantage) == batch.valid.sum()
    np.testing.assert_allclose(scaled.advantage, returns.normalize_advantage(raw.advantage), rtol=1e-14)
    np.testing.assert_allclose([scaled.advantage.mean(), scaled.advantage.std()], [0, 1], atol=1e-14)


def test_value_target_is_the_lambda_return_whatever_the_weight(draw):
    rng = np.random.default_rng(5)
    agent = draw.agents["gaussian"]
    theta = draw.theta(agent, rng)
    batch = draw.episodes(agent, theta, rng)
    state = vpg.State(theta, draw.phi(agent, rng), None, None, None, 0)
    targets = [vpg.judged(agent, state, batch, vpg.Config(phi=phi, normalize_phi=False)) for phi in PHIS]
    for samples in targets:
        np.testing.assert_array_equal(samples.target, targets[0].target)
    advantage = targets[PHIS.index("advantage")]
    np.testing.assert_allclose(advantage.target, advantage.advantage + advantage.value, rtol=1e-13)


def test_update_is_one_step_of_adam_for_theta_and_the_regression_for_phi(draw, agent):
    """The gradient is averaged over the four episodes, written out as weighted scores."""
    rng = np.random.default_rng(6)
    config = vpg.Config(policy_lr=0.02, value_lr=0.03, value_epochs=3, value_minibatch=4)
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    batch = draw.episodes(agent, theta, rng)
    state = vpg.State(theta, phi, optimizers.adam_init(theta), optimizers.adam_init(phi), None, 0)
    new, info = vpg.update(agent, state, batch, config, np.random.default_rng(0))
    samples = vpg.judged(agent, state, batch, config)
    ascent = policies.weighted_score(agent.policy, theta, samples.obs, samples.action, samples.advantage) / 4
    assert relative_error(new.theta_optimizer.m, (1 - 0.9) * -ascent) <= 1e-13
    assert relative_error(new.theta - theta, optimizers.adam(state.theta_optimizer, -ascent, 0.02)[1]) <= 1e-12
    fitted, _, value_loss = critic.fit(
        agent.value, phi, state.phi_optimizer, samples.obs, samples.target, np.random.default_rng(0), 0.03, 3, 4
    )
    np.testing.assert_array_equal(new.phi, fitted)
    assert (info["charts/learning_rate"], info["losses/value_loss"]) == (0.02, value_loss)

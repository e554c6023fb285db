"""PPO: gradients by complex step, its place among the other algorithms, early stopping, β, annealing."""

import numpy as np
import pytest

from scratchrl.algorithms import a2c, ppo, trpo
from scratchrl.experience import samples as sampling
from scratchrl.maths import critic, optimizers, policies, returns
from scratchrl.oracle.differentiation import complex_step, relative_error

OBJECTIVES = pytest.mark.parametrize("objective", ["clip", "penalty"])


def problem(draw, agent, seed, away=0.0):
    """θ at a distance from the policy that drew the samples."""
    rng = np.random.default_rng(seed)
    theta = draw.theta(agent, rng)
    samples = draw.samples(agent, theta, rng)
    return theta + away * rng.standard_normal(theta.size), samples


def at_rest(draw, agent, rng, **others):
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    state = ppo.State(theta, phi, optimizers.adam_init(theta), optimizers.adam_init(phi), 1.0, None, 0)
    return state._replace(**others)


# ---- gradients ----


@OBJECTIVES
@pytest.mark.parametrize("entropy_coefficient", [0.0, 0.3])
def test_gradient_is_the_complex_step_of_the_loss_away_from_the_old_policy(
    draw, agent, objective, entropy_coefficient
):
    theta, samples = problem(draw, agent, 0, away=0.3)
    config = ppo.Config(objective=objective, entropy_coefficient=entropy_coefficient)
    rho = np.exp(policies.log_prob(agent.policy, theta, samples.obs, samples.action) - samples.log_prob)
    for gain in (True, False):  # both sides of the clip, for either sign of A
        chosen = rho[(samples.advantage > 0) == gain]
        assert (chosen < 0.8).any()
        assert (chosen > 1.2).any()
    _, d_theta = ppo.loss_and_grad(agent, theta, samples, config, 0.7)
    truth = complex_step(lambda theta: ppo.loss_and_grad(agent, theta, samples, config, 0.7)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@pytest.mark.parametrize("value_clip", [None, 0.3])
def test_value_gradient_is_the_complex_step_of_the_value_loss(draw, agent, value_clip):
    rng = np.random.default_rng(1)
    phi, (_, samples) = draw.phi(agent, rng), problem(draw, agent, 1)
    config = ppo.Config(value_clip=value_clip)
    _, d_phi = ppo.value_loss_and_grad(agent, phi, samples, config)
    truth = complex_step(lambda phi: ppo.value_loss_and_grad(agent, phi, samples, config)[0], phi)
    assert relative_error(d_phi, truth) <= 1e-12


def test_clipped_value_loss_holds_the_value_near_that_of_the_collecting_critic(draw, agent):
    rng = np.random.default_rng(1)
    phi, (_, samples) = draw.phi(agent, rng), problem(draw, agent, 1)
    value = critic.value(agent.value, phi, samples.obs)
    held = samples.value + np.clip(value - samples.value, -0.3, 0.3)
    truth = np.maximum((value - samples.target) ** 2, (held - samples.target) ** 2).mean() / 2
    loss, _ = ppo.value_loss_and_grad(agent, phi, samples, ppo.Config(value_clip=0.3))
    assert loss == pytest.approx(truth, rel=1e-13)


def test_at_the_old_policy_all_algorithms_have_one_gradient(draw, agent):
    """Their weights differ only in ρ, clip and penalty, and there ρ = 1, nothing is clipped and ∇KL = 0."""
    theta, samples = problem(draw, agent, 2)
    policy_gradient = -policies.weighted_score(
        agent.policy, theta, samples.obs, samples.action, samples.advantage / len(samples.obs)
    )
    gradients = [
        a2c.loss_and_grad(agent, theta, samples, a2c.Config())[1],
        trpo.loss_and_grad(agent, theta, samples)[1],
        ppo.loss_and_grad(agent, theta, samples, ppo.Config(), 1.0)[1],
        ppo.loss_and_grad(agent, theta, samples, ppo.Config(objective="penalty"), 1.0)[1],
    ]
    for gradient in gradients:
        assert relative_error(gradient, policy_gradient) <= 1e-13


def test_with_a_wide_clip_or_no_penalty_the_objective_is_the_surrogate_of_trpo(draw, agent):
    theta, samples = problem(draw, agent, 3, away=0.3)
    loss, d_theta = trpo.loss_and_grad(agent, theta, samples)
    for config in (ppo.Config(clip=1e9), ppo.Config(objective="penalty")):
        same_loss, same_gradient = ppo.loss_and_grad(agent, theta, samples, config, 0.0)
        assert same_loss == pytest.approx(loss, rel=1e-13)
        assert relative_error(same_gradient, d_theta) <= 1e-13


def test_clipping_never_raises_the_objective_above_the_surrogate(draw, agent):
    theta, samples = problem(draw, agent, 4, away=0.3)
    clipped = -ppo.loss_and_grad(agent, theta, samples, ppo.Config(), 1.0)[0]
    assert clipped < trpo.mean_surrogate(agent, theta, samples)


def test_distance_is_the_mean_kl_and_the_share_of_ratios_beyond_the_clip(draw, agent):
    theta, samples = problem(draw, agent, 5, away=0.1)
    got = ppo.distance(agent, theta, samples, ppo.Config(clip=0.1))
    rho = np.exp(policies.log_prob(agent.policy, theta, samples.obs, samples.action) - samples.log_prob)
    assert got == (trpo.mean_kl(agent, theta, samples), (np.abs(rho - 1) > 0.1).mean())


# ---- one step ----


def test_advantages_are_standardised_within_the_minibatch(draw, agent):
    """So that shift and scale of A do not matter, and the same step follows from an A standardised beforehand."""
    rng = np.random.default_rng(6)
    state = at_rest(draw, agent, rng)
    samples = draw.samples(agent, state.theta, rng)
    by_hand = (samples.advantage - samples.advantage.mean()) / samples.advantage.std()
    steps = [
        ppo.policy_step(agent, state, samples._replace(advantage=a), ppo.Config(normalize_advantage=on), 1e-3)[0]
        for a, on in ((samples.advantage, True), (5 - 3 * -samples.advantage, True), (by_hand, False))
    ]
    for other in steps[1:]:
        assert relative_error(other.theta_optimizer.m, steps[0].theta_optimizer.m) <= 1e-12
    plain, *_ = ppo.policy_step(agent, state, samples, ppo.Config(normalize_advantage=False), 1e-3)
    assert relative_error(plain.theta_optimizer.m, steps[0].theta_optimizer.m) > 1e-2


@pytest.mark.parametrize("limit", [1e-3, 1e6])
def test_steps_are_adam_along_the_shortened_gradients(draw, agent, limit):
    rng = np.random.default_rng(7)
    state = at_rest(draw, agent, rng)
    samples = draw.samples(agent, state.theta, rng)
    config = ppo.Config(max_grad_norm=limit, normalize_advantage=False)
    _, d_theta = ppo.loss_and_grad(agent, state.theta, samples, config, 1.0)
    _, d_phi = ppo.value_loss_and_grad(agent, state.phi, samples, config)
    after_policy, *_ = ppo.policy_step(agent, state, samples, config, 1e-3)
    after_value, _ = ppo.value_step(agent, state, samples, config, 1e-2)
    shortened = d_theta * min(1, limit / np.linalg.norm(d_theta)), d_phi * min(1, limit / np.linalg.norm(d_phi))
    optimizer, step = optimizers.adam(state.theta_optimizer, shortened[0], 1e-3)
    np.testing.assert_allclose(after_policy.theta, state.theta + step, rtol=0, atol=1e-14)
    np.testing.assert_allclose(after_policy.theta_optimizer.m, optimizer.m, rtol=1e-12)
    optimizer, step = optimizers.adam(state.phi_optimizer, shortened[1], 1e-2)
    np.testing.assert_allclose(after_value.phi, state.phi + step, rtol=0, atol=1e-14)
    np.testing.assert_allclose(after_value.phi_optimizer.m, optimizer.m, rtol=1e-12)
    assert (after_policy.phi is state.phi, after_value.theta is state.theta) == (True, True)


# ---- one update ----


@OBJECTIVES
def test_theta_rests_after_an_epoch_that_ends_beyond_one_and_a_half_times_target_kl(draw, agent, objective):
    """And only then; φ goes on, with the very steps that it makes without early stopping."""
    rng = np.random.default_rng(9)
    state = at_rest(draw, agent, rng)
    batch = draw.batch(agent, state.theta, rng)
    samples = sampling.judged(agent, state.theta, state.phi, batch, 0.99, 0.95)

    def after(epochs, target_kl):
        config = ppo.Config(objective=objective, epochs=epochs, minibatch=10, target_kl=target_kl)
        return ppo.update(agent, state, batch, config, np.random.default_rng(0))[0]

    kl = [trpo.mean_kl(agent, after(epochs, None).theta, samples) for epochs in (1, 2)]
    assert kl[0] < kl[1]
    free = after(4, None)
    for stop, target_kl in ((1, 0.999 * kl[0] / 1.5), (2, 1.001 * kl[0] / 1.5), (2, 0.999 * kl[1] / 1.5)):
        stopped = after(4, target_kl)
        np.testing.assert_array_equal(stopped.theta, after(stop, None).theta)
        np.testing.assert_array_equal(stopped.phi, free.phi)
    assert after(4, 1.001 * kl[1] / 1.5).theta_optimizer.t > after(2, None).theta_optimizer.t
    assert free.theta_optimizer.t == free.phi_optimizer.t == 4 * -(-int(batch.valid.sum()) // 10)


def test_one_epoch_in_one_minibatch_is_one_step_for_each_network(draw, agent):
    """With the old policy's own samples, whatever the clip: ρ = 1."""
    rng = np.random.default_rng(10)
    state = at_rest(draw, agent, rng)
    batch = draw.batch(agent, state.theta, rng)
    config = ppo.Config(epochs=1, minibatch=1000, anneal=False, policy_lr=0.02, value_lr=0.03)
    new, info = ppo.update(agent, state, batch, config, rng)
    samples = sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam)
    once, *_ = ppo.policy_step(agent, state, samples, config, config.policy_lr)
    once, _ = ppo.value_step(agent, once, samples, config, config.value_lr)
    for got, expected in zip(new[:2], once[:2], strict=True):
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12)
    assert info["losses/approx_kl"] == pytest.approx(trpo.mean_kl(agent, once.theta, samples), rel=1e-6)
    assert new.step == batch.valid.sum()


def test_beta_follows_the_kl_that_the_update_reached(draw, agent):
    """The goal changes no step of this update, only the next β: so the KL can be had from a first run."""
    rng = np.random.default_rng(11)
    state = at_rest(draw, agent, rng, beta=0.5)
    batch = draw.batch(agent, state.theta, rng)

    def after(kl_goal):
        config = ppo.Config(objective="penalty", epochs=2, minibatch=16, target_kl=None, kl_goal=kl_goal)
        return ppo.update(agent, state, batch, config, np.random.default_rng(0))[0]

    samples = sampling.judged(agent, state.theta, state.phi, batch, 0.99, 0.95)
    kl = trpo.mean_kl(agent, after(1.0).theta, samples)
    betas = [after(kl * factor).beta for factor in (1.51, 1.49, 1.0, 0.67, 0.66)]
    assert betas == [0.25, 0.5, 0.5, 0.5, 1.0]


def test_beta_holds_the_policy_back(draw, agent):
    """The larger β, the nearer π stays to the policy of the data."""
    rng = np.random.default_rng(12)
    state = at_rest(draw, agent, rng)
    batch = draw.batch(agent, state.theta, rng)
    config = ppo.Config(objective="penalty", epochs=20, minibatch=100, target_kl=None, policy_lr=1e-2)
    samples = sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam)
    reached = [
        trpo.mean_kl(agent, ppo.update(agent, state._replace(beta=beta), batch, config, rng)[0].theta, samples)
        for beta in (0.0, 3.0, 100.0)
    ]
    assert reached[0] > reached[1] > reached[2]


def test_beta_is_left_alone_by_the_clipped_objective(draw):
    rng = np.random.default_rng(13)
    agent = draw.agents["categorical"]
    state = at_rest(draw, agent, rng, beta=0.125)
    batch = draw.batch(agent, state.theta, rng)
    assert ppo.update(agent, state, batch, ppo.Config(epochs=1), rng)[0].beta == 0.125


@pytest.mark.parametrize(("anneal", "factors"), [(True, [1.0, 0.5, 0.25, 0.0]), (False, [1.0] * 4)])
def test_learning_rates_fall_linearly_to_nothing_or_stay(draw, anneal, factors):
    rng = np.random.default_rng(14)
    agent = draw.agents["categorical"]
    config = ppo.Config(total_steps=400, anneal=anneal, epochs=1, minibatch=1000, policy_lr=1e-3, value_lr=1e-2)
    state = at_rest(draw, agent, rng)
    batch = draw.batch(agent, state.theta, rng)
    updates = [
        ppo.update(agent, state._replace(step=step), batch, config, np.random.default_rng(0))
        for step in (0, 200, 300, 400)
    ]
    for factor, (new, info) in zip(factors, updates, strict=True):
        assert info["charts/learning_rate"] == factor * 1e-3
        for name in ("theta", "phi"):
            full = getattr(updates[0][0], name) - getattr(state, name)
            np.testing.assert_allclose(getattr(new, name) - getattr(state, name), factor * full, rtol=0, atol=1e-15)


def test_every_advantage_is_used_once_per_epoch_and_standardised_as_the_minibatches_fall(draw, monkeypatch):
    rng = np.random.default_rng(15)
    agent = draw.agents["categorical"]
    state = at_rest(draw, agent, rng)
    batch = draw.batch(agent, state.theta, rng)
    seen = []
    monkeypatch.setattr(returns, "normalize_advantage", lambda advantage: seen.append(advantage) or advantage)
    config = ppo.Config(epochs=2, minibatch=8, target_kl=None)
    ppo.update(agent, state, batch, config, rng)
    advantage = np.sort(sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam).advantage)
    assert max(map(len, seen)) == 8
    half = len(seen) // 2
    for epoch in (seen[:half], seen[half:]):
        np.testing.assert_array_equal(np.sort(np.concatenate(epoch)), advantage)

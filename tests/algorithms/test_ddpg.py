"""DDPG and TD3: gradients by complex step, the target sample by sample, when what moves, noise, the training loop."""

import dataclasses
import itertools
from dataclasses import replace

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from scratchrl.algorithms import ddpg
from scratchrl.experience import actions, environments, rollout
from scratchrl.experience.replay import Transitions, sample
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.experience.world import start
from scratchrl.maths import deterministic, mlp, optimizers, state_action, targets
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

O, A, B = 3, 2, 20
BOX = actions.Range(np.array([0.0, 5.0]), np.array([2.0, 0.5]))
AGENT = ddpg.Agent(MLP((O, 6, A)), MLP((O + A, 5, 1)), BOX)
TD3 = {"twin": True, "policy_delay": 2, "smoothing": 0.2}
VARIANTS = pytest.mark.parametrize("changes", [{}, TD3], ids=["ddpg", "td3"])


def samples_of(rng, rows=B):
    return Transitions(
        rng.standard_normal((rows, O)), rng.uniform(-1, 1, (rows, A)), rng.standard_normal(rows),
        rng.standard_normal((rows, O)), *(rng.random((2, rows)) < 0.3),
    )  # fmt: skip


def parameters(rng, config):
    """(θ, φ, θ⁻, φ⁻)."""
    critics = (1 + config.twin) * mlp.size(AGENT.critic)
    (theta, theta_target), (phi, phi_target) = (
        rng.standard_normal((2, size)) for size in (mlp.size(AGENT.actor), critics)
    )
    return theta, phi, theta_target, phi_target


# ---- losses ----


@VARIANTS
def test_gradients_are_complex_steps_of_the_losses(changes):
    rng, config = np.random.default_rng(0), ddpg.Config(**changes)
    theta, phi, *copies = parameters(rng, config)
    samples = samples_of(rng)
    blur = rng.standard_normal((B, A)) if config.smoothing else None
    y = ddpg.td_target(AGENT, *copies, samples, blur, config)
    _, d_phi = ddpg.critic_loss_and_grad(AGENT, phi, samples, y)
    truth = complex_step(lambda x: ddpg.critic_loss_and_grad(AGENT, x, samples, y)[0], phi)
    assert relative_error(d_phi, truth) <= 1e-12
    _, d_theta = ddpg.actor_loss_and_grad(AGENT, theta, phi, samples.obs)
    truth = complex_step(lambda x: ddpg.actor_loss_and_grad(AGENT, x, phi, samples.obs)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@VARIANTS
def test_target_sample_by_sample(changes):
    """Also: TD3's is `targets.clipped_double_q_target`, DDPG's `targets.ddpg_target`."""
    rng, config = np.random.default_rng(1), ddpg.Config(gamma=0.9, smoothing_clip=0.3, **changes)
    *_, theta, phi = parameters(rng, config)
    samples, blur = samples_of(rng), rng.standard_normal((B, A)) if config.smoothing else None
    y = ddpg.td_target(AGENT, theta, phi, samples, blur, config)
    q = []
    for b in range(B):
        a = np.tanh(mlp.forward(AGENT.actor, theta, samples.next_obs[b : b + 1])[0])
        if config.smoothing:
            a = np.clip(a + np.clip(blur[b], -0.3, 0.3), -1, 1)
        x = np.hstack([samples.next_obs[b : b + 1], a])
        q.append([mlp.forward(AGENT.critic, one, x)[0].item() for one in phi.reshape(1 + config.twin, -1)])
        future = 0.0 if samples.terminated[b] else 0.9 * min(q[b])
        assert y[b] == pytest.approx(samples.reward[b] + future, rel=1e-13)
    ending = samples.terminated, samples.truncated, 0.9
    q = np.array(q).T
    by_targets = (
        targets.clipped_double_q_target(samples.reward, *q, *ending)
        if config.twin
        else targets.ddpg_target(samples.reward, *q, *ending)
    )
    np.testing.assert_allclose(y, by_targets, rtol=1e-12)
    assert (samples.truncated & ~samples.terminated).any()


def test_the_actor_asks_the_first_critic():
    rng = np.random.default_rng(2)
    theta, phi, *_ = parameters(rng, ddpg.Config(twin=True))
    obs, first = rng.standard_normal((B, O)), phi[: mlp.size(AGENT.critic)]
    both, alone = (ddpg.actor_loss_and_grad(AGENT, theta, x, obs) for x in (phi, first))
    np.testing.assert_array_equal(both[1], alone[1])
    q = state_action.value(AGENT.critic, first, obs, deterministic.action(AGENT.actor, theta, obs))
    assert both[0] == alone[0] == pytest.approx(-q.mean(), rel=1e-14)


# ---- one step ----


def world_of(count=2, dtype=np.float32, seed=7, make=None, mode=AutoresetMode.DISABLED):
    make = make or (lambda: Counting(Box(np.array([-2.0, 4.5]), np.array([2.0, 5.5]), dtype=np.float64)))
    return start(SyncVectorEnv([make] * count, autoreset_mode=mode), seed, dtype)


class Counting(gymnasium.Env):
    """Ends after 5 steps, by termination and truncation in turn; obs counts steps and episodes."""

    observation_space = Box(-np.inf, np.inf, (O,), np.float32)

    def __init__(self, action_space):
        self.action_space, self.episode = action_space, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.episode = 0, self.episode + 1
        return np.array([0, self.episode % 3, 1], np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.t += 1
        ended, kind = self.t == 5, self.episode % 2 == 0
        return np.array([self.t, 0, 1], np.float32), float(action[0]), ended and kind, ended and not kind, {}


SMALL = ddpg.Config(
    total_steps=200, num_envs=2, hidden=(8,), capacity=90, learning_starts=40, minibatch=16, report_every=50
)


def run(config, world, rng, state=None, count=None):
    return list(itertools.islice(ddpg.train(config, world, rng, state), count))


def trained(config, dtype=np.float64):
    """(agent, state) after training, a state in mid-run."""
    world = world_of(dtype=dtype)
    return ddpg.build(world.envs, config, dtype), run(config, world, np.random.default_rng(0))[-1][0]


def plain_ddpg(agent, state, rng, config):
    """Algorithm 1 of Lillicrap et al. in its own words, from the same minibatch."""
    got = sample(state.replay, rng, config.minibatch)
    unit = (got.action - agent.box.middle) / agent.box.half
    after = np.tanh(mlp.forward(agent.actor, state.theta_target, got.next_obs)[0])
    q_next = mlp.forward(agent.critic, state.phi_target, np.hstack([got.next_obs, after]))[0][:, 0]
    y = got.reward + config.gamma * (1 - got.terminated) * q_next
    q, cache = mlp.forward(agent.critic, state.phi, np.hstack([got.obs, unit]))
    d_phi = mlp.vjp(agent.critic, state.phi, cache, (q[:, 0] - y)[:, None] / len(y))
    phi = state.phi + optimizers.adam(state.phi_optimizer, d_phi, config.value_lr)[1]
    u, actor_cache = mlp.forward(agent.actor, state.theta, got.obs)
    _, cache = mlp.forward(agent.critic, phi, np.hstack([got.obs, np.tanh(u)]))
    d_a = mlp.vjp_input(agent.critic, phi, cache, np.ones((len(y), 1)))[:, got.obs.shape[1] :]
    d_theta = -mlp.vjp(agent.actor, state.theta, actor_cache, d_a * (1 - np.tanh(u) ** 2) / len(y))
    theta = state.theta + optimizers.adam(state.theta_optimizer, d_theta, config.policy_lr)[1]
    tau = config.tau
    copies = (tau * new + (1 - tau) * old for new, old in ((theta, state.theta_target), (phi, state.phi_target)))
    return theta, phi, *copies


def test_without_twins_delay_and_smoothing_it_is_plain_ddpg():
    config = replace(SMALL, twin=False, policy_delay=1, smoothing=0.0, policy_lr=1e-3, value_lr=4e-3)
    agent, state = trained(config)
    new, _ = ddpg.gradient_step(agent, state, config, np.random.default_rng(3))
    for got, expected in zip(new[:4], plain_ddpg(agent, state, np.random.default_rng(3), config), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-12)


def test_td3_draws_its_blur_after_the_minibatch():
    config = replace(SMALL, **TD3, smoothing_clip=0.3)
    agent, state = trained(config)
    _, loss = ddpg.gradient_step(agent, state, config, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    samples = sample(state.replay, rng, config.minibatch)
    samples = samples._replace(action=(samples.action - agent.box.middle) / agent.box.half)
    blur = 0.2 * rng.standard_normal((config.minibatch, A))
    y = ddpg.td_target(agent, state.theta_target, state.phi_target, samples, blur, config)
    assert loss == pytest.approx(ddpg.critic_loss_and_grad(agent, state.phi, samples, y)[0], rel=1e-12)


@pytest.mark.parametrize("steps", [24, 200])
def test_the_report_is_of_the_newest_transitions_and_of_those_there_are(steps):
    config = replace(SMALL, total_steps=steps, minibatch=30)
    world = world_of(dtype=np.float64)
    (state, info), agent = run(config, world, np.random.default_rng(0))[-1], ddpg.build(world.envs, config)
    memory = state.replay
    order = np.arange(memory.size) if memory.size < 90 else (memory.position + np.arange(90)) % 90
    rows = order[::-1][np.arange(30) % memory.size]
    expected, _ = ddpg.actor_loss_and_grad(agent, state.theta, state.phi, memory.obs[rows])
    assert info["losses/actor_loss"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_actor_and_copies_move_with_every_step_that_the_delay_divides(delay):
    config = replace(SMALL, policy_delay=delay)
    agent, state = trained(config)
    for _ in range(6):
        new, _ = ddpg.gradient_step(agent, state, config, np.random.default_rng(0))
        moves = new.phi_optimizer.t % delay == 0
        assert (new.phi != state.phi).any()
        for name in ("theta", "theta_target", "phi_target"):
            assert (getattr(new, name) != getattr(state, name)).any() == moves, name
        if moves:
            expected = config.tau * new.phi + (1 - config.tau) * state.phi_target
            np.testing.assert_allclose(new.phi_target, expected, rtol=1e-14)
        state = new


def test_without_smoothing_no_random_number_is_drawn_for_it():
    agent, state = trained(SMALL)
    rng, other = np.random.default_rng(0), np.random.default_rng(0)
    ddpg.gradient_step(agent, state, SMALL, rng)
    sample(state.replay, other, SMALL.minibatch)
    assert rng.bit_generator.state == other.bit_generator.state
    ddpg.gradient_step(agent, state, replace(SMALL, smoothing=0.1), rng)
    sample(state.replay, other, SMALL.minibatch)
    other.standard_normal((SMALL.minibatch, A))
    assert rng.bit_generator.state == other.bit_generator.state


def test_the_twins_begin_apart():
    world = world_of()
    state = ddpg.init(replace(SMALL, twin=True), world, np.random.default_rng(0))
    first, second = state_action.split(ddpg.build(world.envs, SMALL).critic, state.phi)
    assert (first != second).any()
    np.testing.assert_array_equal(state.phi, state.phi_target)
    np.testing.assert_array_equal(state.theta, state.theta_target)


# ---- noise ----


def test_exploration_is_random_then_the_actor_with_noise_within_the_bounds():
    world = world_of(dtype=np.float64)
    agent, state = ddpg.build(world.envs, SMALL), ddpg.init(SMALL, world, np.random.default_rng(0))
    obs, rng = np.random.default_rng(1).standard_normal((2, O)), np.random.default_rng(2)
    early = np.array([ddpg.explore(agent, state, SMALL, rng, obs) for _ in range(4000)]).reshape(-1, A)
    low, high = agent.box.middle - agent.box.half, agent.box.middle + agent.box.half
    assert (early >= low).all()
    assert (early <= high).all()
    share = ((early - low) / (high - low)).mean(axis=0)
    assert (abs(share - 0.5) < 5 / (12 * 8000) ** 0.5).all()  # uniform; false alarm 6e-7 each
    assert (early.max(axis=0) > 0.98 * high + 0.02 * low).all()
    assert (early.min(axis=0) < 0.98 * low + 0.02 * high).all()
    noise = np.array([[0.25, -0.5], [9.0, -9.0]])
    late = ddpg.explore(agent, state._replace(step=40, noise=noise), SMALL, rng, obs)
    mean = np.tanh(mlp.forward(agent.actor, state.theta, obs)[0])
    np.testing.assert_allclose(late[0], agent.box.middle + agent.box.half * (mean[0] + noise[0]), rtol=1e-14)
    np.testing.assert_allclose(late[1], [high[0], low[1]], rtol=1e-15)


def test_gaussian_noise_is_drawn_anew_for_every_entry():
    x, rng = np.full((4000, 2), 7.0), np.random.default_rng(0)
    x = ddpg.next_noise(x, ddpg.Config(noise_std=0.3), rng)
    assert abs(x.std() / 0.3 - 1) < 5 * (2 * 8000) ** -0.5  # false alarm 6e-7
    assert abs((x[:, 0] * x[:, 1]).mean() / 0.09) < 5 / 4000**0.5


PROCESS = replace(SMALL, noise="ornstein-uhlenbeck", noise_std=0.2, noise_theta=0.5, noise_dt=0.25)


def test_the_process_continues_within_an_episode_and_begins_at_0_with_each():
    """Environment 0 is one step ahead of environment 1, so that their episodes end at different times."""
    world, rng = world_of(dtype=np.float64), np.random.default_rng(0)
    agent, state = ddpg.build(world.envs, PROCESS), ddpg.init(PROCESS, world, rng)
    old = np.ones((2, A))
    batch, _ = rollout.collect(world, lambda obs: np.tile([0.0, 5.0], (2, 1)), 1)
    ended = batch._replace(truncated=np.array([[True, False]]))
    new, _ = ddpg.update(agent, state._replace(noise=old), ended, PROCESS, rng)
    np.testing.assert_array_equal(new.noise, [[0, 0], [1, 1]])
    resetting = batch._replace(valid=np.array([[True, False]]))  # environment 1, of which this was no step
    after, _ = ddpg.update(agent, state._replace(noise=old), resetting, PROCESS, rng)
    np.testing.assert_array_equal(after.noise, [[1, 1], [0, 0]])
    drawn = np.random.default_rng(5).standard_normal((2, A))
    moved = ddpg.next_noise(new.noise, PROCESS, np.random.default_rng(5))
    np.testing.assert_allclose(moved, new.noise * (1 - 0.125) + 0.2 * 0.5 * drawn, rtol=1e-14)


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_noise_seen_by_the_environment_is_a_fresh_process_in_every_episode(mode):
    """x is had back from the actions remembered, since the actor is known."""
    config = replace(PROCESS, learning_starts=0, total_steps=60, report_every=20, policy_lr=1e-30, noise_std=0.02)
    history = run(config, world_of(dtype=np.float64, mode=mode), np.random.default_rng(0))
    memory, agent = history[-1][0].replay, ddpg.build(world_of().envs, config)
    actor = np.tanh(mlp.forward(agent.actor, history[-1][0].theta, memory.obs[:60])[0])
    x = actions.from_env(agent.box, memory.action[:60]) - actor
    firsts, correlated = [], []
    for env in range(2):
        rows = np.flatnonzero(memory.env[:60] == env)
        for episode in rows.reshape(-1, 5):
            firsts.append(x[episode[0]])
            correlated.append((x[episode[0]] * x[episode[1]]).sum())
    spread = 0.02 * 0.5  # σ √dt: one step from 0; carried over from the last episode it would be up to 1.8 times that
    assert np.std(firsts) == pytest.approx(spread, rel=0.5)
    assert np.sum(correlated) > 0


def test_the_player_is_deterministic_or_has_the_noise_of_training():
    config = replace(SMALL, noise_std=0.1)
    agent, state = trained(config)
    world = world_of(count=3, dtype=np.float64)
    obs = np.random.default_rng(1).standard_normal((3, O))
    plain = ddpg.player(world.envs, state, config, np.random.default_rng(2), deterministic=True)
    np.testing.assert_array_equal(plain(obs), plain(obs))
    expected = actions.to_env(agent.box, deterministic.action(agent.actor, state.theta, obs))
    np.testing.assert_allclose(plain(obs), expected, rtol=1e-14)
    noisy = ddpg.player(world.envs, state, config, np.random.default_rng(2), deterministic=False)
    first, second = noisy(obs), noisy(obs)
    assert (first != second).any()
    assert (np.abs(first - expected) <= 6 * 0.1 * agent.box.half).all()


# ---- train ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("changes", [{}, {**TD3, "noise": "ornstein-uhlenbeck", "updates": 3}], ids=["ddpg", "td3"])
def test_a_run_in_two_generators_is_the_run_in_one(dtype, changes, assert_same_bits, leaves):
    """(state, rng, world) are all there is, also after the ring has come round; in both precisions."""
    config = replace(SMALL, **changes)
    whole = run(config, world_of(dtype=dtype), np.random.default_rng(0))
    world, rng = world_of(dtype=dtype), np.random.default_rng(0)
    begun = run(config, world, rng, count=2)
    ended = run(config, world, rng, begun[-1][0])
    assert_same_bits(ended[-1], whole[-1])
    assert whole[-1][0].step > whole[-1][0].replay.size == 90
    real = [x for x in leaves(whole[-1][0]) if x.dtype.kind == "f"]
    assert {x.dtype for x in real} == {np.dtype(dtype)}
    assert (whole[-1][0].theta != run(config, world_of(dtype=dtype), np.random.default_rng(1))[-1][0].theta).any()


def test_update_does_not_see_rows_that_are_no_transition(assert_same_bits):
    results = []
    for absurd in (0.0, 1e30):
        world, rng = world_of(mode=AutoresetMode.NEXT_STEP, dtype=np.float64), np.random.default_rng(0)
        config = replace(SMALL, learning_starts=0, minibatch=4)
        agent, state = ddpg.build(world.envs, config), ddpg.init(config, world, rng)
        batch, _ = rollout.collect(world, lambda obs: np.tile([0.0, 5.0], (2, 1)), 1)
        batch = batch._replace(
            valid=np.array([[True, False]]),
            obs=batch.obs + absurd * np.array([0, 1])[None, :, None],
            reward=batch.reward + absurd * np.array([[0, 1]]),
        )
        results.append(ddpg.update(agent, state, batch, config, np.random.default_rng(1)))
    assert_same_bits(*results)
    assert results[0][0].step == results[0][0].replay.size == 1


def test_nothing_is_learnt_before_learning_starts_and_updates_are_gradient_steps():
    config = replace(SMALL, total_steps=50, learning_starts=40, updates=3, report_every=10)
    history = run(config, world_of(), np.random.default_rng(0))
    assert [state.step for state, _ in history] == [10, 20, 30, 40, 50]
    assert [state.phi_optimizer.t for state, _ in history] == [0, 0, 0, 3, 18]
    assert np.isnan(history[2][1]["losses/qf_loss"])
    assert np.isfinite([value for name, value in history[3][1].items() if name != "episodes"]).all()
    assert sum(len(info["episodes"].lengths) for _, info in history) == 10


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_run_of_one_environment_in_every_autoreset_mode(mode):
    """In NEXT_STEP mode some batches hold no transition at all: they are passed over."""
    config = replace(SMALL, num_envs=1, total_steps=60, learning_starts=10, report_every=1)
    history = run(config, world_of(1, mode=mode), np.random.default_rng(0))
    assert [state.step for state, _ in history] == list(range(1, 61))
    assert [len(info["episodes"].lengths) for _, info in history] == [0, 0, 0, 0, 1] * 12
    memory = history[-1][0].replay
    assert memory.terminated.sum() == memory.truncated.sum() == 6
    assert memory.size == 60


@pytest.mark.parametrize(("space", "message"), [(Discrete(3), "floating Box"), (Box(-np.inf, 1, (2,)), "bounded")])
def test_actions_without_a_range_are_refused(space, message):
    with pytest.raises(UnusableEnvironment, match=message):
        run(SMALL, world_of(make=lambda: Counting(space)), np.random.default_rng(0))


@VARIANTS
def test_it_learns_the_action_that_is_rewarded(changes):
    """r = a₀ at every step: the actor goes to the upper bound of a₀, from 0, in all of three seeds."""
    config = replace(SMALL, total_steps=1200, capacity=2000, gamma=0.5, policy_lr=1e-2, value_lr=1e-2, **changes)
    for seed in range(3):
        world = world_of(seed=seed)
        state = run(config, world, np.random.default_rng(seed))[-1][0]
        act = ddpg.player(world.envs, state, config, np.random.default_rng(0), deterministic=True)
        assert (act(world.obs)[:, 0] > 1.5).all()


def test_config_of_the_process():
    with pytest.raises(ValueError, match=r"^noise_dt: expected a number below 2/noise_theta, got 20"):
        ddpg.Config(noise_dt=20.0)
    assert dataclasses.asdict(ddpg.Config())["twin"] is False


def test_default_environment_of_the_examples_is_understood():
    envs = environments.make("Pendulum-v1", 1)
    agent = ddpg.build(envs, ddpg.Config())
    assert agent.actor == MLP((3, 64, 64, 1), "relu")
    assert agent.critic == MLP((4, 64, 64, 1), "relu")
    np.testing.assert_array_equal(agent.box.half, [2])

"""What all algorithms promise alike: pure updates, no gradient from rows that are no transitions, a resumable loop."""

import copy
import dataclasses
import itertools

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from scratchrl.algorithms import a2c, a3c, ppo, reinforce, trpo, vpg
from scratchrl.experience import agent as agents
from scratchrl.experience import samples as sampling
from scratchrl.experience import trees
from scratchrl.experience.environments import make
from scratchrl.experience.rollout import collect, collect_episodes, start
from scratchrl.experience.scales import scaled
from scratchrl.maths import optimizers, policies

SMALL = {"total_steps": 400, "num_envs": 2, "hidden": (8,)}
CONFIGS = {
    reinforce: reinforce.Config(**SMALL),
    vpg: vpg.Config(**SMALL),
    a2c: a2c.Config(**SMALL),
    a3c: a3c.Config(**SMALL, workers=1, optimizer="adam"),
    trpo: trpo.Config(**SMALL, steps=32),
    ppo: ppo.Config(**SMALL, steps=32),
}


@pytest.fixture(params=CONFIGS, ids=lambda module: module.__name__.rpartition(".")[2])
def module(request):
    return request.param


def state_of(module, draw, agent, rng):
    """A State in the midst of learning."""
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    at_rest = {"theta_optimizer": theta, "optimizer": theta, "phi_optimizer": phi}
    fields = {"theta": theta, "phi": phi, "beta": 0.5, "scales": (), "step": 0}
    fields |= {name: optimizers.adam(optimizers.adam_init(x), 0.1 * x, 1e-3)[0] for name, x in at_rest.items()}
    return module.State(**{name: fields[name] for name in module.State._fields})


def updated(module, agent, state, batch, config, rng):
    """(new state, info); A3C's update changes a memory in place, which here is a copy of the state."""
    if module is not a3c:
        return module.update(agent, state, batch, config, rng)
    memory = trees.mapped(np.copy, a3c.Memory(*state[:4], np.zeros(1, int)))
    info = a3c.update(agent, memory, 0, state, batch, config)
    return a3c.State(*memory[:4], state.scales, state.step + int(memory.steps[0])), info


def data_for(module, draw, agent, theta, rng):
    return (draw.episodes if module in (reinforce, vpg) else draw.batch)(agent, theta, rng)


# ---- update ----


def test_update_is_pure(draw, agent, module, assert_same_bits):
    """Equal arguments, equal bits; and the arguments are not written to, nor what they are made of."""
    rng = np.random.default_rng(0)
    state = state_of(module, draw, agent, rng)
    batch = data_for(module, draw, agent, state.theta, rng)
    before = copy.deepcopy((state, batch))
    first, second = (
        updated(module, agent, state, batch, CONFIGS[module], np.random.default_rng(1)) for _ in range(2)
    )
    assert_same_bits(first, second)
    assert_same_bits((state, batch), before)
    assert (first[0].theta != state.theta).any()
    assert all(np.isfinite(value) for value in first[1].values())


def test_rows_that_are_no_transitions_never_reach_a_gradient(draw, agent, module, assert_same_bits):
    """Absurd numbers in fillers and padding change no bit of the new state nor of the report."""
    rng = np.random.default_rng(2)
    state = state_of(module, draw, agent, rng)
    batch = data_for(module, draw, agent, state.theta, rng)
    assert not batch.valid.all()
    absurd = batch._replace(
        obs=np.where(batch.valid[..., None], batch.obs, -1e300),
        next_obs=np.where(batch.valid[..., None], batch.next_obs, 1e300),
        reward=np.where(batch.valid, batch.reward, 1e300),
        action=np.where(batch.valid.reshape(*batch.valid.shape, *[1] * (batch.action.ndim - 2)), batch.action, 10**9),
    )
    results = [updated(module, agent, state, b, CONFIGS[module], np.random.default_rng(1)) for b in (batch, absurd)]
    assert_same_bits(*results)


def test_step_counts_transitions_alone(draw, agent, module):
    rng = np.random.default_rng(3)
    state = state_of(module, draw, agent, rng)._replace(step=100)
    batch = data_for(module, draw, agent, state.theta, rng)
    assert batch.valid.sum() < batch.valid.size
    assert updated(module, agent, state, batch, CONFIGS[module], rng)[0].step == 100 + batch.valid.sum()


def test_report_is_of_the_policy_and_the_critic_that_collected_the_batch(draw, agent, module):
    rng = np.random.default_rng(4)
    state = state_of(module, draw, agent, rng)
    batch = data_for(module, draw, agent, state.theta, rng)
    config = CONFIGS[module]
    _, info = updated(module, agent, state, batch, config, rng)
    params, _ = policies.forward(agent.policy, state.theta, batch.obs[batch.valid])
    assert info["losses/entropy"] == pytest.approx(agent.policy.distribution.entropy(params).mean(), rel=1e-12)
    if module is not reinforce:
        samples = sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam)
        unexplained = (samples.target - samples.value).var() / samples.target.var()
        assert info["losses/explained_variance"] == pytest.approx(1 - unexplained, rel=1e-9)


# ---- train ----


def world_of(envs, dtype=np.float32):
    return start(envs, seed=7, dtype=dtype)


def run(module, count, world, rng, state=None, **changes):
    """At most `count` updates."""
    config = dataclasses.replace(CONFIGS[module], **changes)
    return list(itertools.islice(module.train(config, world, rng, state), count))


def test_train_stops_at_the_first_update_that_reaches_total_steps(module):
    config = CONFIGS[module]
    history = run(module, None, world_of(make("CartPole-v1", 2, "sync")), np.random.default_rng(0))
    steps = [state.step for state, _ in history]
    assert all(a < b for a, b in itertools.pairwise([0, *steps]))
    assert steps[-2] < config.total_steps <= steps[-1]
    at_the_end = history[-1][0]._replace(step=config.total_steps)
    assert run(module, None, world_of(make("CartPole-v1", 2, "sync")), np.random.default_rng(0), at_the_end) == []


def test_same_seeds_same_bits_and_other_seeds_others(module, assert_same_bits):
    first, second, third = (
        run(module, 3, world_of(make("CartPole-v1", 2, "sync")), np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert_same_bits(tuple(first), tuple(second))
    assert (first[-1][0].theta != third[-1][0].theta).any()


@pytest.mark.parametrize("normalize", [False, True])
def test_a_run_in_two_generators_is_the_run_in_one(module, normalize, assert_same_bits, leaves):
    """(state, rng, world) are all there is: nothing hides in the generator. In both precisions."""
    scaling = {"normalize_obs": normalize, "normalize_reward": normalize}
    dtype = np.float64 if normalize else np.float32
    whole = run(module, 4, world_of(make("CartPole-v1", 2, "sync"), dtype), np.random.default_rng(0), **scaling)
    world, rng = world_of(make("CartPole-v1", 2, "sync"), dtype), np.random.default_rng(0)
    begun = run(module, 2, world, rng, **scaling)
    ended = run(module, 2, world, rng, begun[-1][0], **scaling)
    assert_same_bits(tuple(begun + ended), tuple(whole))
    assert whole[-1][0].theta.dtype == dtype
    assert all(array.dtype in (dtype, np.float64, np.int64) for array in leaves(whole[-1][0]))
    assert (whole[-1][0].scales.obs.count > 0) == normalize


def test_update_gets_what_the_networks_saw_and_the_next_rollout_the_new_statistics(module, assert_same_bits):
    """Two turns of the loop by hand: collect with the old scales, learn from the scaled batch."""
    config = dataclasses.replace(CONFIGS[module], normalize_obs=True, normalize_reward=True)
    history = run(module, 2, simple_world(Discrete(2)), np.random.default_rng(0), **dataclasses.asdict(config))
    world, rng = simple_world(Discrete(2)), np.random.default_rng(0)
    agent, state = agents.build(world.envs, config), module.init(config, world, rng)
    for expected, _ in history:
        act = agents.actor(agent.policy, state, config, rng)
        whole = module in (reinforce, vpg)
        batch, _ = collect_episodes(world, act, config.horizon) if whole else collect(world, act, config.steps)
        scales, batch = scaled(state.scales, batch, config)
        state, _ = updated(module, agent, state._replace(scales=scales), batch, config, rng)
        assert_same_bits(state, expected)


class Simple(gymnasium.Env):
    """Ends after 5 steps, by termination and truncation in turn; obs counts the steps; reward plus the action's sum."""

    observation_space = Box(-np.inf, np.inf, (2,), np.float32)

    def __init__(self, action_space, reward=1.0):
        self.action_space, self.reward, self.episode = action_space, reward, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.episode = 0, self.episode + 1
        return np.array([0, self.episode], np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.t += 1
        ended, kind = self.t == 5, self.episode % 2 == 0
        reward = self.reward + float(np.sum(action))
        return np.array([self.t, 0], np.float32), reward, ended and kind, ended and not kind, {}


def simple_world(action_space, reward=1.0, count=2, mode=AutoresetMode.DISABLED):
    envs = [lambda: Simple(action_space, reward)] * count
    return world_of(SyncVectorEnv(envs, autoreset_mode=mode))


SPACES = {
    "one choice": (Discrete(3), {}),
    "several choices": (MultiDiscrete([2, 3]), {}),
    "real numbers": (Box(-0.1, 0.1, (2,)), {}),
    "real numbers, σ of the state": (Box(-0.1, 0.1, (2,)), {"state_dependent_std": True}),
}


@pytest.mark.parametrize(("space", "changes"), SPACES.values(), ids=SPACES)
def test_learns_from_every_kind_of_action_space(module, space, changes, leaves):
    history = run(module, 3, simple_world(space), np.random.default_rng(0), **changes)
    for state, info in history:
        assert all(np.isfinite(leaf).all() for leaf in leaves(state))
        assert set(info["episodes"].lengths) <= {5}
        assert all(np.isfinite(value) for name, value in info.items() if name != "episodes")
    assert (history[-1][0].theta != history[0][0].theta).any()


@pytest.mark.parametrize("module", [a2c, a3c, trpo, ppo], ids=lambda module: module.__name__.rpartition(".")[2])
def test_a_rollout_that_only_resets_is_passed_over(module):
    """One environment, one step per batch: after each episode of 5 steps comes a batch without any transition."""
    world = simple_world(Discrete(2), count=1, mode=AutoresetMode.NEXT_STEP)
    history = run(module, None, world, np.random.default_rng(0), steps=1, total_steps=12)
    assert [state.step for state, _ in history] == list(range(1, 13))
    assert [len(info["episodes"].lengths) for _, info in history] == [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reward_that_is_no_number_stops_the_run_with_its_place(module, bad):
    with pytest.raises(FloatingPointError, match="reward"):
        run(module, 1, simple_world(Discrete(2), bad), np.random.default_rng(0))


# ---- learning ----


def test_ppo_learns_cartpole(draw):
    """Luck would look like this: a random policy's episodes last 22 ± 12 steps, so a mean of 20 of them above 60 is
    14 standard errors away."""
    config = ppo.Config(total_steps=12_000, num_envs=8, steps=128)
    world = start(make("CartPole-v1", 8, "sync"), seed=0)
    returns = [info["episodes"].returns for _, info in ppo.train(config, world, np.random.default_rng(0))]
    assert np.concatenate(returns)[:20].mean() < 40
    assert np.concatenate(returns)[-20:].mean() > 60

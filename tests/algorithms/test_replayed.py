"""What the algorithms with a replay promise alike: no row that is no transition, resumable loops, exact reports."""

import dataclasses
import itertools

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from scratchrl.algorithms import c51, dqn
from scratchrl.experience.environments import make
from scratchrl.experience.replay import empty
from scratchrl.experience.rollout import start
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.maths import mlp, optimizers

SMALL = {
    "total_steps": 300, "num_envs": 2, "hidden": (8,), "capacity": 90, "learning_starts": 40, "minibatch": 8,
    "target_every": 30, "epsilon_steps": 150, "report_every": 50, "steps": 3,
}  # fmt: skip
CONFIGS = {dqn: dqn.Config(**SMALL), c51: c51.Config(**SMALL, atoms=7)}


@pytest.fixture(params=CONFIGS, ids=lambda module: module.__name__.rpartition(".")[2])
def module(request):
    return request.param


def world_of(count=2, dtype=np.float32):
    return start(make("CartPole-v1", count, "sync"), seed=7, dtype=dtype)


def run(module, updates, world, rng, state=None, **changes):
    config = dataclasses.replace(CONFIGS[module], **changes)
    return list(itertools.islice(module.train(config, world, rng, state), updates))


# ---- one update ----


def state_of(module, draw, rng):
    """A State in mid-run, float64, for the draws' three observations and four actions."""
    config = CONFIGS[module]
    net = mlp.MLP((3, 8, 4 * getattr(config, "atoms", 1)))
    theta, target = rng.standard_normal((2, mlp.size(net)))
    world = start(SyncVectorEnv([lambda: Counting(Discrete(4))] * 2, autoreset_mode=AutoresetMode.DISABLED), 0, float)
    return net, module.State(theta, target, optimizers.adam_init(theta), empty(world, config.capacity), 100)


def test_update_does_not_see_rows_that_are_no_transition(draw, module, assert_same_bits):
    """Absurd fillers change no bit of the new parameters, the replay or the report."""
    agent = draw.agents["categorical"]
    results = []
    for absurd in (False, True):
        rng = np.random.default_rng(0)
        net, state = state_of(module, draw, rng)
        batch = draw.batch(agent, draw.theta(agent, rng), rng)
        assert not batch.valid.all()
        if absurd:
            batch = batch._replace(
                obs=np.where(batch.valid[..., None], batch.obs, -1e300),
                next_obs=np.where(batch.valid[..., None], batch.next_obs, 1e300),
                reward=np.where(batch.valid, batch.reward, 1e300),
                action=np.where(batch.valid, batch.action, 10**9),
            )
        results.append(module.update(net, state, batch, CONFIGS[module], np.random.default_rng(1)))
    assert_same_bits(*results)
    assert results[0][0].step == 100 + batch.valid.sum() == 100 + results[0][0].replay.size


def test_update_writes_to_nothing_but_the_replay(draw, module, leaves):
    agent, rng = draw.agents["categorical"], np.random.default_rng(0)
    net, state = state_of(module, draw, rng)
    before = [array.copy() for array in leaves(state._replace(replay=()))]
    new, _ = module.update(net, state, draw.batch(agent, draw.theta(agent, rng), rng), CONFIGS[module], rng)
    for old, kept in zip(leaves(state._replace(replay=())), before, strict=True):
        np.testing.assert_array_equal(old, kept)
    assert (new.theta != state.theta).any()


# ---- train ----


def test_train_reports_at_multiples_and_stops_at_the_first_update_past_the_end(module):
    history = run(module, None, world_of(), np.random.default_rng(0), report_every=50)
    assert [state.step for state, _ in history] == [54, 102, 150, 204, 252, 300]
    assert run(module, None, world_of(), np.random.default_rng(0), history[-1][0]) == []
    first, last = history[0][1], history[-1][1]
    assert set(first) == set(last) >= {"charts/epsilon", "losses/q_values", "episodes"}
    assert last["charts/epsilon"] == CONFIGS[module].epsilon_last


def test_all_episodes_are_reported_once(module):
    history = run(module, None, world_of(), np.random.default_rng(0))
    world = world_of()
    whole = run(module, None, world, np.random.default_rng(0), report_every=10**6)
    assert len(whole) == 1
    lengths = np.concatenate([info["episodes"].lengths for _, info in history])
    np.testing.assert_array_equal(lengths, whole[0][1]["episodes"].lengths)
    assert lengths.sum() + world.running_length.sum() == 300


def test_same_seeds_same_bits_and_other_seeds_others(module, assert_same_bits):
    first, second, third = (run(module, 3, world_of(), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert_same_bits(tuple(first), tuple(second))
    assert (first[-1][0].theta != third[-1][0].theta).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_run_in_two_generators_is_the_run_in_one(module, dtype, assert_same_bits):
    """(state, rng, world) are all there is, also after the ring has come round."""
    whole = run(module, 5, world_of(dtype=dtype), np.random.default_rng(0))
    world, rng = world_of(dtype=dtype), np.random.default_rng(0)
    begun = run(module, 3, world, rng)
    ended = run(module, 2, world, rng, begun[-1][0])
    assert_same_bits(ended[-1], whole[-1])
    assert whole[-1][0].step > whole[-1][0].replay.size == 90
    assert whole[-1][0].theta.dtype == whole[-1][0].optimizer.v.dtype == dtype


class Counting(gymnasium.Env):
    """Ends after 5 steps, by termination and truncation in turn; obs counts the steps."""

    observation_space = Box(-np.inf, np.inf, (3,), np.float32)

    def __init__(self, action_space):
        self.action_space, self.episode = action_space, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t, self.episode = 0, self.episode + 1
        return np.array([0, self.episode, 1], np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.t += 1
        ended, kind = self.t == 5, self.episode % 2 == 0
        return np.array([self.t, 0, 1], np.float32), 1.0, ended and kind, ended and not kind, {}


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_a_run_of_single_steps_in_every_autoreset_mode(module, mode, leaves):
    """In NEXT_STEP mode some batches hold no transition at all: they are passed over."""
    envs = SyncVectorEnv([lambda: Counting(Discrete(3, start=1))], autoreset_mode=mode)
    changes = {"steps": 1, "total_steps": 60, "learning_starts": 10, "report_every": 1, "num_envs": 1}
    history = run(module, None, start(envs, 0), np.random.default_rng(0), **changes)
    assert [state.step for state, _ in history] == list(range(1, 61))
    assert [len(info["episodes"].lengths) for _, info in history] == [0, 0, 0, 0, 1] * 12
    state = history[-1][0]
    assert state.replay.size == 60
    assert state.replay.terminated.sum() == state.replay.truncated.sum() == 6
    assert all(np.isfinite(leaf).all() for leaf in leaves(state))


def test_actions_that_cannot_be_counted_are_refused(module):
    envs = SyncVectorEnv([lambda: Counting(Box(-1, 1, (2,)))], autoreset_mode=AutoresetMode.DISABLED)
    with pytest.raises(UnusableEnvironment, match="action space must be Discrete"):
        run(module, 1, start(envs, 0), np.random.default_rng(0))


# ---- after training ----


def test_player_is_greedy_or_explores_with_the_last_epsilon(module):
    config, world = CONFIGS[module], world_of()
    state = run(module, None, world, np.random.default_rng(0))[-1][0]
    obs = np.random.default_rng(1).standard_normal((4000, 4)).astype(np.float32)
    greedy = module.player(world.envs, state, config, np.random.default_rng(2), deterministic=True)(obs)
    np.testing.assert_array_equal(
        greedy, module.player(world.envs, state, config, np.random.default_rng(3), deterministic=True)(obs)
    )
    early = state._replace(step=0)  # ε = 1: half of the actions are others
    other = module.player(world.envs, early, config, np.random.default_rng(4), deterministic=False)(obs) != greedy
    assert abs(other.mean() - 0.5) < 5 * 0.5 / 4000**0.5  # false alarm 6e-7

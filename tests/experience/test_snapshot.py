"""A world saved in mid-episode and restored elsewhere continues with the same bits."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.vector.utils import batch_space

from scratchrl.experience import snapshot
from scratchrl.experience.environments import make
from scratchrl.experience.rollout import collect, collect_episodes, start
from scratchrl.experience.spaces import action_shape

WORLDS = [
    ("CartPole-v1", 1, "sync"),
    ("CartPole-v1", 5, "sync"),
    ("CartPole-v1", 2, "async"),
    ("CartPole-v1", 6, "native"),
    ("Pendulum-v1", 3, "sync"),
    ("FrozenLake-v1", 3, "sync"),
    ("Acrobot-v1", 2, "sync"),
    ("MountainCar-v0", 2, "sync"),
    ("MountainCarContinuous-v0", 2, "sync"),
    ("CliffWalking-v1", 2, "sync"),
    ("Taxi-v4", 2, "sync"),
]


def acting(world, seed):
    """A random policy; real actions leave the bounds."""
    space, n = world.envs.single_action_space, len(world.obs)
    rng = np.random.default_rng(seed)
    if isinstance(space, Discrete):
        return lambda obs: rng.integers(0, space.n, n)
    return lambda obs: 3 * rng.normal(size=(n, *action_shape(space)))


def assert_same_bits(a, b):
    assert all(x.dtype == y.dtype and x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))


def through_a_file(arrays, path):
    np.savez(path, **arrays)
    with np.load(path, allow_pickle=False) as loaded:
        return dict(loaded)


@pytest.mark.parametrize("steps", [0, 1, 13, 150])
@pytest.mark.parametrize(("env_id", "n", "vectorization"), WORLDS)
def test_resume_is_bit_exact(tmp_path, env_id, n, vectorization, steps):
    world = start(make(env_id, n, vectorization), seed=4)
    for _ in range(min(steps, 2)):
        collect(world, acting(world, seed=0), steps)
    assert snapshot.is_exact(world)
    saved = through_a_file(snapshot.arrays(world), tmp_path / "world.npz")

    other = start(make(env_id, n, vectorization), seed=99)
    collect(other, acting(other, seed=1), 17)
    assert snapshot.restore(other, saved)
    for _ in range(2):
        (batch, episodes), (batch2, episodes2) = (collect(w, acting(w, seed=2), 60) for w in (world, other))
        assert_same_bits(batch, batch2)
        assert_same_bits(episodes, episodes2)
    again, again2 = snapshot.arrays(world), snapshot.arrays(other)
    assert again.keys() == again2.keys()
    assert_same_bits(again.values(), again2.values())
    assert_same_bits(*(collect_episodes(w, acting(w, seed=3), horizon=30)[0] for w in (world, other)))
    world.envs.close()
    other.envs.close()


def test_the_worlds_above_were_in_mid_episode_at_different_lengths():
    world = start(make("CartPole-v1", 5, "sync"), seed=4)
    collect(world, acting(world, seed=0), 150)
    assert len(set(world.running_length)) > 2


def test_the_record_survives_a_rollout_that_is_cut_short():
    world = start(make("CartPole-v1", 3), seed=1)
    collect(world, acting(world, seed=0), 20)
    before = snapshot.arrays(world)
    calls, act = [], acting(world, seed=1)

    def interrupted(obs):
        calls.append(obs)
        if len(calls) == 30:
            raise KeyboardInterrupt
        return act(obs)

    with pytest.raises(KeyboardInterrupt):
        collect(world, interrupted, 40)
    after = snapshot.arrays(world)
    assert_same_bits(before.values(), after.values())
    assert snapshot.restore(world, after)
    reference = start(make("CartPole-v1", 3), seed=1)
    assert snapshot.restore(reference, before)
    assert_same_bits(*(collect(w, acting(w, seed=2), 40)[0] for w in (world, reference)))


def test_a_snapshot_does_not_alias_the_world():
    world = start(make("CartPole-v1", 4, "native"), seed=1)
    saved = snapshot.arrays(world)
    kept = {name: array.copy() for name, array in saved.items()}
    collect(world, acting(world, seed=0), 50)
    assert all(np.array_equal(kept[name], saved[name]) for name in kept)
    assert snapshot.restore(world, saved)
    collect(world, acting(world, seed=0), 50)
    assert all(np.array_equal(kept[name], saved[name]) for name in kept)
    assert all(array.dtype.kind in "biufU" for array in saved.values())


def test_writing_into_a_batch_does_not_rewrite_the_tape():
    world = start(make("Pendulum-v1"), seed=1)
    batch, _ = collect(world, acting(world, seed=0), 20)
    batch.action[:] = 0
    assert snapshot.restore(world, snapshot.arrays(world))


class Forgetful(gymnasium.Env):
    """Its seed does not decide everything: `what` comes from a counter that outlives the episode."""

    observation_space, action_space = Box(-np.inf, np.inf, (1,), np.float32), Discrete(2)

    def __init__(self, what):
        self.what, self.steps = what, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.t = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        self.steps, self.t = self.steps + 1, self.t + 1
        obs = np.array([self.steps if self.what == "observation" else 0], np.float32)
        reward = float(self.steps if self.what == "reward" else 0)
        limit = (20 if self.steps < 30 else 4) if self.what == "length" else 8
        return obs, reward, self.t == limit, False, {}


@pytest.mark.parametrize("what", ["observation", "reward", "length"])
def test_an_environment_that_is_not_its_seed_is_found_out(what):
    envs = SyncVectorEnv([lambda: Forgetful(what)] * 2, autoreset_mode=AutoresetMode.DISABLED)
    world = start(envs, seed=0)
    collect(world, acting(world, seed=0), 15)
    saved = snapshot.arrays(world)
    collect(world, acting(world, seed=0), 15)
    assert not snapshot.restore(world, saved)
    assert world.episode.tolist() == (saved["episode"] + 1).tolist()  # new episodes, none of them played before
    assert not world.running_length.any()


@pytest.mark.parametrize("drifts", [False, True])
def test_an_environment_that_begins_elsewhere_each_time_is_known_at_the_start(drifts):
    class Drifting(Forgetful):
        begun = 0

        def reset(self, *, seed=None, options=None):
            Drifting.begun += drifts
            return super().reset(seed=seed)[0] + Drifting.begun, {}

    envs = SyncVectorEnv([lambda: Drifting("none")] * 2, autoreset_mode=AutoresetMode.DISABLED)
    assert snapshot.repeats(start(envs, seed=0)) is not drifts


def test_without_seeds_or_plain_attributes_a_snapshot_is_not_exact_and_restoring_begins_anew(scripted):
    for mode in (AutoresetMode.SAME_STEP, AutoresetMode.NEXT_STEP):
        world = start(scripted([[(4, (True, False))]] * 2, mode), seed=0)
        collect(world, acting(world, seed=0), 6)
        assert not snapshot.is_exact(world)
        assert not snapshot.repeats(world)
        assert not snapshot.restore(world, snapshot.arrays(world))
        assert not world.running_length.any()
        assert (world.obs[:, 1] == 0).all()
        assert world.episode.tolist() == [2, 2]


class Plain(gymnasium.vector.VectorEnv):
    """A native environment of plain attributes; each case below adds one that is not."""

    metadata = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012
    num_envs, single_action_space = 2, Discrete(2)
    single_observation_space = Box(0, 1, (1,))
    action_space = batch_space(single_action_space, 2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state, self.count, self.name = self.np_random.random((2, 1)), 3, "plain"
        return self.state, {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("history", [1, 2]),
        ("table", {}),
        ("model", object()),
        ("objects", np.array([None])),
        ("second_rng", np.random.default_rng(0)),
        ("scalar", np.float64(1)),
        ("view", "state"),
    ],
)
def test_plainness_is_decided_conservatively(name, value):
    world = start(Plain(), seed=0)
    assert snapshot.is_exact(world)
    setattr(world.envs, name, world.envs.state[:1] if value == "state" else value)
    assert not snapshot.is_exact(world)


def test_a_wrapped_native_environment_is_not_plain():
    envs = gymnasium.wrappers.vector.RecordEpisodeStatistics(make("CartPole-v1", 4, "native"))
    assert not snapshot.is_exact(start(envs, seed=0))


def test_a_snapshot_of_another_world_is_refused():
    saved = snapshot.arrays(start(make("CartPole-v1", 4, "sync"), seed=0))
    with pytest.raises(ValueError, match=r"obs must be float32 \(3, 4\), got float32 \(4, 4\)"):
        snapshot.restore(start(make("CartPole-v1", 3), seed=0), saved)
    with pytest.raises(ValueError, match=r"obs must be float64 \(4, 4\), got float32"):
        snapshot.restore(start(make("CartPole-v1", 4, "sync"), 0, np.float64), saved)
    with pytest.raises(ValueError, match="autoreset mode must be NextStep, got Disabled"):
        snapshot.restore(start(make("CartPole-v1", 4, "native"), seed=0), saved)


def test_seeds_of_any_size_survive():
    world = start(make("CartPole-v1"), seed=2**127 + 1)
    other = start(make("CartPole-v1"), seed=0)
    snapshot.restore(other, snapshot.arrays(world))
    assert other.seed == 2**127 + 1

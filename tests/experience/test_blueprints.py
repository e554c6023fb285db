"""Blueprints: what is built from one plays as the original does."""

import pickle

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv

from scratchrl.experience.blueprints import blueprint, build
from scratchrl.experience.environments import make
from scratchrl.experience.rollout import collect, start
from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.spaces import UnusableEnvironment


def played(envs):
    world = start(envs, seed=5)
    batch, _ = collect(world, lambda obs: (obs[:, 0] > 0).astype(np.int64), 60)
    envs.close()
    return [array.tobytes() for array in batch]


@pytest.mark.parametrize("vectorization", ["sync", "async", "native"])
def test_a_copy_made_from_pickled_bytes_plays_the_same_bits(vectorization):
    envs = make("CartPole-v1", 3, vectorization)
    plan = pickle.loads(pickle.dumps(blueprint(envs)))
    first, second = build(plan), build(plan)
    assert first.num_envs == 3
    assert isinstance(first, SerialVectorEnv) == (vectorization != "native")
    assert played(first) == played(second) == played(envs)


@pytest.mark.parametrize("kind", [SyncVectorEnv, AsyncVectorEnv, SerialVectorEnv, "native"])
def test_what_the_environment_was_made_with_is_kept(kind):
    """Gymnasium's own vector environments, and settings of the environment."""
    kwargs = {"sutton_barto_reward": True}
    if kind == "native":
        envs = gymnasium.make_vec("CartPole-v1", 2, "vector_entry_point", **kwargs)
    elif kind is AsyncVectorEnv:
        envs = gymnasium.make_vec("CartPole-v1", 2, "async", **kwargs)
    else:
        envs = kind([lambda: gymnasium.make("CartPole-v1", **kwargs)] * 2)
    again = build(blueprint(envs))
    again.reset(seed=0)
    assert again.step(np.zeros(2, np.int64))[1].tolist() == [0.0, 0.0]  # and not 1
    for each in (envs, again):
        each.close()


@pytest.mark.parametrize("kind", [SyncVectorEnv, SerialVectorEnv])
def test_without_an_id_there_is_no_blueprint(kind):
    class Own(gymnasium.Env):
        observation_space = action_space = gymnasium.spaces.Discrete(2)

    with pytest.raises(UnusableEnvironment, match="came from no Gymnasium id"):
        blueprint(kind([Own]))

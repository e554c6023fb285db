"""SerialVectorEnv against Gymnasium's SyncVectorEnv: the same seeds and actions, the same bits."""

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from scratchrl.experience.serial import SerialVectorEnv


def both(env_id, n):
    makers = [lambda: gymnasium.make(env_id)] * n
    return SerialVectorEnv(makers), SyncVectorEnv(makers, autoreset_mode=AutoresetMode.DISABLED)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", "FrozenLake-v1"])
def test_serial_and_sync_make_the_same_transitions(env_id):
    serial, sync = both(env_id, 3)
    sync.action_space.seed(0)
    np.testing.assert_array_equal(serial.reset(seed=[3, 4, 5])[0], sync.reset(seed=[3, 4, 5])[0])
    ended = 0
    for t in range(300):
        action = sync.action_space.sample()
        ours, theirs = serial.step(action), sync.step(action)
        for mine, its in zip(ours[:4], theirs[:4], strict=True):
            np.testing.assert_array_equal(mine, its)
            assert mine.dtype == its.dtype
        done = theirs[2] | theirs[3]
        if done.any():
            ended += done.sum()
            seeds = [1000 * t + n for n in range(3)]
            again = [envs.reset(seed=seeds, options={"reset_mask": done})[0].copy() for envs in (serial, sync)]
            np.testing.assert_array_equal(*again)
    assert ended > 2  # else the resets were never compared


def test_an_integer_seed_counts_up_as_in_gymnasium():
    serial, sync = both("CartPole-v1", 2)
    np.testing.assert_array_equal(serial.reset(seed=7)[0], sync.reset(seed=7)[0])


def test_render_and_close_reach_every_environment():
    closed = []

    class Closing(gymnasium.Wrapper):
        def close(self):
            closed.append(self)
            super().close()

    envs = SerialVectorEnv([lambda: Closing(gymnasium.make("CartPole-v1"))] * 2)
    envs.reset(seed=0)
    assert envs.render_mode is None
    envs.close()
    assert len(closed) == 2

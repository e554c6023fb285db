"""A scripted environment with known answers, made in any of the three autoreset modes."""

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

TERMINATED, TRUNCATED, BOTH = (True, False), (False, True), (True, True)


class Scripted(gymnasium.Env):
    """Episode k (from 0, then round again) has length and flags script[k]; obs = (k, step); reward = 10 k + step."""

    def __init__(self, script, action_space):
        self.observation_space = Box(-np.inf, np.inf, (2,), np.float32)
        self.action_space = action_space
        self.script, self.episode, self.received = script, -1, []

    def _obs(self):
        return np.array([self.episode, self.t], np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.episode, self.t = self.episode + 1, 0
        return self._obs(), {}

    def step(self, action):
        self.received.append(action)
        self.t += 1
        length, flags = self.script[self.episode % len(self.script)]
        assert self.t <= length, "stepped after the end"
        terminated, truncated = flags if self.t == length else (False, False)
        return self._obs(), 10.0 * self.episode + self.t, terminated, truncated, {}


@pytest.fixture
def scripted():
    """(scripts, mode) → vector environment with one Scripted per script."""

    def make(scripts, mode, action_space=None):
        fns = [lambda script=script: Scripted(script, action_space or Discrete(2)) for script in scripts]
        return SyncVectorEnv(fns, autoreset_mode=mode)

    return make


@pytest.fixture(params=list(AutoresetMode), ids=lambda mode: mode.name)
def mode(request):
    return request.param

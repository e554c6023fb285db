"""The Gymnasium view of an MDP: sampling code and exact code on the same arrays."""

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from scratchrl.exact.mdp import MDP
from scratchrl.exact.sampling import draw, sample_step


class MDPEnv(gymnasium.Env):
    """s_0 ~ ρ₀, s' ~ P(·|s, a), r = R(s, a, s'), terminated = terminal(s'), truncated after `horizon` steps.

    Args:
      mdp: the process; the environment holds a reference, not a copy.
      features: None observes the state's number (Discrete); "one_hot" the float32 unit vector e_s (Box); an array
        (S, O) its row s (Box, in the array's dtype): partial observation if rows coincide.
      horizon: truncated is True with step `horizon` of an episode, unless that step terminates it; None never.
    Info: {"state": s}, always the state's number.
    Raises:
      ValueError: features of another shape; ρ₀ on terminal states.
    Checked in tests/exact/test_environment.py: gymnasium's check_env, and sample means against V^π.

    >>> from scratchrl.exact.zoo import gridworld
    >>> env = MDPEnv(gridworld(1, 2))
    >>> env.reset(seed=0), env.step(1)
    ((0, {'state': 0}), (1, -1.0, True, False, {'state': 1}))
    """

    def __init__(self, mdp: MDP, features: str | np.ndarray | None = None, horizon: int | None = None):
        if mdp.start[mdp.terminal].any():
            raise ValueError("mdp: expected a start distribution on states that are not terminal")
        states, actions, _ = mdp.transition.shape
        self.mdp, self.horizon, self.metadata = mdp, horizon, {"render_modes": []}
        self.features = np.eye(states, dtype=np.float32) if isinstance(features, str) else features
        self.action_space = Discrete(actions)
        if self.features is None:
            self.observation_space = Discrete(states)
        else:
            _check_features(features, self.features, states)
            low, high = self.features.min(axis=0), self.features.max(axis=0)
            self.observation_space = Box(low, high, dtype=self.features.dtype)

    def reset(self, *, seed: int | None = None, options: dict | None = None):
        super().reset(seed=seed)
        self.state, self.age = draw(self.np_random, self.mdp.start), 0
        return self._observe(), {"state": self.state}

    def step(self, action):
        reward, self.state, terminated = sample_step(self.mdp, self.state, int(action), self.np_random)
        self.age += 1
        truncated = not terminated and self.age == self.horizon
        return self._observe(), reward, terminated, truncated, {"state": self.state}

    def _observe(self):
        return self.state if self.features is None else self.features[self.state].copy()


def _check_features(given, features, states):
    if isinstance(given, str) and given != "one_hot":
        raise ValueError(f'features: expected None, "one_hot" or an array (S, O), got {given!r}')
    if features.ndim != 2 or len(features) != states:
        raise ValueError(f"features: expected an array of shape ({states}, O), got {features.shape}")

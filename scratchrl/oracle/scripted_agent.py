"""The policy and the value function that collectors are run with: formulas of the scripted observation, all exact.

    V(obs) = code(obs)                          203 is the value of environment 2, episode 0, step 3
    a = (n + e + s) mod 5 − 2                   half of them beyond the bounds [−1, 1]
    log π(a|obs) = −code(obs) − a²/16
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.scripted import code


class Formula:
    """A function that reads well in a report."""

    def __init__(self, function: Callable[..., Any], text: str):
        self.function, self.text = function, text

    def __call__(self, obs: Any, *rest: Any) -> Any:
        obs = np.asarray(obs)
        if obs.shape[-1:] != (3,):
            raise ValueError(f"obs: expected observations (..., 3), got shape {obs.shape}")
        return self.function(obs, *rest)

    def __repr__(self) -> str:
        return f"<{self.text}>"


def _act(obs: NDArray) -> tuple[NDArray, NDArray]:
    action = obs.sum(axis=-1, keepdims=True) % 5 - 2
    return action, log_prob(obs, action)


def log_prob(obs: NDArray, action: NDArray) -> NDArray:
    """log π(a|obs) of any action.

    Args:
      obs: (..., 3); action: (..., 1).
    Returns:
      (...,).

    >>> log_prob(np.array([2.0, 0.0, 3.0]), np.array([-2.0])).item()
    -203.25
    """
    return -code(obs) - (action**2 / 16).sum(axis=-1)


class Policy(NamedTuple):
    """obs → (action, log-probability), with the density of any other action beside it."""

    act: Formula
    log_prob: Callable[[Any, Any], Any] = log_prob

    def __call__(self, obs: Any) -> Any:
        return self.act(obs)

    def __repr__(self) -> str:
        return repr(self.act)


density = Formula(log_prob, "log pi(a|obs) = -V(obs) - a^2/16")
value = Formula(code, "V(obs) = 100 n + 10 e + s, where obs = (n, e, s)")
policy = Policy(Formula(_act, "a = (n + e + s) mod 5 - 2 with log-probability -V(obs) - a^2/16"))


class Agent:
    """Policy and value function in one object, under the names that CleanRL, Stable-Baselines3 and Spinning Up use."""

    def __init__(self, *functions: Callable[..., Any]):
        self.policy, self.get_value, self.log_prob = functions
        self.predict_values = self.get_value

    def get_action_and_value(self, obs: Any, action: Any = None) -> tuple[Any, Any, Any, Any]:
        """(action, log-probability, entropy, value); the entropy is a stand-in, nothing compares it."""
        if action is None:
            action, log_prob = self.policy(obs)
        else:
            log_prob = self.log_prob(obs, action)
        return action, log_prob, 0 * log_prob, self.get_value(obs)

    def forward(self, obs: Any) -> tuple[Any, Any, Any]:
        """(action, value, log-probability)."""
        action, log_prob = self.policy(obs)
        return action, self.get_value(obs), log_prob

    __call__ = step = forward

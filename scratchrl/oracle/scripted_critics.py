"""A policy and critics for whoever computes targets from networks: formulas of observation and action, all different.

    s = (s₀, s₁)                                       observations (B, 2), actions (B, 1)
    π   a = (s₀ − s₁)/2,  log π(a|s) = s₀/4 − (a − s₁)²/2
    Q₁(s, a) = s₀ + 2 s₁ − a²/2,  Q₂(s, a) = s₀/2 − s₁ + a          the target networks
    Q₁ + 1 + s₀/4,  Q₂ − 2 + a/4                                     the ones that learn
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Function:
    """A formula of (obs, action) that reads well in a report."""

    def __init__(self, function: Callable[..., Any], text: str):
        self.function, self.text = function, text

    def __call__(self, obs: Any, action: Any) -> Any:
        """obs (B, 2), action (B, 1) or (B,) → (B,)."""
        obs, action = np.asarray(obs), np.asarray(action)
        return self.function(obs[..., 0], obs[..., 1], action.reshape(obs.shape[:-1]))

    def __repr__(self) -> str:
        return f"<{self.text}>"


def _log_prob(first: NDArray, second: NDArray, a: NDArray) -> NDArray:
    return first / 4 - (a - second) ** 2 / 2


def _q1(first: NDArray, second: NDArray, a: NDArray) -> NDArray:
    return first + 2 * second - a**2 / 2


def _q2(first: NDArray, second: NDArray, a: NDArray) -> NDArray:
    return first / 2 - second + a


def _q1_online(first: NDArray, second: NDArray, a: NDArray) -> NDArray:
    return _q1(first, second, a) + 1 + first / 4


def _q2_online(first: NDArray, second: NDArray, a: NDArray) -> NDArray:
    return _q2(first, second, a) - 2 + a / 4


class Actor:
    """obs → (action, log-probability), also under the names that CleanRL, Stable-Baselines3 and others use.

    >>> actor([[4.0, 2.0]])
    (array([[1.]]), array([0.5]))
    """

    log_prob = Function(_log_prob, "log pi(a|s) = s0/4 - (a - s1)^2/2")

    def __call__(self, obs: Any) -> tuple[Any, Any]:
        obs = np.asarray(obs)
        action = (obs[..., :1] - obs[..., 1:]) / 2
        return action, self.log_prob(obs, action)

    sample = action_log_prob = __call__

    def get_action(self, obs: Any) -> tuple[Any, Any, Any]:
        """(action, log-probability, what the deterministic policy would do)."""
        action, log_prob = self(obs)
        return action, log_prob, action

    def __repr__(self) -> str:
        return f"<a = (s0 - s1)/2 with {self.log_prob.text}>"


actor = Actor()
q1, q2 = Function(_q1, "Q1 = s0 + 2 s1 - a^2/2"), Function(_q2, "Q2 = s0/2 - s1 + a")
q1_online, q2_online = Function(_q1_online, "Q1 + 1 + s0/4"), Function(_q2_online, "Q2 - 2 + a/4")

r"""Bounded real actions: the Box of the environment, and the cube [−1, 1]^A in which the networks see it.

    a_env = m + h ∘ a,    m = ½ (high + low),    h = ½ (high − low)                                    (1)

Networks that end in a tanh, and critics that judge their actions, work in a; the environment and the replay hold a_env.
So a setting such as the standard deviation of the noise means the same share of every range, and no derivative meets
h: a critic of a_env, Q(s, (a_env − m)/h), has the derivative ∂Q/∂a · 1/h, and the actor's way there the factor h.
"""

from typing import Any, NamedTuple

import numpy as np
from gymnasium.spaces import Box
from gymnasium.vector import VectorEnv
from numpy.typing import DTypeLike, NDArray

from scratchrl.experience import spaces
from scratchrl.maths.mlp import MLP


class Range(NamedTuple):
    """The Box of one action, flat."""

    middle: NDArray  # (A,) m
    half: NDArray  # (A,) h > 0


def range_of(envs: VectorEnv, dtype: DTypeLike = np.float64) -> Range:
    """m and h of the environment's Box.

    Raises:
      UnusableEnvironment: actions that are no Box, or a Box without finite bounds low < high.

    Checked in tests/experience/test_actions.py.

    >>> from types import SimpleNamespace
    >>> range_of(SimpleNamespace(single_action_space=Box(-1, 3, (1,))))
    Range(middle=array([1.]), half=array([2.]))
    """
    space: Any = envs.single_action_space
    if not (isinstance(space, Box) and np.issubdtype(space.dtype, np.floating)):
        raise spaces.UnusableEnvironment(f"action space must be a floating Box for this algorithm, got {space}")
    low, high = space.low.astype(np.float64).ravel(), space.high.astype(np.float64).ravel()
    if not np.isfinite(high - low).all():
        raise spaces.UnusableEnvironment(
            f"action space must be bounded for this algorithm, got {space}: "
            "set bounds with gymnasium.wrappers.RescaleAction or in the environment"
        )
    if not (low < high).all():
        raise spaces.UnusableEnvironment(f"action space must have low < high everywhere, got {space}")
    return Range(((high + low) / 2).astype(dtype), ((high - low) / 2).astype(dtype))


def to_env(box: Range, action: NDArray) -> NDArray:
    """a_env of a, by (1): (..., A) → (..., A).

    >>> to_env(Range(np.array([1.0]), np.array([2.0])), np.array([[-1.0], [0.5]])).tolist()
    [[-1.0], [2.0]]
    """
    return box.middle + box.half * action


def from_env(box: Range, action: NDArray) -> NDArray:
    """a of a_env: the inverse of `to_env` up to rounding.

    Checked in tests/experience/test_actions.py.

    >>> from_env(Range(np.array([1.0]), np.array([2.0])), np.array([[-1.0], [2.0]])).tolist()
    [[-1.0], [0.5]]
    """
    return (action - box.middle) / box.half


# ---- the networks of an actor and its critics ----


def actor_network(envs: VectorEnv, config: Any, outputs: int = 1) -> MLP:
    """obs (B, O) → `outputs` numbers for every action dimension, (B, outputs · A), nothing squashed yet.

    Args:
      config: `hidden` and `activation`.
    Raises:
      UnusableEnvironment: as `range_of`, or an observation space outside the table in spaces.py.

    Checked in tests/experience/test_actions.py.
    """
    observation, action = _sizes(envs)
    return MLP((observation, *config.hidden, outputs * action), config.activation)


def critic_network(envs: VectorEnv, config: Any) -> MLP:
    """[s, a] (B, O + A) → Q(s, a) (B, 1).

    Args and Raises: as for `actor_network`.

    Checked in tests/experience/test_actions.py.
    """
    observation, action = _sizes(envs)
    return MLP((observation + action, *config.hidden, 1), config.activation)


def _sizes(envs: VectorEnv) -> tuple[int, int]:
    """O and A."""
    observation: Any = envs.single_observation_space
    action: Any = envs.single_action_space
    spaces.require_supported(observation, action)
    return spaces.observation_size(observation), len(range_of(envs).half)

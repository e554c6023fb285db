"""Spaces: which observations and actions are understood, and their translation to and from rows of numbers.

    observation   Box of any shape  → its numbers in C order, O = product of the shape (images: 0…255, not rescaled)
                  Discrete(n)       → one-hot, O = n
    action        Discrete          ← ()    integer counted from 0 (the space's `start` is added for the environment)
                  MultiDiscrete     ← (K,)  integers counted from 0
                  Box, floating     ← (A,)  numbers, A = product of the shape, clipped to the bounds for the environment
"""

from collections.abc import Callable

import numpy as np
from gymnasium.spaces import Box, Discrete, MultiDiscrete, Space

Observation = Box | Discrete
Action = Discrete | MultiDiscrete | Box


class UnusableEnvironment(ValueError):
    """An environment that scratchrl cannot make or cannot learn in; the message says why and what to do."""


def require_supported(observation_space: Space, action_space: Space) -> None:
    """Raise `UnusableEnvironment` unless both spaces are in the table above."""
    if not isinstance(observation_space, Box | Discrete):
        raise UnusableEnvironment(
            f"observation space must be Box or Discrete, got {observation_space}: "
            "wrap it in gymnasium.wrappers.FlattenObservation"
        )
    if not _is_supported_action(action_space):
        raise UnusableEnvironment(
            f"action space must be Discrete, MultiDiscrete with a 1-D nvec, or a floating Box, got {action_space}"
        )


def _is_supported_action(space: Space) -> bool:
    if isinstance(space, MultiDiscrete):
        return space.nvec.ndim == 1
    if isinstance(space, Box):
        return np.issubdtype(space.dtype, np.floating)
    return isinstance(space, Discrete)


def observation_size(space: Observation) -> int:
    """O: how many numbers one observation has.

    >>> observation_size(Discrete(5)), observation_size(Box(0, 1, (2, 3)))
    (5, 6)
    """
    return int(space.n) if isinstance(space, Discrete) else int(np.prod(space.shape))


def action_shape(space: Action) -> tuple[int, ...]:
    """Shape of one action as the policy gives it.

    >>> action_shape(Discrete(5)), action_shape(MultiDiscrete([2, 3])), action_shape(Box(0, 1, (2, 3)))
    ((), (2,), (6,))
    """
    return () if isinstance(space, Discrete) else (int(np.prod(space.shape)),)


def encoder(space: Observation) -> Callable[[np.ndarray, np.ndarray], None]:
    """Function (out (N, O), raw): writes N observations of the space into the rows of out.

    Checked in tests/experience/test_spaces.py.

    >>> out = np.zeros((2, 3))
    >>> encoder(Discrete(3, start=5))(out, np.array([5, 7]))
    >>> out
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    if isinstance(space, Discrete):
        return lambda out, raw: _one_hot(out, raw - space.start)
    return _copy if len(space.shape) == 1 else _flatten


def _copy(out: np.ndarray, raw: np.ndarray) -> None:
    out[...] = raw


def _flatten(out: np.ndarray, raw: np.ndarray) -> None:
    out[...] = raw.reshape(out.shape)


def _one_hot(out: np.ndarray, index: np.ndarray) -> None:
    out[...] = 0
    out[np.arange(len(index)), index] = 1


def decoder(space: Action) -> Callable[[np.ndarray], np.ndarray]:
    """Function action (N, ...) → a fresh batch of actions of the space: start added, clipped to the bounds, cast.

    Checked in tests/experience/test_spaces.py.

    >>> decoder(Discrete(3, start=5))(np.array([0, 2]))
    array([5, 7])
    >>> decoder(Box(-1, 1, (1,)))(np.array([[-3.], [0.5]]))
    array([[-1. ], [ 0.5]], dtype=float32)
    """
    if isinstance(space, Box):
        low, high = space.low, space.high
        return lambda a: np.minimum(np.maximum(a.reshape(-1, *low.shape), low), high).astype(space.dtype, copy=False)
    start, dtype = space.start, space.dtype
    if not np.any(start):
        return lambda action: action.astype(dtype)
    return lambda action: (action + start).astype(dtype, copy=False)

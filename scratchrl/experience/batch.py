"""Batch: what a rollout hands to an algorithm, and nothing more.

Time-major arrays; row t of environment n is one transition (obs, action, reward, next_obs). Values and log-probs
are functions of these and of the parameters, so the algorithm computes them afterwards, all at once.
"""

from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """T steps of N environments."""

    obs: np.ndarray  # (T, N, O)
    action: np.ndarray  # (T, N) or (T, N, A); as the policy gave it: unclipped, counted from 0
    reward: np.ndarray  # (T, N); reward[t] follows (obs[t], action[t])
    next_obs: np.ndarray  # (T, N, O); the true successor: at a done the final observation, never the reset one
    terminated: np.ndarray  # (T, N) bool
    truncated: np.ndarray  # (T, N) bool
    valid: np.ndarray  # (T, N) bool; False on rows that are no transition (autoreset fillers, padding)


class Episodes(NamedTuple):
    """The K episodes that ended in a batch, in order of ending."""

    returns: np.ndarray  # (K,) float64, undiscounted
    lengths: np.ndarray  # (K,) int64, steps


def joined(parts: list[Episodes]) -> Episodes:
    """The episodes of several batches, in order; of none, none.

    Checked in tests/experience/test_batch.py.

    >>> joined([Episodes(np.array([1.5]), np.array([3])), Episodes(np.array([2.5]), np.array([4]))])
    Episodes(returns=array([1.5, 2.5]), lengths=array([3, 4]))
    """
    none = Episodes(np.zeros(0), np.zeros(0, np.int64))
    returns, lengths = (np.concatenate(arrays) for arrays in zip(none, *parts, strict=True))
    return Episodes(returns, lengths)


def valid_rows(batch: Batch, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """(T, N, ...) → (B, ...): the rows that are transitions, earlier time first, then lower environment.

    Args:
      batch: its `valid` (T, N) chooses the rows.
      arrays: each (T, N, ...).
    Returns:
      a tuple with one (B, ...) array per argument, B = number of True in `batch.valid`.
    Raises:
      ValueError: an array does not begin with (T, N).

    Checked in tests/experience/test_batch.py.

    >>> valid = np.array([[True, True], [False, True]])
    >>> batch = Batch(*[None] * 6, valid=valid)
    >>> valid_rows(batch, np.array([[1, 2], [3, 4]]))
    (array([1, 2, 4]),)
    """
    for array in arrays:
        if array.shape[:2] != batch.valid.shape:
            raise ValueError(f"arrays must begin with (T, N) = {batch.valid.shape}, got shape {array.shape}")
    return tuple(array[batch.valid] for array in arrays)

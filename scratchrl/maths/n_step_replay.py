r"""n stored transitions as one: the runs of a replay that begin in given rows.

Legend: a ring of C rows, each a transition of one of N environments. `size` rows are filled; `position` is the row
written next, so the oldest one once all are filled. Rows are in order of time, of one time in order of environment:
the next transition of an environment is at most N rows further on.

    R = Σ_{i<k} γ^i r_i,   y = R + γ^k m Q(s_k, ·),   m = 1 − terminated of the last                (1)

A run has k = n transitions, or less where it breaks off: after one that terminated or was truncated, and at the newest
one, for what follows is not remembered yet. There s_k is a true successor and bootstraps as anywhere, with the discount
of the steps really taken.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels
from scratchrl.maths.constants import exact


def runs(
    reward: NDArray, terminated: NDArray, truncated: NDArray, env: NDArray, position: int, size: int,
    rows: NDArray, n: int, gamma: float, num_envs: int, obs: NDArray | None = None, next_obs: NDArray | None = None,
) -> tuple[NDArray, NDArray, NDArray]:  # fmt: skip
    r"""R, the last row and γ^k of the runs from these rows on.

    Args:
      reward, terminated, truncated, env: (C,) of the ring; env: which environment, from 0 to num_envs − 1.
      rows: (B,), filled ones; n ≥ 1; gamma in [0, 1]; num_envs: N.
      obs, next_obs: (C, O); if both are given, a run goes on only where the successor is the next row's observation.
    Returns:
      reward: R (B,); last: (B,) row of the last transition, with s_k as its successor; discount: γ^k (B,).
    Raises:
      ValueError: n < 1, a row that is not filled, or arrays that are not of one ring.

    Checked in tests/maths/test_n_step_replay.py against a walk over each environment's own list; n-step returns.

    >>> reward, no = np.array([4.0, 1.0, 2.0]), np.zeros(3, bool)
    >>> runs(reward, no, no, np.zeros(3, int), 1, 3, np.array([1, 2, 0]), n=2, gamma=0.5, num_envs=1)
    (array([2., 4., 4.]), array([2, 0, 0]), array([0.25, 0.25, 0.5 ]))
    """
    if n < 1:
        raise ValueError(f"n: expected at least 1, got {n}")
    if obs is None or next_obs is None:
        obs = next_obs = np.zeros((len(reward), 0), reward.dtype)
    _check(reward, size, rows, terminated=terminated, truncated=truncated, env=env)
    if not len(reward) == len(obs) == len(next_obs) or obs.shape != next_obs.shape:
        raise ValueError(f"obs, next_obs: expected ({len(reward)}, O) both, got {obs.shape} and {next_obs.shape}")
    factor = exact(gamma, reward) * np.ones(1, reward.dtype)
    total, discount = np.empty((2, len(rows)), reward.dtype)
    last = np.empty(len(rows), np.int64)
    kernels.select("runs", reward, obs, next_obs)(
        reward, terminated, truncated, env, position, size, obs, next_obs, rows, n, factor, num_envs,
        total, last, discount,
    )  # fmt: skip
    return total, last, discount  # (1)


def _check(reward: NDArray, size: int, rows: NDArray, **others: NDArray) -> None:
    for name, array in others.items():
        if array.shape != reward.shape:
            raise ValueError(f"{name}: expected the shape of reward, {reward.shape}, got {array.shape}")
    if not 0 <= size <= len(reward):
        raise ValueError(f"size: expected 0 to the ring's {len(reward)} rows, got {size}")
    if rows.dtype.kind not in "iu" or rows.ndim != 1:
        raise ValueError(f"rows: expected integers (B,), got shape {rows.shape} of dtype {rows.dtype}")
    if not kernels.are_below(rows, size):
        raise ValueError(f"rows: expected 0 to {size - 1}, got {rows.min()} to {rows.max()}")

r"""n stored transitions as one: the runs of a replay that begin in given rows.

Legend: a ring of C rows, each a transition of one of N environments. `size` rows are filled; `position` is the row
written next, so the oldest one once all are filled. Rows are in order of time, of one time in order of environment:
the next transition of an environment is at most N rows further on.

    R = Σ_{i<k} γ^i r_i,   y = R + γ^k m Q(s_k, ·),   m = 1 − terminated of the last                (1)

A run has k = n transitions, or less where it breaks off: after one that terminated or was truncated, and at the newest
one, for what follows is not remembered yet. There s_k is a true successor and bootstraps as anywhere, with the discount
of the steps really taken.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.constants import exact


def runs(
    reward: NDArray, terminated: NDArray, truncated: NDArray, env: NDArray, position: int, size: int,
    rows: NDArray, n: int, gamma: float, num_envs: int, continues: Callable[[NDArray, NDArray], Any] | None = None,
) -> tuple[NDArray, NDArray, NDArray]:  # fmt: skip
    r"""R, the last row and γ^k of the runs from these rows on.

    Args:
      reward, terminated, truncated, env: (C,) of the ring; env: which environment, from 0 to num_envs − 1.
      rows: (B,), filled ones; n ≥ 1; gamma in [0, 1]; num_envs: N.
      continues: (rows, the ones after them) → (B,) whether one goes on from the other, if more than their environment
        has to agree.
    Returns:
      reward: R (B,); last: (B,) row of the last transition, with s_k as its successor; discount: γ^k (B,).
    Raises:
      ValueError: n < 1.

    Checked in tests/maths/test_n_step_replay.py against a walk over each environment's own list; n-step returns.

    >>> reward, no = np.array([4.0, 1.0, 2.0]), np.zeros(3, bool)
    >>> runs(reward, no, no, np.zeros(3, int), 1, 3, np.array([1, 2, 0]), n=2, gamma=0.5, num_envs=1)
    (array([2., 4., 4.]), array([2, 0, 0]), array([0.25, 0.25, 0.5 ]))
    """
    if n < 1:
        raise ValueError(f"n: expected at least 1, got {n}")
    factor = discount = exact(gamma, reward) * np.ones(len(rows), reward.dtype)
    last, total, going = rows, reward.take(rows), np.ones(len(rows), bool)
    for _ in range(n - 1):
        after, exists = following(env, position, size, last, num_envs)
        going = going & exists & ~(terminated[last] | truncated[last])
        if continues is not None:
            going = going & continues(last, after)
        last = np.where(going, after, last)
        total = total + np.where(going, discount * reward[last], 0 * total)
        discount = np.where(going, discount * factor, discount)
    return total, last, discount  # (1)


def following(env: NDArray, position: int, size: int, rows: NDArray, num_envs: int) -> tuple[NDArray, NDArray]:
    """The next row of the same environment, and whether there is one: the newest of its environment has none.

    Args:
      as in `runs`.
    Returns:
      after (B,), of no meaning where there is none; exists (B,).

    Checked in tests/maths/test_n_step_replay.py.

    >>> following(np.array([0, 1, 0, 1]), position=2, size=4, rows=np.array([2, 3, 0]), num_envs=2)
    (array([0, 1, 1]), array([ True,  True, False]))
    """
    capacity, ahead = len(env), np.arange(1, num_envs + 1)
    age = (rows - position) % capacity if size == capacity else rows  # 0 is the oldest
    candidates = (rows[:, None] + ahead) % capacity
    fits = (env[candidates] == env[rows, None]) & (age[:, None] + ahead < size)
    return candidates[np.arange(len(rows)), fits.argmax(axis=1)], fits.any(axis=1)

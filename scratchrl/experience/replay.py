"""Replay: the last C transitions of a run, each kept until C newer ones have come, and random samples of them.

The arrays are a ring, written in place; `position` and `size` are in the tuple that `add` returns. Rows are in order
of time, of one time in order of environment: so the next transition of an environment is at most N rows further on.
A row is the raw Batch row: true successors, terminated and truncated apart, no row that is no transition.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience.batch import Batch
from scratchrl.experience.world import World
from scratchrl.maths import n_step_replay


class Replay(NamedTuple):
    """Room for C transitions; rows 0 … size − 1 are filled, the oldest is `position` once the ring is full."""

    obs: NDArray  # (C, O)
    action: NDArray  # (C,) or (C, A)
    reward: NDArray  # (C,)
    next_obs: NDArray  # (C, O)
    terminated: NDArray  # (C,) bool
    truncated: NDArray  # (C,) bool
    env: NDArray  # (C,) int32: which environment
    position: int  # the row written next
    size: int


class Transitions(NamedTuple):
    """B transitions, fresh arrays."""

    obs: NDArray  # (B, O)
    action: NDArray  # (B,) or (B, A)
    reward: NDArray  # (B,)
    next_obs: NDArray  # (B, O)
    terminated: NDArray  # (B,) bool
    truncated: NDArray  # (B,) bool


class NStepTransitions(NamedTuple):
    """B runs of at most n transitions, each summed up as one."""

    obs: NDArray  # (B, O), where the run begins
    action: NDArray  # (B,) or (B, A), the first
    reward: NDArray  # (B,), Σ_{i<k} γ^i r_i
    next_obs: NDArray  # (B, O), where it ends
    terminated: NDArray  # (B,) bool, of the last transition
    truncated: NDArray  # (B,) bool, of the last transition
    discount: NDArray  # (B,), γ^k: what a value of next_obs is worth at obs


def empty(world: World, capacity: int, path: str | Path | None = None) -> Replay:
    """Nothing remembered, room for `capacity` transitions of this world.

    Args:
      path: if given, a folder for the arrays, which are then files mapped into memory: for a replay larger than it.
    Raises:
      ValueError: capacity < 1.

    Checked in tests/experience/test_replay.py.
    """
    if capacity < 1:
        raise ValueError(f"capacity: expected at least 1, got {capacity}")
    row, real = world.obs.shape[1:], world.obs.dtype
    columns: dict[str, tuple[tuple[int, ...], Any]] = {
        "obs": (row, real), "action": (world.idle.shape[1:], world.idle.dtype), "reward": ((), real),
        "next_obs": (row, real), "terminated": ((), np.bool), "truncated": ((), np.bool), "env": ((), np.int32),
    }  # fmt: skip
    if path is not None:
        Path(path).mkdir(parents=True, exist_ok=True)

    def room(name: str, shape: tuple[int, ...], dtype: Any) -> NDArray:
        if path is None:
            return np.zeros((capacity, *shape), dtype)
        return np.lib.format.open_memmap(Path(path, f"{name}.npy"), "w+", np.dtype(dtype), (capacity, *shape))

    return Replay(**{name: room(name, *kind) for name, kind in columns.items()}, position=0, size=0)


def add(replay: Replay, batch: Batch) -> Replay:
    """The valid rows of the batch in order of time, over the oldest ones where the ring is full.

    Args:
      replay: its arrays are written in place, so that older tuples of the same arrays are no longer to be used.
      batch: (T, N, ...).
    Returns:
      the Replay with the new position and size.

    Checked in tests/experience/test_replay.py against a list of rows.
    """
    count, capacity = int(np.count_nonzero(batch.valid)), len(replay.reward)
    env = np.arange(batch.valid.size, dtype=np.int32) % batch.valid.shape[1]
    late = max(0, count - capacity)  # more than fit: only the last are written
    start = (replay.position + late) % capacity
    cut = min(count, late + capacity - start)
    for array, new in zip(replay[:-2], (*batch[:-1], env), strict=True):
        rows = new.reshape(-1, *array.shape[1:])
        rows = rows if count == len(rows) else rows[batch.valid.ravel()]
        array[start : start + cut - late] = rows[late:cut]
        if cut < count:
            array[: count - cut] = rows[cut:]
    return Replay(*replay[:-2], (replay.position + count) % capacity, min(replay.size + count, capacity))


def sample(replay: Replay, rng: np.random.Generator, size: int) -> Transitions:
    """B = size rows, each drawn uniformly from all that are there, with replacement.

    Raises:
      ValueError: the replay is empty.

    Checked in tests/experience/test_replay.py: every row as often as another (χ²), fields of one row stay together.
    """
    rows = _draw(replay, rng, size)
    return Transitions(*(array.take(rows, axis=0) for array in replay[:6]))


def sample_n_step(
    replay: Replay, rng: np.random.Generator, size: int, n: int, gamma: float, num_envs: int
) -> NStepTransitions:
    r"""The k transitions from a row on, drawn as by `sample`, as one: k = n, or less where the run breaks off.

        R = Σ_{i<k} γ^i r_i,   y = R + γ^k m Q(s_k, ·),   m = 1 − terminated of the last

    A run breaks off after a transition that terminated or was truncated, and before the newest one is passed: what
    follows is not remembered yet. It stays in one environment, and a run of transitions that was resumed with new
    episodes is not taken for one that went on. Truncated or broken off, s_k is a true successor and
    bootstraps with the discount of the steps really taken.

    Args:
      n ≥ 1; gamma in [0, 1]; num_envs: N of the world that filled the replay.
    Raises:
      ValueError: the replay is empty, or n < 1.

    Checked in tests/experience/test_replay.py against a walk over each environment's own list; n = 1 is `sample`.
    """
    rows = _draw(replay, rng, size)
    ring = (replay.reward, replay.terminated, replay.truncated, replay.env, replay.position, replay.size)
    reward, last, discount = n_step_replay.runs(*ring, rows, n, gamma, num_envs, replay.obs, replay.next_obs)
    obs, action = (array.take(rows, axis=0) for array in replay[:2])
    next_obs, terminated, truncated = (array.take(last, axis=0) for array in replay[3:6])
    return NStepTransitions(obs, action, reward, next_obs, terminated, truncated, discount)


def _draw(replay: Replay, rng: np.random.Generator, size: int) -> NDArray:
    if replay.size < 1:
        raise ValueError("replay: expected at least one transition, got an empty one")
    return rng.integers(replay.size, size=size)

"""Rows of memory in a random order: an epoch of minibatches, and draws from a replay."""

from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench.work import Run, Work
from scratchrl.experience import replay
from scratchrl.experience.replay import Replay
from scratchrl.experience.samples import Samples
from scratchrl.maths import critic

# ---- one epoch ----

ROWS, MINIBATCH = 2048, 64


@lru_cache(maxsize=1)
def samples() -> Samples:
    """Observation b is (b, b, b, b), and so is all else, so that what belongs together can be told."""
    mark = np.arange(ROWS, dtype=np.float32)
    params = np.repeat(mark[:, None], 2, 1)
    return Samples(np.repeat(mark[:, None], 4, 1), mark.astype(np.int64), params, *(mark.copy() for _ in range(4)))


def ours_epoch() -> Run:
    """As PPO has it: seven arrays."""
    rng, arrays = np.random.default_rng(0), samples()
    return lambda: [Samples(*rows) for rows in critic.minibatches(rng, MINIBATCH, *arrays)]


def sb3_epoch() -> Run:
    """RolloutBuffer.get: six arrays, as tensors."""
    from gymnasium.spaces import Box, Discrete
    from stable_baselines3.common.buffers import RolloutBuffer

    held = samples()
    buffer = RolloutBuffer(ROWS, Box(-1, 1, (4,)), Discrete(2), "cpu")
    buffer.observations[:, 0], buffer.actions[:, 0, 0] = held.obs, held.action
    for name in ("values", "log_probs", "advantages", "returns"):
        getattr(buffer, name)[:, 0] = held.value
    buffer.full = True
    return lambda: list(buffer.get(MINIBATCH))


def epoch_answer(batches: list[Any]) -> NDArray:
    """Every row once, and in each minibatch observation, action and advantage of the same rows."""
    fields = ("obs", "action", "advantage") if hasattr(batches[0], "obs") else ("observations", "actions", "advantages")
    columns = [np.concatenate([np.asarray(getattr(batch, name)) for batch in batches]) for name in fields]
    return _together(*columns)


def _together(obs: NDArray, *others: NDArray) -> NDArray:
    mark = obs[:, 0]
    apart = [np.abs(column.reshape(len(mark), -1) - mark[:, None]).max() for column in (obs, *others)]
    return np.concatenate([np.sort(mark), apart])


# ---- draws from a replay ----


@lru_cache(maxsize=1)
def remembered(capacity: int, observation: int, actions: int) -> Replay:
    """A full replay; the observation of row b is (b, b, …), and so is all else."""
    mark = np.arange(capacity, dtype=np.float32)
    obs = np.repeat(mark[:, None], observation, 1)
    action = np.repeat(mark[:, None], actions, 1) if actions else mark.astype(np.int64)
    flags = np.zeros(capacity, bool), np.zeros(capacity, bool)
    env = np.zeros(capacity, np.int32)
    return Replay(obs, action, mark.copy(), obs.copy(), *flags, env, position=0, size=capacity)


def ours_draw(size: tuple[int, int, int], rows: int) -> Run:
    """`replay.sample`."""
    rng, held = np.random.default_rng(0), remembered(*size)
    return lambda: replay.sample(held, rng, rows)


def sb3_draw(size: tuple[int, int, int], rows: int) -> Run:
    """ReplayBuffer.sample, as tensors."""
    from gymnasium.spaces import Box, Discrete
    from stable_baselines3.common.buffers import ReplayBuffer

    capacity, observation, actions = size
    held = remembered(*size)
    space: Any = Box(-1, 1, (actions,)) if actions else Discrete(2)
    buffer = ReplayBuffer(capacity, Box(-1, 1, (observation,)), space, "cpu")
    buffer.observations[:, 0], buffer.next_observations[:, 0] = held.obs, held.next_obs
    buffer.actions[:, 0], buffer.rewards[:, 0] = held.action.reshape(capacity, -1), held.reward
    buffer.full = True
    return lambda: buffer.sample(rows)


def draw_answer(drawn: Any) -> NDArray:
    """How many rows, and how far the fields of a row are apart: which rows is chance."""
    names = ("obs", "action", "reward", "next_obs")
    if not hasattr(drawn, "obs"):
        names = ("observations", "actions", "rewards", "next_observations")
    rows = _together(*(np.asarray(getattr(drawn, name)) for name in names))
    return np.array([len(rows), *rows[-len(names) :]])


def epoch_work() -> Work:
    """The row of an epoch."""
    makers = {"ours": ours_epoch, "stable-baselines3": sb3_epoch}
    answers = dict.fromkeys(makers, epoch_answer)
    name = f"an epoch of minibatches of {MINIBATCH}, {ROWS} rows"
    return Work(name, "sampling", makers, {"stable-baselines3": 20}, answers=answers, tolerance=0.0)


def draw_work(name: str, size: tuple[int, int, int], rows: int) -> Work:
    """A row of draws from a replay of (capacity, observation, actions; 0: one integer)."""
    makers = {"ours": partial(ours_draw, size, rows), "stable-baselines3": partial(sb3_draw, size, rows)}
    answers = dict.fromkeys(makers, draw_answer)
    return Work(f"replay, {rows} of 100k rows, {name}", "sampling", makers, {}, answers=answers, tolerance=0.0)


WORKS = epoch_work(), draw_work("4 + 1 numbers", (100_000, 4, 0), 32), draw_work("17 + 6", (100_000, 17, 6), 256)

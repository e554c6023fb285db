"""Memory of self-play: the last C moves, each kept until C newer ones have come, and random samples of them.

A ring as in replay.py, written in place. A sample is seen through a symmetry of the game drawn at random: a board and
its mirror image are the same game, so one game played teaches as many.

Checked in tests/experience/test_game_memory.py.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchrl.experience import games
from scratchrl.experience.games import Game, Position
from scratchrl.experience.self_play import Moves


class Memory(NamedTuple):
    """Room for C moves; rows 0 … size − 1 are filled, the oldest is `position` once the ring is full."""

    mine: NDArray  # (C,) int64
    theirs: NDArray  # (C,) int64
    policy: NDArray  # (C, A): π
    outcome: NDArray  # (C,): z
    position: int  # the row written next
    size: int


class Lessons(NamedTuple):
    """B moves as the network learns from them, fresh arrays."""

    obs: NDArray  # (B, O)
    legal: NDArray  # (B, A) bool
    policy: NDArray  # (B, A): π
    outcome: NDArray  # (B,): z


def empty(game: Game, capacity: int, dtype: DTypeLike = np.float32) -> Memory:
    """Nothing remembered."""
    boards = np.zeros(capacity, np.int64), np.zeros(capacity, np.int64)
    return Memory(*boards, np.zeros((capacity, games.actions(game)), dtype), np.zeros(capacity, dtype), 0, 0)


def add(memory: Memory, moves: Moves) -> Memory:
    """The moves, over the oldest ones where the ring is full; the arrays are written in place."""
    capacity, count = len(memory.outcome), len(moves.outcome)
    kept = np.arange(max(0, count - capacity), count)
    rows = (memory.position + kept) % capacity
    for array, new in zip(memory[:4], (*moves.position, moves.policy, moves.outcome), strict=True):
        array[rows] = new[kept]
    return memory._replace(position=(memory.position + count) % capacity, size=min(memory.size + count, capacity))


def sample(memory: Memory, game: Game, rng: np.random.Generator, size: int) -> Lessons:
    """B = size moves drawn uniformly with replacement, each seen through one of the game's symmetries.

    Raises:
      ValueError: nothing is remembered.
    """
    if memory.size < 1:
        raise ValueError("memory: expected at least one move, got none")
    row = rng.integers(memory.size, size=size)
    cells, actions = games.symmetries(game)
    chosen = rng.integers(len(cells), size=size)
    position = Position(memory.mine[row], memory.theirs[row])
    obs = games.encode(game, position, memory.policy.dtype)
    planes = np.concatenate([cells, games.cells(game) + cells], axis=1)[chosen]
    return Lessons(
        _seen(obs, planes),
        _seen(games.legal(game, position), actions[chosen]),
        _seen(memory.policy[row], actions[chosen]),
        memory.outcome[row],
    )


def _seen(array: Any, order: NDArray) -> NDArray:
    return np.take_along_axis(array, order, axis=1)

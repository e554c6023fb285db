r"""Minimax: what every position of a small game is worth if both play perfectly, by going through all of them.

    v(p) = outcome of p                        if the game is over
    v(p) = max_a −v(p after a)                 else: what is good for the other is bad for the player to move     (1)

Every action adds a stone, so the positions come in levels by their number of stones: the levels are listed from the
empty board upwards, each position once, and (1) is worked out from the last level down, a level at once.

Checked in tests/experience/test_minimax.py: the known numbers of tic-tac-toe, a recursion on single positions.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import games
from scratchrl.experience.games import Game, Position


class Solution(NamedTuple):
    """All reachable positions of a game with their worth."""

    game: Game
    position: Position  # (S,), level by level from the empty board
    level: NDArray  # (S,) number of stones
    over: NDArray  # (S,) bool
    value: NDArray  # (S,) −1, 0 or 1, to the player to move
    values: dict[tuple[int, int], int]  # (mine, theirs) -> value


def solve(game: Game) -> Solution:
    """Every reachable position, and (1). For boards with thousands of positions, not for Connect Four's 4.5 · 10¹².

    >>> solution = solve(games.TIC_TAC_TOE)
    >>> len(solution.value), solution.value[0].item()  # and the empty board is a draw
    (5478, 0)
    """
    levels, values = _levels(game), dict[tuple[int, int], int]()
    worth: list[NDArray] = []
    for position in reversed(levels):
        over, value = games.outcome(game, position)
        value = np.where(over, value, best(game, position, values).max(axis=-1, initial=-1))  # (1)
        values |= dict(zip(_keys(position), value.tolist(), strict=True))
        worth.insert(0, value)
    stones = np.repeat(np.arange(len(levels)), [len(position.mine) for position in levels])
    joined = Position(*(np.concatenate(column) for column in zip(*levels, strict=True)))
    return Solution(game, joined, stones, games.outcome(game, joined)[0], np.concatenate(worth), values)


def best(game: Game, position: Position, values: dict[tuple[int, int], int]) -> NDArray:
    """(N, A): −v after each action, what it is worth to who takes it; −2 where it is illegal or the game is over.

    Args:
      position: (N,) arrays; values: of all positions with one stone more.
    """
    worth = np.full((len(position.mine), games.actions(game)), -2)
    row, action, after = _children(game, position)
    worth[row, action] = [-values[key] for key in _keys(after)]
    return worth


def optimal(solution: Solution, position: Position) -> NDArray:
    """(N, A) bool: the actions after which the game is still worth what it was; none where it is over.

    >>> solution = solve(games.TIC_TAC_TOE)
    >>> optimal(solution, games.start(1)).sum().item()  # every first move of tic-tac-toe keeps the draw
    9
    """
    worth = best(solution.game, position, solution.values)
    return (worth == worth.max(axis=-1, keepdims=True)) & (worth > -2)


def count_games(game: Game) -> tuple[int, int, int]:
    """How many different games there are, as sequences of moves: first player wins, second player wins, draws.

    A game from p is a move and a game from where it leads, so the numbers add up along (1)'s levels.

    >>> count_games(games.TIC_TAC_TOE)
    (131184, 77904, 46080)
    """
    numbers: dict[tuple[int, int], NDArray] = {}
    for position in reversed(_levels(game)):
        over, value = games.outcome(game, position)
        count = np.stack([0 * value, over & (value < 0), over & (value == 0)], axis=-1)  # won, lost, drawn
        row, _, after = _children(game, position)
        for n, key in zip(row, _keys(after), strict=True):
            count[n] += numbers[key][[1, 0, 2]]
        numbers |= dict(zip(_keys(position), count, strict=True))
    won, lost, drawn = numbers[0, 0].tolist()
    return won, lost, drawn


def _levels(game: Game) -> list[Position]:
    """The reachable positions with 0, 1, 2, … stones, sorted, each once."""
    levels = [games.start(1)]
    while len((after := _children(game, levels[-1])[2]).mine):
        levels.append(Position(*np.unique(np.stack(after), axis=1)))
    return levels


def _children(game: Game, position: Position) -> tuple[NDArray, NDArray, Position]:
    """(row, action, position after) of every move from every position (N,) that is not over."""
    allowed = games.legal(game, position) & ~games.outcome(game, position)[0][:, None]
    row, action = np.nonzero(allowed)
    return row, action, games.play(game, Position(position.mine[row], position.theirs[row]), action)


def _keys(position: Position) -> list[tuple[int, int]]:
    return list(zip(position.mine.tolist(), position.theirs.tolist(), strict=True))

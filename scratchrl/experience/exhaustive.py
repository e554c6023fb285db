"""Exhaustive play: every game that can happen against a player whose move depends on the position alone.

The player moves as it moves, its opponent in all legal ways. Games that meet in a position go on as one and are counted
as many, so a level of tic-tac-toe is at most some hundred positions, and the player is asked once a level.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import games
from scratchrl.experience.games import Game, Position


class Tally(NamedTuple):
    """How many different games the player wins, draws and loses."""

    won: int
    drawn: int
    lost: int


def against_everything(game: Game, act: Callable[[Position], NDArray], first: bool) -> Tally:
    """The games of a player who moves first, or second, against every sequence of moves.

    Args:
      act: positions (N,) → actions (N,), the same for the same position; asked only about games that are not over.

    Checked in tests/experience/test_exhaustive.py: the number of all games, a recursion, perfect play.

    >>> tiny = Game("two in a row", 2, 2, 2, falls=False)  # who begins wins with the second stone
    >>> against_everything(tiny, lambda position: games.legal(tiny, position).argmax(axis=-1), first=True)
    Tally(won=3, drawn=0, lost=0)
    """
    position, count, moves = games.start(1), np.ones(1, np.int64), first
    won = drawn = lost = 0
    while len(count):
        row, action = _chosen(act(position)) if moves else np.nonzero(games.legal(game, position))
        position, count = _merged(games.play(game, Position(*(side[row] for side in position)), action), count[row])
        over, value = games.outcome(game, position)
        decided, even = int(count[over & (value < 0)].sum()), int(count[over & (value == 0)].sum())
        won, drawn, lost = won + decided * moves, drawn + even, lost + decided * (not moves)
        position, count, moves = Position(*(side[~over] for side in position)), count[~over], not moves
    return Tally(won, drawn, lost)


def _chosen(action: NDArray) -> tuple[NDArray, NDArray]:
    return np.arange(len(action)), action


def _merged(position: Position, count: NDArray) -> tuple[Position, NDArray]:
    """Each position once, with the number of games that led to it."""
    pairs, where = np.unique(np.stack(position), axis=1, return_inverse=True)
    total = np.zeros(pairs.shape[1], np.int64)
    np.add.at(total, where.ravel(), count)
    return Position(*pairs), total

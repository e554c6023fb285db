"""Games: two players in turn, k stones in a row win; tic-tac-toe and Connect Four as pure functions on bits.

A position is what the player to move sees: two sets of stones, one bit a cell. Column c, row r from below, is bit
c (rows + 1) + r; the bit above each column is always 0, so no line runs from the top of one column into the next.

    column      0   1   2             stones s have a line of k in a direction of distance d if
             3  ·   ·   ·
    row   2  2   6  10                    s ∧ (s ≫ d) ∧ … ∧ (s ≫ (k−1) d) ≠ 0,                            (1)
          1  1   5   9
          0  0   4   8                d = 1, rows + 1, rows, rows + 2: upwards, across, the diagonals

All functions take one position of Python integers or arrays (...) of int64 side by side, and leave them as they are.

Checked in tests/experience/test_games.py.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Game(NamedTuple):
    """A board, and how many stones in a row win."""

    name: str
    columns: int
    rows: int
    in_a_row: int
    falls: bool
    """Stones fall to the lowest empty cell of a column: an action is a column. Otherwise it is a cell, 0 … C − 1,
    column by column from below."""


TIC_TAC_TOE = Game("TicTacToe", 3, 3, 3, falls=False)
CONNECT_FOUR = Game("ConnectFour", 7, 6, 4, falls=True)
GAMES = {game.name: game for game in (TIC_TAC_TOE, CONNECT_FOUR)}


class Position(NamedTuple):
    """The stones of the player to move, and those of the other."""

    mine: Any  # int, or (...) int64
    theirs: Any


def named(name: str) -> Game:
    """The game of that name.

    Raises: ValueError if there is none.

    >>> named("TicTacToe").in_a_row
    3
    """
    if name not in GAMES:
        raise ValueError(f"game: expected one of {', '.join(GAMES)}, got {name!r}")
    return GAMES[name]


def start(*shape: int) -> Position:
    """Empty boards; of no shape one, of Python integers.

    >>> start()
    Position(mine=0, theirs=0)
    """
    return Position(np.zeros(shape, np.int64), np.zeros(shape, np.int64)) if shape else Position(0, 0)


def cells(game: Game) -> int:
    """C, the number of cells.

    >>> cells(CONNECT_FOUR)
    42
    """
    return game.columns * game.rows


def actions(game: Game) -> int:
    """A, the number of actions.

    >>> actions(TIC_TAC_TOE), actions(CONNECT_FOUR)
    (9, 7)
    """
    return game.columns if game.falls else cells(game)


@lru_cache
def _bits(game: Game) -> NDArray:
    """(C,) the bit of each cell, not to be written to."""
    columns, rows = np.divmod(np.arange(cells(game)), game.rows)
    return np.int64(1) << (columns * (game.rows + 1) + rows)


def _landing(game: Game, occupied: NDArray) -> NDArray:
    """(..., A): the bit that each action would set, 0 where it is illegal.

    Where stones fall, adding the lowest bit of a column carries past its stones to the first empty cell, if any.
    """
    bits = _bits(game)
    if not game.falls:
        return bits & ~occupied[..., None]
    columns = bits.reshape(game.columns, game.rows)
    return (occupied[..., None] + columns[:, 0]) & columns.sum(axis=1) & ~occupied[..., None]


def _occupied(position: Position) -> NDArray:
    return np.asarray(position.mine | position.theirs, np.int64)


def legal(game: Game, position: Position) -> NDArray:
    """(..., A) bool: the actions that are allowed, as long as the game is not over.

    >>> legal(CONNECT_FOUR, start()).tolist()
    [True, True, True, True, True, True, True]
    """
    return _landing(game, _occupied(position)) != 0


def play(game: Game, position: Position, action: Any) -> Position:
    """The position after an action, as the other player sees it.

    Raises:
      ValueError: a cell that is taken, a column that is full, or an action that does not exist.

    >>> play(TIC_TAC_TOE, start(), 4)  # the middle: column 1, row 1, bit 5
    Position(mine=0, theirs=32)
    """
    occupied, chosen = _occupied(position), np.asarray(action)
    if chosen.size and not 0 <= chosen.min() <= chosen.max() < actions(game):
        raise ValueError(f"action: expected 0 to {actions(game) - 1}, got {chosen.min()} to {chosen.max()}")
    bit = np.take_along_axis(_landing(game, occupied), chosen[..., None], axis=-1)[..., 0]
    if not bit.all():
        raise ValueError(f"action: expected a legal one, got {np.broadcast_to(chosen, bit.shape)[bit == 0][0]}")
    return Position(position.theirs, position.mine | (bit if bit.ndim else int(bit)))


def has_line(game: Game, stones: Any) -> Any:
    """Whether there are k in a row (1), bool or (...) of bools.

    >>> has_line(TIC_TAC_TOE, 0b111), has_line(TIC_TAC_TOE, 0b1011)
    (True, False)
    """
    found, up = stones & 0, game.rows + 1
    for distance in (1, up, up - 1, up + 1):
        line = stones
        for k in range(1, game.in_a_row):
            line = line & (stones >> k * distance)
        found = found | line
    return found != 0


def outcome(game: Game, position: Position) -> tuple[Any, Any]:
    """(over, value): whether the game is over, and what it is worth to the player to move, −1 if lost and else 0.

    It was the other who moved last, so the player to move cannot have won.

    >>> outcome(TIC_TAC_TOE, Position(mine=0b10001, theirs=0b111))
    (True, -1)
    """
    lost = has_line(game, position.theirs)
    full = (position.mine | position.theirs) == int(_bits(game).sum())
    return lost | full, 0 - (lost if isinstance(lost, bool) else lost.astype(np.int64))


def encode(game: Game, position: Position, dtype: DTypeLike = np.float32) -> NDArray:
    """(..., 2C) zeros and ones: the stones of the player to move cell by cell, then those of the other.

    >>> encode(TIC_TAC_TOE, Position(mine=1, theirs=0b10000100000)).astype(int).tolist()
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1]
    """
    bits = _bits(game)
    return np.concatenate([(np.asarray(stones)[..., None] & bits) != 0 for stones in position], axis=-1).astype(dtype)


def decode(game: Game, obs: NDArray) -> Position:
    """The positions (...) of what `encode` made of them (..., 2C).

    >>> decode(TIC_TAC_TOE, encode(TIC_TAC_TOE, Position(np.array([1]), np.array([34]))))
    Position(mine=array([1]), theirs=array([34]))
    """
    bits, size = _bits(game), cells(game)
    return Position((obs[..., :size] != 0) @ bits, (obs[..., size:] != 0) @ bits)


def symmetries(game: Game) -> tuple[NDArray, NDArray]:
    """The K reflections and rotations that change nothing: cells (K, C) and actions (K, A), each row a permutation.

    Seen through the k-th, the board has at cell j what was at cells[k, j], and action j is what actions[k, j] was.
    Stones that fall leave two, identity and mirror image; a square board has eight, another four.

    >>> symmetries(CONNECT_FOUR)[1].tolist()
    [[0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]]
    """
    grid = np.arange(cells(game)).reshape(game.columns, game.rows)
    seen = [grid, grid[::-1]]
    if not game.falls:
        seen += [board[:, ::-1] for board in seen]
        seen += [board.T for board in seen] if game.columns == game.rows else []
    boards = np.stack(seen)
    flat = boards.reshape(len(boards), -1)
    return flat, boards[:, :, 0] // game.rows if game.falls else flat

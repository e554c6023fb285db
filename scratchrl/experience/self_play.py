r"""Self-play: games of a search against itself, from the empty board to the end, many side by side.

    π = N / Σ N                        the search's visits at the root: what the network's policy shall become      (1)
    z_t = (−1)^(T−t) z_T               the end of the game as the player to move at t sees it                       (2)

z_T is −1 or 0, of the position at the end (`games.outcome`): who would move there has lost, or nobody has.

Checked in tests/experience/test_self_play.py.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import games
from scratchrl.experience.games import Game, Position

Search = Callable[[Position], NDArray]
"""Positions (G,) → visits (G, A)."""


class Moves(NamedTuple):
    """B moves of finished games, ply by ply and in each ply game by game."""

    position: Position  # (B,), before the move
    policy: NDArray  # (B, A): π of (1)
    outcome: NDArray  # (B,): z of (2), −1, 0 or 1


def play(game: Game, search: Search, count: int, sampled: int, rng: np.random.Generator) -> tuple[Moves, NDArray]:
    """`count` games to the end: a move is drawn from π in the first `sampled` plies, then it is the most visited.

    Returns:
      all their Moves, and how each game ended for the first player, (count,).
    """
    position, open_games, plies = games.start(count), np.arange(count), []
    length, last = np.zeros(count, np.int64), np.zeros(count, np.int64)  # T and z_T
    while len(open_games):
        visits = search(position)
        policy = visits / visits.sum(axis=-1, keepdims=True)  # (1)
        plies.append((open_games, position, policy))
        action = _drawn(policy, rng) if len(plies) <= sampled else policy.argmax(axis=-1)
        position = games.play(game, position, action)
        over, value = games.outcome(game, position)
        length[open_games[over]], last[open_games[over]] = len(plies), value[over]
        position, open_games = Position(position.mine[~over], position.theirs[~over]), open_games[~over]
    outcome = [last[who] * (-1) ** (length[who] - ply) for ply, (who, _, _) in enumerate(plies)]  # (2)
    boards = Position(*(np.concatenate(stones) for stones in zip(*(board for _, board, _ in plies), strict=True)))
    return Moves(boards, np.concatenate([policy for *_, policy in plies]), np.concatenate(outcome)), outcome[0]


def _drawn(policy: NDArray, rng: np.random.Generator) -> NDArray:
    """(G,): a ~ π, by inverting the distribution function; a move of probability 0 is never drawn."""
    share = np.cumsum(policy, axis=-1)
    return (share > rng.random(len(policy))[:, None] * share[:, -1:]).argmax(axis=-1)

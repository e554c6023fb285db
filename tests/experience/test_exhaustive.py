"""Exhaustive play against recursions, and the theorem that perfect play loses to nobody."""

import numpy as np
import pytest

from scratchrl.experience import games, minimax
from scratchrl.experience.exhaustive import Tally, against_everything
from scratchrl.experience.games import TIC_TAC_TOE, Game, Position

DROP = Game("drop", 3, 3, 3, falls=True)
BOTH_GAMES = pytest.mark.parametrize("game", [TIC_TAC_TOE, DROP], ids=lambda game: game.name)
BOTH_SIDES = pytest.mark.parametrize("first", [True, False])


def mixing(game):
    """Some legal move of every position, the same each time."""

    def act(position):
        weight = (position.mine * 7919 + position.theirs * 104729)[:, None] * np.arange(1, games.actions(game) + 1)
        return np.where(games.legal(game, position), weight % 1009, -1).argmax(axis=-1)

    return act


def recursion(game, act, position, moves):
    """Won, drawn, lost, game by game."""
    over, value = games.outcome(game, position)
    if over:
        return np.array([value < 0 and not moves, value == 0, value < 0 and moves], int)
    one = Position(np.array([position.mine]), np.array([position.theirs]))
    actions = act(one) if moves else np.flatnonzero(games.legal(game, position))
    return sum(recursion(game, act, games.play(game, position, int(a)), not moves) for a in actions)


@BOTH_GAMES
@BOTH_SIDES
def test_every_game_is_counted_once(game, first):
    expected = recursion(game, mixing(game), games.start(), first)
    assert against_everything(game, mixing(game), first) == Tally(*expected.tolist())


@BOTH_SIDES
def test_perfect_play_loses_to_nobody(first):
    solution = minimax.solve(TIC_TAC_TOE)
    tally = against_everything(TIC_TAC_TOE, lambda p: minimax.optimal(solution, p).argmax(axis=-1), first)
    assert tally.lost == 0
    assert min(tally.won, tally.drawn) > 0
    worst = minimax.best(TIC_TAC_TOE, games.start(1), solution.values)
    assert worst.max() == 0


@BOTH_SIDES
def test_a_player_that_errs_is_found_out(first):
    """Perfect but for one position, which the opponent can reach whatever else happens."""
    solution = minimax.solve(TIC_TAC_TOE)

    def act(position):
        good = minimax.optimal(solution, position)
        bad = games.legal(TIC_TAC_TOE, position) & ~good
        stones = np.bitwise_count(position.mine | position.theirs)
        return np.where((stones == 2 + (not first))[:, None] & bad.any(-1, keepdims=True), bad, good).argmax(axis=-1)

    assert against_everything(TIC_TAC_TOE, act, first).lost > 0

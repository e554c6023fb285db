"""Exact play: the known numbers of tic-tac-toe, and a recursion on single positions for boards of other kinds."""

from functools import cache

import numpy as np
import pytest

from scratchrl.experience import games, minimax
from scratchrl.experience.games import TIC_TAC_TOE, Game, Position

SMALL = [Game("two", 2, 2, 2, falls=False), Game("drop", 3, 3, 3, falls=True), Game("wide", 4, 2, 3, falls=True)]


@pytest.fixture(scope="module")
def solution():
    return minimax.solve(TIC_TAC_TOE)


def test_the_known_numbers_of_tic_tac_toe(solution):
    assert len(solution.value) == len(solution.values) == 5478
    assert solution.value[0] == 0
    assert np.bincount(solution.level).tolist() == [1, 9, 72, 252, 756, 1260, 1520, 1140, 390, 78]
    assert solution.over.sum() == 958
    ends = solution.level[solution.over & (solution.value < 0)] % 2  # of odd levels the first player moved last
    assert (np.count_nonzero(ends == 1), np.count_nonzero(ends == 0)) == (626, 316)
    assert np.count_nonzero(solution.over & (solution.value == 0)) == 16


def test_the_known_numbers_of_games():
    won, lost, drawn = minimax.count_games(TIC_TAC_TOE)
    assert (won, lost, drawn) == (131_184, 77_904, 46_080)
    assert won + lost + drawn == 255_168


def recursion(game):
    """(value, games) of a position by definition: games are (won, lost, drawn) for the player to move."""

    @cache
    def worth(position):
        over, value = games.outcome(game, position)
        if over:
            return value, (0, int(value < 0), int(value == 0))
        after = [worth(games.play(game, position, int(a))) for a in np.flatnonzero(games.legal(game, position))]
        numbers = [sum(column) for column in zip(*(number for _, number in after), strict=True)]
        return max(-v for v, _ in after), (numbers[1], numbers[0], numbers[2])

    return worth


@pytest.mark.parametrize("game", [*SMALL, TIC_TAC_TOE], ids=lambda game: game.name)
def test_values_and_optimal_moves_are_those_of_the_recursion(game):
    worth, solved = recursion(game), minimax.solve(game)
    assert minimax.count_games(game) == worth(games.start())[1]
    rows = range(0, len(solved.value), max(1, len(solved.value) // 300))
    for n in rows:
        position = Position(int(solved.position.mine[n]), int(solved.position.theirs[n]))
        assert solved.value[n] == worth(position)[0]
        assert solved.over[n] == games.outcome(game, position)[0]
        one = Position(solved.position.mine[n : n + 1], solved.position.theirs[n : n + 1])
        good = [
            not solved.over[n] and bool(allowed) and -worth(games.play(game, position, a))[0] == solved.value[n]
            for a, allowed in enumerate(games.legal(game, position))
        ]
        assert minimax.optimal(solved, one)[0].tolist() == good


def test_who_moves_first_wins_with_two_in_a_row():
    assert minimax.solve(SMALL[0]).value[0] == 1


def test_symmetric_positions_are_worth_the_same(solution):
    obs = games.encode(TIC_TAC_TOE, solution.position).reshape(-1, 2, 9)
    for cells in games.symmetries(TIC_TAC_TOE)[0]:
        seen = games.decode(TIC_TAC_TOE, obs[:, :, cells].reshape(-1, 18))
        pairs = zip(seen.mine.tolist(), seen.theirs.tolist(), strict=True)
        assert [solution.values[pair] for pair in pairs] == solution.value.tolist()

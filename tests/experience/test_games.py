"""Games on bits against the same games on a grid of characters, cell by cell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.experience import games
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Game, Position

BOARDS = [TIC_TAC_TOE, CONNECT_FOUR, Game("low", 5, 3, 3, falls=True), Game("wide", 4, 3, 3, falls=False)]
EVERY = pytest.mark.parametrize("game", BOARDS, ids=lambda game: game.name)


# ---- the plain definition: a dict cell -> 0 or 1, who has a stone there ----


def grid_lines(game, grid, who):
    """Whether `who` has k in a row, looked for from every cell in four directions."""
    for c in range(game.columns):
        for r in range(game.rows):
            for dc, dr in ((0, 1), (1, 0), (1, 1), (1, -1)):
                if all(grid.get((c + k * dc, r + k * dr)) == who for k in range(game.in_a_row)):
                    return True
    return False


def grid_move(game, grid, action):
    """The cell that an action fills, or None if it is illegal."""
    if not game.falls:
        cell = divmod(action, game.rows)
        return cell if cell not in grid else None
    free = [r for r in range(game.rows) if (action, r) not in grid]
    return (action, free[0]) if free else None


def random_game(game, rng):
    """(position, grid, who is to move, over) after each move of a game of random moves; position as integers."""
    position, grid, who = games.start(), {}, 0
    while True:
        over, _ = games.outcome(game, position)
        yield position, dict(grid), who, over
        if over:
            return
        action = int(rng.choice(np.flatnonzero(games.legal(game, position))))
        grid[grid_move(game, grid, action)] = who
        position, who = games.play(game, position, action), 1 - who


@EVERY
@given(seed=st.integers(0, 2**32 - 1))
def test_a_game_on_bits_is_the_game_on_a_grid(game, seed):
    over = False
    for position, grid, who, over in random_game(game, np.random.default_rng(seed)):
        assert over == games.outcome(game, position)[0]
        allowed = games.legal(game, position)
        assert allowed.tolist() == [grid_move(game, grid, a) is not None for a in range(games.actions(game))]
        assert games.has_line(game, position.mine) == grid_lines(game, grid, who)
        lost = grid_lines(game, grid, 1 - who)
        assert games.outcome(game, position) == (lost or not allowed.any(), -int(lost))
        obs = games.encode(game, position).reshape(2, game.columns, game.rows)
        for plane, owner in ((0, who), (1, 1 - who)):
            assert {tuple(map(int, cell)) for cell in np.argwhere(obs[plane])} == {
                cell for cell in grid if grid[cell] == owner
            }
    assert over


@EVERY
def test_arrays_are_many_games_side_by_side(game):
    rng = np.random.default_rng(0)
    positions = [position for _ in range(20) for position, *_ in random_game(game, rng)]
    many = Position(*(np.array(stones) for stones in zip(*positions, strict=True)))
    over, value = games.outcome(game, many)
    for n, one in enumerate(positions):
        assert (over[n], value[n]) == games.outcome(game, one)
        np.testing.assert_array_equal(games.legal(game, many)[n], games.legal(game, one))
        np.testing.assert_array_equal(games.encode(game, many)[n], games.encode(game, one))
    alive = np.flatnonzero(~over)
    action = games.legal(game, many)[alive].argmax(axis=-1)
    after = games.play(game, Position(many.mine[alive], many.theirs[alive]), action)
    for n, m in enumerate(alive):
        assert Position(after.mine[n], after.theirs[n]) == games.play(game, positions[m], action[n])
    back = games.decode(game, games.encode(game, many))
    np.testing.assert_array_equal(back.mine, many.mine)
    np.testing.assert_array_equal(back.theirs, many.theirs)


def test_positions_are_not_written_to():
    position = games.start(2)
    games.play(CONNECT_FOUR, position, np.array([0, 3]))
    assert not position.mine.any()
    assert not position.theirs.any()


# ---- Connect Four by hand ----


def after(*columns):
    position = games.start()
    for column in columns:
        position = games.play(CONNECT_FOUR, position, column)
    return position


LINES = {
    "upwards": (3, 0, 3, 0, 3, 0, 3),
    "across": (1, 1, 2, 2, 3, 3, 4),
    "rising": (0, 1, 1, 2, 2, 3, 2, 3, 3, 5, 3),
    "falling": (6, 5, 5, 4, 4, 3, 4, 3, 3, 1, 3),
}


@pytest.mark.parametrize("moves", LINES.values(), ids=LINES)
def test_four_in_every_direction(moves):
    assert games.outcome(CONNECT_FOUR, after(*moves[:-1])) == (False, 0)
    assert games.outcome(CONNECT_FOUR, after(*moves)) == (True, -1)


@pytest.mark.parametrize("distance", [1, 6, 7, 8])
def test_a_line_is_four_at_one_distance_wherever_the_board_has_room(distance):
    """69 lines in all; and a window that leaves the board at a side or at the top is none."""
    bits = [c * 7 + r for c in range(7) for r in range(6)]
    found = [
        first
        for first in bits
        if all(first + k * distance in bits for k in range(4))
        and games.has_line(CONNECT_FOUR, sum(1 << first + k * distance for k in range(4)))
    ]
    assert len(found) == {1: 21, 6: 12, 7: 24, 8: 12}[distance]


def test_no_line_runs_from_the_top_of_a_column_into_the_next():
    """Rows 4, 5 of column 0 and 0, 1 of column 1 would be four bits in a row if there were none between them."""
    assert not games.has_line(CONNECT_FOUR, sum(1 << bit for bit in (4, 5, 7, 8)))
    assert not games.has_line(CONNECT_FOUR, sum(1 << bit for bit in (3, 4, 5, 7)))


def test_a_full_column_is_illegal():
    full = after(2, 2, 2, 2, 2, 2)
    assert games.legal(CONNECT_FOUR, full).tolist() == [True, True, False, True, True, True, True]
    with pytest.raises(ValueError, match="action: expected a legal one, got 2"):
        games.play(CONNECT_FOUR, full, 2)


def test_a_full_board_without_a_line_is_a_draw():
    position = after(*map(int, "100004034043134151313212263666255552526446"))
    assert games.legal(CONNECT_FOUR, position).tolist() == [False] * 7
    assert games.outcome(CONNECT_FOUR, position) == (True, 0)


# ---- errors ----


def test_actions_that_are_none_are_refused():
    with pytest.raises(ValueError, match="action: expected 0 to 8, got 9 to 9"):
        games.play(TIC_TAC_TOE, games.start(), 9)
    with pytest.raises(ValueError, match="action: expected 0 to 6, got -1 to 0"):
        games.play(CONNECT_FOUR, games.start(2), np.array([-1, 0]))
    with pytest.raises(ValueError, match="action: expected a legal one, got 4"):
        games.play(TIC_TAC_TOE, games.play(TIC_TAC_TOE, games.start(), 4), 4)
    with pytest.raises(ValueError, match="game: expected one of TicTacToe, ConnectFour, got 'chess'"):
        games.named("chess")


# ---- symmetries ----


@EVERY
def test_symmetries_change_no_rule(game):
    """Moves seen through a symmetry lead to the board seen through it, with the same legal moves and the same end."""
    cells, actions = games.symmetries(game)
    assert len({tuple(row) for row in cells}) == len(cells) == {3: 8}.get(game.columns, 2 if game.falls else 4)
    rng = np.random.default_rng(1)
    for position, *_, over in random_game(game, rng):
        obs = games.encode(game, position).reshape(2, -1)
        for cell, action in zip(cells, actions, strict=True):
            seen = games.decode(game, obs[:, cell].ravel())
            assert games.outcome(game, seen) == games.outcome(game, position)
            np.testing.assert_array_equal(games.legal(game, seen), games.legal(game, position)[action])
            if not over:
                new = int(rng.choice(np.flatnonzero(games.legal(game, seen))))
                straight = games.encode(game, games.play(game, position, action[new])).reshape(2, -1)
                mirrored = games.encode(game, games.play(game, seen, new)).reshape(2, -1)
                np.testing.assert_array_equal(straight[:, cell], mirrored)

"""Self-play: what is recorded of a game is the game, seen from both sides in turn."""

import numpy as np
import pytest

from scratchrl.experience import games, self_play
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Position


def uniform(game):
    """As many visits for every legal move."""
    return lambda position: games.legal(game, position).astype(float)


def uneven(position):
    """The more visits the later the cell."""
    return games.legal(TIC_TAC_TOE, position) * np.arange(1.0, 10)


@pytest.mark.parametrize("game", [TIC_TAC_TOE, CONNECT_FOUR], ids=lambda game: game.name)
def test_every_game_is_played_to_its_end_and_judged_from_both_sides(game):
    count = 40
    moves, first = self_play.play(game, uniform(game), count, 100, np.random.default_rng(0))
    over, _ = games.outcome(game, moves.position)
    assert not over.any()
    stones = sum(np.bitwise_count(side).astype(int) for side in moves.position)
    assert (np.diff(stones) >= 0).all()  # ply by ply
    open_games = np.bincount(stones)
    assert open_games[0] == count
    assert (np.diff(open_games) <= 0).all()
    np.testing.assert_array_equal(moves.outcome[:count], first)
    assert set(first.tolist()) <= {-1, 0, 1}
    # at every ply the sum over the games that ended there, from the loser's side, is what the counts say
    for ply in range(1, len(open_games)):
        here, before = (moves.outcome[stones == n].sum() for n in (ply, ply - 1))
        ended = open_games[ply - 1] - open_games[ply]
        assert abs(before + here) <= ended  # z changes its sign; only games that ended between can differ


def test_the_outcome_is_that_of_the_game_that_was_played():
    """One game at a time: the record leads to its own end."""
    for seed in range(30):
        moves, first = self_play.play(TIC_TAC_TOE, uneven, 1, 9, np.random.default_rng(seed))
        length = len(moves.outcome)
        last = Position(moves.position.mine[-1], moves.position.theirs[-1])
        ends = [
            games.outcome(TIC_TAC_TOE, games.play(TIC_TAC_TOE, last, a))
            for a in np.flatnonzero(games.legal(TIC_TAC_TOE, last))
        ]
        assert (True, -moves.outcome[-1]) in ends
        assert moves.outcome.tolist() == [moves.outcome[-1] * (-1) ** (length - 1 - t) for t in range(length)]
        assert first[0] == moves.outcome[0]


def test_targets_are_shares_of_visits():
    moves, _ = self_play.play(TIC_TAC_TOE, uneven, 5, 9, np.random.default_rng(0))
    visits = uneven(moves.position)
    np.testing.assert_allclose(moves.policy, visits / visits.sum(axis=-1, keepdims=True), rtol=1e-15)


def test_after_the_sampled_moves_the_most_visited_is_taken():
    """Cells 8, 7, 6 …: column by column from the last, so the first player gets 8, 6, 4 and 2, a diagonal."""
    moves, first = self_play.play(TIC_TAC_TOE, uneven, 3, 0, np.random.default_rng(0))
    assert first.tolist() == [1, 1, 1]
    assert len(moves.outcome) == 21
    again, _ = self_play.play(TIC_TAC_TOE, uneven, 3, 0, np.random.default_rng(1))
    np.testing.assert_array_equal(again.position.mine, moves.position.mine)
    sampled, _ = self_play.play(TIC_TAC_TOE, uneven, 3, 1, np.random.default_rng(1))
    assert len({tuple(pair) for pair in zip(*(side[3:6].tolist() for side in sampled.position), strict=True)}) > 1


def test_moves_are_drawn_with_their_shares():
    """5 standard errors of 20,000 draws, false alarm below 6e-6; what has no share is never drawn."""
    share, count = np.array([0.0, 0.5, 0.0, 0.2, 0.3, 0.0]), 20_000
    drawn = self_play._drawn(np.tile(share, (count, 1)), np.random.default_rng(0))
    frequency = np.bincount(drawn, minlength=6) / count
    assert (frequency[share == 0] == 0).all()
    assert (np.abs(frequency - share) < 5 * np.sqrt(share * (1 - share) / count) + 1e-12).all()

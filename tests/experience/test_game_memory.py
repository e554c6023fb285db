"""The memory against a list, and what a sample is: the same game seen through a symmetry."""

import numpy as np
import pytest

from scratchrl.experience import game_memory, games, minimax, self_play
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Position
from scratchrl.experience.self_play import Moves


def numbered(numbers):
    """Moves that can be told apart."""
    numbers = np.asarray(numbers)
    return Moves(Position(numbers, 0 * numbers), np.tile(numbers[:, None] / 100, (1, 9)), 0 * numbers)


def test_the_last_moves_are_kept_and_the_oldest_written_over():
    memory, seen = game_memory.empty(TIC_TAC_TOE, 7), []
    for numbers in ([1, 2, 3], [4, 5, 6, 7, 8], [9], list(range(10, 30)), [30, 31]):
        memory, seen = game_memory.add(memory, numbered(numbers)), seen + numbers
        assert memory.size == min(7, len(seen))
        assert sorted(memory.mine[: memory.size].tolist()) == seen[-7:]
        if memory.size == 7:
            assert memory.mine[memory.position] == seen[-7]
        np.testing.assert_allclose(memory.policy[: memory.size, 0], memory.mine[: memory.size] / 100, rtol=1e-6)


@pytest.mark.parametrize("game", [TIC_TAC_TOE, CONNECT_FOUR], ids=lambda game: game.name)
def test_a_sample_is_a_move_of_the_memory_through_a_symmetry(game):
    """Legal moves are those of the board that is seen, nothing is recommended that is not legal, ends are the same."""
    visits = lambda position: games.legal(game, position) * np.arange(1.0, games.actions(game) + 1)  # noqa: E731
    moves, _ = self_play.play(game, visits, 10, 100, np.random.default_rng(0))
    memory = game_memory.add(game_memory.empty(game, 1000, np.float64), moves)
    lessons = game_memory.sample(memory, game, np.random.default_rng(1), 500)
    position = games.decode(game, lessons.obs)
    np.testing.assert_array_equal(lessons.legal, games.legal(game, position))
    np.testing.assert_allclose(lessons.policy.sum(axis=-1), 1, rtol=1e-12)
    assert not lessons.policy[~lessons.legal].any()
    table, (cells, actions) = {}, games.symmetries(game)
    for n in range(len(moves.outcome)):
        obs = games.encode(game, Position(*(side[n] for side in moves.position))).reshape(2, -1)
        for cell, action in zip(cells, actions, strict=True):
            table.setdefault(obs[:, cell].tobytes(), set()).add((moves.policy[n, action].tobytes(), moves.outcome[n]))
    for obs, policy, outcome in zip(lessons.obs.astype(np.float32), lessons.policy, lessons.outcome, strict=True):
        assert (policy.tobytes(), int(outcome)) in table[obs.tobytes()]


def test_every_move_and_every_symmetry_as_often_as_another():
    """One position without a symmetry of its own: its 8 images, χ² with 7 degrees of freedom, false alarm 1e-6."""
    position = Position(np.array([0b1]), np.array([0b10]))
    moves = Moves(position, games.legal(TIC_TAC_TOE, position) / 7, np.zeros(1))
    memory = game_memory.add(game_memory.empty(TIC_TAC_TOE, 5), moves)
    lessons = game_memory.sample(memory, TIC_TAC_TOE, np.random.default_rng(2), 8000)
    _, counts = np.unique(lessons.obs, axis=0, return_counts=True)
    assert len(counts) == 8
    assert ((counts - 1000) ** 2 / 1000).sum() < 40.5


def test_what_is_optimal_stays_so_through_every_symmetry():
    solution = minimax.solve(TIC_TAC_TOE)
    alive = ~solution.over
    position = Position(solution.position.mine[alive], solution.position.theirs[alive])
    moves = Moves(position, minimax.optimal(solution, position).astype(float), solution.value[alive])
    memory = game_memory.add(game_memory.empty(TIC_TAC_TOE, 4520), moves)
    lessons = game_memory.sample(memory, TIC_TAC_TOE, np.random.default_rng(3), 1000)
    np.testing.assert_array_equal(lessons.policy > 0, minimax.optimal(solution, games.decode(TIC_TAC_TOE, lessons.obs)))


def test_an_empty_memory_is_refused():
    with pytest.raises(ValueError, match="memory: expected at least one move, got none"):
        game_memory.sample(game_memory.empty(TIC_TAC_TOE, 5), TIC_TAC_TOE, np.random.default_rng(0), 1)

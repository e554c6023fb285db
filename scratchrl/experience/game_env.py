"""Games as Gymnasium environments: the opponent is part of the environment, and answers within the step.

    TicTacToe      against perfect play, any of the optimal moves at random: 0, a draw, is the most that can be had
    ConnectFour    against random moves

An episode is a game. Which side the agent plays is drawn anew for each. Observations are `games.encode`, what the
player to move sees; the reward is 1, 0 or −1 when the game ends and 0 before. An illegal move loses at once, so that
algorithms which know nothing of legal moves can learn here too.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

from scratchrl.experience import games, minimax
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Game, Position

CELL = 48  # pixels
Opponent = Callable[[Position, np.random.Generator], int]


@lru_cache
def _solved(game: Game) -> minimax.Solution:
    return minimax.solve(game)


def perfect(game: Game) -> Opponent:
    """One of the optimal moves, each as likely as another. For games that `minimax.solve` can do."""
    return lambda position, rng: _any(minimax.optimal(_solved(game), _one(position))[0], rng)


def random(game: Game) -> Opponent:
    """One of the legal moves, each as likely as another."""
    return lambda position, rng: _any(games.legal(game, position), rng)


OPPONENTS = {"perfect play": perfect, "random moves": random}


def register() -> None:
    """Make both known to Gymnasium by their names, unless they are."""
    for game, opponent in ((TIC_TAC_TOE, "perfect play"), (CONNECT_FOUR, "random moves")):
        if game.name not in gymnasium.registry:
            gymnasium.register(game.name, f"{__name__}:GameEnv", kwargs={"game": game, "opponent": opponent})


class GameEnv(gymnasium.Env):
    """One game after another against an opponent, by name from OPPONENTS.

    Checked in tests/experience/test_game_env.py.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 2}  # noqa: RUF012

    def __init__(self, game: Game, opponent: str, render_mode: str | None = None):
        self.game, self.render_mode = game, render_mode
        self.metadata = {**type(self).metadata, "game": game.name, "opponent": opponent}
        self._opponent = OPPONENTS[opponent](game)
        self.observation_space = Box(0.0, 1.0, (2 * games.cells(game),), np.float32)
        self.action_space = Discrete(games.actions(game))
        self.position = games.start()

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
        """The empty board, or with the opponent's first move on it."""
        super().reset(seed=seed)
        self.position = games.start()
        if self.np_random.integers(2):
            self._answer()
        return games.encode(self.game, self.position), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """The agent's move, and the opponent's unless the game is over."""
        if not games.legal(self.game, self.position)[action]:
            return games.encode(self.game, self.position), -1.0, True, False, {}
        self.position = games.play(self.game, self.position, int(action))
        over, value = games.outcome(self.game, self.position)
        reward = -value  # to the agent, who has moved
        if not over:
            over, reward = self._answer()
        return games.encode(self.game, self.position), float(reward), bool(over), False, {}

    def render(self) -> Any:
        """The board as a picture, CELL pixels a cell: who began in blue, the other in orange."""
        mine, theirs = games.encode(self.game, self.position).reshape(2, self.game.columns, self.game.rows)
        first, second = (mine, theirs) if mine.sum() == theirs.sum() else (theirs, mine)
        color = 255 - first[..., None] * (255, 141, 77) - second[..., None] * (42, 161, 255)
        picture = color.transpose(1, 0, 2)[::-1].repeat(CELL, axis=0).repeat(CELL, axis=1).astype(np.uint8)
        picture[::CELL] = picture[:, ::CELL] = 128
        return picture

    def _answer(self) -> tuple[Any, Any]:
        """The opponent's move: whether the game is over now, and what it is worth to the agent."""
        move = self._opponent(self.position, self.np_random)
        self.position = games.play(self.game, self.position, move)
        return games.outcome(self.game, self.position)


def _one(position: Position) -> Position:
    return Position(np.array([position.mine]), np.array([position.theirs]))


def _any(among: np.ndarray, rng: np.random.Generator) -> int:
    """One True entry of (A,), uniformly."""
    return int(rng.choice(np.flatnonzero(among)))

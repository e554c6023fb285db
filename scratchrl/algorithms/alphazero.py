r"""AlphaZero: a network advises a search, and learns to say at once what the search found out.

    s      a position as the player to move sees it, (O,) zeros and ones; legal (A,) bool
    p, v   f_θ(s): a probability for each legal move, and what the game is worth to the player to move, in (−1, 1)
    π      N(s, ·)/Σ N(s, ·): how often the search tried each move
    z      how the game ended for the player to move at s, −1, 0 or 1

    N = search(s, f_θ)                                        PUCT, experience/tree_search.py     (1)
    a ~ π first, then argmax_a π                              self-play, both sides               (2)
    L(θ) = mean of [ −Σ_a π_a log p_a + ½ (v − z)² ] + ½ c ‖θ‖²       to be made small            (3)

The search is a policy improvement and the end of the game a policy evaluation: no player but itself teaches it. After
every round of games come some steps of Adam on (3), on moves remembered from the last rounds, seen through the game's
symmetries. The environment is asked nothing while it learns; now and then some games are played against its opponent,
and these are the episodes that are reported.

Papers: Silver et al. (2018), A general reinforcement learning algorithm that masters chess, shogi and Go through
self-play; Anthony, Tian, Barber (2017), Thinking fast and slow with deep learning and tree search.
Checked in tests/algorithms/test_alphazero.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import game_memory, games, limits, self_play, tree_search
from scratchrl.experience.game_memory import Lessons, Memory
from scratchrl.experience.games import Game, Position
from scratchrl.experience.rollout import collect_episodes
from scratchrl.experience.self_play import Moves
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.experience.tree_search import Judge
from scratchrl.experience.world import World
from scratchrl.maths import initialization, optimizers, search_policy
from scratchrl.maths.mlp import MLP
from scratchrl.maths.optimizers import Adam

ENV = "TicTacToe"  # where to play if nothing is said


@dataclass(frozen=True)
class Config:
    """Defaults with which tic-tac-toe is learnt to perfection in half a minute."""

    total_steps: int = 40_000
    """moves of self-play to train for"""
    num_envs: int = 20
    """games against the environment's opponent at each report"""
    games: int = 64
    """games of self-play side by side, between two updates"""
    simulations: int = 50
    """of the search, for each move"""
    exploration: float = 2.5
    """c of PUCT: the weight of the network's priors in the search"""
    noise_alpha: float = 1.0
    """α of the Dirichlet noise on the priors at the root, in self-play"""
    noise_share: float = 0.25
    """what share of these priors it is"""
    sampled_moves: int = 30
    """first moves of a game that are drawn from the search's policy; after them the most visited are taken"""
    capacity: int = 20_000
    """moves remembered"""
    updates: int = 40
    """gradient steps in an update"""
    minibatch: int = 256
    """B: moves per gradient step"""
    lr: float = 1e-3
    """learning rate of Adam"""
    anneal: bool = True
    """let the learning rate fall linearly to 0"""
    weight_decay: float = 1e-4
    """c: weight of ½ ‖θ‖² in the loss"""
    report_every: int = 2000
    """moves of self-play between two reports"""
    hidden: tuple[int, ...] = (128, 128)
    """widths of the hidden layers"""
    activation: str = "relu"
    """tanh, relu or identity"""

    def __post_init__(self) -> None:
        limits.positive(self, "total_steps", "num_envs", "games", "simulations", "exploration", "noise_alpha")
        limits.positive(self, "capacity", "updates", "minibatch", "lr", "report_every")
        limits.not_negative(self, "sampled_moves", "weight_decay")
        limits.fraction(self, "noise_share")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size,)
    optimizer: Adam
    memory: Memory  # written in place
    step: int  # moves of self-play so far


def game_of(envs: Any) -> Game:
    """The game that the environments play.

    Raises:
      UnusableEnvironment: they play none.
    """
    name = envs.metadata.get("game")
    if name is None:
        raise UnusableEnvironment(f"env: expected a game for two, {' or '.join(games.GAMES)}, got another environment")
    return games.named(name)


def network(game: Game, config: Config) -> MLP:
    """s (B, O) → a logit for every action and x with v = tanh x, (B, A + 1)."""
    return MLP((2 * games.cells(game), *config.hidden, games.actions(game) + 1), config.activation)


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀ of nearly uniform priors, an optimizer at rest, nothing remembered."""
    game, dtype = game_of(world.envs), world.obs.dtype
    theta = initialization.init(network(game, config), rng, gain=0.1, dtype=dtype)
    return State(theta, optimizers.adam_init(theta), game_memory.empty(game, config.capacity, dtype), 0)


# ---- loss and gradient ----


def loss_and_grad(net: MLP, theta: NDArray, lessons: Lessons, config: Config) -> tuple[Any, NDArray]:
    """L(θ) of (3) and its gradient.

    Returns:
      loss (), d_theta (size,).
    """
    return search_policy.loss_and_grad(net, theta, *lessons, config.weight_decay)  # (3)


# ---- search ----


def judge(game: Game, net: MLP, theta: NDArray) -> Judge:
    """The network's answers, as the search asks for them."""

    def answer(position: Position, legal: NDArray) -> tuple[NDArray, NDArray]:
        legal = legal | ~legal.any(axis=-1, keepdims=True)  # where the board is full any answer will do
        return search_policy.predict(net, theta, games.encode(game, position, theta.dtype), legal)

    return answer


def searcher(
    game: Game, config: Config, theta: NDArray, rng: np.random.Generator | None = None
) -> Callable[[Position], NDArray]:
    """Positions (G,) → visits N (G, A) of (1), with noise at the roots if there is a generator for it."""
    ask, stir = judge(game, network(game, config), theta), None
    if rng is not None:
        stir = partial(tree_search.with_noise, rng=rng, alpha=config.noise_alpha, share=config.noise_share)

    def visits(position: Position) -> NDArray:
        return tree_search.search(game, position, ask, config.simulations, config.exploration, stir).visits[:, 0]

    return visits


# ---- one update, and the loop ----


def update(
    game: Game, state: State, moves: Moves, config: Config, rng: np.random.Generator
) -> tuple[State, dict[str, float]]:
    """The moves remembered (the memory is written in place), and steps of Adam on what is drawn from it."""
    net, theta, optimizer, losses = network(game, config), state.theta, state.optimizer, []
    memory, step = game_memory.add(state.memory, moves), state.step + len(moves.outcome)
    lr = config.lr * (max(0.0, 1 - state.step / config.total_steps) if config.anneal else 1.0)
    for _ in range(config.updates):
        loss, d_theta = loss_and_grad(net, theta, game_memory.sample(memory, game, rng, config.minibatch), config)
        optimizer, change = optimizers.adam(optimizer, d_theta, lr)
        theta = theta + change
        losses.append(float(loss))
    return State(theta, optimizer, memory, step), {"losses/loss": float(np.mean(losses))}


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Self-play, update; at every multiple of report_every games against the world's opponent; until total_steps."""
    game = game_of(world.envs)
    state = init(config, world, rng) if state is None else state
    while state.step < config.total_steps:
        reported = state.step // config.report_every
        visits = searcher(game, config, state.theta, rng)
        moves, first = self_play.play(game, visits, config.games, config.sampled_moves, rng)  # (1), (2)
        state, info = update(game, state, moves, config, rng)
        if state.step // config.report_every > reported or state.step >= config.total_steps:
            _, episodes = collect_episodes(world, player(world.envs, state, config, rng, deterministic=True))
            yield state, {**info, "charts/first_player": float(first.mean()), "episodes": episodes}


def player(
    envs: Any, state: State, config: Config, rng: np.random.Generator, deterministic: bool
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → the most visited move of a search without noise; of equals any, or the first if deterministic."""
    game = game_of(envs)
    visits = searcher(game, config, state.theta)

    def act(obs: NDArray) -> NDArray:
        count = visits(games.decode(game, obs))
        tie_break = 0.0 if deterministic else 0.5 * rng.random(count.shape)  # visits are whole numbers
        return (count + tie_break).argmax(axis=-1)

    return act

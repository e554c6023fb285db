"""AlphaZero: gradients, what one update does, resumable loops; and tic-tac-toe against all that can be played."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from scratchrl.algorithms import alphazero
from scratchrl.experience import game_memory, games, minimax, self_play
from scratchrl.experience.environments import make
from scratchrl.experience.exhaustive import against_everything
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Position
from scratchrl.experience.rollout import collect_episodes, start
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.maths import mlp, optimizers
from scratchrl.oracle.differentiation import complex_step, relative_error

SMALL = alphazero.Config(
    total_steps=200, num_envs=3, games=5, simulations=8, capacity=120, updates=3, minibatch=16, report_every=40,
    hidden=(8,),
)  # fmt: skip


def world_of(count=3, dtype=np.float32, name="TicTacToe"):
    return start(make(name, count), seed=7, dtype=dtype)


def run(updates, world, rng, state=None, config=SMALL):
    return list(itertools.islice(alphazero.train(config, world, rng, state), updates))


def some_moves(game, seed=0, count=4):
    def visits(position):
        return games.legal(game, position) * np.random.default_rng(seed).integers(1, 9, games.actions(game))

    return self_play.play(game, visits, count, 100, np.random.default_rng(seed))[0]


# ---- loss and update ----


@pytest.mark.parametrize("game", [TIC_TAC_TOE, CONNECT_FOUR], ids=lambda game: game.name)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradient_is_the_complex_step_of_the_loss(game, activation):
    config = replace(SMALL, activation=activation, weight_decay=0.1)
    net, rng = alphazero.network(game, config), np.random.default_rng(0)
    memory = game_memory.add(game_memory.empty(game, 500, np.float64), some_moves(game))
    lessons = game_memory.sample(memory, game, rng, 20)
    theta = rng.standard_normal(mlp.size(net)) / 4  # no bias 0: the empty board would be at the kink of relu
    _, d_theta = alphazero.loss_and_grad(net, theta, lessons, config)
    truth = complex_step(lambda x: alphazero.loss_and_grad(net, x, lessons, config)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


def test_update_is_adam_on_what_is_remembered(assert_same_bits):
    rng, config = np.random.default_rng(0), replace(SMALL, updates=2, total_steps=1000)
    world = world_of(dtype=np.float64)
    state = alphazero.init(config, world, rng)._replace(step=250)
    kept, moves = state.theta.copy(), some_moves(TIC_TAC_TOE)
    new, info = alphazero.update(TIC_TAC_TOE, state, moves, config, np.random.default_rng(1))
    np.testing.assert_array_equal(state.theta, kept)
    theta, optimizer, losses, again = kept, optimizers.adam_init(kept), [], np.random.default_rng(1)
    net = alphazero.network(TIC_TAC_TOE, config)
    for _ in range(2):
        lessons = game_memory.sample(new.memory, TIC_TAC_TOE, again, 16)
        loss, d_theta = alphazero.loss_and_grad(net, theta, lessons, config)
        optimizer, step = optimizers.adam(optimizer, d_theta, 0.75 * config.lr)
        theta, losses = theta + step, [*losses, loss]
    assert_same_bits(new.theta, theta)
    assert info["losses/loss"] == np.mean(losses)
    assert new.step == 250 + len(moves.outcome)
    assert new.memory.size == len(moves.outcome)


def test_updates_teach_the_network_what_it_is_shown():
    """Exact play as π and exact values as z, on all 4520 positions: after some steps the policy is optimal on most."""
    solution = minimax.solve(TIC_TAC_TOE)
    position = Position(solution.position.mine[~solution.over], solution.position.theirs[~solution.over])
    good = minimax.optimal(solution, position)
    moves = self_play.Moves(position, good / good.sum(axis=-1, keepdims=True), solution.value[~solution.over])
    config = replace(SMALL, capacity=4520, updates=400, minibatch=256, hidden=(64,), total_steps=10**6, lr=3e-3)
    state = alphazero.init(config, world_of(), np.random.default_rng(0))
    new, _ = alphazero.update(TIC_TAC_TOE, state, moves, config, np.random.default_rng(1))
    net, legal = alphazero.network(TIC_TAC_TOE, config), games.legal(TIC_TAC_TOE, position)
    prior, value = alphazero.judge(TIC_TAC_TOE, net, new.theta)(position, legal)
    assert good[np.arange(4520), prior.argmax(axis=-1)].mean() > 0.9
    assert (np.sign(value.round()) == moves.outcome).mean() > 0.7


# ---- train ----


def test_train_reports_at_multiples_and_stops_at_the_end():
    history = run(None, world_of(), np.random.default_rng(0))
    steps = [state.step for state, _ in history]
    assert steps[-2] < 200 <= steps[-1]
    assert all(a // 40 < b // 40 or b >= 200 for a, b in itertools.pairwise([0, *steps]))
    for _, info in history:
        assert set(info) == {"losses/loss", "charts/first_player", "episodes"}
        assert len(info["episodes"].returns) == 3
        assert set(info["episodes"].returns) <= {-1.0, 0.0}
    assert run(None, world_of(), np.random.default_rng(0), history[-1][0]) == []


def test_same_seeds_same_bits_and_other_seeds_others(assert_same_bits):
    first, second, third = (run(2, world_of(), np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert_same_bits(tuple(first), tuple(second))
    assert (first[-1][0].theta != third[-1][0].theta).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_run_in_two_generators_is_the_run_in_one(dtype, assert_same_bits):
    """(state, rng, world) are all there is, also after the memory has come round."""
    whole = run(4, world_of(dtype=dtype), np.random.default_rng(0))
    world, rng = world_of(dtype=dtype), np.random.default_rng(0)
    begun = run(2, world, rng)
    ended = run(2, world, rng, begun[-1][0])
    assert_same_bits(ended[-1], whole[-1])
    assert whole[-1][0].step > whole[-1][0].memory.size == 120
    assert whole[-1][0].theta.dtype == whole[-1][0].memory.policy.dtype == dtype


def test_an_environment_that_is_no_game_is_refused():
    with pytest.raises(UnusableEnvironment, match="env: expected a game for two, TicTacToe or ConnectFour"):
        alphazero.init(SMALL, world_of(name="CartPole-v1"), np.random.default_rng(0))


# ---- playing ----


def test_player_takes_the_most_visited_move_and_breaks_ties_at_random_if_asked():
    config = replace(SMALL, simulations=9, exploration=1000.0)  # on the empty board every move is visited once
    world = world_of()
    state = alphazero.init(config, world, np.random.default_rng(0))
    state = state._replace(theta=0 * state.theta)
    obs = np.zeros((400, 18), np.float32)
    first = alphazero.player(world.envs, state, config, np.random.default_rng(0), deterministic=True)(obs)
    assert (first == 0).all()
    any_of_them = alphazero.player(world.envs, state, config, np.random.default_rng(0), deterministic=False)(obs)
    counts = np.bincount(any_of_them, minlength=9)
    assert (np.abs(counts - 400 / 9) < 5 * np.sqrt(400 / 9)).all()  # false alarm below 6e-6


def trained(seed, **changes):
    config = alphazero.Config(**changes)
    world = start(make("TicTacToe", config.num_envs), seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    *_, (state, _) = alphazero.train(config, world, rng)
    return config, state


def lost(config, state, envs=200):
    """Games lost: of 200 against perfect play, and of all there are, moving first and second."""
    world = start(make("TicTacToe", envs), 10**6)
    player = alphazero.player(world.envs, state, config, np.random.default_rng(0), deterministic=True)
    batch, episodes = collect_episodes(world, player)
    sides = batch.obs[0].sum(axis=-1)
    assert 0.3 < sides.mean() < 0.7  # both sides
    visits = alphazero.searcher(TIC_TAC_TOE, config, state.theta)
    exhaustive = [
        against_everything(TIC_TAC_TOE, lambda position: visits(position).argmax(axis=-1), first).lost
        for first in (True, False)
    ]
    return [int((episodes.returns != 0).sum()), *exhaustive]


@pytest.mark.parametrize("seed", range(3))
def test_after_a_quarter_of_the_training_tic_tac_toe_is_never_lost(seed):
    """Not one of 200 games against perfect play, nor of all the games that can be played against it."""
    assert lost(*trained(seed, total_steps=10_000, report_every=10_000)) == [0, 0, 0]


def test_connect_four_gets_better_against_random_moves():
    """Before: a search of 25 simulations without knowledge; after a short training, more games are won.

    Fixed seeds; of 60 games each, by the untrained network without a search, and by the trained one without it.
    """
    config = alphazero.Config(
        total_steps=6000, games=32, simulations=25, updates=40, report_every=10**9, num_envs=60, hidden=(64,)
    )
    world, rng = start(make("ConnectFour", 60), 0), np.random.default_rng(0)
    before = alphazero.init(config, world, rng)
    *_, (after, _) = alphazero.train(config, world, rng, before)

    def mean_return(state):
        prior = alphazero.judge(CONNECT_FOUR, alphazero.network(CONNECT_FOUR, config), state.theta)

        def act(obs):
            position = games.decode(CONNECT_FOUR, obs)
            return prior(position, games.legal(CONNECT_FOUR, position))[0].argmax(axis=-1)

        return collect_episodes(start(make("ConnectFour", 60), 5), act)[1].returns.mean()

    assert mean_return(before) < 0.5
    assert mean_return(after) > 0.7

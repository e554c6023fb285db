"""Games as environments: the opponent's answer is part of the step, and perfect play cannot be beaten."""

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from scratchrl.experience import game_env, games, minimax
from scratchrl.experience.environments import make
from scratchrl.experience.game_env import GameEnv
from scratchrl.experience.games import CONNECT_FOUR, TIC_TAC_TOE, Position
from scratchrl.experience.rollout import collect_episodes, start

SOLUTION = minimax.solve(TIC_TAC_TOE)


def perfectly(obs, rng):
    """Optimal moves, any of them."""
    good = minimax.optimal(SOLUTION, games.decode(TIC_TAC_TOE, obs))
    return (good * (1 + rng.random(good.shape))).argmax(axis=-1)


def legally(game, obs, rng):
    allowed = games.legal(game, games.decode(game, obs))
    return (allowed * (1 + rng.random(allowed.shape))).argmax(axis=-1)


def returns(name, act, count=100, seed=0):
    world, rng = start(make(name, count), seed), np.random.default_rng(seed)
    batch, episodes = collect_episodes(world, lambda obs: act(obs, rng))
    return batch, episodes.returns


def test_perfect_play_against_itself_is_always_a_draw_and_the_games_differ():
    batch, ends = returns("TicTacToe", perfectly)
    assert (ends == 0).all()
    assert len(np.unique(batch.action.T, axis=0)) > 30
    begins = batch.obs[0].sum(axis=-1)  # stones on the board when the agent first sees it
    assert abs((begins == 0).mean() - 0.5) < 0.25  # 5 standard errors of 100 sides drawn by lot
    assert set(begins.tolist()) == {0, 1}


def test_random_moves_do_not_win_against_perfect_play():
    _, ends = returns("TicTacToe", lambda obs, rng: legally(TIC_TAC_TOE, obs, rng))
    assert set(ends.tolist()) == {-1, 0}
    assert ends.mean() < -0.5


def test_random_moves_are_an_opponent_like_any_other():
    """Both random: 0 on average over the two sides; 200 games, 5 standard errors, false alarm 6e-7."""
    _, ends = returns("ConnectFour", lambda obs, rng: legally(CONNECT_FOUR, obs, rng), 200)
    assert set(ends.tolist()) >= {-1, 1}
    assert abs(ends.mean()) < 5 / np.sqrt(200)


@pytest.mark.parametrize("name", ["TicTacToe", "ConnectFour"])
def test_an_illegal_move_loses_at_once(name):
    env = gymnasium.make(name)
    for seed in range(5):
        obs, _ = env.reset(seed=seed)
        ended = False
        while not ended:  # always the same action: sooner or later it is illegal, if the game lasts
            before = obs
            obs, reward, ended, truncated, _ = env.step(0)
            assert not truncated
        illegal = not games.legal(games.named(name), games.decode(games.named(name), before))[0]
        assert reward == -1 if illegal else reward in (-1, 0, 1)
        assert not illegal or (obs == before).all()


def test_the_answer_is_on_the_board_and_rewards_are_the_agents():
    env = GameEnv(TIC_TAC_TOE, "random moves")
    rewards = []
    for seed in range(60):
        obs, _ = env.reset(seed=seed)
        ended = False
        while not ended:
            position = games.decode(TIC_TAC_TOE, obs)
            action = int(games.legal(TIC_TAC_TOE, position).argmax())
            obs, reward, ended, _, _ = env.step(action)
            if not ended:
                assert reward == 0
                assert obs.sum() == np.bitwise_count(position.mine | position.theirs) + 2
        mine_last = obs.sum() == np.bitwise_count(position.mine | position.theirs) + 1
        after = games.decode(TIC_TAC_TOE, obs)
        winner = games.has_line(TIC_TAC_TOE, after.theirs if mine_last else after.mine)
        loser = games.has_line(TIC_TAC_TOE, after.theirs) and not mine_last
        assert reward == (1 if winner else -1 if loser else 0)
        rewards.append(reward)
    assert set(rewards) == {-1, 0, 1}


@pytest.mark.parametrize("name", ["TicTacToe", "ConnectFour"])
def test_the_same_seed_and_actions_are_the_same_game(name):
    first, second = (returns(name, lambda obs, rng: legally(games.named(name), obs, rng), 8, 3) for _ in range(2))
    np.testing.assert_array_equal(first[0].obs, second[0].obs)


@pytest.mark.parametrize("name", ["TicTacToe", "ConnectFour"])
def test_gymnasium_finds_nothing_wrong(name):
    check_env(gymnasium.make(name, render_mode="rgb_array").unwrapped)


def test_a_picture_of_the_board():
    """Connect Four after 3, 3: blue below, orange on top of it, in the middle column; and all else empty."""
    env = gymnasium.make("ConnectFour", render_mode="rgb_array")
    env.reset(seed=0)
    env.unwrapped.position = games.play(CONNECT_FOUR, games.play(CONNECT_FOUR, games.start(), 3), 3)
    picture = env.render()
    size = game_env.CELL
    assert picture.shape == (6 * size, 7 * size, 3)
    assert picture.dtype == np.uint8
    middles = picture[size // 2 :: size, size // 2 :: size].astype(int)
    blue, orange = middles[5, 3], middles[4, 3]
    assert blue.argmax() == 2
    assert orange.argmax() == 0
    middles[5, 3] = middles[4, 3] = 255
    assert (middles == 255).all()


def test_metadata_say_who_plays_what():
    envs = make("TicTacToe", 2)
    assert envs.metadata["game"] == "TicTacToe"
    assert envs.metadata["opponent"] == "perfect play"
    assert make("ConnectFour").metadata["opponent"] == "random moves"
    game_env.register()  # twice is once


def test_a_position_of_one_board():
    win = Position(0b11, 0b110000)  # two in the first column
    assert game_env.perfect(TIC_TAC_TOE)(win, np.random.default_rng(0)) == 2

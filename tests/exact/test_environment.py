"""The Gymnasium view: passes check_env, observes what it says, and its sample means are the exact values."""

from dataclasses import replace

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import SyncVectorEnv

from scratchrl.exact.environment import MDPEnv
from scratchrl.exact.evaluation import expected_return
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.learners import follow
from scratchrl.exact.zoo import cliff, garnet, gridworld, random_walk, two_state

FEATURES = np.random.default_rng(0).normal(size=(6, 3))


@pytest.mark.parametrize("horizon", [None, 2, 10])
@pytest.mark.parametrize("features", [None, "one_hot", FEATURES, FEATURES.astype(np.float32)])
def test_check_env_is_content_without_a_warning(features, horizon):
    """Warnings are errors in this suite. There is nothing to render, hence no render check."""
    mdp = garnet(np.random.default_rng(1), 6, 2, 3, terminals=1)
    check_env(MDPEnv(mdp, features, horizon), skip_render_check=True)


@pytest.mark.parametrize("mdp", [two_state(), gridworld(), cliff(), random_walk()])
def test_check_env_on_the_zoo(mdp):
    check_env(MDPEnv(mdp), skip_render_check=True)


def test_observations():
    mdp = garnet(np.random.default_rng(1), 6, 2, 3)
    assert MDPEnv(mdp).observation_space == Discrete(6)
    one_hot = MDPEnv(mdp, "one_hot")
    assert one_hot.observation_space == Box(0.0, 1.0, (6,), np.float32)
    for env, rows in ((one_hot, np.eye(6)), (MDPEnv(mdp, FEATURES), FEATURES)):
        observation, info = env.reset(seed=3)
        np.testing.assert_array_equal(observation, rows[info["state"]])
        observation, *_, info = env.step(1)
        np.testing.assert_array_equal(observation, rows[info["state"]])
        assert observation.dtype == env.observation_space.dtype


@pytest.mark.parametrize("horizon", [None, 4])
def test_sample_means_are_exact_values(horizon):
    """20 000 episodes, |mean − exact| < 5 standard errors: fails on one fresh seed in 10⁶."""
    rng = np.random.default_rng(4)
    mdp = replace(garnet(rng, 6, 2, 3, 1.0, terminals=2), gamma=0.9)
    policy = rng.dirichlet(np.ones(2), size=6)
    env, act = MDPEnv(mdp, horizon=horizon), follow(policy, rng)
    env.reset(seed=0)
    returns = [discounted_episode(env, act) for _ in range(20_000)]
    exact = expected_return(mdp, policy)
    if horizon is not None:
        exact = mdp.start @ finite_horizon_values(mdp, policy, horizon, gamma=0.9)[0][0]
    assert abs(np.mean(returns) - exact) < 5 * np.std(returns) / np.sqrt(len(returns))


def discounted_episode(env, act):
    state, _ = env.reset()
    total, weight, over = 0.0, 1.0, False
    while not over:
        state, reward, terminated, truncated, _ = env.step(act(state))
        total, weight, over = total + weight * reward, weight * 0.9, terminated or truncated
    return total


def test_truncation_is_not_termination():
    env = MDPEnv(gridworld(1, 3), horizon=2)
    env.reset(seed=0)
    assert env.step(1)[2:4] == (False, False)
    assert env.step(1)[2:4] == (True, False)
    env.reset()
    env.step(0)
    assert env.step(0)[2:4] == (False, True)


def test_vectorises():
    envs = SyncVectorEnv([lambda: MDPEnv(random_walk(), "one_hot")] * 3)
    assert envs.reset(seed=0)[0].shape == (3, 7)
    assert envs.step(np.array([0, 1, 1]))[0].argmax(axis=1).tolist() == [2, 4, 4]


def test_bad_arguments_are_refused():
    mdp = two_state()
    with pytest.raises(ValueError, match=r'features: expected None, "one_hot" or an array'):
        MDPEnv(mdp, "onehot")
    with pytest.raises(ValueError, match=r"features: expected an array of shape \(2, O\), got \(3, 2\)"):
        MDPEnv(mdp, np.zeros((3, 2)))
    walk = random_walk()
    with pytest.raises(ValueError, match="start distribution on states that are not terminal"):
        MDPEnv(replace(walk, start=np.eye(7)[0]))

"""The Box of actions and the cube [−1, 1]^A: corners, way back, refused spaces; the networks' shapes."""

from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete

from scratchrl.experience import actions
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.maths.mlp import MLP

LOW, HIGH = np.array([[-2.0, 0.0], [5.0, -1e-3]]), np.array([[2.0, 8.0], [6.0, 3e-3]])


def envs_of(action, observation=None):
    observation = Box(-1, 1, (3,)) if observation is None else observation
    return SimpleNamespace(single_action_space=action, single_observation_space=observation)


BOX = Box(LOW, HIGH, dtype=np.float64)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_corners_go_to_corners_and_back(dtype):
    box, tolerance = actions.range_of(envs_of(BOX), dtype), 4 * np.finfo(dtype).eps
    assert box.middle.dtype == box.half.dtype == dtype
    corners = np.stack([-np.ones(4), np.zeros(4), np.ones(4)]).astype(dtype)
    expected = np.stack([LOW.ravel(), (LOW + HIGH).ravel() / 2, HIGH.ravel()])
    in_env = actions.to_env(box, corners)
    np.testing.assert_allclose(in_env, expected, rtol=tolerance, atol=tolerance * 1e-3)
    assert in_env.dtype == dtype
    x = np.random.default_rng(0).uniform(-1, 1, (50, 4)).astype(dtype)
    scale = np.abs(box.middle / box.half) + 1  # digits lost where the range is small beside its middle
    assert (np.abs(actions.from_env(box, actions.to_env(box, x)) - x) <= tolerance * scale).all()


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (Discrete(3), "floating Box"),
        (MultiDiscrete([2, 3]), "floating Box"),
        (Box(-3, 3, (2,), np.int64), "floating Box"),
        (Box(-np.inf, np.inf, (2,)), "must be bounded"),
        (Box(np.array([-1.0, -1.0]), np.array([1.0, np.inf]), dtype=np.float64), "must be bounded"),
        (Box(0.0, 0.0, (1,)), "low < high"),
    ],
)
def test_what_cannot_be_scaled_is_refused(space, message):
    for function in (actions.range_of, lambda envs: actions.critic_network(envs, SimpleNamespace(hidden=()))):
        with pytest.raises(UnusableEnvironment, match=message):
            function(envs_of(space))


def test_networks_have_the_sizes_of_the_spaces():
    config = SimpleNamespace(hidden=(7, 5), activation="relu")
    assert actions.actor_network(envs_of(BOX), config) == MLP((3, 7, 5, 4), "relu")
    assert actions.actor_network(envs_of(BOX, Discrete(6)), config, outputs=2) == MLP((6, 7, 5, 8), "relu")
    assert actions.critic_network(envs_of(BOX), config) == MLP((7, 7, 5, 1), "relu")

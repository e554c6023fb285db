"""Observations to rows of numbers, actions from them."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete
from gymnasium.vector.utils import batch_space

from scratchrl.experience import spaces

OBSERVATIONS = [Box(-1, 1, (3,)), Box(0, 255, (2, 2, 3), np.uint8), Box(-1, 1, ()), Discrete(4), Discrete(4, start=-2)]
ACTIONS = [
    Discrete(3),
    Discrete(3, start=7),
    MultiDiscrete([2, 5]),
    MultiDiscrete([2, 5], start=[-1, 3]),
    Box(-1, 1, (3,)),
    Box(-np.inf, np.inf, (2, 2)),
    Box(0, 1, ()),
]


@pytest.mark.parametrize("space", OBSERVATIONS, ids=str)
def test_encoding_loses_nothing(space):
    space.seed(0)
    raw = np.stack([space.sample() for _ in range(50)])
    out = np.full((50, spaces.observation_size(space)), np.nan, np.float32)
    spaces.encoder(space)(out, raw)
    if isinstance(space, Discrete):
        assert (out.sum(axis=1) == 1).all()
        np.testing.assert_array_equal(out.argmax(axis=1) + space.start, raw)
    else:
        np.testing.assert_array_equal(out.reshape(raw.shape), raw)


@pytest.mark.parametrize("space", ACTIONS, ids=str)
def test_every_decoded_action_is_in_the_space_and_shares_no_memory(space):
    shape = spaces.action_shape(space)
    if isinstance(space, Box):
        action = np.random.default_rng(0).normal(size=(50, *shape)) * 3
    else:
        size = space.n if isinstance(space, Discrete) else space.nvec
        action = np.random.default_rng(0).integers(0, size, (50, *shape))
    decoded = spaces.decoder(space)(action)
    assert batch_space(space, 50).contains(decoded)
    assert not np.shares_memory(decoded, action)


def test_clipping_is_to_each_bound():
    space = Box(np.array([-1, -2], np.float32), np.array([1, np.inf], np.float32))
    decoded = spaces.decoder(space)(np.array([[-5.0, -5.0], [5.0, 5.0], [0.5, 0.5]]))
    np.testing.assert_array_equal(decoded, [[-1, -2], [1, 5], [0.5, 0.5]])


REFUSED_ACTIONS = [MultiBinary(2), MultiDiscrete([[2, 3]]), Box(0, 9, (2,), np.int64), Dict(a=Discrete(2))]


@pytest.mark.parametrize("action", REFUSED_ACTIONS, ids=str)
def test_other_action_spaces_are_refused(action):
    with pytest.raises(spaces.UnusableEnvironment, match="action space must be"):
        spaces.require_supported(Box(0, 1), action)


@pytest.mark.parametrize("observation", [MultiBinary(2), MultiDiscrete([2, 3]), Dict(a=Discrete(2))], ids=str)
def test_other_observation_spaces_are_refused_with_a_remedy(observation):
    with pytest.raises(spaces.UnusableEnvironment, match="FlattenObservation"):
        spaces.require_supported(observation, Discrete(2))

"""From spaces to networks: sizes and kinds by the table, one-line errors, acting with and without exploration."""

from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete, Tuple

from scratchrl.experience import agent as agents
from scratchrl.experience.scales import Scales
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.maths import moments, policies
from scratchrl.maths.distributions import GAUSSIAN
from scratchrl.maths.mlp import MLP


def build(observation, action, state_dependent_std=False, hidden=(7,), activation="relu"):
    envs = SimpleNamespace(single_observation_space=observation, single_action_space=action)
    config = SimpleNamespace(hidden=hidden, activation=activation, state_dependent_std=state_dependent_std)
    return agents.build(envs, config)


BOX = Box(-1, 1, (3,))


@pytest.mark.parametrize(
    ("action", "state_dependent_std", "output", "free", "segments"),
    [
        (Discrete(4), False, 4, 0, ((0, 4),)),
        (Discrete(4, start=2), True, 4, 0, ((0, 4),)),
        (MultiDiscrete([2, 3]), False, 5, 0, ((0, 2), (2, 5))),
        (Box(-2, 2, (2,)), False, 2, 2, ()),
        (Box(-2, 2, (2,)), True, 4, 0, ()),
        (Box(-2, 2, (2, 3)), False, 6, 6, ()),
        (Box(-2, 2, ()), False, 1, 1, ()),
    ],
)
def test_action_space_decides_output_and_distribution(action, state_dependent_std, output, free, segments):
    agent = build(BOX, action, state_dependent_std)
    assert agent.policy.mlp == MLP((3, 7, output), "relu")
    assert (agent.policy.free, agent.policy.distribution.segments) == (free, segments)
    assert (agent.policy.distribution is GAUSSIAN) == isinstance(action, Box)
    assert agent.value == MLP((3, 7, 1), "relu")


@pytest.mark.parametrize(
    ("observation", "size"), [(Discrete(5), 5), (Box(-1, 1, (2, 3)), 6), (Box(0, 255, (4, 4, 3), np.uint8), 48)]
)
def test_observation_space_decides_the_input_of_both_networks(observation, size):
    agent = build(observation, Discrete(2))
    assert agent.policy.mlp.sizes[0] == agent.value.sizes[0] == size


@pytest.mark.parametrize("hidden", [(), (3,), (8, 4, 2)])
def test_both_networks_have_the_layers_of_the_config(hidden):
    agent = build(BOX, Discrete(2), hidden=hidden, activation="tanh")
    assert agent.policy.mlp == MLP((3, *hidden, 2), "tanh")
    assert agent.value == MLP((3, *hidden, 1), "tanh")


@pytest.mark.parametrize("observation", [Dict({"x": BOX}), Tuple([BOX]), MultiBinary(3)])
def test_an_observation_space_outside_the_table_is_refused(observation):
    with pytest.raises(UnusableEnvironment, match="observation space must be Box or Discrete"):
        build(observation, Discrete(2))


@pytest.mark.parametrize(
    "action", [Dict({"x": BOX}), MultiBinary(3), MultiDiscrete([[2, 3], [2, 3]]), Box(0, 9, (2,), np.int64)]
)
def test_an_action_space_outside_the_table_is_refused(action):
    with pytest.raises(UnusableEnvironment, match="action space must be"):
        build(BOX, action)


def test_action_values_are_a_network_with_outputs_for_every_action():
    config = SimpleNamespace(hidden=(7, 5), activation="relu")

    def network(action, *outputs):
        envs = SimpleNamespace(single_observation_space=BOX, single_action_space=action)
        return agents.action_value_network(envs, config, *outputs)

    assert network(Discrete(4, start=2)) == MLP((3, 7, 5, 4), "relu")
    assert network(Discrete(4), 51) == MLP((3, 7, 5, 204), "relu")
    for action in (MultiDiscrete([2, 3]), Box(-1, 1, (2,))):
        with pytest.raises(UnusableEnvironment, match="action space must be Discrete for this algorithm, got"):
            network(action)


ACTIONS = [Discrete(4), MultiDiscrete([2, 3]), Box(-2, 2, (2,))]


def learner(agent, seed):
    rng = np.random.default_rng(seed)
    seen = moments.update(moments.empty((3,)), 5 + 2 * rng.standard_normal((50, 3)))
    theta = rng.standard_normal(policies.size(agent.policy))
    return SimpleNamespace(theta=theta, scales=Scales(seen, None)), 5 + 2 * rng.standard_normal((40, 3))


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_actor_samples_and_decider_takes_the_mode_of_what_the_networks_see(action, normalize):
    agent = build(BOX, action)
    state, obs = learner(agent, 0)
    config = SimpleNamespace(normalize_obs=normalize)
    seen = (obs - state.scales.obs.mean) / np.sqrt(state.scales.obs.m2 / 50) if normalize else obs
    drawn = agents.actor(agent.policy, state, config, np.random.default_rng(1))(obs)
    np.testing.assert_array_equal(drawn, policies.sample(agent.policy, state.theta, seen, np.random.default_rng(1)))
    decided = agents.decider(agent.policy, state, config)(obs)
    np.testing.assert_array_equal(decided, policies.mode(agent.policy, state.theta, seen))


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_no_sampled_action_is_more_probable_than_the_decided_one(action):
    agent = build(BOX, action)
    state, obs = learner(agent, 2)
    config = SimpleNamespace(normalize_obs=False)

    def log_prob(chosen):
        return policies.log_prob(agent.policy, state.theta, obs, chosen)

    best = log_prob(agents.decider(agent.policy, state, config)(obs))
    act = agents.actor(agent.policy, state, config, np.random.default_rng(3))
    for _ in range(10):
        assert (log_prob(act(obs)) <= best + 1e-12).all()


def test_actor_goes_on_with_the_generator_it_was_given():
    agent = build(BOX, Discrete(4))
    state, obs = learner(agent, 4)
    act = agents.actor(agent.policy, state, SimpleNamespace(normalize_obs=False), np.random.default_rng(5))
    assert (act(obs) != act(obs)).any()


@pytest.mark.parametrize("action", ACTIONS, ids=str)
def test_player_is_the_actor_or_the_decider_of_the_networks_that_fit_the_environment(action):
    config = SimpleNamespace(
        hidden=(7,), activation="relu", state_dependent_std=False, normalize_obs=True, normalize_reward=False
    )
    envs = SimpleNamespace(single_observation_space=BOX, single_action_space=action)
    agent = agents.build(envs, config)
    state, obs = learner(agent, 6)
    rngs = [np.random.default_rng(7) for _ in range(2)]
    sampled = agents.player(envs, state, config, rngs[0], deterministic=False)(obs)
    np.testing.assert_array_equal(sampled, agents.actor(agent.policy, state, config, rngs[1])(obs))
    decided = agents.player(envs, state, config, rngs[0], deterministic=True)(obs)
    np.testing.assert_array_equal(decided, agents.decider(agent.policy, state, config)(obs))
    assert (sampled != decided).any()

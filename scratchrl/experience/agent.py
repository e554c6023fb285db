"""Agent: which networks fit an environment's spaces. Shapes only; the numbers are in θ and φ."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from scratchrl.experience import normalization, scales, spaces
from scratchrl.experience.scales import ScaleConfig, Scales
from scratchrl.maths import policies
from scratchrl.maths.mlp import MLP
from scratchrl.maths.policies import Policy


class Agent(NamedTuple):
    """A policy π_θ(a|s) and a value function V_φ(s), two networks that share nothing."""

    policy: Policy
    value: MLP


class NetworkConfig(Protocol):
    """The fields that every algorithm's Config has about its networks."""

    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def activation(self) -> str: ...
    @property
    def state_dependent_std(self) -> bool: ...


def build(envs: VectorEnv, config: NetworkConfig) -> Agent:
    """Discrete → categorical, MultiDiscrete → several categoricals, Box → diagonal Gaussian; V with the same layers.

    Args:
      config: `hidden` and `activation` of both networks; `state_dependent_std`: for Box, log σ from the network.
    Raises:
      UnusableEnvironment: a space outside the table in spaces.py.

    Checked in tests/experience/test_agent.py.
    """
    observation: Any = envs.single_observation_space
    action: Any = envs.single_action_space
    spaces.require_supported(observation, action)
    size, shape = spaces.observation_size(observation), (config.hidden, config.activation)
    value = MLP((size, *config.hidden, 1), config.activation)
    if isinstance(action, Discrete):
        return Agent(policies.categorical_policy(size, int(action.n), *shape), value)
    if isinstance(action, MultiDiscrete):
        return Agent(policies.multi_categorical_policy(size, tuple(int(n) for n in action.nvec), *shape), value)
    gaussian = policies.state_dependent_gaussian_policy if config.state_dependent_std else policies.gaussian_policy
    return Agent(gaussian(size, spaces.action_shape(action)[0], *shape), value)


def action_value_network(envs: VectorEnv, config: Any, outputs: int = 1) -> MLP:
    """obs (B, O) → `outputs` numbers for every action, (B, A · outputs): for algorithms that compare actions.

    Args:
      config: `hidden` and `activation`.
    Raises:
      UnusableEnvironment: an observation space outside the table in spaces.py, or actions that cannot be counted.

    Checked in tests/experience/test_agent.py.
    """
    observation: Any = envs.single_observation_space
    action: Any = envs.single_action_space
    spaces.require_supported(observation, action)
    if not isinstance(action, Discrete):
        raise spaces.UnusableEnvironment(f"action space must be Discrete for this algorithm, got {action}")
    return MLP((spaces.observation_size(observation), *config.hidden, int(action.n) * outputs), config.activation)


class Learner(Protocol):
    """The fields that every algorithm's State has: parameters of the policy, and how observations are scaled."""

    @property
    def theta(self) -> NDArray: ...
    @property
    def scales(self) -> Scales: ...


def actor(
    policy: Policy, state: Learner, config: ScaleConfig, rng: np.random.Generator
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → a ~ π_θ(·|obs): what `rollout.collect` needs of a policy."""
    act = policies.sampler(policy, state.theta, rng)
    if not config.normalize_obs:
        return act
    standard = normalization.standardizer(state.scales.obs)
    return lambda obs: act(standard(obs))


def decider(policy: Policy, state: Learner, config: ScaleConfig) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → argmax_a π_θ(a|obs): the trained policy without its exploration."""
    return lambda obs: policies.mode(policy, state.theta, scales.seen(state.scales, obs, config))


def player(
    envs: VectorEnv, state: Learner, config: Any, rng: np.random.Generator, deterministic: bool
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → action of the trained policy: sampled, or its mode if `deterministic`. What evaluation plays with.

    Checked in tests/experience/test_agent.py.
    """
    policy = build(envs, config).policy
    return decider(policy, state, config) if deterministic else actor(policy, state, config, rng)

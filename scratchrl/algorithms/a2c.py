r"""A2C, advantage actor-critic: one small synchronous step for every few transitions of N environments.

    T     steps per environment in a batch (5), B = T·N rows
    V_φ   the critic; A_t advantage of GAE(γ, λ): with λ = 1 the longest n-step return the batch allows, minus V

    L(θ) = (1/B) Σ_b [ log π_θ(a_b|s_b) A_b + c H(π_θ(·|s_b)) ]        to be made large      (1)
    L(φ) = (1/B) Σ_b ½ (V_φ(s_b) − R_b)²,   R = A + V                  to be made small      (2)

A batch may begin and end anywhere in an episode; where it ends V bootstraps. One gradient step per batch, so the data
are always those of the current policy and no ratio is needed.

Papers: Mnih et al. (2016), Asynchronous methods for deep RL (A3C, of which this is the synchronous form).
Checked in tests/algorithms/test_a2c.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import accord, limits
from scratchrl.experience import agent as agents
from scratchrl.experience import samples as sampling
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.experience.rollout import collect
from scratchrl.experience.samples import Samples
from scratchrl.experience.scales import Scales, empty, scaled
from scratchrl.experience.world import World
from scratchrl.maths import chunks, critic, fused, initialization, objectives, optimizers, policies, values
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Config:
    """Defaults that solve CartPole-v1."""

    total_steps: int = 500_000
    """environment steps to train for"""
    num_envs: int = 8
    """N: environments side by side"""
    steps: int = 5
    """T: steps of each environment per batch"""
    gamma: float = 0.99
    """discount γ"""
    lam: float = 1.0
    """λ of GAE"""
    entropy_coefficient: float = 0.0
    """c: weight of the entropy"""
    policy_lr: float = 1e-3
    """learning rate of Adam for θ"""
    value_lr: float = 1e-3
    """learning rate of Adam for φ"""
    anneal: bool = True
    """let both learning rates fall linearly to 0"""
    max_grad_norm: float = 0.5
    """gradients longer than this are shortened to it"""
    normalize_obs: bool = False
    """standardise observations by their running mean and standard deviation"""
    normalize_reward: bool = False
    """divide rewards by the running standard deviation of the discounted return"""
    hidden: tuple[int, ...] = (64, 64)
    """widths of the hidden layers"""
    activation: str = "tanh"
    """tanh, relu or identity"""
    state_dependent_std: bool = False
    """Box actions: log σ from the network instead of a free parameter"""

    def __post_init__(self) -> None:
        limits.positive(self, "total_steps", "num_envs", "steps", "policy_lr", "value_lr", "max_grad_norm")
        limits.not_negative(self, "entropy_coefficient")
        limits.fraction(self, "gamma", "lam")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size of the policy,)
    phi: NDArray  # (size of the value network,)
    theta_optimizer: Adam
    phi_optimizer: Adam
    scales: Scales
    step: int  # environment steps so far


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀, φ₀ and two optimizers at rest."""
    agent = agents.build(world.envs, config)
    theta = policies.init(agent.policy, rng, dtype=world.obs.dtype)
    phi = initialization.init(agent.value, rng, dtype=world.obs.dtype)
    at_rest = optimizers.adam_init(theta), optimizers.adam_init(phi)
    return world.ranks.first(State(theta, phi, *at_rest, empty(world), 0))


# ---- loss and gradient ----


class Coefficients(Protocol):
    """The fields of a Config that decide the gradients."""

    @property
    def gamma(self) -> float: ...
    @property
    def lam(self) -> float: ...
    @property
    def entropy_coefficient(self) -> float: ...


def loss_and_grad(agent: Agent, theta: NDArray, samples: Samples, config: Coefficients) -> tuple[Any, NDArray]:
    """−L(θ) of (1) and its gradient.

    Returns:
      loss (), d_theta (size,).
    """
    distribution, rows, c = agent.policy.distribution, len(samples.obs), config.entropy_coefficient
    arrays = samples.obs, samples.action, samples.advantage
    if (answer := fused.policy_gradient(agent.policy, theta, *arrays, c)) is not None:
        return answer
    params, cache = policies.forward(agent.policy, theta, samples.obs)
    value, d_log_prob = objectives.policy_gradient(distribution.log_prob(params, samples.action), samples.advantage)
    value, d_entropy = objectives.entropy_bonus(value, distribution.entropy(params), c)
    d_params = d_log_prob[:, None] * distribution.score(params, samples.action)
    d_params += d_entropy[:, None] * distribution.entropy_grad(params)
    return -value.mean(), policies.vjp(agent.policy, theta, cache, -d_params / rows)  # (1)


def gradients(
    agent: Agent, theta: NDArray, phi: NDArray, batch: Batch, config: Coefficients, ranks: Ranks = ALONE
) -> tuple[NDArray, NDArray, dict[str, float]]:
    """Where both losses rise, on a batch of π_θ's: d_theta of −(1), d_phi of (2), and what there is to report."""
    samples = sampling.judged(agent, theta, phi, batch, config.gamma, config.lam)

    def parts(rows: Samples) -> tuple[Any, ...]:
        policy_part = loss_and_grad(agent, theta, rows, config)
        value_part = critic.loss_and_grad(agent.value, phi, rows.obs, rows.target)  # (2)
        return *policy_part, *value_part, agent.policy.distribution.entropy(rows.params).mean()

    means = ranks.mean(chunks.mean(parts, samples), len(samples.obs))
    loss, d_theta, value_loss, d_phi, entropy = means
    report = {
        "losses/policy_loss": float(loss),
        "losses/value_loss": float(value_loss),
        "losses/entropy": float(entropy),
        "losses/explained_variance": float(values.explained_variance(*ranks.union(samples.value, samples.target))),
    }
    return d_theta, d_phi, report


# ---- one update, and the loop ----


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator, ranks: Ranks = ALONE
) -> tuple[State, dict[str, float]]:
    """One step of Adam for θ, one for φ."""
    d_theta, d_phi, report = gradients(agent, state.theta, state.phi, batch, config, ranks)
    fraction = 1 - state.step / config.total_steps if config.anneal else 1.0
    policy_lr, value_lr, longest = fraction * config.policy_lr, fraction * config.value_lr, config.max_grad_norm
    theta_optimizer, theta_step = optimizers.adam(state.theta_optimizer, d_theta, policy_lr, max_norm=longest)
    phi_optimizer, phi_step = optimizers.adam(state.phi_optimizer, d_phi, value_lr, max_norm=longest)
    steps = state.step + ranks.total(int(np.count_nonzero(batch.valid)))
    theta, phi = state.theta + theta_step, state.phi + phi_step
    new = State(theta, phi, theta_optimizer, phi_optimizer, state.scales, steps)
    return new, {"charts/learning_rate": policy_lr, **report}


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Collect T steps of every environment, update, yield; until total_steps."""
    agent = agents.build(world.envs, config)
    state = init(config, world, rng) if state is None else state
    while state.step < config.total_steps:
        batch, episodes = collect(world, agents.actor(agent.policy, state, config, rng), config.steps)
        if not batch.valid.any():
            continue  # every environment was only resetting itself
        scales, batch = scaled(state.scales, batch, config, world.ranks, world.first)
        state, info = update(agent, state._replace(scales=scales), batch, config, rng, world.ranks)
        yield accord.reported(world.ranks, state, info, episodes)


player = agents.player

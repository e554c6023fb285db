r"""VPG, vanilla policy gradient: the score weighted by one of the five Φ of the theory.

    N     whole episodes in a batch, T̄ their rows; V_φ the value function, a second network
    Φ_t   the weight of ∇ log π_θ(a_t|s_t)

    ∇J = E_τ[ Σ_t ∇ log π_θ(a_t|s_t) Φ_t ]                                             (1)

holds for each of these at γ = 1, with the same mean and a different variance:

    total_return            Φ_t = R(τ)
    reward_to_go            Φ_t = R̂_t = Σ_{k≥t} γ^{k−t} r_k
    reward_to_go_baseline   Φ_t = R̂_t − V(s_t)
    q                       Φ_t = Q(s_t, a_t), estimated by the λ-return
    advantage               Φ_t = A(s_t, a_t), estimated by GAE(γ, λ)

The estimator is the sample mean over episodes, and φ is regressed onto the λ-return, which is R̂ for λ = 1:

    ĝ = (1/N) Σ_i Σ_t ∇ log π_θ(a_it|s_it) Φ_it                                        (2)

With γ < 1 the first Φ still gives the gradient of the discounted J, because γ^t is inside R(τ). The other four leave
that factor out, as everywhere in practice: the gradient of no discounted J. The last two are exact only for an exact V.

By default Φ is standardised over the batch (`normalize_phi`): its mean, subtracted, acts as a baseline that depends a
little on the sample itself, and its spread rescales ĝ. That steadies learning and is no longer (2); for the plain
estimator, and to see the five choices differ, switch it off.

Papers: Sutton et al. (2000), Policy gradient methods; Schulman et al. (2016), GAE, eq. 1.
Checked in tests/algorithms/test_vpg.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import accord, limits
from scratchrl.experience import agent as agents
from scratchrl.experience import samples as sampling
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.experience.rollout import collect_episodes
from scratchrl.experience.samples import Samples
from scratchrl.experience.scales import Scales, empty, scaled
from scratchrl.experience.world import World
from scratchrl.maths import chunks, critic, initialization, objectives, optimizers, policies, returns, values
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Config:
    """Defaults that solve CartPole-v1."""

    total_steps: int = 500_000
    """environment steps to train for"""
    num_envs: int = 8
    """N: episodes in every batch, one per environment"""
    horizon: int = 1_000
    """an episode is cut after this many steps"""
    phi: Literal["total_return", "reward_to_go", "reward_to_go_baseline", "q", "advantage"] = "advantage"
    """the weight Φ of the score"""
    gamma: float = 0.99
    """discount γ"""
    lam: float = 0.97
    """λ of GAE and of the value target"""
    normalize_phi: bool = True
    """shift and scale Φ to mean 0 and variance 1 over the batch"""
    policy_lr: float = 3e-3
    """learning rate of Adam for θ, one step per batch"""
    value_lr: float = 1e-3
    """learning rate of Adam for φ"""
    value_epochs: int = 10
    """passes over the batch for φ"""
    value_minibatch: int = 128
    """rows per step for φ"""
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
        limits.positive(self, "total_steps", "num_envs", "horizon", "policy_lr", "value_lr", "value_minibatch")
        limits.not_negative(self, "value_epochs")
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


def weights(batch: Batch, value: NDArray, next_value: NDArray, config: Config) -> NDArray:
    """Φ (T, N) by its name; value and next_value (T, N) are V_φ of obs and of the true successors."""
    flags = batch.terminated, batch.truncated
    if config.phi == "total_return":
        return returns.total_return(batch.reward, *flags, config.gamma)
    if config.phi in ("reward_to_go", "reward_to_go_baseline"):
        to_go = returns.reward_to_go(batch.reward, *flags, config.gamma)
        return to_go - value if config.phi == "reward_to_go_baseline" else to_go
    if config.phi == "q":
        return returns.lambda_return(batch.reward, next_value, *flags, config.gamma, config.lam)
    return returns.gae(batch.reward, value, next_value, *flags, config.gamma, config.lam)


def loss_and_grad(agent: Agent, theta: NDArray, samples: Samples, episodes: int) -> tuple[NDArray, NDArray]:
    """The loss whose gradient is −ĝ of (2), with Φ in `samples.advantage`. Its value measures nothing.

    Args:
      samples: all rows of `episodes` = N whole episodes.
    Returns:
      loss (), d_theta (size,).
    """
    distribution = agent.policy.distribution
    params, cache = policies.forward(agent.policy, theta, samples.obs)
    value, d_log_prob = objectives.policy_gradient(distribution.log_prob(params, samples.action), samples.advantage)
    d_params = d_log_prob[:, None] * distribution.score(params, samples.action)
    return -value.sum() / episodes, policies.vjp(agent.policy, theta, cache, -d_params / episodes)  # (2)


# ---- one update, and the loop ----


def judged(agent: Agent, state: State, batch: Batch, config: Config, ranks: Ranks = ALONE) -> Samples:
    """The batch as samples weighted by Φ, with the λ-return as the target of V."""
    value = critic.value(agent.value, state.phi, batch.obs)
    next_value = critic.value(agent.value, state.phi, batch.next_obs)
    flags = batch.terminated, batch.truncated
    target = returns.lambda_return(batch.reward, next_value, *flags, config.gamma, config.lam)
    samples = sampling.weighted(
        agent, state.theta, batch, value, weights(batch, value, next_value, config), target
    )
    if not config.normalize_phi:
        return samples
    return samples._replace(advantage=ranks.across(returns.normalize_advantage, samples.advantage))


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator, ranks: Ranks = ALONE
) -> tuple[State, dict[str, float]]:
    """One step of Adam along ĝ for θ, then several passes for φ."""
    samples, episodes = judged(agent, state, batch, config, ranks), batch.reward.shape[1]
    part = chunks.total(lambda rows: loss_and_grad(agent, state.theta, rows, episodes), samples)
    loss, d_theta = ranks.mean(part, episodes)
    theta_optimizer, step = optimizers.adam(state.theta_optimizer, d_theta, config.policy_lr)
    phi, phi_optimizer, value_loss = critic.fit(
        agent.value, state.phi, state.phi_optimizer, samples.obs, samples.target, rng,
        config.value_lr, config.value_epochs, config.value_minibatch, ranks,
    )  # fmt: skip
    entropy = agent.policy.distribution.entropy(samples.params).mean()
    info = {
        "charts/learning_rate": config.policy_lr,
        "losses/policy_loss": float(loss),
        "losses/value_loss": value_loss,
        "losses/entropy": float(ranks.mean(entropy, len(samples.obs))),
        "losses/explained_variance": float(values.explained_variance(*ranks.union(samples.value, samples.target))),
    }
    steps = state.step + ranks.total(len(samples.obs))
    return State(state.theta + step, phi, theta_optimizer, phi_optimizer, state.scales, steps), info


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Play one episode per environment, update, yield; until total_steps."""
    agent = agents.build(world.envs, config)
    state = init(config, world, rng) if state is None else state
    while state.step < config.total_steps:
        batch, episodes = collect_episodes(world, agents.actor(agent.policy, state, config, rng), config.horizon)
        scales, batch = scaled(state.scales, batch, config, world.ranks, world.first)
        state, info = update(agent, state._replace(scales=scales), batch, config, rng, world.ranks)
        yield accord.reported(world.ranks, state, info, episodes)


player = agents.player

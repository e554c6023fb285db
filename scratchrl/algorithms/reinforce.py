r"""REINFORCE: the simplest policy gradient, ∇J estimated from whole episodes.

    τ     an episode s₀, a₀, r₀, …, s_T; R(τ) = Σ_t γ^t r_t its return
    N     episodes in a batch, one per environment; rows after an episode's end are padding
    θ     policy parameters; s(a|o) = ∇_θ log π_θ(a|o) the score

Neither ρ₀(s₀) nor P(s′|s, a) depends on θ, so ∇ log P(τ|θ) is a sum of scores, and the log-derivative trick gives

    ∇J = E_τ[ Σ_t ∇ log π_θ(a_t|s_t) R(τ) ]                                            (1)

Any number b that does not depend on the episode may be subtracted from R, since E[∇ log P(τ|θ)] = 0. The mean return
of the *other* N − 1 episodes is such a number, close to the best constant, and keeps (1) unbiased:

    ĝ = (1/N) Σ_i Σ_t ∇ log π_θ(a_it|s_it) (R(τ_i) − b_i),   b_i = Σ_{j≠i} R(τ_j) / (N − 1)      (2)

Papers: Williams (1992), Simple statistical gradient-following algorithms for connectionist reinforcement learning.
The leave-one-out baseline: Kool et al. (2019). Checked in tests/algorithms/test_reinforce.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import accord, limits
from scratchrl.experience import agent as agents
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch, valid_rows
from scratchrl.experience.rollout import collect_episodes
from scratchrl.experience.scales import Scales, empty, scaled
from scratchrl.experience.world import World
from scratchrl.maths import chunks, objectives, optimizers, policies, returns
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Config:
    """Defaults that reach a mean return of 195 on CartPole-v1."""

    total_steps: int = 300_000
    """environment steps to train for"""
    num_envs: int = 16
    """N: episodes in every batch, one per environment"""
    horizon: int = 1_000
    """an episode is cut after this many steps"""
    gamma: float = 1.0
    """discount γ of R(τ)"""
    lr: float = 3e-3
    """learning rate of Adam"""
    baseline: bool = True
    """subtract the mean return of the other episodes"""
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
        limits.positive(self, "total_steps", "num_envs", "horizon", "lr")
        limits.fraction(self, "gamma")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size,)
    optimizer: Adam
    scales: Scales
    step: int  # environment steps so far


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀ and an optimizer at rest."""
    theta = policies.init(agents.build(world.envs, config).policy, rng, dtype=world.obs.dtype)
    return world.ranks.first(State(theta, optimizers.adam_init(theta), empty(world), 0))


# ---- loss and gradient ----


def weights(batch: Batch, config: Config, ranks: Ranks = ALONE) -> NDArray:
    """R(τ_i) − b_i of (2), the same for every row of episode i: (T, N). The others in b_i are those of all ranks."""
    done = batch.terminated | batch.truncated
    episode_return = returns.total_return(batch.reward, batch.terminated, batch.truncated, config.gamma)[0]
    episodes = ranks.total(done.shape[1])
    if config.baseline and episodes > 1:
        mean = ranks.mean(episode_return.mean(), done.shape[1])
        episode_return = (episode_return - mean) * (episodes / (episodes - 1))  # R_i − b_i
    return np.broadcast_to(episode_return, done.shape)


def loss_and_grad(
    agent: Agent, theta: NDArray, batch: Batch, config: Config, ranks: Ranks = ALONE
) -> tuple[NDArray, NDArray]:
    """The loss whose gradient is −ĝ of (2). Its value measures nothing.

    Args:
      batch: N whole episodes, (T, N, ...), padding marked invalid.
    Returns:
      loss (), d_theta (size,).
    """
    distribution, episodes = agent.policy.distribution, batch.reward.shape[1]

    def part(rows: tuple[NDArray, ...]) -> tuple[NDArray, NDArray]:
        obs, action, weight = rows
        params, cache = policies.forward(agent.policy, theta, obs)
        value, d_log_prob = objectives.policy_gradient(distribution.log_prob(params, action), weight)
        d_params = d_log_prob[:, None] * distribution.score(params, action)
        return -value.sum() / episodes, policies.vjp(agent.policy, theta, cache, -d_params / episodes)  # (2)

    return chunks.total(part, valid_rows(batch, batch.obs, batch.action, weights(batch, config, ranks)))


# ---- one update, and the loop ----


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator, ranks: Ranks = ALONE
) -> tuple[State, dict[str, float]]:
    """One step of Adam along ĝ."""
    loss, d_theta = ranks.mean(loss_and_grad(agent, state.theta, batch, config, ranks), batch.reward.shape[1])
    optimizer, step = optimizers.adam(state.optimizer, d_theta, config.lr)
    (obs,) = valid_rows(batch, batch.obs)

    def entropy(rows: NDArray) -> NDArray:
        return agent.policy.distribution.entropy(policies.parameters(agent.policy, state.theta, rows)).mean()

    info = {
        "charts/learning_rate": config.lr,
        "losses/policy_loss": float(loss),
        "losses/entropy": float(ranks.mean(chunks.mean(entropy, obs), len(obs))),
    }
    steps = state.step + ranks.total(int(batch.valid.sum()))
    return State(state.theta + step, optimizer, state.scales, steps), info


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

r"""PPO, proximal policy optimisation: several epochs on one batch, kept honest by clipping or by a penalty.

    T     steps per environment in a batch, B = T·N rows, M rows in a minibatch
    ρ_b   π_θ(a_b|s_b) / π_old(a_b|s_b), old = the policy that collected the batch
    A_b   advantage by GAE(γ, λ), standardised within each minibatch; R_b = A_b + V_old(s_b) the value target

    clip:     L(θ) = (1/M) Σ_b [ min(ρ_b A_b, clip(ρ_b, 1−ε, 1+ε) A_b) + c H_b ]       to be made large      (1)
    penalty:  L(θ) = (1/M) Σ_b [ ρ_b A_b − β KL(π_old‖π_θ)_b + c H_b ]                  to be made large      (2)
              β halves after an update whose mean KL stayed under kl_goal/1.5, doubles above 1.5·kl_goal
    value:    L(φ) = (1/M) Σ_b ½ (V_φ(s_b) − R_b)²                                      to be made small      (3)

Early stopping: once an epoch ends with a mean KL(π_old‖π_θ) above 1.5·target_kl, θ rests until the next batch; φ goes
on. At θ_old every ρ is 1 and the gradient of (1) and (2) is the policy gradient.

Papers: Schulman et al. (2017), Proximal policy optimization algorithms, eq. 7 and 8, section 4.
Checked in tests/algorithms/test_ppo.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

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
from scratchrl.maths import chunks, critic, fused, initialization, objectives, optimizers, policies, returns, values
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Config:
    """Defaults that solve CartPole-v1 within 80,000 steps and, with more total_steps, Pendulum-v1 within 300,000."""

    total_steps: int = 100_000
    """environment steps to train for"""
    num_envs: int = 8
    """N: environments side by side"""
    steps: int = 128
    """T: steps of each environment per batch"""
    epochs: int = 10
    """passes over each batch"""
    minibatch: int = 64
    """M: rows per gradient step"""
    gamma: float = 0.99
    """discount γ"""
    lam: float = 0.95
    """λ of GAE"""
    objective: Literal["clip", "penalty"] = "clip"
    """PPO-Clip or PPO-Penalty"""
    clip: float = 0.2
    """ε of PPO-Clip: how far the ratio may be from 1"""
    value_clip: float | None = None
    """if given, V moves at most this far per batch (clipped value loss)"""
    target_kl: float | None = 0.02
    """early stopping's KL in nats; none: every epoch is run to its end"""
    kl_goal: float = 0.01
    """PPO-Penalty: the KL in nats that β aims at"""
    beta: float = 1.0
    """PPO-Penalty: the first β, weight of the KL"""
    entropy_coefficient: float = 0.0
    """c: weight of the entropy"""
    normalize_advantage: bool = True
    """shift and scale A to mean 0 and variance 1 in each minibatch"""
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
        limits.positive(self, "total_steps", "num_envs", "steps", "epochs", "minibatch")
        limits.positive(self, "policy_lr", "value_lr", "max_grad_norm", "clip", "value_clip", "target_kl", "kl_goal")
        limits.not_negative(self, "entropy_coefficient", "beta")
        limits.fraction(self, "gamma", "lam")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size of the policy,)
    phi: NDArray  # (size of the value network,)
    theta_optimizer: Adam
    phi_optimizer: Adam
    beta: float  # of the penalty
    scales: Scales
    step: int  # environment steps so far


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀, φ₀, two optimizers at rest, the first β."""
    agent = agents.build(world.envs, config)
    theta = policies.init(agent.policy, rng, dtype=world.obs.dtype)
    phi = initialization.init(agent.value, rng, dtype=world.obs.dtype)
    at_rest = optimizers.adam_init(theta), optimizers.adam_init(phi)
    return world.ranks.first(State(theta, phi, *at_rest, config.beta, empty(world), 0))


# ---- loss and gradient ----


def loss_and_grad(
    agent: Agent, theta: NDArray, samples: Samples, config: Config, beta: float
) -> tuple[Any, NDArray]:
    """−L(θ) of (1) or (2) and its gradient.

    Args:
      samples: M rows, their advantages as they are to be used; beta: β of (2).
    Returns:
      loss (), d_theta (size,).
    """
    policy, distribution, rows = agent.policy, agent.policy.distribution, len(samples.obs)
    arrays = samples.obs, samples.action, samples.log_prob, samples.advantage
    plain = config.objective == "clip" and not config.entropy_coefficient
    if plain and (answer := fused.ppo_clip(policy, theta, *arrays, config.clip)) is not None:
        return answer
    params, cache = policies.forward(policy, theta, samples.obs)
    log_prob = distribution.log_prob(params, samples.action)
    score = distribution.score(params, samples.action)
    if config.objective == "clip":
        value, d_log_prob = objectives.ppo_clip(log_prob, samples.log_prob, samples.advantage, config.clip)
        d_params = d_log_prob[:, None] * score
    else:
        kl = distribution.kl(samples.params, params)
        value, d_log_prob, d_kl = objectives.ppo_penalty(log_prob, samples.log_prob, samples.advantage, kl, beta)
        d_params = d_log_prob[:, None] * score + d_kl[:, None] * distribution.kl_grad(samples.params, params)
    if config.entropy_coefficient:
        value, d_entropy = objectives.entropy_bonus(value, distribution.entropy(params), config.entropy_coefficient)
        d_params += d_entropy[:, None] * distribution.entropy_grad(params)
    return -value.sum() / rows, policies.vjp(policy, theta, cache, d_params / -rows)  # (1), (2)


def value_loss_and_grad(agent: Agent, phi: NDArray, samples: Samples, config: Config) -> tuple[Any, NDArray]:
    """L(φ) of (3), or its clipped form, and its gradient."""
    if config.value_clip is None:
        return critic.loss_and_grad(agent.value, phi, samples.obs, samples.target)  # (3)
    return critic.clipped_loss_and_grad(
        agent.value, phi, samples.obs, samples.target, samples.value, config.value_clip
    )


# ---- one update, and the loop ----


def policy_step(
    agent: Agent, state: State, minibatch: Samples, config: Config, lr: float, ranks: Ranks = ALONE
) -> tuple[State, NDArray]:
    """One step of Adam for θ, and the loss before it."""
    if config.normalize_advantage:
        minibatch = minibatch._replace(advantage=ranks.across(returns.normalize_advantage, minibatch.advantage))
    part = chunks.mean(lambda rows: loss_and_grad(agent, state.theta, rows, config, state.beta), minibatch)
    loss, d_theta = ranks.mean(part, len(minibatch.obs))
    optimizer, step = optimizers.adam(state.theta_optimizer, d_theta, lr, max_norm=config.max_grad_norm)
    return state._replace(theta=state.theta + step, theta_optimizer=optimizer), loss


def value_step(
    agent: Agent, state: State, minibatch: Samples, config: Config, lr: float, ranks: Ranks = ALONE
) -> tuple[State, NDArray]:
    """One step of Adam for φ, and the loss before it."""
    part = chunks.mean(lambda rows: value_loss_and_grad(agent, state.phi, rows, config), minibatch)
    loss, d_phi = ranks.mean(part, len(minibatch.obs))
    optimizer, step = optimizers.adam(state.phi_optimizer, d_phi, lr, max_norm=config.max_grad_norm)
    return state._replace(phi=state.phi + step, phi_optimizer=optimizer), loss


class Distance(NamedTuple):
    """How far the policy has moved from the one that collected the batch."""

    kl: float  # mean KL(π_old‖π_θ), nats
    clip_fraction: float  # share of samples with ρ beyond 1 ± ε


def distance(
    agent: Agent, theta: NDArray, samples: Samples, config: Config, ranks: Ranks = ALONE
) -> Distance:
    """Exact KL and clip fraction on the whole batch."""
    distribution = agent.policy.distribution

    def moved(rows: Samples) -> tuple[float, float]:
        params = policies.parameters(agent.policy, theta, rows.obs)
        fraction = objectives.clip_fraction(distribution.log_prob(params, rows.action), rows.log_prob, config.clip)
        return float(distribution.kl(rows.params, params).mean()), fraction

    return Distance(*ranks.mean(chunks.mean(moved, samples), len(samples.obs)))


def epochs(
    step: Callable[[State, Samples], tuple[State, Any]], state: State, samples: Samples, config: Config,
    rng: np.random.Generator, ranks: Ranks = ALONE, enough: Callable[[State], bool] = lambda state: False,
) -> tuple[State, float]:  # fmt: skip
    """`step` for every minibatch of every epoch, unless an epoch ends with `enough`; and the mean loss."""
    losses = []
    for _ in range(config.epochs):
        for rows in critic.minibatches(rng, config.minibatch, *samples, ranks=ranks):
            state, loss = step(state, Samples(*rows))
            losses.append(loss)
        if enough(state):
            break
    return state, float(np.mean(losses))


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator, ranks: Ranks = ALONE
) -> tuple[State, dict[str, float]]:
    """All epochs over one batch; β adapted to where they led."""
    samples = sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam)
    fraction = 1 - state.step / config.total_steps if config.anneal else 1.0
    climb = partial(policy_step, agent, config=config, lr=fraction * config.policy_lr, ranks=ranks)
    descend = partial(value_step, agent, config=config, lr=fraction * config.value_lr, ranks=ranks)

    def too_far(state: State) -> bool:
        goal = config.target_kl
        return goal is not None and distance(agent, state.theta, samples, config, ranks).kl > 1.5 * goal

    theta_rng, phi_rng = (np.random.default_rng(rng.integers(2**63)) for _ in range(2))  # neither waits for the other
    state, policy_loss = epochs(climb, state, samples, config, theta_rng, ranks, too_far)
    state, value_loss = epochs(descend, state, samples, config, phi_rng, ranks)
    moved = distance(agent, state.theta, samples, config, ranks)
    entropy = agent.policy.distribution.entropy(samples.params).mean()
    info = {
        "charts/learning_rate": fraction * config.policy_lr,
        "losses/policy_loss": policy_loss,
        "losses/value_loss": value_loss,
        "losses/entropy": float(ranks.mean(entropy, len(samples.obs))),
        "losses/approx_kl": moved.kl,
        "losses/clipfrac": moved.clip_fraction,
        "losses/explained_variance": float(values.explained_variance(*ranks.union(samples.value, samples.target))),
    }
    if config.objective == "penalty":
        state = state._replace(beta=objectives.adapt_beta(state.beta, moved.kl, config.kl_goal))
    return state._replace(step=state.step + ranks.total(len(samples.obs))), info


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

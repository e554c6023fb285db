r"""TRPO, trust region policy optimisation: the largest step that a ball of KL radius δ allows. And natural gradient.

    T     steps per environment in a batch, B = T·N rows; A_b advantage by GAE(γ, λ), standardised
    F     Fisher matrix of the policy averaged over the batch's observations, c its damping
    g     ∇L at θ_old, the policy gradient

    maximise L(θ) = (1/B) Σ_b ρ_b A_b   subject to   KL(θ) = (1/B) Σ_b KL(π_old‖π_θ)_b ≤ δ      (1)

Near θ_old L is linear and KL quadratic: L ≈ gᵀs, KL ≈ ½ sᵀF s. The best direction is then the natural gradient, and
its length follows from the constraint:

    s ∝ x = (F + cI)⁻¹ g   by conjugate gradient, F only through products F v          (2)
    s = √(2δ / xᵀ(F + cI)x) · x                                                        (3)

(1) itself is asked last: the step is halved until L has grown and KL ≤ δ; if that never happens θ stays (4).
Natural policy gradient is (2) and (3) without (4).

Papers: Schulman et al. (2015), Trust region policy optimization, section 6 and appendix C; Kakade (2001), A natural
policy gradient. Checked in tests/algorithms/test_trpo.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

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
from scratchrl.maths import chunks, critic, curvature, initialization, objectives, optimizers, policies, returns, values
from scratchrl.maths.curvature import LineSearch
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.ranks import ALONE, Ranks


@dataclass(frozen=True)
class Config:
    """Defaults that solve CartPole-v1 within 80,000 steps."""

    total_steps: int = 100_000
    """environment steps to train for"""
    num_envs: int = 8
    """N: environments side by side"""
    steps: int = 128
    """T: steps of each environment per batch"""
    gamma: float = 0.99
    """discount γ"""
    lam: float = 0.95
    """λ of GAE"""
    delta: float = 0.01
    """δ: radius of the trust region, nats"""
    damping: float = 0.1
    """c, added to the diagonal of the Fisher matrix"""
    cg_iterations: int = 15
    """most iterations of conjugate gradient"""
    cg_tolerance: float = 1e-5
    """conjugate gradient stops when the residual is this fraction of g"""
    line_search: bool = True
    """halve the step until the objective grows and KL ≤ δ; without it this is natural policy gradient"""
    backtracks: int = 10
    """most halvings of the step"""
    normalize_advantage: bool = True
    """shift and scale A to mean 0 and variance 1 over the batch"""
    value_lr: float = 1e-3
    """learning rate of Adam for φ"""
    value_epochs: int = 20
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
        limits.positive(self, "total_steps", "num_envs", "steps", "delta", "cg_iterations")
        limits.positive(self, "value_lr", "value_minibatch")
        limits.not_negative(self, "damping", "cg_tolerance", "backtracks", "value_epochs")
        limits.fraction(self, "gamma", "lam")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size of the policy,)
    phi: NDArray  # (size of the value network,)
    phi_optimizer: Adam
    scales: Scales
    step: int  # environment steps so far


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀, φ₀ and φ's optimizer at rest; θ needs none."""
    agent = agents.build(world.envs, config)
    theta = policies.init(agent.policy, rng, dtype=world.obs.dtype)
    phi = initialization.init(agent.value, rng, dtype=world.obs.dtype)
    return world.ranks.first(State(theta, phi, optimizers.adam_init(phi), empty(world), 0))


# ---- loss and gradient ----


def loss_and_grad(agent: Agent, theta: NDArray, samples: Samples) -> tuple[NDArray, NDArray]:
    """−L(θ) of (1) and its gradient; at θ_old that is −g.

    Returns:
      loss (), d_theta (size,).
    """
    distribution, rows = agent.policy.distribution, len(samples.obs)
    params, cache = policies.forward(agent.policy, theta, samples.obs)
    log_prob = distribution.log_prob(params, samples.action)
    value, d_log_prob = objectives.surrogate(log_prob, samples.log_prob, samples.advantage)
    d_params = d_log_prob[:, None] * distribution.score(params, samples.action)
    return -value.mean(), policies.vjp(agent.policy, theta, cache, -d_params / rows)  # (1)


def mean_surrogate(agent: Agent, theta: NDArray, samples: Samples) -> float:
    """L(θ) of (1)."""
    log_prob = policies.log_prob(agent.policy, theta, samples.obs, samples.action)
    return float(objectives.surrogate(log_prob, samples.log_prob, samples.advantage)[0].mean())


def mean_kl(agent: Agent, theta: NDArray, samples: Samples) -> float:
    """KL(θ) of (1)."""
    params = policies.parameters(agent.policy, theta, samples.obs)
    return float(agent.policy.distribution.kl(samples.params, params).mean())


# ---- one update, and the loop ----


def policy_step(
    agent: Agent, theta: NDArray, samples: Samples, config: Config, ranks: Ranks = ALONE
) -> tuple[NDArray, LineSearch]:
    """θ after one trust-region step on the samples, and how the search went."""
    rows = len(samples.obs)

    def mean(function: Callable[[Agent, NDArray, Samples], Any], at: NDArray) -> Any:
        return ranks.mean(chunks.mean(partial(function, agent, at), samples), rows)

    loss, d_theta = mean(loss_and_grad, theta)
    product = policies.fisher(agent.policy, theta, samples.obs, config.damping)

    def fisher(vector: NDArray) -> NDArray:
        return ranks.mean(product(vector), rows)

    objective, kl = partial(mean, mean_surrogate), partial(mean, mean_kl)
    direction, _ = curvature.conjugate_gradient(fisher, -d_theta, config.cg_iterations, config.cg_tolerance)  # (2)
    if not direction.any():
        return theta, LineSearch(False, 0.0, -float(loss), 0.0, 0)
    step = curvature.trust_region_step(direction, fisher, config.delta)  # (3)
    if not config.line_search:
        moved = theta + step
        return moved, LineSearch(True, 1.0, objective(moved), kl(moved), 1)
    return curvature.line_search(theta, step, objective, kl, config.delta, max_backtracks=config.backtracks)  # (4)


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator, ranks: Ranks = ALONE
) -> tuple[State, dict[str, float]]:
    """One trust-region step for θ, then several passes for φ."""
    samples = sampling.judged(agent, state.theta, state.phi, batch, config.gamma, config.lam)
    if config.normalize_advantage:
        samples = samples._replace(advantage=ranks.across(returns.normalize_advantage, samples.advantage))
    theta, search = policy_step(agent, state.theta, samples, config, ranks)
    phi, phi_optimizer, value_loss = critic.fit(
        agent.value, state.phi, state.phi_optimizer, samples.obs, samples.target, rng,
        config.value_lr, config.value_epochs, config.value_minibatch, ranks,
    )  # fmt: skip
    entropy = agent.policy.distribution.entropy(samples.params).mean()
    info = {
        "charts/learning_rate": config.value_lr,
        "losses/policy_loss": -search.objective,
        "losses/value_loss": value_loss,
        "losses/entropy": float(ranks.mean(entropy, len(samples.obs))),
        "losses/approx_kl": search.kl,
        "losses/step_fraction": search.fraction,
        "losses/explained_variance": float(values.explained_variance(*ranks.union(samples.value, samples.target))),
    }
    return State(theta, phi, phi_optimizer, state.scales, state.step + ranks.total(len(samples.obs))), info


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

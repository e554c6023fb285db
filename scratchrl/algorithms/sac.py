r"""SAC, soft actor-critic: real actions, remembered transitions, and a price α for being predictable that finds itself.

    π_θ       the actor, a squashed Gaussian: a = tanh(μ_θ(s) + σ_θ(s) ε), ε ~ N(0, I)
    Q_φ₁, Q_φ₂   two critics that start differently; φ⁻ their slow copies; min Q the smaller one, sample by sample
    α, H̄     the temperature, reward per nat; the entropy asked for, nats
    (s, a, r, s′, m)   B transitions from the replay, m = 0 if s′ is terminal

    y = r + γ m (min Q_φ⁻(s′, a′) − α log π_θ(a′|s′)),   a′ ~ π_θ(·|s′) drawn now                                 (1)
    L(φ) = Σ_k (1/B) Σ_b ½ (Q_φk(s_b, a_b) − y_b)²                         to be made small, y constant           (2)
    L(θ) = (1/B) Σ_b [ α log π_θ(a|s_b) − min Q_φ(s_b, a) ],  a = a_θ(s_b, ε_b)      to be made small, φ constant (3)
    L(log α) = −(1/B) Σ_b α (log π_θ(a|s_b) + H̄)                           to be made small, θ constant           (4)
    φ⁻ ← τ φ + (1 − τ) φ⁻                                                  after every gradient step              (5)

Critics first, then the actor against the new critics, then α by the surprise of the actions the actor was judged by.
What is after a terminal state counts nothing, its entropy included; where an episode was truncated its successor
bootstraps. (3) is differentiated by way of a (maths/soft_actor.py); log σ is kept between two bounds by a tanh.

Convention: π and Q see actions in [−1, 1]^A, whatever the environment's bounds are (experience/actions.py), so log π,
H̄ and α do not depend on the environment's units; H̄ = −A is the default. A density over the environment's own
actions would have the entropy H + Σ_i log h_i, h half the ranges: a shift of H̄, and nothing else.

Papers: Haarnoja et al. (2018), Soft actor-critic; (2018), Soft actor-critic algorithms and applications (the version
here: no network for V, two critics, α learnt).
Checked in tests/algorithms/test_sac.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import actions, limits, replay
from scratchrl.experience.actions import Range
from scratchrl.experience.batch import Batch, joined
from scratchrl.experience.replay import Replay, Transitions
from scratchrl.experience.rollout import collect
from scratchrl.experience.world import World
from scratchrl.maths import initialization, optimizers, soft, soft_actor, state_action, targets
from scratchrl.maths.mlp import MLP
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.soft_actor import Actor

ENV = "Pendulum-v1"  # where to play if nothing is said


@dataclass(frozen=True)
class Config:
    """Defaults that solve Pendulum-v1 and, with more total_steps, learn Hopper-v5."""

    total_steps: int = 20_000
    """environment steps to train for"""
    num_envs: int = 1
    """N: environments side by side"""
    steps: int = 1
    """steps of each environment between two updates"""
    updates: int = 1
    """gradient steps in an update"""
    learning_starts: int = 1000
    """environment steps before the first gradient step; until then actions are uniformly random"""
    minibatch: int = 256
    """B: transitions per gradient step"""
    capacity: int = 300_000
    """transitions remembered"""
    save_replay: bool = True
    """keep them in the checkpoint; if not, a resumed run remembers nothing at first, and goes on to other bits"""
    gamma: float = 0.99
    """discount γ"""
    tau: float = 0.005
    """τ: share of the critics' weights in each move of their copies"""
    policy_lr: float = 3e-4
    """learning rate of Adam for θ"""
    value_lr: float = 1e-3
    """learning rate of Adam for φ"""
    alpha_lr: float = 1e-3
    """learning rate of Adam for log α"""
    alpha: float = 1.0
    """α in the beginning, and to the end if it is not learnt"""
    learn_alpha: bool = True
    """let α move until the policy has the entropy H̄"""
    target_entropy: float | None = None
    """H̄: the entropy asked for; none: minus the number of action dimensions"""
    log_std_low: float = -5.0
    """lower bound of log σ"""
    log_std_high: float = 2.0
    """upper bound of log σ"""
    report_every: int = 1000
    """environment steps between two reports"""
    hidden: tuple[int, ...] = (128, 128)
    """widths of the hidden layers, of the actor and of each critic"""
    activation: str = "relu"
    """tanh, relu or identity"""

    def __post_init__(self) -> None:
        limits.positive(self, "total_steps", "num_envs", "steps", "updates", "minibatch", "capacity", "report_every")
        limits.positive(self, "policy_lr", "value_lr", "alpha_lr", "alpha")
        limits.not_negative(self, "learning_starts")
        limits.fraction(self, "gamma", "tau")
        if not self.log_std_low < self.log_std_high:
            raise ValueError(f"log_std_high: expected a number above {self.log_std_low}, got {self.log_std_high}")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size of the actor,)
    phi: NDArray  # (2 · size of a critic,)
    target: NDArray  # (2 · size of a critic,) φ⁻
    log_alpha: NDArray  # (1,)
    theta_optimizer: Adam
    phi_optimizer: Adam
    alpha_optimizer: Adam
    replay: Replay  # written in place; its actions are the environment's
    step: int  # environment steps so far


class Agent(NamedTuple):
    """The shapes of the networks, and the Box of actions."""

    actor: Actor
    critic: MLP
    box: Range


def build(envs: Any, config: Config, dtype: Any = np.float64) -> Agent:
    """obs (B, O) → [μ, x] (B, 2A);  [obs, action] (B, O + A) → Q (B, 1);  the range of actions."""
    actor = Actor(actions.actor_network(envs, config, outputs=2), config.log_std_low, config.log_std_high)
    return Agent(actor, actions.critic_network(envs, config), actions.range_of(envs, dtype))


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀ that hardly looks at the state, two different critics, φ⁻ = φ₀, optimizers at rest, nothing remembered."""
    agent, dtype, at_rest = build(world.envs, config), world.obs.dtype, optimizers.adam_init
    theta = initialization.init(agent.actor.mlp, rng, gain=0.01, dtype=dtype)
    phi = np.concatenate([initialization.init(agent.critic, rng, dtype=dtype) for _ in range(2)])
    log_alpha = np.full(1, np.log(config.alpha), dtype)
    memory = replay.empty(world, config.capacity)
    return State(theta, phi, phi, log_alpha, at_rest(theta), at_rest(phi), at_rest(log_alpha), memory, 0)


# ---- losses and gradients ----


def td_target(
    agent: Agent, theta: NDArray, phi: NDArray, alpha: Any, samples: Transitions, noise: NDArray, config: Config
) -> NDArray:
    """y of (1), (B,): φ⁻ is given, and the noise ε of a′ (B, A)."""
    next_action, next_log_prob = soft_actor.act(agent.actor, theta, samples.next_obs, noise)
    q1, q2 = state_action.value(agent.critic, phi, samples.next_obs, next_action)
    reward, (terminated, truncated) = samples.reward, samples[4:]
    return targets.sac_target(reward, q1, q2, next_log_prob, terminated, truncated, config.gamma, alpha)  # (1)


def critic_loss_and_grad(agent: Agent, phi: NDArray, samples: Transitions, target: NDArray) -> tuple[Any, NDArray]:
    """L(φ) of (2), summed over the critics, and its gradient; actions in [−1, 1].

    Returns:
      loss (), d_phi (2 · size,).
    """
    return state_action.loss_and_grad(agent.critic, phi, samples.obs, samples.action, target)


def actor_loss_and_grad(
    agent: Agent, theta: NDArray, phi: NDArray, alpha: Any, obs: NDArray, noise: NDArray
) -> tuple[Any, NDArray, NDArray]:
    """L(θ) of (3), its gradient, and log π of the actions drawn with the noise ε (B, A).

    Returns:
      loss (), d_theta (size,), log_prob (B,).
    """
    return soft_actor.loss_and_grad(agent.actor, theta, agent.critic, phi, alpha, obs, noise)


def temperature_loss_and_grad(log_alpha: NDArray, log_prob: NDArray, target_entropy: float) -> tuple[Any, NDArray]:
    """L(log α) of (4) and its gradient.

    Args:
      log_alpha: (1,); log_prob: (B,).
    Returns:
      loss (), d_log_alpha (1,).
    """
    value, d_log_alpha = soft.temperature_loss(log_alpha[0], log_prob, target_entropy)
    return value.sum() / len(log_prob), d_log_alpha.sum(keepdims=True) / len(log_prob)  # (4)


# ---- one update, and the loop ----


def gradient_step(
    agent: Agent, state: State, config: Config, rng: np.random.Generator
) -> tuple[State, dict[str, float]]:
    """A step of Adam for φ, then θ, then log α, on transitions drawn from the replay; then (5)."""
    samples = replay.sample(state.replay, rng, config.minibatch)
    samples = samples._replace(action=actions.from_env(agent.box, samples.action))
    noise = rng.standard_normal((2, *samples.action.shape)).astype(state.theta.dtype)
    alpha = np.exp(state.log_alpha[0])
    target = td_target(agent, state.theta, state.target, alpha, samples, noise[0], config)
    critic_loss, d_phi = critic_loss_and_grad(agent, state.phi, samples, target)
    phi_optimizer, step = optimizers.adam(state.phi_optimizer, d_phi, config.value_lr)
    phi = state.phi + step
    actor_loss, d_theta, log_prob = actor_loss_and_grad(agent, state.theta, phi, alpha, samples.obs, noise[1])
    theta_optimizer, step = optimizers.adam(state.theta_optimizer, d_theta, config.policy_lr)
    state = state._replace(
        theta=state.theta + step,
        phi=phi,
        target=targets.polyak_update(phi, state.target, config.tau),  # (5)
        theta_optimizer=theta_optimizer,
        phi_optimizer=phi_optimizer,
    )
    info = {"losses/qf_loss": critic_loss, "losses/actor_loss": actor_loss, "losses/entropy": -log_prob.mean()}
    return tempered(state, log_prob, noise.shape[-1], config), {name: float(x) for name, x in info.items()}


def tempered(state: State, log_prob: NDArray, width: int, config: Config) -> State:
    """A step of Adam for log α, if it is learnt: log_prob of actions drawn now (B,), width: A."""
    if not config.learn_alpha:
        return state
    wanted = -width if config.target_entropy is None else config.target_entropy
    _, d_log_alpha = temperature_loss_and_grad(state.log_alpha, log_prob, wanted)
    optimizer, step = optimizers.adam(state.alpha_optimizer, d_log_alpha, config.alpha_lr)
    return state._replace(log_alpha=state.log_alpha + step, alpha_optimizer=optimizer)


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator
) -> tuple[State, dict[str, float]]:
    """The batch remembered (the replay is written in place), then gradient steps; what the last of them reports."""
    step = state.step + int(np.count_nonzero(batch.valid))
    new = state._replace(replay=replay.add(state.replay, batch), step=step)
    info = dict.fromkeys(("losses/qf_loss", "losses/actor_loss", "losses/entropy"), np.nan)
    for _ in range(config.updates if step >= config.learning_starts else 0):
        new, info = gradient_step(agent, new, config, rng)
    return new, {**info, "losses/alpha": float(np.exp(new.log_alpha[0]))}


def explore(agent: Agent, state: State, config: Config, rng: np.random.Generator, obs: NDArray) -> NDArray:
    """The environment's action, a ~ π_θ; a uniformly random one before learning starts."""
    if state.step < config.learning_starts:
        return actions.to_env(agent.box, rng.uniform(-1, 1, (len(obs), len(agent.box.half))).astype(obs.dtype))
    noise = rng.standard_normal((len(obs), len(agent.box.half))).astype(obs.dtype)
    return actions.to_env(agent.box, soft_actor.act(agent.actor, state.theta, obs, noise)[0])


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Collect a few steps, update; yield at every multiple of report_every; until total_steps."""
    agent = build(world.envs, config, world.obs.dtype)
    state = init(config, world, rng) if state is None else state
    ended = []
    while state.step < config.total_steps:
        batch, episodes = collect(world, partial(explore, agent, state, config, rng), config.steps)
        if not batch.valid.any():
            continue  # every environment was only resetting itself
        ended.append(episodes)
        reported = state.step // config.report_every
        state, info = update(agent, state, batch, config, rng)
        if state.step // config.report_every > reported or state.step >= config.total_steps:
            yield state, {**info, "episodes": joined(ended)}
            ended = []


def player(
    envs: Any, state: State, config: Config, rng: np.random.Generator, deterministic: bool
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → action: tanh μ, the median, if `deterministic`, else drawn from π_θ."""
    agent = build(envs, config, state.theta.dtype)
    if not deterministic:
        return partial(explore, agent, state._replace(step=config.learning_starts), config, rng)
    still = np.zeros((envs.num_envs, len(agent.box.half)), state.theta.dtype)
    return lambda obs: actions.to_env(agent.box, soft_actor.act(agent.actor, state.theta, obs, still)[0])

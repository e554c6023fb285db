r"""DDPG: an actor that climbs the hill its critic draws, off-policy; TD3's three repairs are options.

    μ_θ(s)       actor, actions in [−1, 1]^A;  Q_φ(s, a) critic;  θ⁻, φ⁻ their slow copies
    x            noise of exploration in units of half the range of actions, Gaussian or Ornstein-Uhlenbeck
    (s, a, r, s′, m)   a remembered transition: s′ the true successor, m = 0 if it terminated

    a = clip(μ_θ(s) + x, −1, 1)                                   what is done                   (1)
    y = r + γ m Q_φ⁻(s′, μ_θ⁻(s′))                                                                (2)
    L(φ) = (1/B) Σ_b ½ (Q_φ(s_b, a_b) − y_b)²                     to be made small, y constant   (3)
    L(θ) = −(1/B) Σ_b Q_φ(s_b, μ_θ(s_b))                          to be made small               (4)
    θ⁻ ← τ θ + (1 − τ) θ⁻,  φ⁻ ← τ φ + (1 − τ) φ⁻                 after each step of (4)         (5)

TD3 is twin, policy_delay 2 and smoothing 0.2: the smaller of two critics makes the target, (4) and (5) follow every
second step of (3), and the action in (2) is blurred:

    y = r + γ m min_k Q_φ⁻ₖ(s′, clip(μ_θ⁻(s′) + clip(σ ξ, −c, c), −1, 1))                         (6)

Where an episode was truncated the true successor bootstraps; only termination ends the sum.

Papers: Lillicrap et al. (2016), Continuous control with deep reinforcement learning; Fujimoto, van Hoof, Meger (2018),
Addressing function approximation error in actor-critic methods.
Checked in tests/algorithms/test_ddpg.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import actions, limits, replay
from scratchrl.experience.actions import Range
from scratchrl.experience.batch import Batch, joined
from scratchrl.experience.replay import Replay, Transitions
from scratchrl.experience.rollout import collect
from scratchrl.experience.world import World
from scratchrl.maths import deterministic, exploration, initialization, optimizers, state_action, targets
from scratchrl.maths.mlp import MLP
from scratchrl.maths.optimizers import Adam

ENV = "Pendulum-v1"  # where to play if nothing is said


@dataclass(frozen=True)
class Config:
    """Defaults that solve Pendulum-v1: DDPG. TD3 is twin, policy_delay 2, smoothing 0.2."""

    total_steps: int = 20_000
    """environment steps to train for"""
    num_envs: int = 1
    """N: environments side by side"""
    updates: int = 1
    """gradient steps after each step of the environments"""
    learning_starts: int = 1000
    """environment steps before the first gradient step; until then actions are uniformly random"""
    minibatch: int = 128
    """B: transitions per gradient step"""
    capacity: int = 100_000
    """transitions remembered"""
    save_replay: bool = True
    """keep them in the checkpoint; if not, a resumed run remembers nothing at first, and goes on to other bits"""
    gamma: float = 0.99
    """discount γ"""
    policy_lr: float = 1e-3
    """learning rate of Adam for θ"""
    value_lr: float = 1e-3
    """learning rate of Adam for φ"""
    tau: float = 0.005
    """τ: share of the weights in each move of their copies"""
    noise: Literal["gaussian", "ornstein-uhlenbeck"] = "gaussian"
    """x, added to the action: drawn anew in every step, or a process that begins at 0 with every episode"""
    noise_std: float = 0.1
    """σ of x, in half ranges of the actions; of the process: per √time"""
    noise_theta: float = 0.15
    """θ of the Ornstein-Uhlenbeck process: how fast it returns to 0, per time"""
    noise_dt: float = 1.0
    """time that one step takes for the Ornstein-Uhlenbeck process"""
    twin: bool = False
    """TD3: two critics, the smaller one makes the target"""
    policy_delay: int = 1
    """TD3: steps of the critic for one of the actor and the copies"""
    smoothing: float = 0.0
    """TD3: σ of the noise on the action that makes the target"""
    smoothing_clip: float = 0.5
    """TD3: that noise is cut off at ± this"""
    report_every: int = 1000
    """environment steps between two reports"""
    hidden: tuple[int, ...] = (64, 64)
    """widths of the hidden layers"""
    activation: str = "relu"
    """tanh, relu or identity"""

    def __post_init__(self) -> None:
        limits.positive(self, "total_steps", "num_envs", "updates", "minibatch", "capacity", "policy_lr", "value_lr")
        limits.positive(self, "policy_delay", "noise_dt", "report_every")
        limits.not_negative(self, "learning_starts", "noise_std", "noise_theta", "smoothing", "smoothing_clip")
        limits.fraction(self, "gamma", "tau")
        if not self.noise_theta * self.noise_dt < 2:
            raise ValueError(f"noise_dt: expected a number below 2/noise_theta, got {self.noise_dt}")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size of the actor,)
    phi: NDArray  # (K · size of a critic,)
    theta_target: NDArray  # θ⁻
    phi_target: NDArray  # φ⁻
    theta_optimizer: Adam
    phi_optimizer: Adam  # its t counts the gradient steps
    replay: Replay  # written in place
    noise: NDArray  # (N, A): x of the Ornstein-Uhlenbeck process
    step: int  # environment steps so far


class Agent(NamedTuple):
    """The shapes of the networks, and the Box of actions."""

    actor: MLP
    critic: MLP
    box: Range


def build(envs: Any, config: Config, dtype: Any = np.float64) -> Agent:
    """What fits the environment's spaces."""
    networks = actions.actor_network(envs, config), actions.critic_network(envs, config)
    return Agent(*networks, actions.range_of(envs, dtype))


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀ of small actions, φ₀, copies of both, optimizers at rest, nothing remembered."""
    agent, dtype = build(world.envs, config), world.obs.dtype
    theta = initialization.init(agent.actor, rng, gain=0.01, dtype=dtype)
    phi = np.concatenate([initialization.init(agent.critic, rng, dtype=dtype) for _ in range(1 + config.twin)])
    optimizer = optimizers.adam_init(theta), optimizers.adam_init(phi)
    memory = replay.empty(world, config.capacity)
    return State(theta, phi, theta, phi, *optimizer, memory, np.zeros_like(world.idle), 0)


# ---- losses and gradients ----


def td_target(
    agent: Agent, theta: NDArray, phi: NDArray, samples: Transitions, blur: NDArray | None, config: Config
) -> NDArray:
    """y of (2), of (6) if twin, (B,): θ⁻, φ⁻ are given, and σ ξ of (6) as blur (B, A) or none."""
    action = deterministic.action(agent.actor, theta, samples.next_obs)
    if blur is not None:
        action = deterministic.smoothed(action, blur, config.smoothing_clip)
    q = state_action.value(agent.critic, phi, samples.next_obs, action)
    ending = samples.terminated, samples.truncated, config.gamma
    if config.twin:
        return targets.clipped_double_q_target(samples.reward, q[0], q[1], *ending)  # (6)
    return targets.ddpg_target(samples.reward, q[0], *ending)  # (2)


def critic_loss_and_grad(agent: Agent, phi: NDArray, samples: Transitions, target: NDArray) -> tuple[Any, NDArray]:
    """L(φ) of (3), summed over the critics, and its gradient; actions in [−1, 1].

    Returns:
      loss (), d_phi (K · size,).
    """
    return state_action.loss_and_grad(agent.critic, phi, samples.obs, samples.action, target)


def actor_loss_and_grad(agent: Agent, theta: NDArray, phi: NDArray, obs: NDArray) -> tuple[Any, NDArray]:
    """L(θ) of (4) by the first critic, and its gradient.

    Returns:
      loss (), d_theta (size,).
    """
    first = state_action.split(agent.critic, phi)[0]

    def judge(action: NDArray) -> tuple[NDArray, NDArray]:
        q, d_action = state_action.value_and_d_action(agent.critic, first, obs, action)
        return q[0], d_action[0]

    return deterministic.loss_and_grad(agent.actor, theta, obs, judge)


# ---- one update, and the loop ----


def gradient_step(agent: Agent, state: State, config: Config, rng: np.random.Generator) -> tuple[State, Any]:
    """A step of Adam for φ and, every policy_delay of them, one for θ and the copies; the loss (3) before it."""
    samples = replay.sample(state.replay, rng, config.minibatch)
    samples = samples._replace(action=actions.from_env(agent.box, samples.action))
    blur = config.smoothing * normal(rng, samples.action) if config.smoothing > 0 else None
    target = td_target(agent, state.theta_target, state.phi_target, samples, blur, config)
    loss, d_phi = critic_loss_and_grad(agent, state.phi, samples, target)
    optimizer, step = optimizers.adam(state.phi_optimizer, d_phi, config.value_lr)
    state = state._replace(phi=state.phi + step, phi_optimizer=optimizer)
    if optimizer.t % config.policy_delay:
        return state, loss
    _, d_theta = actor_loss_and_grad(agent, state.theta, state.phi, samples.obs)
    optimizer, step = optimizers.adam(state.theta_optimizer, d_theta, config.policy_lr)
    state = state._replace(theta=state.theta + step, theta_optimizer=optimizer)
    theta_target = targets.polyak_update(state.theta, state.theta_target, config.tau)  # (5)
    phi_target = targets.polyak_update(state.phi, state.phi_target, config.tau)  # (5)
    return state._replace(theta_target=theta_target, phi_target=phi_target), loss


def update(
    agent: Agent, state: State, batch: Batch, config: Config, rng: np.random.Generator
) -> tuple[State, dict[str, float]]:
    """The batch of one step remembered (the replay is written in place), noise ended with episodes, gradient steps."""
    ended, loss = (batch.terminated | batch.truncated | ~batch.valid)[-1], np.nan
    state = state._replace(
        replay=replay.add(state.replay, batch),
        noise=np.where(ended[:, None], 0, state.noise),
        step=state.step + int(np.count_nonzero(batch.valid)),
    )
    for _ in range(config.updates if state.step >= config.learning_starts else 0):
        state, loss = gradient_step(agent, state, config, rng)
    return state, {"losses/qf_loss": float(loss)}


def normal(rng: np.random.Generator, like: NDArray) -> NDArray:
    """ξ ~ N(0, 1) for every entry."""
    return rng.standard_normal(like.shape).astype(like.dtype)


def next_noise(noise: NDArray, config: Config, rng: np.random.Generator) -> NDArray:
    """x of (1) after x, (N, A)."""
    if config.noise == "gaussian":
        return config.noise_std * normal(rng, noise)
    process = config.noise_theta, config.noise_std, config.noise_dt
    return exploration.ornstein_uhlenbeck(noise, normal(rng, noise), *process)


def explore(agent: Agent, state: State, config: Config, rng: np.random.Generator, obs: NDArray) -> NDArray:
    """The environment's action of (1); a uniformly random one before learning starts."""
    if state.step < config.learning_starts:
        return actions.to_env(agent.box, rng.uniform(-1, 1, state.noise.shape).astype(obs.dtype))
    action = deterministic.action(agent.actor, state.theta, obs)
    return actions.to_env(agent.box, exploration.perturbed(action, state.noise, -1, 1))  # (1)


def report(agent: Agent, state: State, config: Config) -> dict[str, float]:
    """L(θ) of (4) on the newest transitions."""
    newest = (state.replay.position - 1 - np.arange(config.minibatch)) % max(1, state.replay.size)
    loss, _ = actor_loss_and_grad(agent, state.theta, state.phi, state.replay.obs[newest])
    return {"losses/actor_loss": float(loss)}


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """One step of every environment, update; yield at every multiple of report_every; until total_steps."""
    agent = build(world.envs, config, world.obs.dtype)
    state = init(config, world, rng) if state is None else state
    ended = []
    while state.step < config.total_steps:
        noisy = state._replace(noise=next_noise(state.noise, config, rng))
        batch, episodes = collect(world, partial(explore, agent, noisy, config, rng), 1)
        if not batch.valid.any():
            continue  # every environment was only resetting itself
        ended.append(episodes)
        reported = state.step // config.report_every
        state, info = update(agent, noisy, batch, config, rng)
        if state.step // config.report_every > reported or state.step >= config.total_steps:
            yield state, {**info, **report(agent, state, config), "episodes": joined(ended)}
            ended = []


def player(
    envs: Any, state: State, config: Config, rng: np.random.Generator, deterministic: bool
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → action: μ_θ if `deterministic`, else with noise; its process goes on from episode to episode."""
    agent = build(envs, config, state.theta.dtype)
    x = np.zeros((envs.num_envs, len(agent.box.half)), state.theta.dtype)

    def act(obs: NDArray) -> NDArray:
        nonlocal x
        x = x if deterministic else next_noise(x, config, rng)
        return explore(agent, state._replace(noise=x, step=config.learning_starts), config, rng, obs)

    return act

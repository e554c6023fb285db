r"""DQN: Q-learning with a network, on remembered transitions drawn at random, towards a copy that stands still.

    θ, θ⁻   the network that learns, and its older copy; Q_θ(s, ·) has one output per action
    (s, a, R, s′, m, γ^k)   k ≤ n steps as one: R their discounted rewards, s′ where they led, m = 0 if it terminated

    y = R + γ^k m max_a Q_θ⁻(s′, a)                               double off                      (1)
    y = R + γ^k m Q_θ⁻(s′, argmax_a Q_θ(s′, a))                   double on                       (2)
    L(θ) = (1/B) Σ_b H_δ(Q_θ(s_b, a_b) − y_b)                     to be made small, y constant    (3)
    θ⁻ ← τ θ + (1 − τ) θ⁻                                         now and then                    (4)

H_δ is Huber's loss, or ½ e² for δ = ∞. The actions are ε-greedy, ε falling linearly from its first to its last value.
With n > 1 the rewards on the way are those of the actions taken then, and nothing corrects for it. Where an episode was
truncated the true successor bootstraps; only termination ends the sum.

Papers: Mnih et al. (2015), Human-level control through deep reinforcement learning; van Hasselt, Guez, Silver (2016),
Deep reinforcement learning with double Q-learning.
Checked in tests/algorithms/test_dqn.py.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.experience import agent as agents
from scratchrl.experience import limits, replay
from scratchrl.experience.batch import Batch, joined
from scratchrl.experience.replay import NStepTransitions, Replay
from scratchrl.experience.rollout import collect
from scratchrl.experience.world import World
from scratchrl.maths import action_values, fused, initialization, mlp, optimizers, schedules, targets
from scratchrl.maths.mlp import MLP
from scratchrl.maths.optimizers import Adam


@dataclass(frozen=True)
class Config:
    """Defaults that solve CartPole-v1 and, with more total_steps, Acrobot-v1."""

    total_steps: int = 100_000
    """environment steps to train for"""
    num_envs: int = 1
    """N: environments side by side"""
    steps: int = 2
    """steps of each environment between two updates"""
    updates: int = 1
    """gradient steps in an update"""
    learning_starts: int = 1000
    """environment steps before the first gradient step"""
    minibatch: int = 128
    """B: transitions per gradient step"""
    capacity: int = 100_000
    """transitions remembered"""
    save_replay: bool = True
    """keep them in the checkpoint; if not, a resumed run remembers nothing at first, and goes on to other bits"""
    gamma: float = 0.99
    """discount γ"""
    n_step: int = 5
    """n: rewards summed up before Q bootstraps"""
    double: bool = True
    """the learning network chooses the successor's action and its copy judges it; if not, the copy does both"""
    huber_delta: float | None = None
    """δ of the Huber loss; none: half the square"""
    lr: float = 5e-4
    """learning rate of Adam"""
    anneal: bool = True
    """let the learning rate fall linearly to 0"""
    max_grad_norm: float = 10.0
    """gradients longer than this are shortened to it"""
    target_every: int = 2
    """environment steps between two moves of θ⁻, the copy that targets are made with"""
    tau: float = 0.01
    """τ: share of θ in each move of θ⁻; 1: θ⁻ becomes θ"""
    epsilon_first: float = 1.0
    """ε in the beginning"""
    epsilon_last: float = 0.01
    """ε from epsilon_steps on"""
    epsilon_steps: int = 5000
    """environment steps over which ε falls"""
    report_every: int = 1000
    """environment steps between two reports"""
    hidden: tuple[int, ...] = (64, 64)
    """widths of the hidden layers"""
    activation: str = "relu"
    """tanh, relu or identity"""

    def __post_init__(self) -> None:
        limits.positive(
            self, "total_steps", "num_envs", "steps", "updates", "minibatch", "capacity", "n_step", "huber_delta", "lr"
        )
        limits.positive(self, "max_grad_norm", "target_every", "epsilon_steps", "report_every")
        limits.not_negative(self, "learning_starts")
        limits.fraction(self, "gamma", "tau", "epsilon_first", "epsilon_last")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size,)
    target: NDArray  # (size,) θ⁻
    optimizer: Adam
    replay: Replay  # written in place
    step: int  # environment steps so far


def network(envs: Any, config: Config) -> MLP:
    """obs (B, O) → Q(s, ·) (B, A)."""
    return agents.action_value_network(envs, config)


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀, θ⁻ = θ₀, an optimizer at rest, an empty replay."""
    theta = initialization.init(network(world.envs, config), rng, dtype=world.obs.dtype)
    return State(theta, theta, optimizers.adam_init(theta), replay.empty(world, config.capacity), 0)


# ---- loss and gradient ----


def td_target(net: MLP, theta: NDArray, target: NDArray, samples: NStepTransitions, config: Config) -> NDArray:
    """y of (1) or (2), (B,)."""
    next_q = mlp.output(net, target, samples.next_obs)
    ending = samples.terminated, samples.truncated, samples.discount
    if not config.double:
        return targets.dqn_target(samples.reward, next_q, *ending)  # (1)
    next_q_online = mlp.output(net, theta, samples.next_obs)
    return targets.double_dqn_target(samples.reward, next_q_online, next_q, *ending)  # (2)


def loss_and_grad(
    net: MLP, theta: NDArray, target: NDArray, samples: NStepTransitions, config: Config
) -> tuple[Any, NDArray]:
    """L(θ) of (3) and its gradient, θ⁻ and with it y held constant.

    Returns:
      loss (), d_theta (size,).
    """
    delta = np.inf if config.huber_delta is None else config.huber_delta
    obs, action, reward, next_obs, terminated, _, discount = samples
    arrays = obs, action, reward, next_obs, terminated, discount
    if (answer := fused.q_learning(net, theta, target, *arrays, config.double, delta)) is not None:
        return answer
    y = td_target(net, theta, target, samples, config)
    return action_values.loss_and_grad(net, theta, obs, action, y, delta)  # (3)


# ---- one update, and the loop ----


def epsilon(step: int, config: Config) -> float:
    """ε after so many steps."""
    return float(schedules.linear(step, config.epsilon_first, config.epsilon_last, config.epsilon_steps))


def gradient_step(net: MLP, state: State, config: Config, num_envs: int, rng: np.random.Generator) -> tuple[State, Any]:
    """One step of Adam on transitions drawn from the replay, and the loss before it."""
    samples = replay.sample_n_step(state.replay, rng, config.minibatch, config.n_step, config.gamma, num_envs)
    loss, d_theta = loss_and_grad(net, state.theta, state.target, samples, config)
    lr = config.lr * (1 - state.step / config.total_steps if config.anneal else 1.0)
    optimizer, step = optimizers.adam(state.optimizer, d_theta, max(0.0, lr), max_norm=config.max_grad_norm)
    return State(state.theta + step, state.target, optimizer, state.replay, state.step), loss


def update(
    net: MLP, state: State, batch: Batch, config: Config, rng: np.random.Generator
) -> tuple[State, dict[str, float]]:
    """The batch remembered (the replay is written in place), gradient steps, and θ⁻ moved when it is time."""
    step, loss = state.step + int(np.count_nonzero(batch.valid)), np.nan
    new = State(state.theta, state.target, state.optimizer, replay.add(state.replay, batch), step)
    for _ in range(config.updates if step >= config.learning_starts else 0):
        new, loss = gradient_step(net, new, config, batch.valid.shape[1], rng)
    if step // config.target_every > state.step // config.target_every:
        new = new._replace(target=targets.polyak_update(new.theta, new.target, config.tau))  # (4)
    return new, {"losses/td_loss": float(loss)}


def report(net: MLP, state: State, batch: Batch, config: Config) -> dict[str, float]:
    """ε, and the mean over the batch of what the best action is thought to be worth."""
    obs = batch.obs[batch.valid]
    value = mlp.output(net, state.theta, obs).max(axis=-1).mean()
    return {"charts/epsilon": epsilon(state.step, config), "losses/q_values": float(value)}


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Collect a few steps, update; yield at every multiple of report_every; until total_steps."""
    net = network(world.envs, config)
    state = init(config, world, rng) if state is None else state
    ended = []
    while state.step < config.total_steps:
        act = action_values.explorer(net, state.theta, epsilon(state.step, config), rng)
        batch, episodes = collect(world, act, config.steps)
        if not batch.valid.any():
            continue  # every environment was only resetting itself
        ended.append(episodes)
        reported = state.step // config.report_every
        state, info = update(net, state, batch, config, rng)
        if state.step // config.report_every > reported or state.step >= config.total_steps:
            yield state, {**info, **report(net, state, batch, config), "episodes": joined(ended)}
            ended = []


def player(
    envs: Any, state: State, config: Config, rng: np.random.Generator, deterministic: bool
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → action: greedy if `deterministic`, else with the ε that training had come to."""
    chance = 0.0 if deterministic else epsilon(state.step, config)
    return action_values.explorer(network(envs, config), state.theta, chance, rng)

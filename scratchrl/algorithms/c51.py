r"""C51: DQN that learns the distribution of the return, on a grid of K atoms, and not its mean alone.

    z_i     the atoms, v_min … v_max evenly;  p_θ(s, a) their probabilities, a softmax over K outputs for each action
    Q_θ(s, a) = Σ_i p_θ(s, a)_i z_i
    (s, a, R, s′, m, γ^k)   k ≤ n steps as one: R their discounted rewards, s′ where they led, m = 0 if it terminated

    a* = argmax_a Q_θ⁻(s′, a), or of Q_θ if double                                                   (1)
    p′ = Π (R + γ^k m Z),  Z ~ p_θ⁻(s′, a*)              moved, and split onto the atoms around it   (2)
    L(θ) = −(1/B) Σ_b Σ_i p′_b,i log p_θ(s_b, a_b)_i     to be made small, p′ constant               (3)
    θ⁻ ← τ θ + (1 − τ) θ⁻                                now and then                                (4)

(3) is KL(p′‖p_θ) up to a constant. What (2) moves beyond the grid is put on its end: returns must lie within. For a
fixed policy (2) is a contraction in the Cramér distance, by √γ, and its fixed point is as close to the distribution of
the return as the grid allows, up to a factor 1/√(1 − γ) (Rowland et al. 2018).

Papers: Bellemare, Dabney, Munos (2017), A distributional perspective on reinforcement learning, algorithm 1.
Checked in tests/algorithms/test_c51.py.
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
from scratchrl.maths import (
    action_values,
    categorical,
    distributional,
    initialization,
    mlp,
    optimizers,
    schedules,
    targets,
)
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
    minibatch: int = 64
    """B: transitions per gradient step"""
    capacity: int = 100_000
    """transitions remembered"""
    save_replay: bool = True
    """keep them in the checkpoint; if not, a resumed run remembers nothing at first, and goes on to other bits"""
    gamma: float = 0.99
    """discount γ"""
    n_step: int = 3
    """n: rewards summed up before the distribution of the successor is used"""
    atoms: int = 51
    """K: points of the grid"""
    v_min: float = -100.0
    """the lowest return of the grid"""
    v_max: float = 100.0
    """the highest"""
    double: bool = False
    """the learning network chooses the action of the successor, and not its copy"""
    lr: float = 1e-3
    """learning rate of Adam"""
    anneal: bool = True
    """let the learning rate fall linearly to 0"""
    max_grad_norm: float = 10.0
    """gradients longer than this are shortened to it"""
    target_every: int = 200
    """environment steps between two moves of θ⁻, the copy that targets are made with"""
    tau: float = 1.0
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
        limits.positive(self, "total_steps", "num_envs", "steps", "updates", "minibatch", "capacity", "n_step", "lr")
        limits.positive(self, "max_grad_norm", "target_every", "epsilon_steps", "report_every")
        limits.not_negative(self, "learning_starts")
        limits.fraction(self, "gamma", "tau", "epsilon_first", "epsilon_last")
        distributional.support(self.v_min, self.v_max, self.atoms, np.zeros(1))


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size,)
    target: NDArray  # (size,) θ⁻
    optimizer: Adam
    replay: Replay  # written in place
    step: int  # environment steps so far


def network(envs: Any, config: Config) -> MLP:
    """obs (B, O) → logits (B, A·K)."""
    return agents.action_value_network(envs, config, config.atoms)


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀, θ⁻ = θ₀, an optimizer at rest, an empty replay."""
    theta = initialization.init(network(world.envs, config), rng, dtype=world.obs.dtype)
    return State(theta, theta, optimizers.adam_init(theta), replay.empty(world, config.capacity), 0)


# ---- loss and gradient ----


def distributions(net: MLP, theta: NDArray, obs: NDArray, config: Config) -> NDArray:
    """p_θ(s, ·), (B, A, K)."""
    logits = mlp.output(net, theta, obs).reshape(-1, config.atoms)
    return categorical.softmax(logits).reshape(len(obs), -1, config.atoms)


def action_value(net: MLP, theta: NDArray, obs: NDArray, config: Config) -> NDArray:
    """Q_θ(s, ·), (B, A)."""
    return distributional.categorical_mean(distributions(net, theta, obs, config), config.v_min, config.v_max)


def target_probs(net: MLP, theta: NDArray, target: NDArray, samples: NStepTransitions, config: Config) -> NDArray:
    """p′ of (2), (B, K)."""
    probs = distributions(net, target, samples.next_obs, config)
    if config.double:
        q = action_value(net, theta, samples.next_obs, config)  # (1)
    else:
        q = distributional.categorical_mean(probs, config.v_min, config.v_max)  # (1)
    chosen = probs[np.arange(len(q)), q.argmax(axis=-1)]
    return distributional.c51_projection(
        chosen, samples.reward, samples.terminated, samples.truncated, samples.discount, config.v_min, config.v_max
    )  # (2)


def loss_and_grad(
    net: MLP, theta: NDArray, target: NDArray, samples: NStepTransitions, config: Config
) -> tuple[Any, NDArray]:
    """L(θ) of (3) and its gradient, θ⁻ and with it p′ held constant.

    Returns:
      loss (), d_theta (size,).
    """
    wanted, rows = target_probs(net, theta, target, samples, config), np.arange(len(samples.obs))
    logits, cache = mlp.forward(net, theta, samples.obs)
    logits = logits.reshape(len(rows), -1, config.atoms)
    per_sample, d_chosen = distributional.c51_loss(logits[rows, samples.action], wanted)
    d_logits = np.zeros_like(logits)
    d_logits[rows, samples.action] = d_chosen / len(rows)
    return per_sample.sum() / len(rows), mlp.vjp(net, theta, cache, d_logits.reshape(len(rows), -1))  # (3)


# ---- one update, and the loop ----


def epsilon(step: int, config: Config) -> float:
    """ε after so many steps."""
    return float(schedules.linear(step, config.epsilon_first, config.epsilon_last, config.epsilon_steps))


def explorer(
    net: MLP, theta: NDArray, chance: float, config: Config, rng: np.random.Generator
) -> Callable[[NDArray], NDArray]:
    """obs (N, O) → actions (N,), ε-greedy with ε = chance."""
    return lambda obs: action_values.epsilon_greedy(action_value(net, theta, obs, config), chance, rng)


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
    return new, {"losses/loss": float(loss)}


def report(net: MLP, state: State, batch: Batch, config: Config) -> dict[str, float]:
    """ε, and the mean over the batch of what the best action is thought to be worth."""
    value = action_value(net, state.theta, batch.obs[batch.valid], config).max(axis=-1).mean()
    return {"charts/epsilon": epsilon(state.step, config), "losses/q_values": float(value)}


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Collect a few steps, update; yield at every multiple of report_every; until total_steps."""
    net = network(world.envs, config)
    state = init(config, world, rng) if state is None else state
    ended = []
    while state.step < config.total_steps:
        act = explorer(net, state.theta, epsilon(state.step, config), config, rng)
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
    return explorer(network(envs, config), state.theta, chance, config, rng)

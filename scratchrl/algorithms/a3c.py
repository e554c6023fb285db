r"""A3C, asynchronous advantage actor-critic: several workers improve one policy, and none waits for another.

    W       workers, each with N environments and a random generator of its own; a process each if W > 1
    θ, φ    policy and critic; s their optimizers' statistics: one of each, which all workers read and write
    n       environment steps of all workers so far

Every worker for itself, until n has reached total_steps:

    θ′, φ′ ← θ, φ                                                   its own copy                        (1)
    g = ∇(−L(θ′)),  h = ∇L(φ′)                                      A2C's, on T steps of π_θ′           (2)
    s ← ρ s + (1 − ρ) g²,   θ ← θ − η g/√(s + ε),  φ likewise       to θ and s as they are by then      (3)

η falls linearly to 0 as n grows. (3) is RMSProp with shared statistics, as in the paper; Adam is an option.

No locks (the paper, after Hogwild). So (1) may see a step of another worker half made, and of two additions to one
weight, or two changes of s, at the same time one may be lost; a single number is never half written. And g was
computed at θ′, behind θ by the steps that others took meanwhile, W − 1 as a rule. Small steps forgive both: on a
parabola of curvature λ, gradient descent with a delay of d updates is stable up to η = 2 sin(π/(4d + 2))/λ, which is
2/λ without delay. What it is for: nobody waits, and workers in different places of their episodes make the data less
alike.

One worker waits for nobody: there is no delay, and with Adam this is A2C of the same settings, bit for bit. With more
than one the operating system decides who comes first: then the same seed does not give the same bits, in this algorithm
alone. A resumed run has θ, φ, s and n; if W > 1 the workers begin new episodes, with random numbers not used before.

Papers: Mnih et al. (2016), Asynchronous methods for deep RL, algorithm S3; Niu et al. (2011), Hogwild!
Checked in tests/algorithms/test_a3c.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.algorithms import a2c
from scratchrl.experience import agent as agents
from scratchrl.experience import limits, parallel, trees
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.experience.blueprints import Blueprint, blueprint, build
from scratchrl.experience.rollout import collect, start
from scratchrl.experience.scales import Scales, empty, scaled
from scratchrl.experience.world import World
from scratchrl.maths import initialization, optimizers, policies
from scratchrl.maths.optimizers import Adam, RMSProp


@dataclass(frozen=True)
class Config:
    """Defaults that solve CartPole-v1."""

    total_steps: int = 200_000
    """n: environment steps to train for, of all workers together"""
    workers: int = 2
    """W: processes; with more than one, the same seed does not give the same bits"""
    num_envs: int = 8
    """N: environments of each worker, side by side"""
    steps: int = 16
    """T: steps of each environment per gradient"""
    gamma: float = 0.99
    """discount γ"""
    lam: float = 1.0
    """λ of GAE"""
    entropy_coefficient: float = 0.0
    """weight of the entropy in L(θ)"""
    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """what makes a step of a gradient; its statistics are shared"""
    decay: float = 0.99
    """ρ of RMSProp"""
    epsilon: float = 1e-5
    """ε of RMSProp, under the root"""
    policy_lr: float = 3e-3
    """learning rate η for θ"""
    value_lr: float = 3e-3
    """learning rate η for φ"""
    anneal: bool = True
    """let both learning rates fall linearly to 0"""
    max_grad_norm: float = 0.5
    """gradients longer than this are shortened to it"""
    normalize_obs: bool = False
    """standardise observations by their running mean and standard deviation, of each worker's own"""
    normalize_reward: bool = False
    """divide rewards by the running standard deviation of the discounted return, of each worker's own"""
    hidden: tuple[int, ...] = (64, 64)
    """widths of the hidden layers"""
    activation: str = "tanh"
    """tanh, relu or identity"""
    state_dependent_std: bool = False
    """Box actions: log σ from the network instead of a free parameter"""

    def __post_init__(self) -> None:
        limits.positive(self, "total_steps", "workers", "num_envs", "steps", "policy_lr", "value_lr", "max_grad_norm")
        limits.not_negative(self, "entropy_coefficient", "epsilon")
        limits.fraction(self, "gamma", "lam", "decay")
        if self.optimizer not in ("rmsprop", "adam"):
            raise ValueError(f"optimizer: expected rmsprop or adam, got {self.optimizer!r}")


class State(NamedTuple):
    """All that changes while learning."""

    theta: NDArray  # (size of the policy,)
    phi: NDArray  # (size of the value network,)
    theta_optimizer: RMSProp | Adam
    phi_optimizer: RMSProp | Adam
    scales: Scales  # of the worker that was heard of last
    step: int  # environment steps so far


class Memory(NamedTuple):
    """What the workers share; the arrays are changed in place."""

    theta: NDArray
    phi: NDArray
    theta_optimizer: RMSProp | Adam
    phi_optimizer: RMSProp | Adam
    steps: NDArray  # (W,) n, by the worker who made them: each writes its own number only, so that none is lost


def init(config: Config, world: World, rng: np.random.Generator) -> State:
    """θ₀, φ₀ and two optimizers at rest."""
    agent = agents.build(world.envs, config)
    theta = policies.init(agent.policy, rng, dtype=world.obs.dtype)
    phi = initialization.init(agent.value, rng, dtype=world.obs.dtype)
    at_rest = optimizers.adam_init if config.optimizer == "adam" else optimizers.rmsprop_init
    return State(theta, phi, at_rest(theta), at_rest(phi), empty(world), 0)


loss_and_grad = a2c.loss_and_grad

# ---- one update of the memory ----


def update(agent: Agent, memory: Memory, worker: int, seen: State, batch: Batch, config: Config) -> dict[str, float]:
    """(2) at θ′, φ′ of `seen`, and (3), in place."""
    d_theta, d_phi, report = a2c.gradients(agent, seen.theta, seen.phi, batch, config)  # (2)
    fraction = 1 - seen.step / config.total_steps if config.anneal else 1.0
    policy_lr, value_lr = fraction * config.policy_lr, fraction * config.value_lr
    descend(memory.theta, memory.theta_optimizer, d_theta, policy_lr, config)
    descend(memory.phi, memory.phi_optimizer, d_phi, value_lr, config)
    memory.steps[worker] += np.count_nonzero(batch.valid)
    return {"charts/learning_rate": policy_lr, **report}


def descend(x: NDArray, optimizer: RMSProp | Adam, gradient: NDArray, lr: float, config: Config) -> None:
    """(3): the optimizer and x move, in place."""
    new: RMSProp | Adam
    if isinstance(optimizer, Adam):
        new, step = optimizers.adam(optimizer, gradient, lr, max_norm=config.max_grad_norm)
    else:
        shortened, _ = optimizers.clip_by_global_norm(gradient, config.max_grad_norm)
        new, step = optimizers.rmsprop(optimizer, shortened, lr, config.decay, eps=0.0, eps_root=config.epsilon)
    trees.write(optimizer, new)
    x += step


# ---- the loop of a worker, and who listens ----


def work(
    memory: Memory, worker: int, begun: State, config: Config, world: World, rng: np.random.Generator
) -> Iterator[tuple[int, Scales, dict]]:
    """One worker's life. After each update: the steps it took, the scales that it has come to, and the report."""
    agent = agents.build(world.envs, config)
    scales = begun.scales
    while (step := begun.step + int(memory.steps.sum())) < config.total_steps:
        seen = begun._replace(theta=memory.theta.copy(), phi=memory.phi.copy(), scales=scales, step=step)  # (1)
        batch, episodes = collect(world, agents.actor(agent.policy, seen, config, rng), config.steps)
        if not batch.valid.any():
            continue  # every environment was only resetting itself
        scales, batch = scaled(scales, batch, config)
        report = update(agent, memory, worker, seen, batch, config)
        yield int(np.count_nonzero(batch.valid)), scales, {**report, "episodes": episodes}


def hired(memory: Memory, worker: int, begun: State, config: Config, plan: Blueprint, seed: int) -> Iterator:
    """The same in a process of its own, where environments and generator have to be made first."""
    for_envs, for_actions = np.random.SeedSequence(seed).generate_state(2)
    envs = build(plan)
    world = start(envs, int(for_envs), begun.theta.dtype)
    yield from work(memory, worker, begun, config, world, np.random.default_rng(for_actions))
    envs.close()


def train(
    config: Config, world: World, rng: np.random.Generator, state: State | None = None
) -> Iterator[tuple[State, dict]]:
    """Yield after each worker's each update; until total_steps. With more than one worker `world` is only the model
    of theirs."""
    state = init(config, world, rng) if state is None else state
    nobody = np.zeros(config.workers, np.int64)
    memory = Memory(state.theta, state.phi, state.theta_optimizer, state.phi_optimizer, nobody)
    if config.workers == 1:
        reports = parallel.alone(work, memory, (0, state, config, world, rng))
    else:
        plan, seeds = blueprint(world.envs), rng.integers(2**63, size=config.workers)
        tasks = [(worker, state, config, plan, int(seed)) for worker, seed in enumerate(seeds)]
        reports = parallel.together(hired, memory, tasks)
    step = state.step
    for (theta, phi, theta_optimizer, phi_optimizer, _), (steps, scales, info) in reports:
        step += steps
        yield State(theta, phi, theta_optimizer, phi_optimizer, scales, step), info


player = agents.player

"""Whole training runs in environment steps per second, beside stable-baselines3 and sb3-contrib at their defaults.

Both sides have the peer's default sizes: rollout, replay, minibatch, epochs, conjugate-gradient iterations, networks
64×64 (tanh; relu for DQN; 256×256 relu for SAC). `environment` is no peer: the environments alone, stepped with random
actions, which no learner can outrun.
"""

import importlib
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from scratchrl.algorithms import a2c, dqn, ppo, sac, trpo
from scratchrl.bench.work import Run, Setup, Work
from scratchrl.experience import environments
from scratchrl.experience.rollout import start

CARTPOLE, PENDULUM = "CartPole-v1", "Pendulum-v1"
WARM_UP = 0.25  # of a turn, before it: imports, compilation
PPO = {"minibatch": 64, "epochs": 10, "target_kl": None, "policy_lr": 3e-4, "value_lr": 3e-4, "steps": 2048}
TRPO = {"value_epochs": 10, "value_minibatch": 128, "cg_iterations": 15, "steps": 2048}
A2C = {"steps": 5}
DQN = {
    "steps": 4, "minibatch": 32, "capacity": 1_000_000, "learning_starts": 100, "n_step": 1, "double": False,
    "lr": 1e-4, "anneal": False, "target_every": 10_000, "tau": 1.0, "epsilon_last": 0.05, "hidden": (64, 64),
}  # fmt: skip
SAC = {
    "minibatch": 256, "capacity": 1_000_000, "learning_starts": 100, "policy_lr": 3e-4, "value_lr": 3e-4,
    "alpha_lr": 3e-4, "tau": 0.005, "hidden": (256, 256),
}  # fmt: skip


class Play(NamedTuple):
    """Where a run plays."""

    env: str
    num_envs: int


def ours(algorithm: Any, play: Play, sizes: dict[str, Any], steps: int) -> Run:
    """A fresh agent each time."""

    def train(steps: int) -> None:
        config = algorithm.Config(total_steps=steps, num_envs=play.num_envs, **sizes)
        world = start(environments.make(play.env, play.num_envs, "sync"), seed=0)
        for _ in algorithm.train(config, world, np.random.default_rng(0)):
            pass
        world.envs.close()

    train(int(WARM_UP * steps))
    return partial(train, steps)


def peer(module: str, name: str, play: Play, steps: int) -> Run:
    """The same for a class of stable-baselines3 or sb3-contrib."""
    algorithm = getattr(importlib.import_module(module), name)
    from stable_baselines3.common.env_util import make_vec_env

    def train(steps: int) -> None:
        algorithm("MlpPolicy", make_vec_env(play.env, play.num_envs), device="cpu", seed=0).learn(steps)

    train(int(WARM_UP * steps))
    return partial(train, steps)


def environment(play: Play, steps: int) -> Run:
    """Steps with actions drawn beforehand."""

    def run() -> None:
        envs = environments.make(play.env, play.num_envs, "sync")
        envs.reset(seed=0)
        envs.action_space.seed(0)
        actions = [envs.action_space.sample() for _ in range(64)]
        for step in range(steps // play.num_envs):
            envs.step(actions[step % 64])
        envs.close()

    return run


class Beside(NamedTuple):
    """A peer, and environment steps in one of its turns: whole updates, fewer than ours where it is slow."""

    module: str
    steps: int
    target: float


def work(
    algorithm: Any, play: Play, sizes: dict[str, Any], steps: int, beside: Beside, threads: int = 1
) -> Work:
    """One row. The cost counted is that of an environment step."""
    name = algorithm.__name__.rpartition(".")[2].upper()
    library = beside.module.replace("_", "-")
    contenders: dict[str, Setup] = {
        "ours": partial(ours, algorithm, play, sizes, steps),
        library: partial(peer, beside.module, name, play, beside.steps),
        "environment": partial(environment, play, steps),
    }
    envs = f"{play.num_envs} env{'s' * (play.num_envs > 1)}"
    return Work(
        f"train {name}, {play.env}, {envs}", "training", contenders, {library: beside.target}, threads,
        amount={"ours": steps, library: beside.steps, "environment": steps}, rate="steps", whole=True,
    )  # fmt: skip


def sb3(steps: int, target: float) -> Beside:
    """A peer of stable-baselines3."""
    return Beside("stable_baselines3", steps, target)


WORKS = (
    work(ppo, Play(CARTPOLE, 1), PPO, 32768, sb3(4096, 35)),
    work(ppo, Play(CARTPOLE, 8), PPO, 32768, sb3(16384, 15)),
    work(trpo, Play(CARTPOLE, 1), TRPO, 16384, Beside("sb3_contrib", 4096, 15)),
    work(a2c, Play(CARTPOLE, 1), A2C, 10_000, sb3(2500, 20)),
    work(a2c, Play(CARTPOLE, 8), A2C, 20_000, sb3(10_000, 4)),
    work(dqn, Play(CARTPOLE, 1), DQN, 10_000, sb3(10_000, 10)),
    work(sac, Play(PENDULUM, 1), SAC, 500, sb3(500, 2.3)),
    work(sac, Play(PENDULUM, 1), SAC, 500, sb3(500, 3.0), threads=2),
)

"""Environment steps per second of whole training runs, ours beside stable-baselines3's and sb3-contrib's.

    python tests/benchmarks/training.py            prints the table; peers that are not installed are left out
    python tests/benchmarks/training.py --json F   writes it too

CartPole-v1 (SAC: Pendulum-v1), one thread, networks 64×64 (tanh; relu for DQN; 256×256 for SAC), the peer's default
sizes on both sides (rollout, replay, minibatch, epochs, conjugate-gradient iterations). The contenders take turns
within one process, so that whatever else the machine does hits all of them; the table shows medians over the rounds.
Compilation and imports are done in a warm-up that is not counted.
"""

import contextlib
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  (loaded before the limit below, so that it is limited too)
import tyro
from threadpoolctl import threadpool_limits

from scratchrl.algorithms import a2c, dqn, ppo, sac, trpo
from scratchrl.experience import environments
from scratchrl.experience.rollout import start

ENV = "CartPole-v1"
Train = Callable[[int], None]


@dataclass(frozen=True)
class Options:
    """How to measure."""

    rounds: int = 5
    """turns of every contender; the table shows medians"""
    only: str = ""
    """rows whose name contains this"""
    json: Path | None = None
    """also write the table here"""


class Row(NamedTuple):
    """One line of the table."""

    name: str
    steps: int  # environment steps in one turn
    target: float  # ours / peer
    ours: Train
    peer: Callable[[], Train]


def ours(algorithm, num_envs: int, env: str = ENV, **sizes) -> Train:
    """A function that trains a fresh agent of ours for so many steps."""

    def train(steps: int) -> None:
        config = algorithm.Config(total_steps=steps, num_envs=num_envs, **sizes)
        world = start(environments.make(env, num_envs, "sync"), seed=0)
        for _ in algorithm.train(config, world, np.random.default_rng(0)):
            pass
        world.envs.close()

    return train


def sb3(module: str, name: str, num_envs: int, env: str = ENV) -> Train:
    """The same for a class of stable-baselines3 or sb3-contrib, at its defaults."""
    import importlib

    import torch
    from stable_baselines3.common.env_util import make_vec_env

    torch.set_num_threads(1)
    algorithm = getattr(importlib.import_module(module), name)

    def train(steps: int) -> None:
        algorithm("MlpPolicy", make_vec_env(env, num_envs), device="cpu", seed=0).learn(steps)

    return train


PPO = {"minibatch": 64, "epochs": 10, "target_kl": None, "policy_lr": 3e-4, "value_lr": 3e-4}
TRPO = {"value_epochs": 10, "value_minibatch": 128, "cg_iterations": 15, "steps": 2048}
DQN = {
    "steps": 4, "minibatch": 32, "capacity": 1_000_000, "learning_starts": 100, "n_step": 1, "double": False,
    "lr": 1e-4, "anneal": False, "target_every": 10_000, "tau": 1.0, "epsilon_last": 0.05, "hidden": (64, 64),
}  # fmt: skip
SAC = {
    "env": "Pendulum-v1", "minibatch": 256, "capacity": 1_000_000, "learning_starts": 100, "policy_lr": 3e-4,
    "value_lr": 3e-4, "alpha_lr": 3e-4, "tau": 0.005, "hidden": (256, 256),
}  # fmt: skip
ROWS = (
    Row("PPO, 1 env", 32768, 20, ours(ppo, 1, steps=2048, **PPO), lambda: sb3("stable_baselines3", "PPO", 1)),
    Row("PPO, 8 envs", 32768, 10, ours(ppo, 8, steps=2048, **PPO), lambda: sb3("stable_baselines3", "PPO", 8)),
    Row("TRPO, 1 env", 8192, 10, ours(trpo, 1, **TRPO), lambda: sb3("sb3_contrib", "TRPO", 1)),
    Row("A2C, 1 env", 5000, 20, ours(a2c, 1, steps=5), lambda: sb3("stable_baselines3", "A2C", 1)),
    Row("A2C, 8 envs", 20000, 4, ours(a2c, 8, steps=5), lambda: sb3("stable_baselines3", "A2C", 8)),
    Row("DQN, 1 env", 20000, 10, ours(dqn, 1, **DQN), lambda: sb3("stable_baselines3", "DQN", 1)),
    Row("SAC, 1 env", 1000, 2.3, ours(sac, 1, **SAC), lambda: sb3("stable_baselines3", "SAC", 1, "Pendulum-v1")),
)


def speed(train: Train, steps: int) -> float:
    """Steps per second of one turn."""
    begin = time.perf_counter()
    train(steps)
    return steps / (time.perf_counter() - begin)


def measure(row: Row, rounds: int) -> dict:
    """Medians over interleaved turns, after one short warm-up each."""
    contenders = {"ours": row.ours}
    with contextlib.suppress(ImportError):
        contenders["peer"] = row.peer()
    for train in contenders.values():
        train(row.steps // 4)
    turns: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, train in contenders.items():
            turns[name].append(speed(train, row.steps))
    medians = {name: statistics.median(values) for name, values in turns.items()}
    return {"name": row.name, "target": row.target, **medians}


def main(options: Options) -> None:
    """Measure every row and print it."""
    print(f"{'work':<14}{'ours, steps/s':>15}{'peer, steps/s':>15}{'ratio':>8}{'target':>8}")
    results = []
    with threadpool_limits(1):
        for row in (row for row in ROWS if options.only in row.name):
            results.append(measure(row, options.rounds))
            print(line(results[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def line(result: dict) -> str:
    """One row of the table."""
    if "peer" not in result:
        return f"{result['name']:<14}{result['ours']:>15,.0f}{'not installed':>15}"
    ratio = result["ours"] / result["peer"]
    return f"{result['name']:<14}{result['ours']:>15,.0f}{result['peer']:>15,.0f}{ratio:>8.1f}{result['target']:>8g}"


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))

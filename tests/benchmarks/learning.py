"""How soon the defaults learn: environment steps until the mean return of the last 100 training episodes is reached.

Where training is too short for 100 episodes to tell: the mean return of 100 fresh ones after it, without exploration.

    python tests/benchmarks/learning.py                 every claim, every seed
    python tests/benchmarks/learning.py --only Pendulum

One line per claim: the steps of each seed, or its mean return, and whether all are as claimed. The exit code is 1 if
one is not.
"""

import importlib
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  (loaded before the limit below, so that it is limited too)
import tyro
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scratchrl.experience import environments
from scratchrl.experience.rollout import collect_episodes, start

WINDOW = 100  # episodes
FRESH = 1_000_000  # seeds of evaluation begin here, as in `scratchrl evaluate`


class Claim(NamedTuple):
    """Every seed reaches the return within the limit, with the defaults and this many total steps."""

    algorithm: str
    env: str
    target: float
    limit: int
    seeds: int
    evaluated: bool = False  # the deterministic policy plays 100 fresh episodes after `limit` steps
    changes: tuple[tuple[str, Any], ...] = ()  # of the defaults


TD3 = (("twin", True), ("policy_delay", 2), ("smoothing", 0.2))
CLAIMS = (
    Claim("ppo", "CartPole-v1", 475, 80_000, 5),
    Claim("trpo", "CartPole-v1", 475, 80_000, 5),
    Claim("vpg", "CartPole-v1", 475, 500_000, 3),
    Claim("a2c", "CartPole-v1", 475, 500_000, 3),
    Claim("a3c", "CartPole-v1", 475, 200_000, 3),
    Claim("reinforce", "CartPole-v1", 195, 300_000, 3),
    Claim("ppo", "Acrobot-v1", -100, 200_000, 3),
    Claim("trpo", "Acrobot-v1", -100, 200_000, 3),
    Claim("ppo", "Pendulum-v1", -200, 300_000, 3),
    Claim("dqn", "CartPole-v1", 475, 100_000, 3),
    Claim("c51", "CartPole-v1", 475, 100_000, 3),
    Claim("dqn", "Acrobot-v1", -100, 150_000, 3),
    Claim("c51", "Acrobot-v1", -100, 150_000, 3),
    Claim("alphazero", "TicTacToe", 0, 40_000, 3),  # 100 games in a row without a loss to perfect play
    Claim("ddpg", "Pendulum-v1", -170, 20_000, 3, evaluated=True),
    Claim("ddpg", "Pendulum-v1", -170, 20_000, 3, evaluated=True, changes=TD3),
    Claim("sac", "Pendulum-v1", -170, 20_000, 3, evaluated=True),
    Claim("sac", "Hopper-v5", 2000, 300_000, 1),
)


@dataclass(frozen=True)
class Options:
    """What to run."""

    only: str = ""
    """claims whose line contains this"""


def training(claim: Claim, seed: int) -> Iterator[tuple[Any, Any, Any, dict]]:
    """(algorithm, config, state, info) after every update, seeded as by `scratchrl train`."""
    algorithm = importlib.import_module(f"scratchrl.algorithms.{claim.algorithm}")
    config = algorithm.Config(**{"total_steps": claim.limit, **dict(claim.changes)})
    world = start(environments.make(claim.env, config.num_envs), seed)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])
    with tqdm(total=claim.limit, leave=False, disable=None) as bar:
        for state, info in algorithm.train(config, world, rng):
            bar.update(state.step - bar.n)
            yield algorithm, config, state, info


def steps_to_reach(claim: Claim, seed: int) -> float:
    """Environment steps at the first update after which the window's mean is reached; inf if it never is."""
    window: deque[float] = deque(maxlen=WINDOW)
    for _, _, state, info in training(claim, seed):
        window.extend(info["episodes"].returns)
        if len(window) == WINDOW and np.mean(window) >= claim.target:
            return state.step
    return np.inf


def final_return(claim: Claim, seed: int) -> float:
    """The mean return of fresh episodes that the deterministic policy plays after training."""
    *_, (algorithm, config, state, _) = training(claim, seed)
    world = start(environments.make(claim.env, 1), FRESH + seed)
    act = algorithm.player(world.envs, state, config, np.random.default_rng(seed), deterministic=True)
    return float(np.mean([collect_episodes(world, act)[1].returns for _ in range(WINDOW)]))


def main(options: Options) -> int:
    """Check the claims and print them; the number of those that fail."""
    failed = 0
    for claim in CLAIMS:
        changes = " ".join(f"{name}={value}" for name, value in claim.changes)
        line = f"{claim.algorithm:<10}{claim.env:<13}≥ {claim.target:<5.0f}within {claim.limit:>7,} {changes}"
        if options.only not in line:
            continue
        found = [(final_return if claim.evaluated else steps_to_reach)(claim, seed) for seed in range(claim.seeds)]
        reached = min(found) >= claim.target if claim.evaluated else max(found) <= claim.limit
        failed += not reached
        print(line, " ".join(f"{n:>8,.0f}" for n in found), "" if reached else "   NOT REACHED", flush=True)
    return failed


if __name__ == "__main__":
    with threadpool_limits(1):
        sys.exit(min(1, main(tyro.cli(Options, description=__doc__))))

"""How soon the defaults learn: environment steps until the mean return of the last 100 training episodes is reached.

    python tests/benchmarks/learning.py                 every claim, every seed
    python tests/benchmarks/learning.py --only Pendulum

One line per claim: the steps of each seed, and whether all are within the limit. The exit code is 1 if one is not.
"""

import importlib
import sys
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  (loaded before the limit below, so that it is limited too)
import tyro
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scratchrl.experience import environments
from scratchrl.experience.rollout import start

WINDOW = 100  # episodes


class Claim(NamedTuple):
    """Every seed reaches the return within the limit, with the defaults of the algorithm and this many total steps."""

    algorithm: str
    env: str
    target: float
    limit: int
    seeds: int


CLAIMS = (
    Claim("ppo", "CartPole-v1", 475, 80_000, 5),
    Claim("trpo", "CartPole-v1", 475, 80_000, 5),
    Claim("vpg", "CartPole-v1", 475, 500_000, 3),
    Claim("a2c", "CartPole-v1", 475, 500_000, 3),
    Claim("a3c", "CartPole-v1", 475, 500_000, 3),
    Claim("reinforce", "CartPole-v1", 195, 300_000, 3),
    Claim("ppo", "Acrobot-v1", -100, 200_000, 3),
    Claim("trpo", "Acrobot-v1", -100, 200_000, 3),
    Claim("ppo", "Pendulum-v1", -200, 300_000, 3),
    Claim("dqn", "CartPole-v1", 475, 100_000, 3),
    Claim("c51", "CartPole-v1", 475, 100_000, 3),
    Claim("dqn", "Acrobot-v1", -100, 150_000, 3),
    Claim("c51", "Acrobot-v1", -100, 150_000, 3),
)


@dataclass(frozen=True)
class Options:
    """What to run."""

    only: str = ""
    """claims whose line contains this"""


def steps_to_reach(claim: Claim, seed: int) -> float:
    """Environment steps at the first update after which the window's mean is reached; inf if it never is."""
    algorithm = importlib.import_module(f"scratchrl.algorithms.{claim.algorithm}")
    config = algorithm.Config(total_steps=claim.limit)
    world = start(environments.make(claim.env, config.num_envs), seed)
    window: deque[float] = deque(maxlen=WINDOW)
    rng = np.random.default_rng(np.random.SeedSequence(seed).spawn(1)[0])  # as `scratchrl train` makes it
    with tqdm(total=claim.limit, leave=False, disable=None) as bar:
        for state, info in algorithm.train(config, world, rng):
            bar.update(state.step - bar.n)
            window.extend(info["episodes"].returns)
            if len(window) == WINDOW and np.mean(window) >= claim.target:
                return state.step
    return np.inf


def main(options: Options) -> int:
    """Check the claims and print them; the number of those that fail."""
    failed = 0
    for claim in CLAIMS:
        line = f"{claim.algorithm:<10}{claim.env:<13}≥ {claim.target:<5.0f}within {claim.limit:>7,}"
        if options.only not in line:
            continue
        steps = [steps_to_reach(claim, seed) for seed in range(claim.seeds)]
        reached = max(steps) <= claim.limit
        failed += not reached
        print(line, " ".join(f"{n:>8,.0f}" for n in steps), "" if reached else "   NOT REACHED", flush=True)
    return failed


if __name__ == "__main__":
    with threadpool_limits(1):
        sys.exit(min(1, main(tyro.cli(Options, description=__doc__))))

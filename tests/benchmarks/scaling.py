"""Environment steps per second of TRPO on HalfCheetah-v5 with 20,000 steps an update, on one rank and on several.

    python tests/benchmarks/scaling.py             prints the table; efficiency is speed / (ranks × speed of one)
    python tests/benchmarks/scaling.py --json F    writes it too

The batch is the same and dealt out, one thread each. Ranks wait for each other thousands of times in an update, so each
needs a core to itself: anything else that runs meanwhile delays all of them, and the figure is then one of the
scheduler. The table shows medians over turns; the first update of a turn, which compiles, is not counted. The column
"apart" is the limit: as many processes at once that have nothing to do with each other, each with the whole batch; what
they lose, the machine takes (shared caches and memory, cores that slow down when others are busy, whatever else runs).
Needs pip install ".[mpi,mujoco]".
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tyro

GOAL = 0.8


@dataclass(frozen=True)
class Options:
    """How to measure."""

    ranks: tuple[int, ...] = (1, 2)
    """numbers of ranks, the first of them the measure of the others"""
    rounds: int = 3
    """turns of each; the table shows medians"""
    updates: int = 3
    """updates of a turn that are counted"""
    num_envs: int = 8
    """environments of all ranks"""
    value_minibatch: int = 1000
    """rows of all ranks in a step of the value function, at each of which they wait for each other"""
    env: str = "HalfCheetah-v5"
    """where"""
    json: Path | None = None
    """also write the table here"""


def turn(updates: int, num_envs: int, value_minibatch: int, env: str) -> None:
    """On every rank: a training run; rank 0 prints its steps per second."""
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import threadpool_limits

    from scratchrl.algorithms import trpo
    from scratchrl.experience import environments, mpi
    from scratchrl.experience.rollout import start
    from scratchrl.maths.ranks import ALONE

    ranks = mpi.connect() if mpi.launched() else ALONE
    first, end = (num_envs * rank // ranks.size for rank in (ranks.rank, ranks.rank + 1))
    rows = 20_000 // num_envs
    config = trpo.Config(
        total_steps=rows * num_envs * (updates + 1), num_envs=num_envs, steps=rows, value_minibatch=value_minibatch,
        normalize_obs=True, normalize_reward=True,
    )  # fmt: skip
    with threadpool_limits(limits=1):
        world = start(environments.make(env, end - first, "sync"), 0, ranks=ranks, first=first)
        training = trpo.train(config, world, np.random.default_rng(ranks.rank))
        state, _ = next(training)
        begun, step = time.perf_counter(), state.step
        for state, _ in training:  # noqa: B007
            pass
        if ranks.rank == 0:
            print((state.step - step) / (time.perf_counter() - begun))


def speeds(ranks: int, launcher: Sequence[str], asked: Options) -> list[float]:
    """Steps per second of one turn: of `ranks` ranks together, or of each of `ranks` processes without a launcher."""
    numbers = asked.updates, asked.num_envs, asked.value_minibatch
    words = [*launcher, sys.executable, __file__, "turn", *map(str, numbers), asked.env]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": root}
    begun = [
        subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(1 if launcher else ranks)
    ]
    said = [process.communicate() for process in begun]
    for process, (_, complaint) in zip(begun, said, strict=True):
        if process.returncode:
            raise RuntimeError(complaint)
    return [float(out) for out, _ in said]


def measure(asked: Options) -> list[dict[str, float]]:
    """A row for every number of ranks."""
    mpiexec = str(Path(sys.executable).with_name("mpiexec"))
    together: dict[int, list[float]] = {ranks: [] for ranks in asked.ranks}
    apart: dict[int, list[float]] = {ranks: [] for ranks in asked.ranks}
    for _ in range(asked.rounds):
        for ranks in asked.ranks:
            together[ranks] += speeds(ranks, [mpiexec, "-n", str(ranks)] if ranks > 1 else [], asked)
            apart[ranks] += speeds(ranks, [], asked) if ranks > 1 else together[ranks][-1:]
    one = statistics.median(together[asked.ranks[0]]) / asked.ranks[0]
    return [
        {"ranks": ranks, "steps/s": speed, "efficiency": speed / (ranks * one), "apart": limit / one}
        for ranks in asked.ranks
        for speed, limit in [(statistics.median(together[ranks]), statistics.median(apart[ranks]))]
    ]


def main(asked: Options) -> None:
    """Prints the table."""
    rows = measure(asked)
    print(f"{'ranks':>5}  {'steps/s':>8}  {'efficiency':>10}  {'apart':>5}   (goal {GOAL:.0%})")
    for row in rows:
        print(f"{row['ranks']:>5}  {row['steps/s']:>8.0f}  {row['efficiency']:>10.0%}  {row['apart']:>5.0%}")
    if asked.json is not None:
        asked.json.write_text(json.dumps({"goal": GOAL, "rows": rows}, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["turn"]:
        turn(*map(int, sys.argv[2:5]), sys.argv[5])
    else:
        main(tyro.cli(Options, description=__doc__))

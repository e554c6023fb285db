"""How the cost of PPO and TRPO grows: microseconds per environment step against what a user may choose to be large.

    python tests/benchmarks/growth.py --json docs/growth.json --out docs     measures (five minutes), draws, tabulates
    python tests/benchmarks/growth.py --from docs/growth.json --out docs     draws and tabulates again

    envs     N = 1 … 1024 of CartPole-v1, made as training makes them; rollout, update, and both together. A batch stays
             4096 rows: then every update is the same work, what changes is due to N alone, and how cost grows with the
             rows of a batch is the next picture.
    batch    B = 1e3 … 1e6 rows of 17 observations and 6 Gaussian actions, made up; the update alone
    width    two hidden layers of 32 … 512 on 4096 such rows; the update alone

Settings are the defaults, but for what would make the work depend on luck: PPO runs all its epochs, TRPO all iterations
of conjugate gradient. One thread, as training has. Every round visits every point once, so that whatever else the
machine does meets all of them; a turn repeats what is short, and the medians are drawn.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Annotated, Any, NamedTuple

import growth_pictures
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  (loaded before the limit below, so that it is limited too)
import tyro
from gymnasium.spaces import Box
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from scratchrl.algorithms import ppo, trpo
from scratchrl.experience import agent as agents
from scratchrl.experience import environments
from scratchrl.experience.batch import Batch
from scratchrl.experience.rollout import collect, start
from scratchrl.maths.ranks import ALONE

ROWS = 4096
SIDE_BY_SIDE = 8  # environments that a made-up batch is of
SHORT = 0.2  # seconds: a turn repeats its work until they have passed
ALGORITHMS: dict[str, tuple[ModuleType, dict[str, Any]]] = {
    "PPO": (ppo, {"target_kl": None}), "TRPO": (trpo, {"cg_tolerance": 0.0}),
}  # fmt: skip
SIZES = {
    "envs": [2**k for k in range(11)],
    "batch": [1000, 3160, 10_000, 31_600, 100_000, 316_000, 1_000_000],
    "width": [32, 64, 128, 256, 512],
}


@dataclass(frozen=True)
class Options:
    """What to measure, and where to put it."""

    only: tuple[str, ...] = tuple(SIZES)
    """envs, batch, width: what grows"""
    largest: int = 10**6
    """leave out the sizes above it"""
    rounds: int = 3
    """turns of every point"""
    json: Path | None = None
    """write the medians here"""
    out: Path | None = None
    """draw growth_envs.png, growth_batch.png and growth_width.png into this folder"""
    from_: Annotated[Path | None, tyro.conf.arg(name="from")] = None
    """measure nothing: read the medians from here"""


class Point(NamedTuple):
    """One algorithm at one size."""

    picture: str
    algorithm: str
    size: int
    work: Callable[[], dict[str, float]]  # → seconds per environment step, of each part


# ---- what is measured ----


def training(algorithm: ModuleType, config: Any) -> Callable[[], dict[str, float]]:
    """Rollout and update on CartPole-v1, the same update every time."""
    rng, world = np.random.default_rng(0), start(environments.make("CartPole-v1", config.num_envs), 0)
    agent, state = agents.build(world.envs, config), algorithm.init(config, world, rng)

    def work() -> dict[str, float]:
        begun = time.perf_counter()
        batch, _ = collect(world, agents.actor(agent.policy, state, config, rng), config.steps)
        between = time.perf_counter()
        algorithm.update(agent, state, batch, config, rng)
        ended, steps = time.perf_counter(), np.count_nonzero(batch.valid)
        parts = {"total": ended - begun, "update": ended - between, "rollout": between - begun}
        return {part: float(seconds / steps) for part, seconds in parts.items()}

    return work


def updating(algorithm: ModuleType, config: Any, rows: int) -> Callable[[], dict[str, float]]:
    """The update on made-up rows."""
    rng, shape = np.random.default_rng(0), (rows // SIDE_BY_SIDE, SIDE_BY_SIDE)
    envs: Any = SimpleNamespace(single_observation_space=Box(-9, 9, (17,)), single_action_space=Box(-1, 1, (6,)))
    world: Any = SimpleNamespace(envs=envs, obs=np.zeros((SIDE_BY_SIDE, 17), np.float32), ranks=ALONE)
    agent, state = agents.build(envs, config), algorithm.init(config, world, rng)

    def work() -> dict[str, float]:
        obs = rng.standard_normal((shape[0] + 1, *shape[1:], 17), np.float32)
        action, reward = (rng.standard_normal((*shape, *more), np.float32) for more in ((6,), ()))
        never, always = np.zeros(shape, bool), np.ones(shape, bool)
        batch = Batch(obs[:-1], action, reward, obs[1:], never, never, always)
        begun = time.perf_counter()
        algorithm.update(agent, state, batch, config, rng)
        return {"update": (time.perf_counter() - begun) / rows}

    return work


def point(picture: str, name: str, size: int) -> Point:
    """What `picture` shows of an algorithm at this size."""
    algorithm, settings = ALGORITHMS[name]
    if picture == "envs":
        config = algorithm.Config(num_envs=size, steps=ROWS // size, **settings)
        return Point(picture, name, size, training(algorithm, config))
    hidden, rows = ((64, 64), size) if picture == "batch" else ((size, size), ROWS)
    return Point(picture, name, size, updating(algorithm, algorithm.Config(hidden=hidden, **settings), rows))


def measure(points: Sequence[Point], rounds: int) -> list[dict[str, Any]]:
    """A row for every part of every point, {picture, algorithm, part, size, µs}; a round before the first compiles."""
    seen: list[list[dict[str, float]]] = [[] for _ in points]
    for p in {(p.picture, p.algorithm): p for p in reversed(points)}.values():
        p.work()
    for _ in range(rounds):
        for p, found in zip(tqdm(points, leave=False, disable=None), seen, strict=True):
            begun = time.perf_counter()
            found.append(p.work())
            while time.perf_counter() - begun < SHORT:
                found.append(p.work())
    return [
        {"picture": p.picture, "algorithm": p.algorithm, "part": part, "size": p.size,
         "µs": 1e6 * statistics.median(turn[part] for turn in found)}
        for p, found in zip(points, seen, strict=True) for part in found[0]
    ]  # fmt: skip


def main(asked: Options) -> None:
    """Measures or reads, draws, prints."""
    if asked.from_ is not None:
        rows = json.loads(asked.from_.read_text())
    else:
        sizes = [(picture, size) for picture in asked.only for size in SIZES[picture] if size <= asked.largest]
        with threadpool_limits(1):
            rows = measure([point(*of[:1], name, *of[1:]) for of in sizes for name in ALGORITHMS], asked.rounds)
    if asked.json is not None:
        asked.json.write_text(json.dumps(rows, indent=0, ensure_ascii=False))
    drawn = growth_pictures.lines(rows)
    print(growth_pictures.table(drawn))
    for picture in dict.fromkeys(one.picture for one in drawn):
        if asked.out is not None:
            growth_pictures.draw([one for one in drawn if one.picture == picture], asked.out / f"growth_{picture}.png")


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))

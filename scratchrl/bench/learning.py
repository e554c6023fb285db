"""From nothing to a return: environment steps and seconds until the mean of the last training episodes is reached.

Each side has its own defaults. Both rows of a pair look at the same runs: turn k of a contender is the run with seed k,
played once.
"""

import importlib
import time
from collections import deque
from dataclasses import replace
from functools import lru_cache, partial
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from scratchrl.bench.work import Run, Work
from scratchrl.experience import environments
from scratchrl.experience.rollout import start


class Goal(NamedTuple):
    """Mean return of so many episodes, one after the other; the run is given up after `limit` steps."""

    env: str
    target: float
    window: int
    limit: int


class Reached(NamedTuple):
    """What a run took; infinite if it was given up."""

    steps: float
    seconds: float


CARTPOLE, PENDULUM = Goal("CartPole-v1", 475, 100, 200_000), Goal("Pendulum-v1", -200, 10, 20_000)
GIVEN_UP = Reached(np.inf, np.inf)


@lru_cache(maxsize=64)
def ours(name: str, goal: Goal, seed: int) -> Reached:
    """The algorithm's defaults; where episodes are reported every so many steps, often enough to see the end."""
    algorithm = importlib.import_module(f"scratchrl.algorithms.{name}")
    config, window = algorithm.Config(), deque[float](maxlen=goal.window)
    if hasattr(config, "report_every"):
        config = replace(config, report_every=200)
    begin = time.perf_counter()
    world = start(environments.make(goal.env, config.num_envs), seed)
    for state, info in algorithm.train(config, world, np.random.default_rng(seed)):
        window.extend(info["episodes"].returns)
        if len(window) == goal.window and np.mean(window) >= goal.target:
            return Reached(state.step, time.perf_counter() - begin)
    return GIVEN_UP


@lru_cache(maxsize=64)
def peer(module: str, name: str, goal: Goal, seed: int) -> Reached:
    """stable-baselines3 or sb3-contrib at their defaults; asked whenever an episode has ended."""
    algorithm = getattr(importlib.import_module(module), name)
    from stable_baselines3.common.callbacks import BaseCallback

    class Until(BaseCallback):
        def _on_step(self) -> bool:
            window = self.model.ep_info_buffer
            if not self.locals["dones"].any() or len(window) < goal.window:
                return True
            return bool(np.mean([episode["r"] for episode in window]) < goal.target)

    model = algorithm("MlpPolicy", goal.env, device="cpu", seed=seed, stats_window_size=goal.window)
    begin = time.perf_counter()
    model.learn(goal.limit, callback=Until())
    if model.num_timesteps >= goal.limit:
        return GIVEN_UP
    return Reached(model.num_timesteps, time.perf_counter() - begin)


def seeds(run: Any, field: str) -> Run:
    """Each call is the next seed, and returns this field of what it took."""
    numbers = count()
    return lambda: getattr(run(next(numbers)), field)


def setup_ours(name: str, goal: Goal, field: str) -> Run:
    """Compiled by a run with a goal that is reached at once."""
    ours(name, goal._replace(target=-np.inf), 0)  # compiles
    return seeds(partial(ours, name, goal), field)


def setup_peer(module: str, name: str, goal: Goal, field: str) -> Run:
    """Imported; nothing to compile."""
    importlib.import_module(module)
    return seeds(partial(peer, module, name, goal), field)


def work(name: str, module: str, goal: Goal, field: str, at_most: float = np.inf) -> Work:
    """One field of the runs of ours and of a peer."""
    library = module.replace("_", "-")
    contenders = {
        "ours": partial(setup_ours, name, goal, field),
        library: partial(setup_peer, module, name.upper(), goal, field),
    }
    return Work(
        f"{name.upper()}, {goal.env} to {goal.target:g}: {field}", "learning", contenders, {library: 1.0},
        at_most=at_most, unit="steps" if field == "steps" else "seconds", whole=True, slow=True,
    )  # fmt: skip


WORKS = tuple(
    work(name, module, goal, field, at_most if field == "seconds" else np.inf)
    for name, module, goal, at_most in (
        ("ppo", "stable_baselines3", CARTPOLE, 3.0),
        ("trpo", "sb3_contrib", CARTPOLE, 3.0),
        ("sac", "stable_baselines3", PENDULUM, 30.0),
    )
    for field in ("steps", "seconds")
)

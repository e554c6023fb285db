"""`scratchrl evaluate RUN`: the return of a run's policy, and how far the number can be trusted."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro

from scratchrl.cli.errors import Refused, refusing
from scratchrl.cli.options import algorithm, restored, settings_of
from scratchrl.cli.session import load_state, opened, thread_limit
from scratchrl.runs.statistics import mean_interval

HORIZON = 10_000  # steps, where training set none


@dataclass(frozen=True)
class Evaluate:
    """Plays whole episodes with a run's policy and prints the mean return, its standard error and Student's 95 %
    confidence interval."""

    run: Annotated[Path, tyro.conf.Positional]
    """Folder of the run."""
    episodes: int = 100
    """Episodes to play."""
    seed: int = 1_000_000
    """Seed of the environments and actions; far from the seeds one trains with, so that new episodes are met."""
    horizon: int | None = None
    """Cut an episode after this many steps; default: as in training, or 10,000."""
    deterministic: bool = False
    """Play the policy's mode instead of sampling from it."""
    video: Path | None = None
    """Also record one episode as an .mp4 in this folder."""


def evaluate(arguments):
    """Prints the table and returns 0."""
    asked = tyro.cli(Evaluate, args=arguments, prog="scratchrl evaluate")
    if asked.episodes < 2:
        raise Refused(f"--episodes: expected at least 2, for an interval, got {asked.episodes}")
    if asked.horizon is not None and asked.horizon < 1:
        raise Refused(f"--horizon: expected at least 1, got {asked.horizon}")
    stored = settings_of(asked.run)
    module = algorithm(stored["algorithm"])
    options, config = restored(stored, module, asked.run)
    options = replace(options, seed=asked.seed, out=str(asked.run))
    if asked.video is not None:
        _require_camera(options.env)
    horizon = asked.horizon or getattr(config, "horizon", HORIZON)
    with thread_limit(options.threads), opened(stored["algorithm"], module, options, config) as session:
        state, step = _trained(session)
        returns, cut = play(session, state, asked.episodes, horizon, asked.deterministic)
        print(table(returns, cut, horizon, step, asked))
        if (opponent := session.world.envs.metadata.get("opponent")) is not None:
            print(f"{'games':<9}{results(returns)} against {opponent}")
        if asked.video is not None:
            print(f"{'video':<9}{_record(session, state, horizon, asked)}")
    return 0


def player(session, state, world, deterministic):
    """obs (N, O) → action (N, ...) of the trained policy, which the algorithm knows how to ask."""
    return session.algorithm.player(world.envs, state, session.config, session.rng, deterministic)


def play(session, state, episodes, horizon, deterministic):
    """Returns of exactly `episodes` episodes, (K,) float64, and how many of them the horizon cut.

    The environments play in rounds, one episode each, and the last round counts its first environments only: chosen
    before they are played, so that short episodes are not preferred as they would be by taking the first K to end.
    """
    from scratchrl.experience import rollout

    act = player(session, state, session.world, deterministic)
    rounds, cut = [], []
    for _ in range(math.ceil(episodes / session.config.num_envs)):
        batch, ended = rollout.collect_episodes(session.world, act, horizon)
        end, env = np.argwhere(batch.terminated | batch.truncated).T  # in order of ending, as `ended` is
        order = np.argsort(env)
        rounds.append(ended.returns[order])
        cut.append(((ended.lengths == horizon) & ~batch.terminated[end, env])[order])
    return np.concatenate(rounds)[:episodes], int(np.concatenate(cut)[:episodes].sum())


def table(returns, cut, horizon, step, asked):
    """What is printed."""
    interval = mean_interval(returns)
    lines = [
        ("policy", f"{asked.run}, step {step}, {'mode' if asked.deterministic else 'sampled'} actions"),
        ("return", f"{interval.mean:.6g} ± {interval.standard_error:.3g} (mean ± standard error)"),
        ("95 %", f"{interval.low:.6g} to {interval.high:.6g} (Student's t)"),
        ("range", f"{returns.min():.6g} to {returns.max():.6g}"),
        ("episodes", f"{len(returns)}" + (f", {cut} of them {horizon} steps long, the horizon" if cut else "")),
    ]
    return "\n".join(f"{name:<9}{value}" for name, value in lines)


def results(returns):
    """The games among the episodes, whose return says how they ended.

    >>> results(np.array([1.0, 0.0, -1.0, 0.0]))
    '1 won, 2 drawn, 1 lost'
    """
    return f"{(returns > 0).sum()} won, {(returns == 0).sum()} drawn, {(returns < 0).sum()} lost"


def _trained(session):
    with refusing(ValueError):
        template = session.algorithm.init(session.config, session.world, session.rng)
    state, _, meta = load_state(session.folder, session.name, session.options.env, template)
    return state, meta["step"]


def _require_camera(env_id):
    """Refuses, before anything is played, what could not be filmed afterwards."""
    import importlib.util

    import gymnasium

    from scratchrl.experience import game_env

    game_env.register()
    install = '--video needs packages that are not installed: pip install "scratchrl[video]"'
    try:
        env = gymnasium.make(env_id, render_mode="rgb_array")
        if "rgb_array" not in env.metadata.get("render_modes", []):
            raise Refused(f"--video: {env_id} cannot be filmed, it has no render mode rgb_array")
        env.reset()
        env.render()
        env.close()
    except gymnasium.error.DependencyNotInstalled as error:
        raise Refused(install) from error
    except (TypeError, NotImplementedError) as error:
        raise Refused(f"--video: {env_id} cannot be filmed: {error}") from error
    if importlib.util.find_spec("moviepy") is None:
        raise Refused(install)


def _record(session, state, horizon, asked):
    """One episode in an environment of its own, filmed."""
    import gymnasium
    from gymnasium.wrappers import RecordVideo

    from scratchrl.experience import rollout

    def filmed():
        env = gymnasium.make(session.options.env, render_mode="rgb_array")
        return RecordVideo(env, str(asked.video), episode_trigger=lambda episode: episode == 0, disable_logger=True)

    envs = gymnasium.vector.SyncVectorEnv([filmed])
    world = rollout.start(envs, asked.seed, np.dtype(session.options.dtype))
    rollout.collect_episodes(world, player(session, state, world, asked.deterministic), horizon)
    envs.close()
    return asked.video

"""A run in mid-flight, and how it is put on disk and taken up again.

(state, rng, world) while the algorithm's generator is suspended are everything that the rest of the run depends on;
the checkpoint holds these three, and the returns of the last episodes, which the tables depend on. With several ranks
the state is one, while each has its own rng and its own part of the environments; rank 0 writes them all.
"""

from collections import deque
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from scratchrl.cli.errors import Refused, refusing
from scratchrl.cli.options import Options
from scratchrl.cli.signals import ignored
from scratchrl.maths import blas
from scratchrl.maths.ranks import ALONE
from scratchrl.runs import checkpoint

WINDOW = 100  # episodes in the running mean of the return


class Session(NamedTuple):
    """Everything fixed while training; world and rng change inside."""

    name: str
    algorithm: ModuleType
    options: Options
    config: Any
    world: Any
    rng: np.random.Generator
    window: deque  # returns of the last episodes

    @property
    def folder(self):
        """The run's folder."""
        return Path(self.options.out)

    @property
    def ranks(self):
        """Who trains together."""
        return self.world.ranks


@contextmanager
def opened(name, algorithm, options, config, ranks=ALONE):
    """Yields the Session at its very beginning; closes its environments in the end.

    `num_envs` environments are dealt out to the ranks, as evenly as can be.

    The generator is a child of the seed and not the seed itself, from which environments may draw the same numbers.
    """
    from scratchrl.experience import environments, rollout

    if 0 < config.num_envs < ranks.size:
        raise Refused(f"--num-envs: expected at least one for each of {ranks.size} ranks, got {config.num_envs}")
    first, end = (config.num_envs * rank // ranks.size for rank in (ranks.rank, ranks.rank + 1))
    with ignored(), refusing(ValueError):
        envs = environments.make(options.env, end - first, options.vectorization)
    try:
        with refusing(ValueError):
            world = rollout.start(envs, options.seed, np.dtype(options.dtype), ranks, first)
        rng = np.random.default_rng(np.random.SeedSequence(options.seed).spawn(ranks.size)[ranks.rank])
        yield Session(name, algorithm, options, config, world, rng, deque(maxlen=WINDOW))
    finally:
        envs.close()


@contextmanager
def thread_limit(threads):
    """At most so many threads in every matrix library, SciPy's included: Numba's `np.dot` goes through that one."""
    from threadpoolctl import threadpool_limits

    if threads < 1:
        raise Refused(f"--threads: expected at least 1, got {threads}")
    blas.load()
    with threadpool_limits(limits=threads):
        yield


def save(session, state):
    """Writes the checkpoint, atomically. All ranks must call it."""
    from scratchrl.experience import snapshot

    parts = session.ranks.gather((snapshot.arrays(session.world), session.rng.bit_generator.state))
    if session.ranks.rank > 0:
        return
    if not getattr(session.config, "save_replay", True):
        state = state._replace(replay=None)
    arrays = checkpoint.flatten(state, "state")
    for rank, (world, _) in enumerate(parts):
        arrays |= {f"{_world(rank)}{key}": array for key, array in world.items()}
    arrays["run.window"] = np.array(session.window, np.float64)
    rng, *others = (part[1] for part in parts)
    meta = {"algorithm": session.name, "env": session.options.env, "step": int(state.step), "rng": rng}
    if others:
        meta["rng of other ranks"] = others
    checkpoint.save(session.folder / "checkpoint.npz", arrays, meta)


def _world(rank):
    return f"world{rank}." if rank else "world."


def restore(session, template):
    """(state, note): the state of the checkpoint, and what keeps the run from going on to the bit, if something does.

    World, rng and window are set back to the checkpoint. Rank 0 reads it for all.

    Raises: CheckpointError if the checkpoint cannot be used or is not of this run.
    """
    ranks, path = session.ranks, session.folder / "checkpoint.npz"
    state, arrays, meta = ranks.first(
        load_state(session.folder, session.name, session.options.env, template) if ranks.rank == 0 else None
    )
    with refusing(ValueError, KeyError, TypeError, prefix=f"{path}: "):
        session.window.extend(arrays["run.window"].tolist())
        rngs = [meta["rng"], *meta.get("rng of other ranks", [])]
        if len(rngs) != ranks.size:
            _begin_anew(session, int(state.step), [arrays[f"{_world(rank)}episode"] for rank in range(len(rngs))])
            return state, (f"begun with {_ranks(len(rngs))}, going on with {_ranks(ranks.size)}: new episodes begin, "
                           "with other random numbers")  # fmt: skip
        exact = _set_back(session, arrays, rngs[ranks.rank])
    if not getattr(session.config, "save_replay", True):
        return state, "the replay is not in the checkpoint; it begins empty"
    if all(ranks.gather(exact)):
        return state, None
    return state, f"{session.options.env} could not be put back into mid-episode; new episodes begin"


def _ranks(count):
    return f"{count} rank{'s' if count > 1 else ''}"


def _set_back(session, arrays, rng):
    """World and rng of this rank as saved; whether the environments could be set back to the bit too."""
    from scratchrl.experience import snapshot

    session.rng.bit_generator.state = rng
    return snapshot.restore(session.world, _under(_world(session.ranks.rank), arrays))


def _begin_anew(session, step, episodes):
    """New episodes in every environment and new random numbers; `episodes`: the open ones, rank by rank as saved."""
    from scratchrl.experience import snapshot

    world, ranks = session.world, session.ranks
    seeds = np.random.SeedSequence((session.options.seed, step)).spawn(ranks.size)
    session.rng.bit_generator.state = np.random.default_rng(seeds[ranks.rank]).bit_generator.state
    snapshot.begin_after(world, np.concatenate(episodes)[world.first :][: len(world.obs)])


def load_state(folder, name, env, template):
    """(state, arrays, meta) of a run's checkpoint; the state has the shape of `template`, and its replay if none was
    saved.

    Raises: CheckpointError if the checkpoint cannot be used or is of another algorithm or environment.
    """
    path = Path(folder) / "checkpoint.npz"
    arrays, meta = checkpoint.load(path)
    for key, wanted in (("algorithm", name), ("env", env)):
        if meta.get(key) != wanted:
            raise checkpoint.CheckpointError(f"{path}: expected {key} {wanted}, got {meta.get(key)}")
    mine, unsaved = _under("state.", arrays), {}
    if hasattr(template, "replay") and not any(key.startswith("replay.") for key in mine):
        unsaved = {"replay": template.replay}
    try:
        state = checkpoint.unflatten(template._replace(**dict.fromkeys(unsaved)), mine)
        return state._replace(**unsaved), arrays, meta
    except checkpoint.CheckpointError as error:
        raise checkpoint.CheckpointError(f"{path}: {error}") from None


def _under(prefix, arrays):
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

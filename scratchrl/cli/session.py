"""A run in mid-flight, and how it is put on disk and taken up again.

(state, rng, world) while the algorithm's generator is suspended are everything that the rest of the run depends on;
the checkpoint holds these three, and the returns of the last episodes, which the tables depend on.
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


@contextmanager
def opened(name, algorithm, options, config):
    """Yields the Session at its very beginning; closes its environments in the end.

    The generator is a child of the seed and not the seed itself, from which environments may draw the same numbers.
    """
    from scratchrl.experience import environments, rollout

    with ignored(), refusing(ValueError):
        envs = environments.make(options.env, config.num_envs, options.vectorization)
    try:
        with refusing(ValueError):
            world = rollout.start(envs, options.seed, np.dtype(options.dtype))
        rng = np.random.default_rng(np.random.SeedSequence(options.seed).spawn(1)[0])
        yield Session(name, algorithm, options, config, world, rng, deque(maxlen=WINDOW))
    finally:
        envs.close()


@contextmanager
def thread_limit(threads):
    """At most so many threads in every matrix library, SciPy's included: Numba's `np.dot` goes through that one."""
    import scipy.linalg.cython_blas  # noqa: F401
    from threadpoolctl import threadpool_limits

    if threads < 1:
        raise Refused(f"--threads: expected at least 1, got {threads}")
    with threadpool_limits(limits=threads):
        yield


def save(session, state):
    """Writes the checkpoint, atomically."""
    from scratchrl.experience import snapshot

    arrays = checkpoint.flatten(state, "state")
    arrays |= {f"world.{key}": array for key, array in snapshot.arrays(session.world).items()}
    arrays["run.window"] = np.array(session.window, np.float64)
    meta = {"algorithm": session.name, "env": session.options.env, "step": int(state.step),
            "rng": session.rng.bit_generator.state}  # fmt: skip
    checkpoint.save(session.folder / "checkpoint.npz", arrays, meta)


def restore(session, template):
    """(state, exact): the state of the checkpoint, and whether the environments could be set back to the bit too.

    World, rng and window are set back to the checkpoint.

    Raises: CheckpointError if the checkpoint cannot be used or is not of this run.
    """
    from scratchrl.experience import snapshot

    state, arrays, meta = load_state(session.folder, session.name, session.options.env, template)
    with refusing(ValueError, KeyError, TypeError, prefix=f"{session.folder / 'checkpoint.npz'}: "):
        exact = snapshot.restore(session.world, _under("world.", arrays))
        session.rng.bit_generator.state = meta["rng"]
        session.window.extend(arrays["run.window"].tolist())
    return state, exact


def load_state(folder, name, env, template):
    """(state, arrays, meta) of a run's checkpoint; the state has the shape of `template`.

    Raises: CheckpointError if the checkpoint cannot be used or is of another algorithm or environment.
    """
    path = Path(folder) / "checkpoint.npz"
    arrays, meta = checkpoint.load(path)
    for key, wanted in (("algorithm", name), ("env", env)):
        if meta.get(key) != wanted:
            raise checkpoint.CheckpointError(f"{path}: expected {key} {wanted}, got {meta.get(key)}")
    try:
        return checkpoint.unflatten(template, _under("state.", arrays)), arrays, meta
    except checkpoint.CheckpointError as error:
        raise checkpoint.CheckpointError(f"{path}: {error}") from None


def _under(prefix, arrays):
    return {key.removeprefix(prefix): array for key, array in arrays.items() if key.startswith(prefix)}

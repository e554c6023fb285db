"""Snapshot: a world as plain arrays, and back, so that a resumed run continues bit for bit.

    DISABLED mode    an environment is its episode's seed and the actions since: restoring replays them, and compares
                     observation and return with the recorded ones. No environment has to know how to save itself.
    native           all of a vector environment that keeps its state in plain attributes (arrays, numbers, strings,
                     bools, None) and one generator: these are saved.
    anything else    cannot be saved from outside (`is_exact` is False): restoring begins new episodes.

The same happens where a replay does not lead to the recorded observations: `restore` says which of the two it was.
"""

import numpy as np
from gymnasium.vector import AutoresetMode

from scratchrl.experience import native
from scratchrl.experience.world import World, begin, begin_all, episode_seed

FIELDS = ("obs", "episode", "running_return", "running_length", "filler")


def is_exact(world: World) -> bool:
    """Whether `restore` can be expected to continue bit for bit; a replay that fails is found out by `restore` itself.

    Checked in tests/experience/test_snapshot.py.
    """
    return world.mode is AutoresetMode.DISABLED or native.is_plain(world.envs)


def repeats(world: World) -> bool:
    """Whether beginning the open episodes once more leads to the same first observations. For a fresh world only.

    Checked in tests/experience/test_snapshot.py.
    """
    if world.mode is not AutoresetMode.DISABLED:
        return is_exact(world)
    first = world.obs.copy()
    begin_all(world)
    return bool((world.obs == first).all())


def arrays(world: World) -> dict[str, np.ndarray]:
    """Everything needed to continue, as copies: numeric, bool and text arrays, never objects.

    Also valid after a rollout was cut short by an exception, unless the environment is native: it then describes the
    world before that rollout.

    Returns:
      the FIELDS of World; "seed" and "mode" as text; "tape" (ΣL, ...), the actions of the open episodes, environment by
      environment, running_length[n] rows each; "native/..." the attributes of a native environment.

    Checked in tests/experience/test_snapshot.py.
    """
    saved = {name: getattr(world, name).copy() for name in FIELDS}
    saved |= {"seed": np.array(str(world.seed)), "mode": np.array(world.mode.value)}
    saved["tape"] = np.concatenate([world.idle[:0], *(piece for pieces in world.tape for piece in pieces)])
    if world.mode is not AutoresetMode.DISABLED and is_exact(world):
        saved |= {f"native/{name}": array for name, array in native.save(world.envs).items()}
    return saved


def restore(world: World, saved: dict[str, np.ndarray]) -> bool:
    """Bring a world, made from the same environment, to where `arrays` found the other one.

    Where that is impossible (`is_exact` is False, or the replay led elsewhere) new episodes begin, with draws that the
    run has not seen.

    Args:
      world: fresh from `start` or in use; same environment, same number of copies, same dtype.
      saved: what `arrays` returned.
    Returns:
      True if the world is there to the bit, False if new episodes have begun.
    Raises:
      ValueError: saved from a world of another shape.

    Checked in tests/experience/test_snapshot.py.
    """
    _require_same_kind(world, saved)
    world.seed = int(str(saved["seed"]))
    if not is_exact(world) or (world.mode is AutoresetMode.DISABLED and not _replayed(world, saved)):
        begin_after(world, saved["episode"])
        return False
    if world.mode is not AutoresetMode.DISABLED:
        native.load(world.envs, {k.removeprefix("native/"): v for k, v in saved.items() if k.startswith("native/")})
    for name in FIELDS:
        setattr(world, name, saved[name].copy())
    return True


def begin_after(world: World, episode: np.ndarray) -> None:
    """Begin new episodes, with draws that no run has seen whose open episodes had the indices `episode` (N,)."""
    world.episode = episode + 1
    begin_all(world, seed=episode_seed(world.seed, world.first + len(world.obs), int(world.episode.sum())))


def _require_same_kind(world: World, saved: dict[str, np.ndarray]) -> None:
    if str(saved["mode"]) != world.mode.value:
        raise ValueError(f"snapshot of another world: autoreset mode must be {world.mode.value}, got {saved['mode']}")
    for name in FIELDS:
        here, there = getattr(world, name), saved[name]
        if (here.shape, here.dtype) != (there.shape, there.dtype):
            raise ValueError(
                f"snapshot of another world: {name} must be {here.dtype} {here.shape}, got {there.dtype} {there.shape}"
            )


def _replayed(world: World, saved: dict[str, np.ndarray]) -> bool:
    """Play the open episodes again so that all arrive together: the longest begins first, the others when it is time.

    All environments are stepped at once. With L the longest, environment n begins at step L − length[n]; until then
    it plays a dummy episode with the actions of the longest, begun anew whenever it ends. False as soon as an episode
    ends early, or if observations or returns are not the recorded ones.
    """
    length = saved["running_length"]
    wait = length.max() - length
    tapes = np.split(saved["tape"], np.cumsum(length)[:-1])
    obs, returns, ended = np.empty_like(world.obs), np.zeros(len(length)), np.ones(len(length), bool)
    for t, action in enumerate([*_aligned(tapes, wait), None]):
        if (ended & (t > wait)).any():
            return False
        if (opening := ended | (t == wait)).any():
            begin(world, opening, saved["episode"], obs)
        if action is not None:
            raw, reward, terminated, truncated, _ = world.envs.step(world.decode(action))
            world.encode(obs, raw)
            ended = terminated | truncated
            returns = np.where(t >= wait, returns + reward, 0.0)
    world.tape = [[tape.copy()] for tape in tapes]
    return bool((obs == saved["obs"]).all() and (returns == saved["running_return"]).all())


def _aligned(tapes: list[np.ndarray], wait: np.ndarray) -> np.ndarray:
    """(L, N, ...): column n is tape n from row wait[n] on, and the longest tape before."""
    longest = tapes[wait.argmin()]
    actions = np.stack([longest] * len(tapes), axis=1)
    for n, tape in enumerate(tapes):
        actions[wait[n] :, n] = tape
    return actions

"""World: a vector environment in mid-run, and how its episodes are begun.

Three ways to begin the next episode are in use (`envs.metadata["autoreset_mode"]`):

    DISABLED    we reset an environment when its episode ends; episode e of environment n always has the seed
                episode_seed(seed, n, e), whatever happened before it
    SAME_STEP   the environment resets itself within the step that ends the episode
    NEXT_STEP   the environment resets itself in the step after it; that step ignores the action and is no transition

In the last two the random stream is the environment's own, seeded once by `start`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv

from scratchrl.experience import spaces
from scratchrl.maths.ranks import ALONE, Ranks


@dataclass
class World:
    """A vector environment in mid-run. All the randomness of the experience is in `envs` and `seed`."""

    envs: VectorEnv
    seed: int
    mode: AutoresetMode
    encode: Callable[[np.ndarray, np.ndarray], None]
    decode: Callable[[np.ndarray], Any]
    idle: np.ndarray
    """(N, ...): zero actions; their shape and dtype are those in which actions are stored and executed."""
    obs: np.ndarray
    """(N, O): where every environment stands. Its dtype is that of all observations and rewards."""
    episode: np.ndarray
    """(N,) int64: index of the open episode of every environment."""
    running_return: np.ndarray
    """(N,) float64: undiscounted, of the open episode so far."""
    running_length: np.ndarray
    """(N,) int64."""
    filler: np.ndarray
    """(N,) bool: the next step of this environment only resets it (NEXT_STEP)."""
    tape: list[list[np.ndarray]]
    """Per environment, the actions of the open episode in pieces (L, ...). Recorded in DISABLED mode only."""
    ranks: Ranks = ALONE
    """Who else plays, in environments of their own."""
    first: int = 0
    """Index of the first environment here among those of all ranks."""


def start(
    envs: VectorEnv, seed: int, dtype: np.dtype | type = np.float32, ranks: Ranks = ALONE, first: int = 0
) -> World:
    """Every environment at the beginning of its episode 0.

    Args:
      envs: any Gymnasium vector environment whose spaces are in the table in spaces.py.
      seed: ≥ 0; same seed, same bits.
      dtype: of observations, rewards and real actions.
      ranks, first: this is the part of a larger world that begins with its environment number `first`; in DISABLED
        mode all parts together play the episodes that one world of all the environments would.
    Raises:
      UnusableEnvironment: a space that is not understood, or no autoreset mode in `envs.metadata`.
      ValueError: a negative seed.

    Checked in tests/experience/test_rollout.py.
    """
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    space: Any = envs.single_observation_space
    action_space: Any = envs.single_action_space
    spaces.require_supported(space, action_space)
    n = envs.num_envs
    is_real = np.issubdtype(action_space.dtype, np.floating)
    world = World(
        envs=envs,
        seed=seed,
        mode=_autoreset_mode(envs),
        encode=spaces.encoder(space),
        decode=spaces.decoder(action_space),
        idle=np.zeros((n, *spaces.action_shape(action_space)), dtype if is_real else np.int64),
        obs=np.zeros((n, spaces.observation_size(space)), dtype),
        episode=np.zeros(n, np.int64),
        running_return=np.zeros(n),
        running_length=np.zeros(n, np.int64),
        filler=np.zeros(n, bool),
        tape=[[] for _ in range(n)],
        ranks=ranks,
        first=first,
    )
    begin_all(world, seed=episode_seed(seed, first, 0))
    return world


def _autoreset_mode(envs: VectorEnv) -> AutoresetMode:
    mode = envs.metadata.get("autoreset_mode")
    if not isinstance(mode, AutoresetMode):
        raise spaces.UnusableEnvironment(f"envs.metadata['autoreset_mode'] must be an AutoresetMode, got {mode!r}")
    return mode


def episode_seed(seed: int, env: int, episode: int) -> int:
    """Seed of one episode of one environment: 31 bits, because some environments keep it in a C int.

    >>> episode_seed(0, 1, 2) == episode_seed(0, 1, 2) != episode_seed(0, 2, 1)
    True
    """
    return int(np.random.SeedSequence((seed, env, episode)).generate_state(1)[0]) >> 1


def begin(world: World, mask: np.ndarray, episode: np.ndarray, out: np.ndarray) -> None:
    """DISABLED mode: begin episode[n] in the environments of mask (N,); the first observation goes to out[n]."""
    numbered = zip(mask, range(world.first, world.first + len(mask)), episode, strict=True)
    seeds: Any = [episode_seed(world.seed, n, int(e)) if begins else None for begins, n, e in numbered]
    raw, _ = world.envs.reset(seed=seeds, options={"reset_mask": mask})
    first = np.empty_like(out)
    world.encode(first, raw)
    out[mask] = first[mask]


def begin_all(world: World, seed: int | None = None) -> None:
    """Begin an episode in all environments: `world.episode` (DISABLED), or the next of the environments' own stream.

    seed: where to begin that stream (SAME_STEP and NEXT_STEP); None continues it.
    """
    if world.mode is AutoresetMode.DISABLED:
        begin(world, np.ones(len(world.obs), bool), world.episode, world.obs)
    else:
        world.encode(world.obs, world.envs.reset(seed=seed)[0])
    world.running_return[:] = 0
    world.running_length[:] = 0
    world.filler[:] = False
    world.tape = [[] for _ in world.tape]

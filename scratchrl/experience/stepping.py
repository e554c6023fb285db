"""Stepping: one step of all environments, written as one row of a Record."""

from collections.abc import Callable

import numpy as np
from gymnasium.vector import AutoresetMode

from scratchrl.experience.record import Record
from scratchrl.experience.world import World, begin

Act = Callable[[np.ndarray], np.ndarray]


def step(world: World, record: Record, t: int, act: Act, upcoming: np.ndarray) -> bool:
    """Row t of the record; returns whether an episode ended. Environments that end begin episode upcoming[n]."""
    action, row = np.asarray(act(record.obs[t])), record.action[t]
    if action.shape != row.shape:
        raise ValueError(f"act must return actions of shape {row.shape}, got {action.shape}")
    np.copyto(row, action, casting="same_kind")
    raw, reward, terminated, truncated, infos = world.envs.step(world.decode(row))
    world.encode(record.obs[t + 1], raw)
    record.reward[t] = reward
    record.terminated[t] = terminated
    record.truncated[t] = truncated
    ended = bool(np.count_nonzero(terminated) or np.count_nonzero(truncated))
    if ended and world.mode is not AutoresetMode.NEXT_STEP:
        _separate(world, record, t, infos, upcoming)
    return ended


def _separate(world: World, record: Record, t: int, infos: dict, upcoming: np.ndarray) -> None:
    """Where step t ended an episode: keep the final observation, let obs[t + 1] be the first of the next episode."""
    done = record.terminated[t] | record.truncated[t]
    after = record.obs[t + 1]
    if world.mode is AutoresetMode.DISABLED:
        final = after[done]
        begin(world, done, upcoming, after)
    else:
        final = np.empty_like(after[done])
        for row, n in zip(final, np.flatnonzero(done), strict=True):
            world.encode(row[None], np.asarray(infos["final_obs"][n])[None])
    record.finals.append((t, done, final))

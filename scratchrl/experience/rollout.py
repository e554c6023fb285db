"""Rollout: the one place where a policy meets the environments, and the only impure arrow of the data flow.

What is easily got wrong, and is settled here once for all three autoreset modes:

    next_obs[t] is the true successor of obs[t]: at a done the final observation, not the first one of the next episode.
    The step in which a NEXT_STEP environment resets itself is no transition: valid is False there.
    terminated and truncated stay apart, and the end of a rollout inside an episode sets neither.

The world's own record (obs, episodes, tape) is brought up to date when a rollout is complete. A rollout that is cut
short by an exception leaves that record as it was: the environments have moved on, but snapshot.py can still bring
them back to it.
"""

import numpy as np
from gymnasium.vector import AutoresetMode

from scratchrl.experience import record as recording
from scratchrl.experience.batch import Batch, Episodes
from scratchrl.experience.record import Record
from scratchrl.experience.stepping import Act, step
from scratchrl.experience.world import World, begin, begin_all, start

__all__ = ["World", "collect", "collect_episodes", "start"]


def collect(world: World, act: Act, steps: int) -> tuple[Batch, Episodes]:
    """T = steps steps of every environment, continuing the open episodes and beginning new ones as they end.

    Args:
      world: is advanced.
      act: obs (N, O) → action (N,) or (N, A). Real actions may leave the bounds: the environment gets them clipped,
        the Batch keeps them as they are, because the density is that of the unclipped action.
      steps: T ≥ 1.
    Returns:
      Batch of (T, N) rows, and the Episodes that ended in it. All T·N rows are valid except in NEXT_STEP mode.
    Raises:
      FloatingPointError: NaN or inf in an action, observation or reward; names the step and the environment.
      ValueError: steps < 1, or actions of the wrong shape.

    Checked in tests/experience/test_rollout.py: a scripted environment gives the same transitions in all three modes.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    record = recording.empty(world, steps)
    upcoming, ends = world.episode + 1, []
    try:
        for t in range(steps):
            if step(world, record, t, act, upcoming):
                upcoming += record.terminated[t] | record.truncated[t]
                ends.append(t)
    finally:
        recording.require_finite(record)
    valid = _transitions(world, record)
    episodes = _count(world, record, ends, valid)
    world.episode = upcoming - 1
    world.obs = record.obs[steps].copy()
    return recording.to_batch(record, valid), episodes


def _transitions(world: World, record: Record) -> np.ndarray:
    """valid (T, N): in NEXT_STEP mode the row after a done is a filler, also across two rollouts."""
    valid = np.ones(record.reward.shape, bool)
    if world.mode is AutoresetMode.NEXT_STEP:
        done = record.terminated | record.truncated
        valid[0] = ~world.filler
        valid[1:] = ~done[:-1]
        world.filler = done[-1]
    return valid


def _count(world: World, record: Record, ends: list[int], valid: np.ndarray) -> Episodes:
    """Close the episodes that ended, at the times `ends`, and carry the open ones: return, length and tape."""
    first, ended = 0, [(np.zeros(0), np.zeros(0, np.int64))]
    since = np.zeros(len(world.obs), np.int64)
    for t in ends:
        _extend(world, record, valid, slice(first, t + 1))
        over, first = record.terminated[t] | record.truncated[t], t + 1
        ended.append((world.running_return[over], world.running_length[over]))
        world.running_return[over], world.running_length[over], since[over] = 0, 0, first
    _extend(world, record, valid, slice(first, None))
    if world.mode is AutoresetMode.DISABLED:
        for n, begun in enumerate(since.tolist()):
            if begun:
                world.tape[n] = []
            world.tape[n].append(record.action[begun:, n].copy())
    return Episodes(*map(np.concatenate, zip(*ended, strict=True)))


def _extend(world: World, record: Record, valid: np.ndarray, rows: slice) -> None:
    """Add rows to the open episodes, one after the other: a sum must not depend on where rollouts begin."""
    reward = np.concatenate([world.running_return[None], record.reward[rows]])
    world.running_return = np.add.accumulate(reward)[-1]
    world.running_length += np.add.reduce(valid[rows])


def collect_episodes(world: World, act: Act, horizon: int | None = None) -> tuple[Batch, Episodes]:
    """One whole fresh episode of every environment; T = the longest of them.

    An open episode that has begun is abandoned first. Afterwards every environment stands at the beginning of its
    next episode, so successive calls from a fresh world play episodes 0, 1, 2, … (in DISABLED mode: with the seeds of
    those numbers). An environment that has ended keeps being stepped while others play; those rows are padding: valid
    False and all other fields zero.

    Args:
      world: is advanced; any autoreset mode.
      act: as in `collect`.
      horizon: longest episode; an episode cut by it is truncated. None: as long as the environment lets it.
    Returns:
      Batch of (T, N) rows and N Episodes in order of ending.
    Raises:
      as `collect`.

    Checked in tests/experience/test_collect_episodes.py.
    """
    if horizon is not None and horizon < 1:
        raise ValueError(f"horizon must be at least 1 or None, got {horizon}")
    _abandon(world)
    record, valid = _play(world, act, horizon)
    batch = recording.to_batch(record, valid)
    for array in batch[:-1]:
        array[~valid] = 0
    ends = np.argwhere(batch.terminated | batch.truncated)
    returns = [np.add.accumulate(record.reward[: t + 1, n])[-1] for t, n in ends]
    world.episode += 1
    begin_all(world)
    return batch, Episodes(np.array(returns), ends[:, 0] + 1)


def _abandon(world: World) -> None:
    """Begin the next episode wherever the open one has begun; without seeds that can only be done everywhere."""
    begun = (world.running_length > 0) | world.filler
    world.episode += begun
    if world.mode is not AutoresetMode.DISABLED and begun.any():
        begin_all(world)
    elif begun.any():
        begin(world, begun, world.episode, world.obs)
        world.running_return[begun], world.running_length[begun] = 0, 0
        world.tape = [[] if over else pieces for over, pieces in zip(begun, world.tape, strict=True)]


def _play(world: World, act: Act, horizon: int | None) -> tuple[Record, np.ndarray]:
    """Step until every environment has ended once: the record and valid (T, N), True up to and including the end."""
    record = recording.empty(world, min(horizon or 64, 64))
    playing = np.ones(len(world.obs), bool)
    valid: list[np.ndarray] = []
    upcoming = world.episode + 1
    try:
        while playing.any():
            t = len(valid)
            if t == len(record.reward):
                record = recording.doubled(record)
            step(world, record, t, act, upcoming)
            if t + 1 == horizon:
                record.truncated[t] = True
            valid.append(playing)
            playing = playing & ~(record.terminated[t] | record.truncated[t])
    finally:
        recording.require_finite(record)
    return record, np.array(valid)

"""Record: the arrays that a rollout in progress writes, one row per step, and the Batch made of them at the end."""

from dataclasses import dataclass, field

import numpy as np

from scratchrl.experience.batch import Batch
from scratchrl.experience.world import World


@dataclass
class Record:
    """Room for T steps. obs[t + 1] is what the policy sees after step t, reset or not; `finals` keeps what it hides."""

    obs: np.ndarray  # (T + 1, N, O)
    action: np.ndarray  # (T, N, ...)
    reward: np.ndarray  # (T, N) float64
    terminated: np.ndarray  # (T, N) bool
    truncated: np.ndarray  # (T, N) bool
    finals: list[tuple[int, np.ndarray, np.ndarray]] = field(default_factory=list)  # t, mask (N,), obs (M, O)


def empty(world: World, steps: int) -> Record:
    """A record that begins where the world stands."""
    n, size = world.obs.shape
    record = Record(
        obs=np.zeros((steps + 1, n, size), world.obs.dtype),
        action=np.zeros((steps, *world.idle.shape), world.idle.dtype),
        reward=np.zeros((steps, n)),
        terminated=np.zeros((steps, n), bool),
        truncated=np.zeros((steps, n), bool),
    )
    record.obs[0] = world.obs
    return record


def doubled(record: Record) -> Record:
    """The same record with room for twice the steps."""
    arrays = (record.obs, record.action, record.reward, record.terminated, record.truncated)
    more = (np.zeros((len(record.reward), *array.shape[1:]), array.dtype) for array in arrays)
    obs, action, reward, terminated, truncated = map(np.concatenate, zip(arrays, more, strict=True))
    return Record(obs, action, reward, terminated, truncated, record.finals)


def to_batch(record: Record, valid: np.ndarray) -> Batch:
    """The first T = len(valid) rows, with `next_obs` put right: obs[t + 1], but the final observation at a done.

    Args:
      valid: (T, N) bool.
    """
    steps = len(valid)
    next_obs = record.obs[1 : steps + 1].copy()
    for t, mask, final in record.finals:
        next_obs[t, mask] = final
    return Batch(
        obs=record.obs[:steps],
        action=record.action[:steps],
        reward=record.reward[:steps].astype(record.obs.dtype),
        next_obs=next_obs,
        terminated=record.terminated[:steps],
        truncated=record.truncated[:steps],
        valid=valid,
    )


def require_finite(record: Record) -> None:
    """Raise FloatingPointError that names the first NaN or inf of the record.

    One pass over whole arrays, so once per rollout and not per step; also after a rollout that an exception cut short,
    because a NaN observation usually makes the policy or the environment fail one step later, with a message about
    something else. Within a step the action comes before its consequences, so the policy is blamed first.
    """
    found = []
    for order, name, array, shift in (
        (0, "action of the policy", record.action, 0),
        (1, "reward", record.reward, 0),
        (2, "observation", record.obs, -1),
    ):
        if not np.logical_and.reduce(np.isfinite(array), axis=None):
            t, n = np.argwhere(~np.isfinite(array))[0, :2]
            found.append((int(t) + shift, order, int(n), f"{name} {array[t, n]}"))
    for t, mask, final in record.finals:
        if not np.isfinite(final).all():
            row = np.argwhere(~np.isfinite(final))[0, 0]
            found.append((t, 2, int(np.flatnonzero(mask)[row]), f"final observation {final[row]}"))
    if found:
        t, _, n, what = min(found)
        raise FloatingPointError(f"not finite: {what} at step {t} of this rollout, environment {n}")

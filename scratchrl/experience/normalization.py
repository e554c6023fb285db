"""Normalisation: observations and rewards divided by what has been seen so far.

Statistics live in NamedTuples that an algorithm keeps in its State (and so in its checkpoints). They are frozen while a
rollout runs, so one rollout is scaled by one number throughout, and updated between rollouts:

    observations   act and learn with the statistics before the batch, on obs and next_obs alike (also the final
                   observations); then `seen(moments, valid_rows(batch, batch.obs)[0])`
    rewards        `update_return_scale` with the batch first, then `scale_reward` of the same batch with the new scale

No small number is added anywhere: the scale of something that does not vary is defined to be 1.
"""

from collections.abc import Callable
from functools import reduce
from typing import NamedTuple

import numpy as np

from scratchrl.experience.batch import Batch, valid_rows
from scratchrl.maths.moments import Moments, empty, merge, update, variance
from scratchrl.maths.ranks import ALONE, Ranks


def scale(moments: Moments) -> np.ndarray:
    """σ = √variance, and 1 where there is no variation (a constant, one sample, or none).

    Equal numbers c get a tiny computed variance when their computed mean is not exactly c. A sum of n numbers may be
    off by n roundings, so a σ of at most n spacings of floats at the mean counts as none; n is capped at 4096, beyond
    which sums made in batches are no worse and a small true σ must not be taken for rounding.

    Checked in tests/experience/test_normalization.py.

    >>> scale(Moments(2, np.array([3.0, 5.0]), np.array([8.0, 0.0])))
    array([2., 1.])
    """
    if moments.count == 0:
        return np.ones_like(moments.mean)
    std = np.sqrt(variance(moments))
    return np.where(std > min(moments.count, 4096) * np.spacing(np.abs(moments.mean)), std, 1.0)


def standardize(moments: Moments, obs: np.ndarray, clip: float = 10.0) -> np.ndarray:
    """(obs − mean)/σ, limited to [−clip, clip].

    Args:
      moments: of observations, shape (O,); `empty((O,))` leaves obs as it is but for the limits.
      obs: (..., O).
      clip: in standard deviations; np.inf for no limits.
    Returns:
      (..., O), of obs's dtype.

    Checked in tests/experience/test_normalization.py.

    >>> standardize(Moments(2, np.array([3.0]), np.array([8.0])), np.array([[7.0], [99.0]]), clip=5.0)
    array([[2.],
           [5.]])
    """
    return standardizer(moments, clip)(obs)


def standardizer(moments: Moments, clip: float = 10.0) -> Callable[[np.ndarray], np.ndarray]:
    """obs -> `standardize(moments, obs, clip)` for many obs, one after the other: σ is computed once.

    Checked in tests/experience/test_normalization.py.

    >>> standardizer(Moments(2, np.array([3.0]), np.array([8.0])), clip=5.0)(np.array([[7.0], [99.0]]))
    array([[2.],
           [5.]])
    """
    mean, sigma = moments.mean, scale(moments)

    def standard(obs: np.ndarray) -> np.ndarray:
        z = (obs - mean) / sigma
        return np.minimum(np.maximum(z, -clip, out=z), clip, out=z).astype(obs.dtype, copy=False)

    return standard


def seen(moments: Moments, rows: np.ndarray, ranks: Ranks = ALONE) -> Moments:
    """The moments after `rows` (B, ...), and after those of all other ranks.

    Checked in tests/experience/test_normalization.py.

    >>> seen(Moments(1, np.array(1.0), np.array(0.0)), np.array([3.0, 5.0]))
    Moments(count=3, mean=np.float64(3.0), m2=np.float64(8.0))
    """
    parts = ranks.gather(update(empty(np.shape(moments.mean), np.asarray(moments.mean).dtype), rows))
    return reduce(merge, parts, moments)


class ReturnScale(NamedTuple):
    """The running discounted return of every environment, and the moments of all its values."""

    moments: Moments  # of scalars
    discounted: np.ndarray  # (N,) float64, of all ranks; G after the last step, 0 where an episode has just ended


def empty_return_scale(num_envs: int) -> ReturnScale:
    """Nothing seen: `scale_reward` changes nothing yet.

    >>> empty_return_scale(2).discounted
    array([0., 0.])
    """
    return ReturnScale(empty(), np.zeros(num_envs))


def update_return_scale(
    state: ReturnScale, batch: Batch, gamma: float, ranks: Ranks = ALONE, first: int = 0
) -> ReturnScale:
    """Every value that the running discounted return takes in a batch enters the moments.

    Looking back instead of forward, per environment and within one episode,

        G_t = γ G_{t−1} + r_t,    G = 0 before the first step of an episode                 (1)

    which has the spread of the returns that the value function will have to represent. It begins anew after
    terminated ∨ truncated, is carried from batch to batch, and rows that are not valid do not exist for it.

    Args:
      state: carried; not changed.
      batch: reward, terminated, truncated, valid (T, N).
      gamma: discount, in [0, 1].
      ranks, first: the batch's N are `first` and those after it of all ranks' environments.
    Returns:
      the state after the batch.

    Checked in tests/experience/test_normalization.py: against the plain definition; one batch or many, same result.
    """
    history = np.empty(batch.reward.shape)
    discounted = state.discounted[first : first + batch.reward.shape[1]].copy()
    factor, reward = np.where(batch.valid, gamma, 1.0), np.where(batch.valid, batch.reward, 0.0)
    keep = ~(batch.terminated | batch.truncated)
    for t in range(len(history)):
        discounted *= factor[t]
        discounted += reward[t]  # (1)
        history[t] = discounted
        discounted *= keep[t]
    (rows,), (everywhere,) = valid_rows(batch, history), ranks.union(discounted)
    return ReturnScale(seen(state.moments, rows, ranks), everywhere)


def scale_reward(state: ReturnScale, reward: np.ndarray, clip: float = 10.0) -> np.ndarray:
    """reward/σ_G, limited to [−clip, clip]. The mean stays: subtracting it would change which policy is best.

    Args:
      state: its σ_G is the standard deviation of the running discounted return.
      reward: any shape.
      clip: np.inf for no limits.
    Returns:
      of reward's shape and dtype.

    Checked in tests/experience/test_normalization.py.

    >>> scale_reward(ReturnScale(Moments(2, np.array(0.0), np.array(8.0)), np.zeros(1)), np.array([3.0, -50.0]))
    array([  1.5, -10. ])
    """
    return np.clip(reward / scale(state.moments), -clip, clip).astype(reward.dtype, copy=False)

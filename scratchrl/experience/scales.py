"""Scales: the running statistics of one run, applied to what the agent sees. Off unless the Config asks.

Acting and learning from one batch use the same statistics of observations, those from before the batch, so that
log π(a|s) is recomputed on the very numbers the action was drawn from.
"""

from typing import NamedTuple, Protocol

from numpy.typing import NDArray

from scratchrl.experience import normalization
from scratchrl.experience.batch import Batch, valid_rows
from scratchrl.experience.normalization import ReturnScale
from scratchrl.experience.world import World
from scratchrl.maths import moments
from scratchrl.maths.moments import Moments
from scratchrl.maths.ranks import ALONE, Ranks


class ScaleConfig(Protocol):
    """The fields of a Config that say what is scaled."""

    @property
    def normalize_obs(self) -> bool: ...
    @property
    def normalize_reward(self) -> bool: ...
    @property
    def gamma(self) -> float: ...


class Scales(NamedTuple):
    """Moments of the observations, and of the discounted returns by which rewards are divided."""

    obs: Moments  # of (O,)
    reward: ReturnScale


def empty(world: World) -> Scales:
    """Nothing seen yet."""
    envs, size = world.obs.shape
    return Scales(moments.empty((size,)), normalization.empty_return_scale(world.ranks.total(envs)))


def seen(scales: Scales, obs: NDArray, config: ScaleConfig) -> NDArray:
    """obs as the networks get it: standardised if `normalize_obs`, else untouched."""
    return normalization.standardize(scales.obs, obs) if config.normalize_obs else obs


def scaled(
    scales: Scales, batch: Batch, config: ScaleConfig, ranks: Ranks = ALONE, first: int = 0
) -> tuple[Scales, Batch]:
    """The batch as the update gets it, and the statistics that the next batch will be collected with.

    The statistics are those of all ranks; the batch is this rank's, of environments `first` and after.

    Checked in tests/experience/test_scales.py.
    """
    updated = scales
    if config.normalize_obs:
        (rows,) = valid_rows(batch, batch.obs)
        updated = updated._replace(obs=normalization.seen(scales.obs, rows, ranks))
        batch = batch._replace(obs=seen(scales, batch.obs, config), next_obs=seen(scales, batch.next_obs, config))
    if config.normalize_reward:
        reward = normalization.update_return_scale(scales.reward, batch, config.gamma, ranks, first)
        updated = updated._replace(reward=reward)
        batch = batch._replace(reward=normalization.scale_reward(updated.reward, batch.reward))
    return updated, batch

"""Specs of normalisation: rewards and observations divided by what has been seen of their spread."""

import numpy as np

from scratchrl.oracle.cases import normalization as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.trajectory_roles import REWARD


def limited(x, clip):
    """clip(x, −c, c)."""
    return np.minimum(np.maximum(x, -clip), clip)


def reward_scaling(reward, mean, variance, clip):
    """clip(r/σ, −c, c), σ² the variance of the running returns; their mean is of no concern.

    Checked in tests/oracle/specs/test_normalization.py.

    >>> reward_scaling(np.array([3.0, -50.0]), 1.0, 4.0, clip=10.0)
    array([  1.5, -10. ])
    """
    return limited(reward / np.sqrt(variance), clip)


def observation_scaling(obs, final_obs, mean, variance, clip):
    """clip((x − mean)/σ, −c, c), of observations and of the final ones alike.

    Checked in tests/oracle/specs/test_normalization.py.

    >>> observation_scaling(np.array([[7.0]]), np.array([[99.0]]), np.array([3.0]), np.array([4.0]), clip=5.0)
    (array([[2.]]), array([[5.]]))
    """
    std = np.sqrt(variance)
    return limited((obs - mean) / std, clip), limited((final_obs - mean) / std, clip)


def without_limit(canonical):
    """What the absence of a limit means."""
    return np.inf


MEAN = plain("mean", "mu", "running_mean", "ret_mean", "return_mean", "obs_mean", "rms_mean", "avg")
VARIANCE = plain("variance", "var", "running_var", "ret_var", "return_var", "obs_var", "rms_var")
STD = Role(
    "std", ("sigma", "running_std", "ret_std", "return_std", "obs_std", "rms_std", "scale"), ("variance",),
    lambda case: np.float64(np.float32(np.sqrt(case["variance"]))), lambda given: {"variance": given["std"] ** 2},
    excludes=("variance",),
)  # fmt: skip
LIMIT = plain("clip", "clip_reward", "clip_obs", "limit", "cliprew", "clipob", "max_abs", "clip_range", "bound", "c")
EPSILON = Role("eps", ("epsilon", "e"), (), lambda case: float(np.float32(1e-8)), lambda given: {})

tame, stress, edges = cases.reward_kinds()
REWARD_SCALING = Spec(
    name="reward_scaling",
    formula="clip(r/√variance, −c, c),  variance that of the running discounted returns",
    source="baselines, VecNormalize; Engstrom et al. 2020",
    reference=reward_scaling,
    outputs=("reward",),
    tame=tame, stress=stress, edges=edges,
    roles=(REWARD, MEAN, VARIANCE, STD, LIMIT, EPSILON),
    absent={"mean": lambda canonical: 0.0, "clip": without_limit},
)  # fmt: skip

tame, stress, edges = cases.observation_kinds()
OBSERVATION_SCALING = Spec(
    name="observation_scaling",
    formula="clip((obs − mean)/√variance, −c, c), and the same of the final observations",
    source="baselines, VecNormalize",
    reference=observation_scaling,
    outputs=("obs", "final_obs"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("obs", "observation", "observations", "x", "next_obs", "state", "states", "o"),
        plain("final_obs", "terminal_obs", "terminal_observation", "final_observation", "last_obs", "next_obs"),
        MEAN, VARIANCE, STD, LIMIT, EPSILON,
    ),
    absent={"final_obs": lambda canonical: 0 * canonical["obs"], "clip": without_limit},
)  # fmt: skip

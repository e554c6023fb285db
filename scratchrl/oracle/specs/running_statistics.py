"""Specs of running statistics: moments that take in a batch, and the returns whose spread rewards are scaled by."""

import numpy as np

from scratchrl.maths.moments import Moments, merge
from scratchrl.maths.moments import variance as spread
from scratchrl.maths.returns import check
from scratchrl.oracle.cases import normalization as cases
from scratchrl.oracle.cases.normalization import as_samples
from scratchrl.oracle.cases.returns import kinds
from scratchrl.oracle.episode_ends import ENDS_OF_EPISODES
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import TIME_LAYOUTS, Identity, Spec
from scratchrl.oracle.specs import trajectory_identities as laws
from scratchrl.oracle.specs.returns import FLAGS, NEVER, one
from scratchrl.oracle.trajectory_roles import GAMMA, REWARD

# ---- statistics ----


def moments_update(mean, variance, count, batch_mean, batch_variance, batch_count):
    """Mean, population variance and number of two samples together.

    Checked in tests/oracle/specs/test_normalization.py.

    >>> moments_update(np.array(1.0), np.array(0.0), 1, np.array(4.0), np.array(1.0), 2)  # {1} and {3, 5}
    (np.float64(3.0), np.float64(2.6666666666666665), 3)
    """
    both = merge(Moments(count, mean, variance * count), Moments(batch_count, batch_mean, batch_variance * batch_count))
    return both.mean, spread(both), both.count


def _by_sums(mean, variance, count, batch_mean, batch_variance, batch_count):
    """Σ x and Σ x² of both."""
    total = count + batch_count
    both = (count * mean + batch_count * batch_mean) / total
    squares = count * (variance + mean**2) + batch_count * (batch_variance + batch_mean**2)
    return both, squares / total - both**2, total


def changed_places(f, **case):
    """f(a, b) − f(b, a)."""
    other = {name: case[f"batch_{name}"] for name in ("mean", "variance", "count")}
    other |= {f"batch_{name}": case[name] for name in ("mean", "variance", "count")}
    there, back = f(**case), f(**other)
    return laws.first(there) - laws.first(back)


def of_one_mean(f, mean, batch_mean, **case):
    """f of equal means, less that mean."""
    return laws.first(f(mean=mean, batch_mean=mean, **case)) - mean


def _samples(case):
    return as_samples(case["mean"], case["batch_mean"], case["batch_variance"], min(case["batch_count"], 9))


def _moments_of(given):
    """Sample by sample, so that the roundings of whoever takes them in so are accounted for."""
    mean, second = 0 * given["batch"][0], 0 * given["batch"][0]
    for count, x in enumerate(given["batch"], 1):
        delta = x - mean
        mean = mean + delta / count
        second = second + delta * (x - mean)
    return {"batch_mean": mean, "batch_variance": second / len(given["batch"]), "batch_count": len(given["batch"])}


BATCH = Role(
    "batch", ("x", "xs", "arr", "data", "samples", "new", "values", "obs"),
    ("batch_mean", "batch_variance", "batch_count"), _samples, _moments_of,
    excludes=("batch_mean", "batch_variance", "batch_count"),
)  # fmt: skip
COUNTS = ("count", "n", "n_a", "old_count", "total", "count_a", "n1", "na", "num", "step", "steps")
tame, stress, edges = cases.merge_kinds()
MOMENTS_UPDATE = Spec(
    name="moments_update",
    formula="n = n_a + n_b,  mean = mean_a + δ n_b/n,  variance = (n_a var_a + n_b var_b + δ² n_a n_b/n)/n",
    source="Chan, Golub and LeVeque 1979",
    reference=moments_update,
    outputs=("mean", "variance", "count"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("mean", "running_mean", "old_mean", "mean_a", "mu", "avg", "avg_a", "m1", "mu_a", "mean_old"),
        plain("variance", "var", "running_var", "old_var", "var_a", "variance_a", "v1", "var_old"),
        plain("count", *COUNTS),
        plain("batch_mean", "mean_b", "new_mean", "mean_new", "avg_b", "m2", "mu_b", "sample_mean"),
        plain("batch_variance", "batch_var", "var_b", "new_var", "variance_b", "var_new", "v2", "sample_var"),
        plain("batch_count", "n_b", "batch_size", "new_count", "count_b", "n2", "nb", "b", "sample_count"),
        BATCH,
    ),
    formulas=(_by_sums,),
    identities=(
        Identity("the two samples may change places", changed_places),
        Identity("two samples of one mean have that mean", of_one_mean),
    ),
)  # fmt: skip

# ---- returns as they run ----


def running_return(reward, terminated, truncated, gamma):
    """G_t = γ G_{t−1} + r_t within an episode, r_t in its first row: what rewards are scaled by the spread of.

    Checked in tests/oracle/specs/test_normalization.py.

    >>> end = np.array([False, True, False])
    >>> running_return(np.array([1.0, 2.0, 4.0]), end, ~end & False, 0.5)
    array([1. , 2.5, 4. ])
    """
    check(reward, terminated=terminated, truncated=truncated)
    found, before = [], 0 * reward[0]
    for row, done in zip(reward, terminated | truncated, strict=True):
        found.append(gamma * before + row)
        before = np.where(done, 0 * row, found[-1])
    return np.stack(found)


def no_memory(f, reward, gamma, **case):
    """f(γ = 0) − r."""
    return f(reward=reward, gamma=0.0, **case) - reward


_tame, _stress, _edges = kinds(("reward", *FLAGS), ("gamma",))
RUNNING_RETURN = Spec(
    name="running_return",
    formula="G_t = γ (1 − terminated_{t−1} ∨ truncated_{t−1}) G_{t−1} + r_t",
    source="baselines, VecNormalize",
    reference=running_return,
    outputs=("return",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(REWARD, *ENDS_OF_EPISODES, GAMMA),
    layouts=TIME_LAYOUTS,
    absent=NEVER | {"gamma": one},
    identities=(laws.TWICE, *laws.OF_STREAMS, Identity("γ = 0 leaves the rewards", no_memory)),
)  # fmt: skip

"""Cases of running statistics two at a time, and of what is divided by them."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.plumbing import SIZES, SQUARE, single
from scratchrl.oracle.cases.tables import number, table

COUNTS, SEVERAL = st.integers(1, 50), st.integers(2, 9)
PAST_INT32 = st.integers(2**31 - 4, 2**31 - 1)


@st.composite
def merges(draw, count=COUNTS, batch_count=SEVERAL, bound=4.0, size=SIZES, apart=number):
    """mean, variance (D,), count, and the same of a batch."""
    columns = {"mean": number(bound), "variance": SQUARE, "batch_mean": apart(bound), "batch_variance": SQUARE}
    case = draw(table(columns, size))
    case |= {name: case[name] * bound**2 / 16 for name in ("variance", "batch_variance")}
    first, second = {"count": draw(count)}, {"batch_count": draw(batch_count)}
    names = ("mean", "variance")
    seen, batch = ({name: case[name] for name in group} for group in (names, [f"batch_{name}" for name in names]))
    return seen | first | batch | second


def merge_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary statistics": merges()}
    stress = {"samples up to 16384": merges(bound=2.0**14), "after a million samples": merges(st.just(1_000_000))}
    edges = {
        "one feature": merges(size=1),
        "a batch of one sample": merges(batch_count=st.just(1)).map(_of_one),
        "two thousand million samples": merges(PAST_INT32, size=1),
    }
    return tame, stress, edges


def _of_one(case):
    return case | {"batch_variance": 0 * case["batch_variance"]}


LIMITS = single(1.5, 5.0, 10.0)


@st.composite
def observations(draw, bound=4.0, rows=(1, 4), width=(1, 3), clip=LIMITS):
    """obs, final_obs (B, O), mean, variance (O,), clip."""
    across = draw(st.integers(*width))
    case = draw(table(dict.fromkeys(("obs", "final_obs"), number(bound)), rows, across))
    moments = draw(table({"mean": number(bound), "variance": SQUARE}, across))
    return case | moments | {"clip": draw(clip)}


def observation_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary observations": observations()}
    edges = {"one observation": observations(rows=1), "no limit that counts": observations(clip=single(1000.0))}
    return tame, {"observations up to 16384": observations(bound=2.0**14)}, edges


@st.composite
def rewards(draw, bound=4.0, rows=(1, 5), clip=LIMITS):
    """reward (B,), mean and variance () of the returns, clip."""
    case = draw(table({"reward": number(bound)}, rows))
    return case | {"mean": draw(number(4.0)), "variance": draw(SQUARE), "clip": draw(clip)}


def reward_kinds():
    """(tame, stress, edges)."""
    edges = {"one reward": rewards(rows=1), "no limit that counts": rewards(clip=single(1000.0))}
    return {"ordinary rewards": rewards()}, {"rewards up to 16384": rewards(bound=2.0**14)}, edges


def as_samples(seen, mean, variance, count):
    """(count, D) float32 numbers, the further apart the larger the variance.

    All are on the side of 0 of the mean seen so far, and at irregular distances: nothing cancels, so that it does not
    matter in which order somebody takes them in.
    """
    middle, pattern = 2 + np.abs(mean), 2 * (0.618034 * np.arange(1, count + 1) % 1) - 1
    samples = middle + pattern[:, None] * np.minimum(np.sqrt(variance), middle / 2)
    return np.float64(np.float32(np.where(seen < 0, -samples, samples)))

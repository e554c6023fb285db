"""Running mean and variance of a stream, in batches of any size, without a second look at the data.

`Moments` is what has to be remembered; `update` adds a batch, `merge` joins two streams (two workers, two files).
A fresh `empty` counts nothing, so no invented first sample ever enters the average.

Paper: Chan, Golub, LeVeque (1979), Updating formulae and a pairwise algorithm for computing sample variances.
"""

from typing import NamedTuple

import numpy as np


class Moments(NamedTuple):
    """n, x̄ and M₂ = Σ(x − x̄)² of everything seen so far, elementwise over one sample's shape."""

    count: int  # type: ignore[assignment]  # every tuple has a method of this name, which nobody calls here
    mean: np.ndarray  # (...)
    m2: np.ndarray  # (...)


def empty(shape=(), dtype=np.float64):
    """n = 0, x̄ = 0, M₂ = 0: the neutral element of `merge`.

    >>> empty((2,)).mean
    array([0., 0.])
    """
    return Moments(0, np.zeros(shape, dtype), np.zeros(shape, dtype))


def merge(a, b):
    r"""(n, x̄, M₂) of the union of two samples, from those of its parts.

    With n = n_a + n_b and δ = x̄_b − x̄_a, the mean of the union is the weighted mean

        x̄ = (n_a x̄_a + n_b x̄_b)/n  =  x̄_a + δ n_b/n                       (1)

    In part a, Σ(x − x̄)² = M₂_a + n_a (x̄_a − x̄)², for the cross term Σ(x − x̄_a) vanishes; the same in b.
    By (1) x̄_a − x̄ = −δ n_b/n and x̄_b − x̄ = δ n_a/n, so the two shifts add up to

        n_a (δ n_b/n)² + n_b (δ n_a/n)²  =  δ² n_a n_b (n_b + n_a)/n²
        M₂ = M₂_a + M₂_b + δ² n_a n_b/n                                    (2)

    Args:
      a, b: Moments of the same shape; either may be empty.
    Returns:
      Moments of the union.

    Checked in tests/maths/test_moments.py:
      any cutting into batches gives the two-pass mean and variance
      merge is commutative and associative, with `empty` as its neutral element
      x → c x + k moves the mean by the same map and M₂ by c²

    >>> merge(Moments(1, np.array(1.0), np.array(0.0)), Moments(2, np.array(4.0), np.array(2.0)))  # {1} and {3, 5}
    Moments(count=3, mean=np.float64(3.0), m2=np.float64(8.0))
    """
    if np.shape(a.mean) != np.shape(b.mean):
        raise ValueError(f"b: expected moments of shape {np.shape(a.mean)} like a, got {np.shape(b.mean)}")
    if a.count == 0 or b.count == 0:
        return b if a.count == 0 else a
    n = a.count + b.count
    delta = b.mean - a.mean
    mean = a.mean + delta * b.count / n  # (1)
    m2 = a.m2 + b.m2 + delta**2 * a.count / n * b.count  # (2)
    return Moments(n, mean, m2)


def update(moments, batch):
    """`merge` with the moments of a batch: n_b = B, x̄_b = Σx/B, M₂_b = Σ(x − x̄_b)².

    Args:
      moments: what was seen before.
      batch: new samples, (B, ...); B = 0 changes nothing. Computed in the wider of the two dtypes.
    Returns:
      Moments of both together.
    Raises:
      ValueError: when a sample's shape is not that of the moments.

    Checked in tests/maths/test_moments.py, as `merge`.

    >>> update(empty(), np.array([1.0, 3.0, 5.0]))
    Moments(count=3, mean=np.float64(3.0), m2=np.float64(8.0))
    """
    batch = np.asarray(batch)
    if batch.ndim == 0 or batch.shape[1:] != np.shape(moments.mean):
        raise ValueError(f"batch: expected (B, *{np.shape(moments.mean)}), got {batch.shape}")
    if len(batch) == 0:
        return moments
    batch = batch.astype(np.result_type(batch, np.asarray(moments.mean)), copy=False)
    mean = batch.mean(axis=0)
    return merge(moments, Moments(len(batch), mean, ((batch - mean) ** 2).sum(axis=0)))


def variance(moments):
    """M₂/n, the population variance (divided by n, not n − 1).

    Raises:
      ValueError: of nothing there is no variance.

    >>> variance(Moments(4, np.array(0.0), np.array(8.0)))
    np.float64(2.0)
    """
    if moments.count == 0:
        raise ValueError("moments: expected at least one sample, got count = 0")
    return moments.m2 / moments.count

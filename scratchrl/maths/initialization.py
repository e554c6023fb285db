"""Where a network starts: random weights whose scale keeps signals neither growing nor fading, biases zero."""

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchrl.maths import mlp
from scratchrl.maths.mlp import MLP


def orthogonal(rng: np.random.Generator, n: int, m: int, gain: float = 1.0) -> NDArray:
    """W = gain · Q with orthonormal rows or columns, whichever are fewer, uniform over all such Q.

    Q comes from the QR factorisation of a Gaussian matrix. QR leaves the signs of R's diagonal open; only with
    Q · diag(sign R_ii) is the result uniform (Haar) rather than biased by the algorithm's choice of reflections.

    Args:
      n, m: rows and columns; gain: the factor by which W stretches every vector of the smaller space.
    Returns:
      W (n, m), with WᵀW = gain² I if n ≥ m, else WWᵀ = gain² I.
    Paper: Saxe et al. (2013); the sign rule: Mezzadri (2007).

    Checked in tests/maths/test_initialization.py.

    >>> w = orthogonal(np.random.default_rng(0), 3, 2, gain=2.0)
    >>> (w.T @ w).round(12) + 0.0
    array([[4., 0.],
           [0., 4.]])
    """
    q, r = np.linalg.qr(rng.standard_normal((max(n, m), min(n, m))))
    q = q * np.sign(np.diag(r))
    return gain * (q if n >= m else q.T)


def glorot(rng: np.random.Generator, n: int, m: int, gain: float = 1.0) -> NDArray:
    """W uniform on ±gain √(6 / (n + m)), whose variance is gain² · 2 / (n + m).

    For unit-variance inputs a layer's outputs have variance n Var W and its pulled-back gradients m Var W; both
    would be 1 only for n = m, and 2 / (n + m) is the value in between. Uniform on ±a has variance a²/3.

    Paper: Glorot & Bengio (2010), eq. 16.

    Checked in tests/maths/test_initialization.py.

    >>> bool(np.abs(glorot(np.random.default_rng(0), 4, 2)).max() <= 1.0)
    True
    """
    bound = gain * math.sqrt(6 / (n + m))
    return rng.uniform(-bound, bound, (n, m))


SCHEMES = {"orthogonal": orthogonal, "glorot": glorot}


def init(
    net: MLP,
    rng: np.random.Generator,
    gain: float = 1.0,
    scheme: str = "orthogonal",
    dtype: DTypeLike = np.float64,
) -> NDArray:
    """θ₀: hidden layers drawn with gain √2, the last with `gain`, biases zero.

    √2 makes up for what tanh and relu take from a signal's scale. A small last gain (0.01) makes a policy start
    nearly uniform, so that the first data decide and not the draw.

    Args:
      gain: of the last layer; scheme: orthogonal or glorot; dtype: of the result.
    Returns:
      theta (size,).
    Raises:
      ValueError: the scheme or the activation is not known, or the net has no layer.

    Checked in tests/maths/test_initialization.py.

    >>> init(MLP((1, 1)), np.random.default_rng(0)).shape
    (2,)
    """
    if scheme not in SCHEMES:
        raise ValueError(f"scheme: expected one of {', '.join(SCHEMES)}, got {scheme!r}")
    if net.activation not in mlp.ACTIVATIONS:
        raise ValueError(f"activation: expected one of {', '.join(mlp.ACTIVATIONS)}, got {net.activation!r}")
    if len(net.sizes) < 2 or min(net.sizes) < 1:
        raise ValueError(f"sizes: expected at least an input and an output size, all positive, got {net.sizes}")
    theta = np.zeros(mlp.size(net))
    views = mlp.layers(net, theta)
    for l, (w, _) in enumerate(views):
        n, m = w.shape
        w[...] = SCHEMES[scheme](rng, n, m, gain if l == len(views) - 1 else math.sqrt(2))
    return theta.astype(dtype)

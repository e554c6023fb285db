r"""The value function V_φ(s): a network with one output, and its regression onto returns.

φ is a flat vector like θ. The loss is the seed's mean-squared error with a ½, so that its derivative is the error:

    L(φ) = (1/B) Σ_b ½ (V_φ(s_b) − R_b)²        ∇_φ L = (1/B) Σ_b (V_φ(s_b) − R_b) ∇_φ V_φ(s_b)      (1)
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import chunks, kernels, mlp, optimizers, values
from scratchrl.maths.mlp import MLP
from scratchrl.maths.optimizers import Adam
from scratchrl.maths.ranks import ALONE, Ranks


def value(net: MLP, phi: NDArray, obs: NDArray) -> NDArray:
    """V_φ(s) for observations of any leading shape (..., O), as (...).

    >>> value(MLP((2, 1)), np.array([3.0, 4.0, 5.0]), np.array([[[1.0, 10.0]]]))
    array([[48.]])
    """
    rows = obs.reshape(-1, obs.shape[-1])
    return chunks.each(lambda part: mlp.output(net, phi, part), rows).reshape(obs.shape[:-1])


def loss_and_grad(net: MLP, phi: NDArray, obs: NDArray, target: NDArray) -> tuple[Any, NDArray]:
    """L and ∇_φ L of (1).

    Args:
      obs: (B, O); target: R (B,), a constant: no derivative flows into it.
    Returns:
      loss (), d_phi (size,).

    Checked in tests/maths/test_critic.py: complex step; the float32 kernel against it.

    >>> loss, d_phi = loss_and_grad(MLP((1, 1)), np.array([2.0, 0.0]), np.array([[3.0]]), np.array([5.0]))
    >>> loss.item(), d_phi.tolist()  # error 6 − 5 = 1
    (0.5, [3.0, 1.0])
    """
    if phi.dtype == np.float32 and kernels.are_alike(phi, obs, target):
        room = tuple(mlp.outputs(net, len(obs)))
        loss, d_phi = kernels.value_regression(phi, net.sizes, mlp.ACTIVATIONS[net.activation], obs, room, target)
        return np.float32(loss), d_phi
    y, cache = mlp.forward(net, phi, obs)
    per_sample, d_value = values.mse(y[:, 0], target)
    return per_sample.sum() / len(obs), mlp.vjp(net, phi, cache, d_value[:, None] / len(obs))  # (1)


def clipped_loss_and_grad(
    net: MLP, phi: NDArray, obs: NDArray, target: NDArray, value_old: NDArray, clip: float
) -> tuple[NDArray, NDArray]:
    """The same with `values.clipped_value_loss` in place of the square: PPO's optional value clipping.

    Checked in tests/maths/test_critic.py: complex step.
    """
    y, cache = mlp.forward(net, phi, obs)
    per_sample, d_value = values.clipped_value_loss(y[:, 0], value_old, target, clip)
    return per_sample.sum() / len(obs), mlp.vjp(net, phi, cache, d_value[:, None] / len(obs))


def minibatches(
    rng: np.random.Generator, size: int, *arrays: NDArray, ranks: Ranks = ALONE
) -> Iterator[tuple[NDArray, ...]]:
    """One epoch: all rows once, in a random order, `size` at a time (the last batch may be smaller).

    The rows are permuted once and then sliced, so that each minibatch is a view. With several ranks each shuffles its
    own rows, and `size` is that of the union of what they yield.

    >>> [len(x) for (x,) in minibatches(np.random.default_rng(0), 2, np.arange(5))]
    [2, 2, 1]
    """
    order = rng.permutation(len(arrays[0]))
    shuffled = [array.take(order, axis=0) for array in arrays]
    for start, stop in pairwise(ranks.cuts(len(order), size)):
        yield tuple(array[start:stop] for array in shuffled)


def fit(
    net: MLP,
    phi: NDArray,
    optimizer: Adam,
    obs: NDArray,
    target: NDArray,
    rng: np.random.Generator,
    lr: float,
    epochs: int,
    minibatch: int,
    ranks: Ranks = ALONE,
) -> tuple[NDArray, Adam, float]:
    """φ after `epochs` passes of Adam over (1) in minibatches.

    Returns:
      phi, optimizer, and the mean loss of the last pass (nan without a pass).

    Checked in tests/maths/test_critic.py: a linear target is learnt.
    """
    losses: list[float] = []
    for _ in range(epochs):
        losses = []
        for rows in minibatches(rng, minibatch, obs, target, ranks=ranks):
            phi, optimizer, loss = _step(net, phi, optimizer, rows, lr, ranks)
            losses.append(float(loss))
    return phi, optimizer, float(np.mean(losses)) if losses else float("nan")


def _step(
    net: MLP, phi: NDArray, optimizer: Adam, rows: tuple[NDArray, ...], lr: float, ranks: Ranks
) -> tuple[NDArray, Adam, Any]:
    """φ after one step of Adam on these (obs, target), and the loss before it."""
    part = chunks.mean(lambda part: loss_and_grad(net, phi, *part), rows)
    loss, d_phi = ranks.mean(part, len(rows[0]))
    optimizer, step = optimizers.adam(optimizer, d_phi, lr)
    return phi + step, optimizer, loss

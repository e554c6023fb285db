r"""The actor of soft actor-critic: a network that puts out a squashed Gaussian, and its loss through the critics.

    f_θ(s) = [μ, x]        log σ = bounded(x) between two bounds, x the free number         bounding.py          (1)
    a = tanh(μ + σ ε),  ε ~ N(0, I)        log π_θ(a|s) with respect to a in [−1, 1]^A      squashed_gaussian.py (2)

What is to be made small, with critics φ and temperature α held still, is

    L(θ) = (1/B) Σ_b [ α log π_θ(a_b|s_b) − min_k Q_k(s_b, a_b) ],   a_b of (2) with noise ε_b held still         (3)

θ stands in it twice: in the density and, by way of the action, in both terms. The chain rule walks back along (3), (2)
and (1): to Q and log π, through ∂Q/∂a and the pathwise derivative to μ and log σ, through the bounds and the network.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import bounding, kernels, mlp, soft, squashed_gaussian, state_action
from scratchrl.maths.mlp import MLP


class Actor(NamedTuple):
    """The shape of an actor: a network with 2A outputs, and the bounds of log σ."""

    mlp: MLP
    low: float
    high: float


def distribution(actor: Actor, y: NDArray) -> tuple[NDArray, NDArray]:
    """μ and log σ of (1), each (B, A), from the network's output y = [μ, x], (B, 2A).

    Raises:
      ValueError: the bounds are in the wrong order.

    Checked in tests/maths/test_soft_actor.py.

    >>> mean, log_std = distribution(Actor(MLP((1, 2)), -5.0, 2.0), np.array([[7.0, 0.0]]))
    >>> mean.item(), log_std.item()  # the middle of the bounds
    (7.0, -1.5)
    """
    mean, x = np.split(y, 2, axis=1)
    return mean, bounding.bounded(x, actor.low, actor.high)  # (1)


def squash(actor: Actor, y: NDArray, noise: NDArray) -> tuple[NDArray, NDArray]:
    """a of (2) and log π(a) from the network's output, for a given ε.

    Args:
      y: (B, 2A); noise: ε (B, A).
    Returns:
      action (B, A), log_prob (B,).
    Raises:
      ValueError: noise is not half as wide as y, or the bounds are in the wrong order.

    Checked in tests/maths/test_soft_actor.py.

    >>> action, log_prob = squash(Actor(MLP((1, 2)), -1.0, 1.0), np.zeros((1, 2)), np.zeros((1, 1)))
    >>> action.item(), log_prob.round(6).item()  # tanh 0; −½ log 2π
    (0.0, -0.918939)
    """
    _check(actor, y, noise)
    if kernels.are_alike(y, noise):
        return kernels.squash(y, noise, actor.low, actor.high)
    return squashed_gaussian.from_noise(*distribution(actor, y), noise)[:2]  # (2)


def squash_grad(actor: Actor, y: NDArray, noise: NDArray, d_action: NDArray, d_log_prob: NDArray) -> NDArray:
    """∂L/∂y with ε held fixed, for a loss L of a and log π(a) as `squash` makes them: [∂L/∂μ, ∂L/∂log σ · slope].

    Args:
      y: (B, 2A); noise, d_action: (B, A); d_log_prob: (B,).
    Returns:
      d_y (B, 2A), one row a sample.
    Raises:
      ValueError: a shape does not fit y's, or the bounds are in the wrong order.

    Checked in tests/maths/test_soft_actor.py: complex step; the kernel against the composition.

    >>> actor, one = Actor(MLP((1, 2)), -5.0, 2.0), np.ones((1, 1))
    >>> squash_grad(actor, np.zeros((1, 2)), 0 * one, 3 * one, np.array([2.0]))  # a = 0; the slope is 3.5 in the middle
    array([[ 3., -7.]])
    """
    _check(actor, y, noise, d_action)
    if kernels.are_alike(y, noise, d_action, d_log_prob):
        return kernels.squash_grad(y, noise, actor.low, actor.high, d_action, d_log_prob)
    mean, log_std = distribution(actor, y)
    d_mean, d_log_std = squashed_gaussian.pathwise_grad(mean, log_std, noise, d_action, d_log_prob)
    d_x = d_log_std * bounding.bounded_grad(y[:, noise.shape[1] :], actor.low, actor.high)
    return np.concatenate([d_mean, d_x], axis=1)


def act(actor: Actor, theta: NDArray, obs: NDArray, noise: NDArray) -> tuple[NDArray, NDArray]:
    """a of (2) in [−1, 1]^A and log π_θ(a|s).

    Args:
      obs: (B, O); noise: ε (B, A), zeros for the median.
    Returns:
      action (B, A), log_prob (B,).

    Checked in tests/maths/test_soft_actor.py.

    >>> theta, still = np.array([3.0, 0.0, -6.0, 0.0]), np.zeros((1, 1))
    >>> act(Actor(MLP((1, 2)), -5.0, 2.0), theta, np.array([[2.0]]), still)[0].item()  # tanh(3·2 − 6)
    0.0
    """
    return squash(actor, mlp.output(actor.mlp, theta, obs), noise)


def loss_and_grad(
    actor: Actor, theta: NDArray, critic: MLP, phi: NDArray, alpha: Any, obs: NDArray, noise: NDArray
) -> tuple[Any, NDArray, NDArray]:
    r"""L of (3), ∇_θ L, and log π of the actions drawn, which the temperature's loss goes by.

    With w_k = ∂L_b/∂Q_k, which is −1 for the smaller critic and 0 for the other one, an action receives

        ∂L_b/∂a = Σ_k w_k ∂Q_k/∂a                                                          (4)

    so each row goes back through one critic only: `vjp_input` passes over those whose w_k is 0.

    Args:
      theta: of the actor; phi: (2 · size,), two critics of one shape side by side; alpha: a number ≥ 0;
      obs: (B, O); noise: ε (B, A).
    Returns:
      loss (), d_theta (size,), log_prob (B,).
    Raises:
      ValueError: a shape is wrong.
    Paper: Haarnoja et al. (2018), Soft actor-critic algorithms and applications, eq. 7 and 9.

    Checked in tests/maths/test_soft_actor.py: complex step; at the best policy α · score is left, of mean 0.

    >>> flat = np.array([0.0, 0.0, 3.0, 0.0, 0.0, 4.0])  # Q = 3 and Q = 4, whatever the action: two critics, O = A = 1
    >>> actor, one = Actor(MLP((1, 2)), -1.0, 1.0), np.zeros((1, 1))
    >>> loss, d_theta, _ = loss_and_grad(actor, np.zeros(4), MLP((2, 1)), flat, 2.0, one, one)
    >>> loss.round(6).item(), d_theta.tolist()  # 2 log π − 3; a wider π is less dense: −α, times the slope 1
    (-4.837877, [0.0, 0.0, 0.0, -2.0])
    """
    rows = len(obs)
    y, cache = mlp.forward(actor.mlp, theta, obs)
    action, log_prob = squash(actor, y, noise)  # (2)
    x, parts = state_action.joined(obs, action), state_action.split(critic, phi)
    (q1, cache1), (q2, cache2) = (mlp.forward(critic, one, x) for one in parts)
    value, d_log_prob, *d_q = soft.sac_policy_loss(log_prob, q1[:, 0], q2[:, 0], alpha)
    d_x1, d_x2 = (
        mlp.vjp_input(critic, one, layers, weight[:, None])
        for one, layers, weight in zip(parts, (cache1, cache2), d_q, strict=True)
    )
    d_action = (d_x1 + d_x2)[:, obs.shape[1] :]  # (4)
    d_y = squash_grad(actor, y, noise, d_action / rows, d_log_prob / rows)
    return value.sum() / rows, mlp.vjp(actor.mlp, theta, cache, d_y), log_prob  # (3)


def _check(actor: Actor, y: NDArray, *half_as_wide: NDArray) -> None:
    bounding.check(actor.low, actor.high)
    for name, array in zip(("noise", "d_action"), half_as_wide, strict=False):
        if y.ndim != 2 or array.ndim != 2 or (len(array), 2 * array.shape[1]) != y.shape:
            raise ValueError(f"{name}: expected (B, A) beside the output (B, 2A) = {y.shape}, got {array.shape}")

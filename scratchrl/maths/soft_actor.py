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

from scratchrl.maths import mlp, soft, squashed_gaussian, state_action
from scratchrl.maths.bounding import bounded, bounded_grad
from scratchrl.maths.mlp import MLP


class Actor(NamedTuple):
    """The shape of an actor: a network with 2A outputs, and the bounds of log σ."""

    mlp: MLP
    low: float
    high: float


class Cache(NamedTuple):
    """What the way back needs."""

    layers: list[NDArray]
    free: NDArray  # (B, A) x of (1)


def forward(actor: Actor, theta: NDArray, obs: NDArray) -> tuple[NDArray, NDArray, Cache]:
    """μ and log σ of (1), each (B, A), and the cache of `vjp`.

    Args:
      theta: (size of the network,); obs: (B, O).
    Raises:
      ValueError: a shape is wrong, or the bounds are.

    Checked in tests/maths/test_soft_actor.py.

    >>> mean, log_std, _ = forward(Actor(MLP((1, 2)), -5.0, 2.0), np.array([3.0, 0.0, 1.0, 0.0]), np.array([[2.0]]))
    >>> mean.item(), log_std.item()  # 3·2 + 1, and the middle of the bounds
    (7.0, -1.5)
    """
    y, layers = mlp.forward(actor.mlp, theta, obs)
    actions = y.shape[1] // 2
    return y[:, :actions], bounded(y[:, actions:], actor.low, actor.high), Cache(layers, y[:, actions:])  # (1)


def vjp(actor: Actor, theta: NDArray, cache: Cache, d_mean: NDArray, d_log_std: NDArray) -> NDArray:
    """d_θ = Σ_b of d_mean[b] ∂μ[b]/∂θ + d_log_std[b] ∂log σ[b]/∂θ: `mlp.vjp` after the slope of the bounds.

    Args:
      cache: of `forward` at the same theta; d_mean, d_log_std: (B, A).
    Returns:
      d_theta (size,).

    Checked in tests/maths/test_soft_actor.py: complex step.

    >>> actor, theta = Actor(MLP((1, 2)), -5.0, 2.0), np.array([3.0, 0.0, 1.0, 0.0])
    >>> cache, one = forward(actor, theta, np.array([[2.0]]))[2], np.ones((1, 1))
    >>> vjp(actor, theta, cache, 10 * one, one)  # the bounds' slope is 3.5 in their middle
    array([20. ,  7. , 10. ,  3.5])
    """
    d_free = d_log_std * bounded_grad(cache.free, actor.low, actor.high)
    return mlp.vjp(actor.mlp, theta, cache.layers, np.concatenate([d_mean, d_free], axis=1))


def act(actor: Actor, theta: NDArray, obs: NDArray, noise: NDArray) -> tuple[NDArray, NDArray]:
    """a of (2) in [−1, 1]^A and log π_θ(a|s).

    Args:
      obs: (B, O); noise: ε (B, A), zeros for the median.
    Returns:
      action (B, A), log_prob (B,).

    Checked in tests/maths/test_soft_actor.py.

    >>> action, log_prob = act(Actor(MLP((1, 2)), -1.0, 1.0), np.zeros(4), np.zeros((1, 1)), np.zeros((1, 1)))
    >>> action.item(), log_prob.round(6).item()  # tanh 0; −½ log 2π
    (0.0, -0.918939)
    """
    mean, log_std, _ = forward(actor, theta, obs)
    return squashed_gaussian.from_noise(mean, log_std, noise)[:2]  # (2)


def loss_and_grad(
    actor: Actor, theta: NDArray, critic: MLP, phi: NDArray, alpha: Any, obs: NDArray, noise: NDArray
) -> tuple[Any, NDArray, NDArray]:
    r"""L of (3), ∇_θ L, and log π of the actions drawn, which the temperature's loss goes by.

    With w_k = ∂L_b/∂Q_k, which is −1 for the smaller critic and 0 for the other one, an action receives

        ∂L_b/∂a = Σ_k w_k ∂Q_k/∂a                                                          (4)

    so each row goes back through one critic only.

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
    mean, log_std, cache = forward(actor, theta, obs)
    action, log_prob, _ = squashed_gaussian.from_noise(mean, log_std, noise)  # (2)
    x, parts = state_action.joined(obs, action), state_action.split(critic, phi)
    (q1, cache1), (q2, cache2) = (mlp.forward(critic, one, x) for one in parts)
    value, d_log_prob, *d_q = soft.sac_policy_loss(log_prob, q1[:, 0], q2[:, 0], alpha)
    d_action = np.zeros_like(action)
    for one, layers, weight in zip(parts, (cache1, cache2), d_q, strict=True):
        judged = np.flatnonzero(weight)
        d_x = mlp.vjp_input(critic, one, [h.take(judged, axis=0) for h in layers], weight[judged, None])
        d_action[judged] = d_x[:, obs.shape[1] :]  # (4)
    d_mean, d_log_std = squashed_gaussian.pathwise_grad(mean, log_std, noise, d_action / rows, d_log_prob / rows)
    return value.sum() / rows, vjp(actor, theta, cache, d_mean, d_log_std), log_prob  # (3)

r"""The action-value function Q_φ(s, a) of real actions: a network that takes [s, a], its regression, and ∂Q/∂a.

φ is a flat vector that holds K critics of one shape, one after another: K = 1 in DDPG, 2 in TD3 and SAC. They see the
same rows and share nothing, so their losses add up and their gradients lie side by side:

    L(φ) = Σ_k (1/B) Σ_b ½ (Q_k(s_b, a_b) − y_b)²        ∇_φ L = [∇_φ₁ L₁, …, ∇_φ_K L_K]               (1)

y is a constant: no derivative flows into it, although it comes from the same kind of network (a semi-gradient).

The derivative with respect to the action is the way by which a critic teaches an actor. With x = [s, a] it is the last
A columns of the network's pull-back to its input (`mlp.vjp_input`), row by row:

    ∂Q/∂a = (∂Q/∂x)_{O+1 … O+A}                                                                        (2)

Actions are in the units the network was trained in: algorithms/ddpg.py and sac.py use [−1, 1] (experience/actions.py).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import critic, kernels, mlp
from scratchrl.maths.mlp import MLP


def split(net: MLP, phi: NDArray) -> NDArray:
    """φ as (K, size of a critic), a view.

    Raises:
      ValueError: φ is not a whole number of critics.

    >>> split(MLP((2, 1)), np.arange(6.0))
    array([[0., 1., 2.],
           [3., 4., 5.]])
    """
    if phi.ndim != 1 or phi.size == 0 or phi.size % mlp.size(net):
        raise ValueError(f"phi: expected shape (K · {mlp.size(net)},), K critics of sizes {net.sizes}, got {phi.shape}")
    return phi.reshape(-1, mlp.size(net))


def joined(obs: NDArray, action: NDArray) -> NDArray:
    """x = [s, a], (B, O + A).

    Raises:
      ValueError: obs and action are not rows, or not the same number of rows.

    >>> joined(np.array([[1.0, 2.0]]), np.array([[3.0]]))
    array([[1., 2., 3.]])
    """
    if obs.ndim != 2 or action.ndim != 2 or len(obs) != len(action):
        raise ValueError(f"action: expected ({len(obs)}, A) beside obs {obs.shape}, got {action.shape}")
    return np.concatenate([obs, action], axis=1)


def value(net: MLP, phi: NDArray, obs: NDArray, action: NDArray) -> NDArray:
    """Q_k(s, a), (K, B).

    Args:
      phi: (K · size,); obs: (B, O); action: (B, A), with O + A the network's input.
    Raises:
      ValueError: a shape is wrong.

    Checked in tests/maths/test_state_action.py.

    >>> value(MLP((2, 1)), np.array([3.0, 4.0, 5.0]), np.array([[1.0]]), np.array([[10.0]]))  # 3·1 + 4·10 + 5
    array([[48.]])
    """
    x = joined(obs, action)
    return np.stack([mlp.output(net, one, x)[:, 0] for one in split(net, phi)])


def value_and_d_action(net: MLP, phi: NDArray, obs: NDArray, action: NDArray) -> tuple[NDArray, NDArray]:
    """Q_k(s, a) and ∂Q_k/∂a by (2).

    Args and Raises: as for `value`.
    Returns:
      q (K, B), d_action (K, B, A): nothing is summed.

    Checked in tests/maths/test_state_action.py: complex step.

    >>> q, d_action = value_and_d_action(MLP((2, 1)), np.array([3.0, 4.0, 5.0]), np.array([[1.0]]), np.array([[10.0]]))
    >>> q.item(), d_action.item()
    (48.0, 4.0)
    """
    x, q, d_action = joined(obs, action), [], []
    for one in split(net, phi):
        y, cache = mlp.forward(net, one, x)
        q.append(y[:, 0])
        d_action.append(mlp.vjp_input(net, one, cache, 1 + 0 * y)[:, obs.shape[1] :])  # (2)
    return np.stack(q), np.stack(d_action)


def loss_and_grad(net: MLP, phi: NDArray, obs: NDArray, action: NDArray, target: NDArray) -> tuple[Any, NDArray]:
    """L and ∇_φ L of (1).

    Args:
      phi: (K · size,); obs: (B, O); action: (B, A); target: y (B,), the same for every critic.
    Returns:
      loss (), d_phi (K · size,).
    Raises:
      ValueError: a shape is wrong.

    Checked in tests/maths/test_state_action.py: complex step; K critics are K regressions.

    >>> one = np.array([3.0, 4.0, 5.0])
    >>> loss, d_phi = loss_and_grad(MLP((2, 1)), one, np.array([[1.0]]), np.array([[10.0]]), np.array([46.0]))
    >>> loss.item(), d_phi.tolist()  # error 48 − 46 = 2
    (2.0, [2.0, 20.0, 2.0])
    """
    x = joined(obs, action)
    if target.shape != (len(x),):
        raise ValueError(f"target: expected shape ({len(x)},), got {target.shape}")
    parameters = split(net, phi)
    if phi.dtype == np.float32 and kernels.are_alike(phi, x, target):
        room = tuple(mlp.outputs(net, len(x)))
        loss, d_phi = kernels.value_regression(phi, net.sizes, mlp.ACTIVATIONS[net.activation], x, room, target)
        return np.float32(loss), d_phi
    parts = [critic.loss_and_grad(net, one, x, target) for one in parameters]
    return sum(loss for loss, _ in parts), np.concatenate([d_phi for _, d_phi in parts])  # (1)

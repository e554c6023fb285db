r"""The action-value function Q_θ(s, ·): a network with one output per action, its regression, and acting on it.

θ is a flat vector. Of each sample only the output of the action that was taken is asked to be something:

    L(θ) = (1/B) Σ_b H_δ(e_b),   e_b = Q_θ(s_b, a_b) − y_b        ∇_θ L = (1/B) Σ_b H_δ′(e_b) ∇_θ Q_θ(s_b, a_b)      (1)

H_δ is Huber's loss (`values.huber`); δ = ∞ gives ½ e². The targets y are constants: no derivative flows into them,
although they come from the same kind of network (a semi-gradient).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels, mlp, values
from scratchrl.maths.mlp import MLP


def loss_and_grad(
    net: MLP, theta: NDArray, obs: NDArray, action: NDArray, target: NDArray, delta: float
) -> tuple[Any, NDArray]:
    """L and ∇_θ L of (1).

    Args:
      obs: (B, O); action: (B,) integers, 0 to A − 1; target: y (B,); delta: δ > 0, ∞ for half the square.
    Returns:
      loss (), d_theta (size,).
    Raises:
      ValueError: an action that the network has no output for; delta is not positive.

    Checked in tests/maths/test_action_values.py: complex step, a loop over samples.

    >>> loss, d_theta = loss_and_grad(
    ...     MLP((1, 2)), np.array([2.0, 7.0, 0.0, 0.0]), np.array([[3.0]]), np.array([0]), np.array([4.0]), 1.0)
    >>> loss.item(), d_theta.tolist()  # error 6 − 4 = 2, beyond δ: 1·(2 − ½) and slope 1; action 1 is left alone
    (1.5, [3.0, 0.0, 1.0, 0.0])
    """
    check_action(net, action)
    rows = np.arange(len(obs))
    q, cache = mlp.forward(net, theta, obs)
    per_sample, d_chosen = values.huber(q[rows, action] - target, delta)
    d_q = np.zeros_like(q)
    d_q[rows, action] = d_chosen / len(obs)
    return per_sample.sum() / len(obs), mlp.vjp(net, theta, cache, d_q)  # (1)


def epsilon_greedy(q: NDArray, epsilon: float, rng: np.random.Generator) -> NDArray:
    """argmax_a Q(s, a), the first of equals; with probability ε any action instead, uniformly: (B, A) → (B,).

    One uniform number a row decides both: where u < ε, u/ε is uniform on [0, 1) again and A u/ε, rounded down, a
    uniform action.

    Args:
      epsilon: ε in [0, 1].

    Checked in tests/maths/test_action_values.py: ε = 0, ε = 1, frequencies.

    >>> epsilon_greedy(np.array([[1.0, 3.0], [2.0, 0.0]]), 0.0, np.random.default_rng(0))
    array([1, 0])
    """
    chosen, u = q.argmax(axis=-1), rng.random(len(q))
    exploring, actions = u < epsilon, q.shape[1]
    chosen[exploring] = np.minimum(actions - 1, u[exploring] / epsilon * actions)  # u/ε may round up to 1
    return chosen


def explorer(net: MLP, theta: NDArray, epsilon: float, rng: np.random.Generator) -> Callable[[NDArray], NDArray]:
    """obs (B, O) → `epsilon_greedy` of Q_θ(obs, ·), for one θ and many observations.

    Checked in tests/maths/test_action_values.py to equal `epsilon_greedy` of `mlp.forward`.

    >>> explorer(MLP((1, 2)), np.array([2.0, 7.0, 0.0, 0.0]), 0.0, np.random.default_rng(0))(np.array([[3.0], [-3.0]]))
    array([1, 0])
    """

    def plain(obs: NDArray) -> NDArray:
        return epsilon_greedy(mlp.output(net, theta, obs), epsilon, rng)

    if not mlp.is_narrow(theta):
        return plain
    run = mlp.repeated(net, theta, kernels.epsilon_greedy)
    return lambda obs: run(obs, rng.random(len(obs)), epsilon)[1] if mlp.is_narrow(obs) else plain(obs)


def check_action(net: MLP, action: NDArray) -> None:
    """Raises a ValueError unless every action is one that the network has an output for.

    >>> check_action(MLP((3, 2)), np.array([0, 1]))
    """
    if not kernels.are_below(action, net.sizes[-1]):
        raise ValueError(f"action: expected 0 to {net.sizes[-1] - 1}, got {action.min()} to {action.max()}")

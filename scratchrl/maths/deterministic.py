r"""The deterministic actor μ_θ(s) = tanh f_θ(s), its gradient through a critic, and TD3's smoothing.

f is a network with one output per action dimension; actions are in [−1, 1]^A, and what the environment makes of them
is a scale that cancels (experience/actions.py). Paper: Silver et al. (2014), Deterministic policy gradient algorithms.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import mlp
from scratchrl.maths.mlp import MLP
from scratchrl.maths.squashing import log_det

Judge = Callable[[NDArray], tuple[NDArray, NDArray]]


def action(net: MLP, theta: NDArray, obs: NDArray) -> NDArray:
    """μ_θ(s) = tanh f_θ(s), (B, O) → (B, A).

    >>> action(MLP((1, 1)), np.array([0.0, np.log(2.0)]), np.array([[9.0]])).round(12)  # tanh log 2 = 3/5
    array([[0.6]])
    """
    return np.tanh(mlp.output(net, theta, obs))


def loss_and_grad(net: MLP, theta: NDArray, obs: NDArray, judge: Judge) -> tuple[Any, NDArray]:
    r"""L(θ) = −(1/B) Σ_b Q(s_b, μ_θ(s_b)) and ∇_θ L, the deterministic policy gradient: ∂Q/∂a · ∂μ/∂θ.

    With u = f_θ(s), a = tanh u and s held fixed, the chain rule from the right to the left:

        ∂L/∂a_b = −(1/B) ∂Q/∂a (s_b, a_b)                                  (1)
        ∂L/∂u_b = (1 − a_b²) ∘ (1)                                         (2)
        ∇_θ L   = Σ_b (∂u_b/∂θ)ᵀ (2)                                       (3)

    Nobody has to know the dynamics, nor to try other actions: how the return changes with the action is asked of Q, at
    the actor's own action. (2) is computed as exp log(1 − tanh² u), since 1 − a² has no digits left where a ≈ ±1; there
    the gradient vanishes, and the actor stays where it is.

    That (3) is the gradient of the expected discounted return J is the theorem of Silver et al.: for the true Q of μ_θ,
    and states drawn from Σ_t γᵗ P(s_t = s), ∇J = −∇L, although Q depends on θ too, by the later actions. States of a
    replay buffer have another distribution and a learnt critic is not the true Q: then (3) is the gradient of L alone.

    Args:
      theta: (size,); obs: (B, O);
      judge: a (B, A) → Q(s, a) (B,) and ∂Q/∂a (B, A), at the states of obs, row by row.
    Returns:
      loss (), d_theta (size,).
    Raises:
      ValueError: what judge returns does not fit.
    Paper: Silver et al. (2014), theorem 1; Lillicrap et al. (2016), eq. 6.

    Checked in tests/maths/test_deterministic.py (complex step) and tests/identities/test_deterministic_gradient.py: the
    gradient of the discounted cost of linear-quadratic problems, in closed form.

    >>> judge = lambda a: (3 * a[:, 0], 3 + 0 * a)  # Q = 3 a
    >>> loss, d_theta = loss_and_grad(MLP((1, 1)), np.zeros(2), np.array([[5.0]]), judge)  # u = a = 0
    >>> -loss.item(), d_theta.tolist()
    (0.0, [-15.0, -3.0])
    """
    u, cache = mlp.forward(net, theta, obs)
    q, d_action = judge(np.tanh(u))
    for name, got, expected in (("q", q, u.shape[:1]), ("d_action", d_action, u.shape)):
        if got.shape != expected:
            raise ValueError(f"judge: expected {name} of shape {expected}, got {got.shape}")
    d_u = np.exp(log_det(u)) * -d_action / len(obs)  # (1), (2)
    return -(q.sum() / len(obs)), mlp.vjp(net, theta, cache, d_u)  # (3)


def smoothed(action: NDArray, noise: NDArray, clip: float) -> NDArray:
    r"""clip(a′ + clip(x, −c, c), −1, 1): the target action of TD3, blurred a little.

    A deterministic actor finds every peak that a critic has by mistake. With the target averaged over actions around
    a′, Q is learnt as smooth as that blur; its clip keeps the average near a′.

    Args:
      action: a′ in [−1, 1], (..., A); noise: x = σ ξ, ξ ~ N(0, I), like action; clip: c ≥ 0.
    Returns:
      (..., A).
    Raises:
      ValueError: noise is not shaped like action, or c < 0.
    Paper: Fujimoto, van Hoof, Meger (2018), Addressing function approximation error in actor-critic methods, eq. 14.

    Checked in tests/maths/test_deterministic.py.

    >>> smoothed(np.array([0.0, 0.0, 0.75]), np.array([0.25, -2.0, 2.0]), 0.5)
    array([ 0.25, -0.5 ,  1.  ])
    """
    if noise.shape != action.shape:
        raise ValueError(f"noise: expected the shape of action, {action.shape}, got {noise.shape}")
    if not clip >= 0:
        raise ValueError(f"clip: expected a number of at least 0, got {clip}")
    blur = np.minimum(np.maximum(noise, -clip), clip)
    return np.minimum(np.maximum(action + blur, -1), 1)

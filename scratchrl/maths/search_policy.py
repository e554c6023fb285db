r"""AlphaZero's network and what it learns from a search: a policy over the legal moves, and how the game will end.

Legend: net has A + 1 outputs, logits l (B, A) and x (B,); legal (B, A) bool; π (B, A) the shares of a search's visits,
0 on illegal moves; z (B,) how the game ended for the player to move, −1, 0 or 1; v = tanh x.

    p_a = exp l_a / Σ_{b legal} exp l_b for legal a, else 0                                        (1)
    L(θ) = (1/B) Σ_b [ −Σ_a π_a log p_a + ½ (v − z)² ] + ½ c ‖θ‖²        to be made small          (2)

An illegal move has no probability and no gradient, exactly: it does not occur in (1) or (2). No large negative number
stands for −∞ here, which would be one more logit that the shift of a softmax can bring back to life.

Paper: Silver et al. (2018), A general reinforcement learning algorithm that masters chess, shogi and Go through
self-play: (z − v)² instead of its half, and c‖θ‖².
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import mlp, squashing
from scratchrl.maths.mlp import MLP


def policy(logits: NDArray, legal: NDArray) -> NDArray:
    """p of (1): rows that sum to 1, with 0 on illegal moves whatever their logits are.

    Args:
      logits: (..., A); legal: (..., A) bool, at least one a row.
    Returns:
      (..., A).
    Raises:
      ValueError: legal is not of that kind.

    Checked in tests/maths/test_search_policy.py: the softmax of the legal entries alone.

    >>> policy(np.log(np.array([[1.0, 3.0, 1e9]])), np.array([[True, True, False]])).round(12)
    array([[0.25, 0.75, 0.  ]])
    """
    mass = np.exp(_shifted(logits, legal)) * legal
    return mass / mass.sum(axis=-1, keepdims=True)  # (1)


def cross_entropy(logits: NDArray, legal: NDArray, target: NDArray) -> tuple[NDArray, NDArray]:
    r"""H(π, p) = −Σ_a π_a log p_a over the legal moves, and its derivative by the logits.

    With log p_a = l_a − log Σ_{b legal} exp l_b, the derivative of the logarithm is p, so for legal i

        ∂ log p_a / ∂l_i = [i = a] − p_i                                                         (3)
        ∂H / ∂l_i = −Σ_a π_a ([i = a] − p_i) = p_i Σ_a π_a − π_i                                 (4)

    and 0 for illegal i, which does not occur. Where Σ π = 1 this is p − π: 0 when the policy is what the search says.

    Args:
      logits, legal: as for `policy`; target: π (..., A), constants.
    Returns:
      (value, d_logits): (...) and (..., A), not averaged over the batch.
    Raises:
      ValueError: a shape is wrong, a row without a legal move, or a π that is not 0 on an illegal one.

    Checked in tests/maths/test_search_policy.py: complex step, exact zeros, least at p = π.

    >>> legal, target = np.array([[True, True, False]]), np.array([[1.0, 0.0, 0.0]])
    >>> value, d_logits = cross_entropy(np.log(np.array([[1.0, 3.0, 5.0]])), legal, target)
    >>> np.exp(value).round(12).item(), d_logits.round(12).tolist()  # p = ¼, ¾
    (4.0, [[-0.75, 0.75, 0.0]])
    """
    if target.shape != logits.shape or (target * ~legal != 0).any():
        raise ValueError(f"target: expected {logits.shape} probabilities, 0 on illegal moves, got {target.shape}")
    shifted = _shifted(logits, legal)
    mass = np.exp(shifted) * legal
    total = mass.sum(axis=-1, keepdims=True)
    log_p = shifted - _log_total(mass, total)
    return -(target * log_p).sum(axis=-1), mass / total * target.sum(axis=-1, keepdims=True) - target  # (4)


def value_error(x: NDArray, outcome: NDArray) -> tuple[NDArray, NDArray]:
    """½ (tanh x − z)² and its derivative (v − z)(1 − v²), by tanh′ = 1 − tanh².

    Where v is near ±1 the difference 1 − v² would keep few digits; `squashing.log_det` has its logarithm with all.

    Args:
      x: (B,), any numbers; outcome: z (B,), constants.
    Returns:
      (value, d_x): each (B,), not averaged.

    Checked in tests/maths/test_search_policy.py: complex step.

    >>> value_error(np.array([0.0]), np.array([1.0]))
    (array([0.5]), array([-1.]))
    """
    v = np.tanh(x)
    return (v - outcome) ** 2 / 2, (v - outcome) * np.exp(squashing.log_det(x))


def predict(net: MLP, theta: NDArray, obs: NDArray, legal: NDArray) -> tuple[NDArray, NDArray]:
    """What a search asks of the network: p (B, A) of (1), and v = tanh x (B,).

    Args:
      net: A + 1 outputs; theta: (size,); obs: (B, O); legal: (B, A).

    Checked in tests/maths/test_search_policy.py.

    >>> p, v = predict(MLP((1, 3)), np.zeros(6), np.ones((1, 1)), np.array([[True, False]]))
    >>> p.tolist(), v.tolist()
    ([[1.0, 0.0]], [0.0])
    """
    y = mlp.output(net, theta, obs)
    return policy(y[:, :-1], legal), np.tanh(y[:, -1])


def loss_and_grad(
    net: MLP, theta: NDArray, obs: NDArray, legal: NDArray, target: NDArray, outcome: NDArray, decay: float
) -> tuple[Any, NDArray]:
    """L and ∇_θ L of (2): the two derivatives side by side are the covector of the network's outputs.

    Args:
      obs: (B, O); legal, target: (B, A); outcome: z (B,); decay: c ≥ 0.
    Returns:
      loss (), d_theta (size,).

    Checked in tests/maths/test_search_policy.py: complex step, a loop over samples.

    >>> one, legal = np.ones((1, 1)), np.array([[True, True]])
    >>> loss, d_theta = loss_and_grad(MLP((1, 3)), np.zeros(6), one, legal, np.array([[1.0, 0.0]]), np.ones(1), 0.0)
    >>> d_theta.tolist()  # p − π = −½, ½ and v − z = −1, for the weights and for the biases
    [-0.5, 0.5, -1.0, -0.5, 0.5, -1.0]
    """
    y, cache = mlp.forward(net, theta, obs)
    surprise, d_logits = cross_entropy(y[:, :-1], legal, target)
    error, d_x = value_error(y[:, -1], outcome)
    d_y = np.hstack([d_logits, d_x[:, None]]) / len(obs)
    loss = (surprise + error).sum() / len(obs) + decay * (theta * theta).sum() / 2  # (2)
    return loss, mlp.vjp(net, theta, cache, d_y) + decay * theta


def _shifted(logits: NDArray, legal: NDArray) -> NDArray:
    """l less the largest legal l, so that no exp overflows; 0 on illegal moves."""
    if legal.shape != logits.shape or legal.dtype != np.bool or not legal.any(axis=-1).all():
        raise ValueError(f"legal: expected {logits.shape} booleans, one True a row, got {legal.dtype} {legal.shape}")
    largest = logits.max(axis=-1, keepdims=True, where=legal, initial=-np.inf)
    return np.where(legal, logits, largest) - largest


def _log_total(mass: NDArray, total: NDArray) -> NDArray:
    """log Σ mass; from the likeliest move, whose mass is 1, and the others', which keeps a sum near 1 exact."""
    if mass.dtype == object:
        return np.log(total)
    others = mass.copy()
    np.put_along_axis(others, mass.argmax(axis=-1)[..., None], 0, axis=-1)
    return np.log1p(others.sum(axis=-1, keepdims=True))

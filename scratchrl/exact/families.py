r"""A family of policies θ ↦ π_θ(a|s) on a finite MDP: what the agent sees in each state, and what it makes of it.

    x_s  features of state s, a row of (S, O)        π_θ(a|s) = softmax(f_θ(x_s))_a               (1)

Tabular softmax is the case x_s = e_s with no hidden layer. States with equal features are one observation: π cannot
tell them apart (partial observability), and everything in exact/ stays true, since it speaks about states only.

The network is evaluated once a state, whatever is then summed over trajectories; and all derivatives go through three
products, the `vjp` of the network, its `jvp`, and between logits and probabilities

    ∂π(a|s)/∂l(s,b) = π(a|s)([a = b] − π(b|s)),      diag(π) − ππᵀ = the Fisher matrix of a softmax.   (2)
"""

from typing import NamedTuple

import numpy as np

from scratchrl.maths import categorical, policies
from scratchrl.maths.policies import Policy, categorical_policy


class Family(NamedTuple):
    """A categorical policy and the features (S, O) of every state."""

    policy: Policy
    features: np.ndarray


def tabular(states: int, actions: int) -> Family:
    """One-hot features, no hidden layer: l(s, a) = W(s, a) + b(a); S·A + A parameters, of which A + S·1 are idle.

    >>> policies.size(tabular(3, 2).policy)
    8
    """
    return Family(categorical_policy(states, actions, ()), np.eye(states))


def network(features: np.ndarray, actions: int, hidden: tuple[int, ...] = (8,), activation: str = "tanh") -> Family:
    """An MLP on given features (S, O)."""
    return Family(categorical_policy(features.shape[1], actions, hidden, activation), features)


def size(family: Family) -> int:
    """The number of parameters P."""
    return policies.size(family.policy)


def logits(family: Family, theta: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """f_θ(x_s), (S, A), and the network's cache; θ may be complex.

    Raises:
      ValueError: the policy is not categorical over one set of actions.
    """
    actions = family.policy.mlp.sizes[-1]
    if family.policy.free or family.policy.distribution.segments != ((0, actions),):
        raise ValueError("family: expected a categorical policy (categorical_policy), got another distribution")
    return policies.forward(family.policy, theta, family.features)


def table(family: Family, theta: np.ndarray) -> np.ndarray:
    """π_θ(a|s), (S, A), by (1): what `exact.evaluation` calls a policy.

    >>> table(tabular(2, 2), np.zeros(6)).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    return categorical.softmax(logits(family, theta)[0])  # (1)


def pull_back(family: Family, theta: np.ndarray, d_table: np.ndarray) -> np.ndarray:
    """d_θ = Σ_{s,a} d_table(s, a) ∂π_θ(a|s)/∂θ: a derivative with respect to probabilities becomes one of parameters.

    By (2) rows of d_table may be shifted by any constant: Σ_a π = 1 does not move.

    Checked in tests/exact/test_families.py: complex step.
    """
    l, cache = logits(family, theta)
    return policies.vjp(family.policy, theta, cache, categorical.fisher_matvec(l, d_table))  # (2)


def push_forward(family: Family, theta: np.ndarray, d_theta: np.ndarray) -> np.ndarray:
    """dπ_θ(a|s) along d_θ, (S, A); rows sum to 0. The transpose of `pull_back`.

    Checked in tests/exact/test_families.py: complex step, dot test.
    """
    l, cache = logits(family, theta)
    return categorical.fisher_matvec(l, policies.jvp(family.policy, theta, cache, d_theta))  # (2)


def scores(family: Family, theta: np.ndarray) -> np.ndarray:
    """ψ(s, a) = ∇_θ log π_θ(a|s) for every state and action, (S, A, P).

    Every policy gradient estimator is Σ_t w_t ψ(s_t, a_t), so these S·A vectors span all that can ever be estimated.

    Checked in tests/exact/test_families.py: complex step; Σ_a π(a|s) ψ(s, a) = 0.
    """
    l, cache = logits(family, theta)
    basis = np.eye(l.size).reshape(-1, *l.shape)
    jacobian = np.stack([policies.vjp(family.policy, theta, cache, unit) for unit in basis]).reshape(*l.shape, -1)
    return jacobian - np.einsum("sa,sap->sp", categorical.softmax(l), jacobian)[:, None]

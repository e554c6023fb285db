r"""∇²J(θ)·v, exactly: the curvature of the return itself, which no surrogate knows."""

import numpy as np

from scratchrl.exact import families
from scratchrl.exact.evaluation import induced_kernel
from scratchrl.exact.families import Family
from scratchrl.exact.mdp import MDP
from scratchrl.maths import categorical, policies
from scratchrl.maths.pearlmutter import vjp_derivative


def hessian_vector_product(mdp: MDP, family: Family, theta: np.ndarray, vector: np.ndarray) -> np.ndarray:
    r"""∇²J(θ) v = d/dt ∇J(θ + tv) at t = 0, (P,).

    ∇J = Jᵀ u, J the Jacobian of the logits, u(s,·) = F_s G(s,·), G(s, a) = d(s) Q(s, a), F_s = diag(π) − ππᵀ. A dot
    is d/dt. First everything in front of the network, with l̇ = J v, M = I − γK and K̇ = Σ_a π̇ P:

        π̇ = F_s l̇                                                                                  (1)
        M V̇ = Σ_a π̇ Q,              Q̇ = γ P V̇             tangent of V = r_π + γKV                  (2)
        Mᵀ ḋ = γ K̇ᵀ d                                       tangent of d = p₀ + γKᵀd                 (3)
        Ġ = ḋ Q + d Q̇                                                                              (4)
        u̇ = π̇ ∘ (G − π·G) + π ∘ (Ġ − π·Ġ − π̇·G)            product rule on u = π ∘ (G − π·G)        (5)

    then the network, by `vjp_derivative`: d/dt Jᵀu = Jᵀu̇ + (uᵀ∂²l/∂θ²) v.

    (2) and (3) are why ∇²J differs from the Hessian of a surrogate: there d and A are frozen at θ_old, and of (4)
    nothing remains. Two solves for a direction; finite horizons through `clock.clocked`.

    Args:
      mdp: with I − γK invertible (γ < 1, or clocked).
      vector: v, (P,).
    Returns:
      (P,).
    Checked in tests/exact/test_hessian.py: complex step of `policy_gradient`; symmetric; the bandit's closed form.

    >>> bandit = MDP([[[1.0], [1.0]]], [[0.0, 8.0]], 0.0, [1.0], [False])
    >>> at, e = np.array([0.0, np.log(3.0), 0.0, 0.0]), np.array([0.0, 1.0, 0.0, 0.0])
    >>> hessian_vector_product(bandit, families.tabular(1, 2), at, e).round(12)[1].item()  # 8 p(1−p)(1−2p), p = ¾
    -0.75
    """
    l, cache = families.logits(family, theta)
    policy = categorical.softmax(l)
    matrix = np.eye(len(policy)) - mdp.gamma * induced_kernel(mdp, policy)
    value = np.linalg.solve(matrix, np.einsum("sa,sa->s", policy, mdp.mean_reward))
    q = mdp.mean_reward + _discounted_mean(mdp, value)
    occupancy = np.linalg.solve(matrix.T, np.where(mdp.terminal, 0.0, mdp.start))

    change = categorical.fisher_matvec(l, policies.jvp(family.policy, theta, cache, vector))  # (1)
    q_change = _discounted_mean(mdp, np.linalg.solve(matrix, _dot(change, q)[:, 0]))  # (2)
    arriving = mdp.gamma * np.einsum("s,sa,sat->t", occupancy, change, mdp.transition)
    occupancy_change = np.linalg.solve(matrix.T, np.where(mdp.terminal, 0.0, arriving))  # (3)
    g = occupancy[:, None] * q
    g_change = occupancy_change[:, None] * q + occupancy[:, None] * q_change  # (4)
    u = policy * (g - _dot(policy, g))
    u_change = change * (g - _dot(policy, g)) + policy * (g_change - _dot(policy, g_change) - _dot(change, g))  # (5)
    return vjp_derivative(family.policy.mlp, theta, cache, u, vector, u_change)


def _discounted_mean(mdp, value):
    return mdp.gamma * (mdp.transition @ np.where(mdp.terminal, 0.0, value))


def _dot(x, y):
    """Σ_a x(s, a) y(s, a), (S, 1)."""
    return np.sum(x * y, axis=1, keepdims=True)

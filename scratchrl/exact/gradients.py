r"""J(θ) and ∇J(θ) without sampling. Three roads lead to the gradient; they share no code and must agree.

    policy_gradient     the policy gradient theorem: occupancy × Q × score
    adjoint_gradient    reverse-mode differentiation of the linear system that defines V
    expectation.expected_gradient with the weights of `enumeration`: E_τ[R(τ) ∇ log P(τ)], over all trajectories

J counts Σ_{t<T} γᵗ r_t with γ = mdp.gamma; horizon T = None is the infinite one. Undiscounted finite-horizon returns
are `replace(mdp, gamma=1.0)` with a horizon. T counts rewards (exact/finite_horizon.py says what others call T).
"""

import numpy as np

from scratchrl.exact import families
from scratchrl.exact.evaluation import action_values, expected_return, induced_kernel
from scratchrl.exact.families import Family
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy, finite_horizon_occupancy


def objective(mdp: MDP, family: Family, theta: np.ndarray, horizon: int | None = None):
    """J(θ) = E[Σ_{t<T} γᵗ r_t], a scalar.

    Args:
      horizon: T, or None for the infinite horizon (θ may then be complex).
    Checked in tests/exact/test_gradients.py: enumeration, clocked MDP.
    """
    policy = families.table(family, theta)
    if horizon is None:
        return expected_return(mdp, policy)
    return mdp.start @ finite_horizon_values(mdp, policy, horizon, mdp.gamma)[0][0]


def policy_derivative(mdp: MDP, policy: np.ndarray, horizon: int | None = None) -> np.ndarray:
    r"""∂J/∂π(a|s) = d(s) Q^π(s, a), (S, A): the S·A probabilities taken as independent variables.

    Raise π(a|s) by ε at time t alone: with probability P(s_t = s) the action a replaces nothing and adds what it is
    worth from then on, γᵗ Q_t(s, a). The same π serves at every t, so the effects add (first order in ε):

        ∂J/∂π(a|s) = Σ_t γᵗ P(s_t = s) Q_t(s, a)                                                   (1)

    At infinite horizon Q_t = Q for all t and the sum is d(s) Q(s, a). At a finite one Q_t, the value with T − t
    rewards to go, must stay inside the sum: there is no Q to take out.

    Only differences within a row matter, since changes of π keep Σ_a π = 1: A may stand for Q.

    Returns:
      (S, A); 0 at states that are never visited.
    Raises:
      ValueError: infinite horizon, γ = 1 and π may run forever.
    Checked in tests/exact/test_gradients.py: complex step through the solve.
    """
    if horizon is None:
        occupancy = discounted_occupancy(mdp, policy)[:, None]
        return np.where(occupancy != 0.0, occupancy * action_values(mdp, policy), 0.0)  # (1)
    q = finite_horizon_values(mdp, policy, horizon, mdp.gamma)[1]
    return np.einsum("ts,tsa->sa", finite_horizon_occupancy(mdp, policy, horizon), q)  # (1)


def policy_gradient(mdp: MDP, family: Family, theta: np.ndarray, horizon: int | None = None) -> np.ndarray:
    r"""∇J(θ) = Σ_s d(s) Σ_a π_θ(a|s) ∇ log π_θ(a|s) Q^π(s, a): the policy gradient theorem, (P,).

    Differentiate V(s) = Σ_a π(a|s) Q(s, a), Q = r + γ P V (product rule; r and P do not depend on θ):

        ∇V(s) = Σ_a ∇π(a|s) Q(s, a) + γ Σ_{s'} K(s'|s) ∇V(s')                                       (1)

    a Bellman equation whose "reward" is ∇π·Q. Its solution sums that reward along the way, so averaged over ρ₀

        ∇J = Σ_t γᵗ Σ_s P(s_t = s) Σ_a ∇π(a|s) Q(s, a) = Σ_s d(s) Σ_a ∇π(a|s) Q(s, a)               (2)

    which by ∇π = π ∇ log π is the first line. No derivative of d appears, though d depends on θ: the recursion (1)
    has already accounted for it.

    Args:
      horizon: T or None; with T, (2) is `policy_derivative`'s sum over Q_t.
    Returns:
      ∇J (P,).
    Paper: Sutton, McAllester, Singh & Mansour (2000), theorem 1.
    Checked in tests/exact/test_gradients.py: adjoint, enumeration, complex step, on 200 random MDPs.

    >>> bandit = MDP([[[1.0], [1.0]]], [[0.0, 4.0]], 0.0, [1.0], [False])
    >>> policy_gradient(bandit, families.tabular(1, 2), np.zeros(4)).tolist()  # ¼(r_a − r_b), weights and biases
    [-1.0, 1.0, -1.0, 1.0]
    """
    policy = families.table(family, theta)
    return families.pull_back(family, theta, policy_derivative(mdp, policy, horizon))  # (2)


def adjoint_gradient(mdp: MDP, family: Family, theta: np.ndarray) -> np.ndarray:
    r"""∇J(θ) by reverse-mode differentiation of J = ρ₀·V, M V = r_π, M = I − γK, knowing no reinforcement learning.

    A bar marks ∂J/∂(·). From dV = M⁻¹(dr_π − dM V),

        V̄ = ρ₀,     r̄ = M⁻ᵀ V̄,     M̄ = −r̄ Vᵀ                       adjoint of a linear solve       (1)
        K̄ = −γ M̄ = γ r̄ Vᵀ                                                                          (2)
        π̄(s, a) = r̄(s) r(s, a) + Σ_{s'} K̄(s, s') P(s'|s, a)          r_π and K are linear in π       (3)

    The adjoint r̄ is the discounted occupancy, and (3) is r̄(s)·Q(s, a): reverse mode *is* the policy gradient theorem,
    found by a method that never heard of it. (The forward mode is (1) of `policy_gradient`.)

    Args:
      mdp: with I − γK invertible: γ < 1, or a clocked MDP (the finite horizon).
    Returns:
      ∇J (P,).
    Checked in tests/exact/test_gradients.py.
    """
    policy = families.table(family, theta)
    kernel = induced_kernel(mdp, policy)
    matrix = np.eye(len(kernel)) - mdp.gamma * kernel
    value = np.linalg.solve(matrix, np.einsum("sa,sa->s", policy, mdp.mean_reward))
    d_reward = np.linalg.solve(matrix.T, mdp.start)  # (1)
    d_kernel = mdp.gamma * np.outer(d_reward, np.where(mdp.terminal, 0.0, value))  # (2)
    d_table = d_reward[:, None] * mdp.mean_reward + np.einsum("st,sat->sa", d_kernel, mdp.transition)  # (3)
    return families.pull_back(family, theta, d_table)

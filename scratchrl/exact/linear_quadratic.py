r"""Linear-quadratic control: the one world with real states and actions in which everything is known.

    s′ = A s + B a + w,   w ~ (0, W)         r = −(sᵀ Q s + aᵀ R a)         a = −K s         s₀ ~ (0, S₀)

With F = A − B K and γ, the discounted cost of the policy K is, from the end backwards or from the start forwards,

    J = tr(P (S₀ + γ/(1−γ) W)),   P = Q + Kᵀ R K + γ Fᵀ P F            sᵀ P s is the cost to come from s          (1)
    J = tr((Q + Kᵀ R K) M),       M = S₀ + γ/(1−γ) W + γ F M Fᵀ        M = Σ_t γᵗ E[s_t s_tᵀ]                     (2)

Both are linear systems, in n² unknowns; nothing of them is sampled. J is a cost: the return is −J.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Problem(NamedTuple):
    """n numbers for a state, m for an action; covariances may be 0."""

    transition: NDArray  # (n, n) A
    control: NDArray  # (n, m) B
    state_cost: NDArray  # (n, n) Q, symmetric, ≥ 0
    action_cost: NDArray  # (m, m) R, symmetric, > 0
    gamma: float  # in [0, 1)
    start: NDArray  # (n, n) S₀
    noise: NDArray  # (n, n) W


def cost_to_come(problem: Problem, gain: NDArray) -> NDArray:
    """P of (1), (n, n).

    Args:
      gain: K (m, n), real or complex.
    Raises:
      ValueError: √γ F has an eigenvalue on or outside the unit circle: the cost is infinite. γ is not in [0, 1).

    Checked in tests/exact/test_linear_quadratic.py: the sum of costs, term by term; scalars in closed form.

    >>> one, none = np.eye(1), np.zeros((1, 1))
    >>> cost_to_come(Problem(one, one, one, one, 0.5, one, none), one).item()  # K = 1 is at rest at once: 1 + 1
    2.0
    """
    closed = _closed(problem, gain)
    return _fixed_point(problem.gamma, closed.T, _cost_of_a_step(problem, gain))


def second_moment(problem: Problem, gain: NDArray) -> NDArray:
    """M of (2), (n, n): where the policy is, discounted. Args and Raises: as for `cost_to_come`.

    Checked in tests/exact/test_linear_quadratic.py: the sum of moments, term by term.
    """
    return _fixed_point(problem.gamma, _closed(problem, gain), _inflow(problem))


def cost(problem: Problem, gain: NDArray) -> Any:
    """J, by (2). Args and Raises: as for `cost_to_come`.

    Checked in tests/exact/test_linear_quadratic.py: equal to (1).

    >>> one, none = np.eye(1), np.zeros((1, 1))
    >>> cost(Problem(one, one, one, one, 0.5, 3 * one, none), one).item()
    6.0
    """
    return np.trace(_cost_of_a_step(problem, gain) @ second_moment(problem, gain))


def action_value(problem: Problem, gain: NDArray) -> tuple[NDArray, float]:
    """(H, c) of Q^K(s, a) = −[s; a]ᵀ H [s; a] − c: one step as one likes, −K s from then on.

        [s; a]ᵀ H [s; a] = sᵀ Q s + aᵀ R a + γ (A s + B a)ᵀ P (A s + B a),   c = γ/(1−γ) tr(P W)

    Args and Raises: as for `cost_to_come`.
    Returns:
      H (n + m, n + m), symmetric, and c.

    Checked in tests/exact/test_linear_quadratic.py: Bellman's equation.
    """
    p = cost_to_come(problem, gain)
    step = np.hstack([problem.transition, problem.control])
    n = len(p)
    h = problem.gamma * step.T @ p @ step
    h[:n, :n] += problem.state_cost
    h[n:, n:] += problem.action_cost
    return h, problem.gamma / (1 - problem.gamma) * np.trace(p @ problem.noise)


def cost_gradient(problem: Problem, gain: NDArray) -> NDArray:
    r"""∇_K J = 2 [(R + γ Bᵀ P B) K − γ Bᵀ P A] M, (m, n).

    Differentiating P's equation in (1) in a direction dK gives dP = γ Fᵀ dP F + dKᵀ E + Eᵀ dK with
    E = (R + γ BᵀPB) K − γ BᵀPA, and so dJ = tr(dP (S₀ + γ/(1−γ) W)) = 2 tr(dKᵀ E M). E = 0 is the optimum, whatever M.

    Args and Raises: as for `cost_to_come`.
    Paper: Fazel et al. (2018), Global convergence of policy gradient methods for the linear quadratic regulator,
    lemma 1.

    Checked in tests/exact/test_linear_quadratic.py: complex step of `cost`.
    """
    h, _ = action_value(problem, gain)
    n = gain.shape[1]
    return 2 * (h[n:, n:] @ gain - h[n:, :n]) @ second_moment(problem, gain)


def optimal_gain(problem: Problem, sweeps: int = 10_000) -> NDArray:
    """K* = (R + γ BᵀPB)⁻¹ γ BᵀPA with the P of Riccati's equation.

    Value iteration from P = 0 to eight digits, then policy iteration, K ← greedy for the P of K, which is Newton's
    method and doubles the digits each time.

    Raises:
      ValueError: the eight digits were not there within that many sweeps; or no gain has a finite cost.
    Paper: Hewer (1971), An iterative technique for the computation of the steady state gains.

    Checked in tests/exact/test_linear_quadratic.py: scipy's solver; no gradient.
    """
    p = np.zeros_like(problem.state_cost)
    for _ in range(sweeps):
        gain, better = _improved(problem, p)
        if np.abs(better - p).max() <= 1e-8 * np.abs(better).max():
            break
        p = better
    else:
        raise ValueError(f"sweeps: expected enough for eight digits by value iteration, got {sweeps}")
    for _ in range(3):
        gain, _ = _improved(problem, cost_to_come(problem, gain))
    return gain


# ---- pieces ----


def _improved(problem: Problem, p: NDArray) -> tuple[NDArray, NDArray]:
    """The best first action if sᵀ P s is to be paid afterwards, as a gain, and the cost to come with it."""
    step, n = np.hstack([problem.transition, problem.control]), len(p)
    h = problem.gamma * step.T @ p @ step
    gain = np.linalg.solve(h[n:, n:] + problem.action_cost, h[n:, :n])
    return gain, problem.state_cost + h[:n, :n] - h[:n, n:] @ gain


def _closed(problem: Problem, gain: NDArray) -> NDArray:
    """F."""
    closed = problem.transition - problem.control @ gain
    if not 0 <= problem.gamma < 1:
        raise ValueError(f"gamma: expected a number in [0, 1), got {problem.gamma}")
    radius = np.sqrt(problem.gamma) * np.abs(np.linalg.eigvals(closed)).max()
    if not radius < 1:
        raise ValueError(f"gain: expected √γ (A − B K) of spectral radius below 1, got {radius:.6g}")
    return closed


def _cost_of_a_step(problem: Problem, gain: NDArray) -> NDArray:
    return problem.state_cost + gain.T @ problem.action_cost @ gain


def _inflow(problem: Problem) -> NDArray:
    return problem.start + problem.gamma / (1 - problem.gamma) * problem.noise


def _fixed_point(gamma: float, closed: NDArray, constant: NDArray) -> NDArray:
    """X = constant + γ F X Fᵀ, as one linear system for the n² entries of X."""
    n = len(closed)
    system = np.eye(n * n) - gamma * np.kron(closed, closed)
    return np.linalg.solve(system, constant.ravel()).reshape(n, n)

"""How far a value function can be from V*: a sup-norm bound that includes the rounding of its own computation."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from scratchrl.exact.bellman import backup
from scratchrl.exact.mdp import MDP
from scratchrl.exact.policy_iteration import improve, rounding
from scratchrl.exact.reachability import can_last_forever


class Solution(NamedTuple):
    """An optimal solution and the proof of its accuracy."""

    value: np.ndarray  # V*, (S,)
    q: np.ndarray  # Q*, (S, A)
    policy: np.ndarray  # an optimal deterministic policy, one-hot (S, A)
    error: float  # |value − V*| and |q − Q*| are at most this, everywhere
    iterations: int  # sweeps or solves


def horizon(mdp: MDP) -> float:
    """H = max_s w(s) with w = 1 + γ max_a P_a w: the longest expected discounted lifetime under any policy.

    1/(1 − γ) serves for γ < 1 (termination only shortens it). At γ = 1 it is finite exactly if every policy is proper,
    and then w is the optimal value of the MDP that pays 1 per step; else inf. (Rows are taken to sum to exactly 1: a
    sum of 1 + δ changes H by at most a factor 1 + δH.)

    Checked in tests/exact/test_certificate.py: against all deterministic policies of small MDPs.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 1.0, [1.0, 0.0], [False, True])
    >>> horizon(coin)
    2.0
    """
    if mdp.gamma < 1.0:
        return 1.0 / (1.0 - mdp.gamma)
    if can_last_forever(mdp):
        return np.inf
    _, lifetime, _ = improve(replace(mdp, reward=np.ones(mdp.transition.shape[:2])))
    return float(lifetime.max())


def error_bound(mdp: MDP, value: np.ndarray, q: np.ndarray, ceiling: float = np.inf) -> float:
    """ε·H ≥ max_s |v(s) − V*(s)|, where ε bounds |T*v − v| and H is the horizon.

    Let w = 1 + γ max_a P_a w, H = max w, and u = v + εw. For every policy,

        T^π u = T^π v + γε P_π w ≤ v + ε + ε(w − 1) = u          so V* ≤ u,                            (1)

    and with l = v − εw and π greedy for v, T^π l ≥ v − ε − ε(w − 1) = l, so V* ≥ V^π ≥ l (monotone operators,
    iterated). For γ < 1, w = 1/(1 − γ) and the bound is the familiar ε/(1 − γ).

    At γ = 1 policies that walk into walls make H infinite. They are bad enough to be left out: call an action near
    if q ≥ v − κ. Where w counts near actions only, (1) still holds for the others as long as εH ≤ κ, for
    T u ≤ v − κ + εP w ≤ v ≤ u. So at γ = 1, H is the horizon of the near actions with κ = 2⁻²⁶(1 + max|v|), and the
    bound is inf (no claim) if it exceeds κ or if near actions can loop forever: in a loop that pays 0, any rounding of
    its rewards, however small, could be collected without end (FrozenLake at γ = 1 has such loops).

    Args:
      value: v, (S,).
      q: backup(mdp, v), (S, A).
      ceiling: at γ = 1, where H is costly, inf is returned without work if the bound must exceed this (H ≥ 1).
    Returns:
      the bound; ε includes a bound on the rounding of q.
    Checked in tests/exact/test_certificate.py: never below the true error, on MDPs with known V*; rational arithmetic.
    """
    value = np.where(mdp.terminal, 0.0, value)
    residual = float(np.abs(q.max(axis=1) - value).max()) + rounding(mdp, value)
    if mdp.gamma < 1.0:
        return residual * horizon(mdp)
    near = 2.0**-26 * (1.0 + float(np.abs(value).max()))
    if residual > min(near, ceiling):
        return np.inf
    bound = residual * horizon(_restrict(mdp, q >= value[:, None] - near))
    return bound if bound <= near else np.inf


def certify(mdp: MDP, value: np.ndarray, action: np.ndarray, iterations: int) -> Solution:
    """The Solution of a value function and the actions (S,) that came with it; |q − Q*| ≤ γ|v − V*| + rounding."""
    value = np.where(mdp.terminal, 0.0, value)
    q = backup(mdp, value)
    policy = np.zeros(q.shape)
    policy[np.arange(len(action)), action] = 1.0
    return Solution(value, q, policy, error_bound(mdp, value, q) + rounding(mdp, value), iterations)


def optimal_actions(solution: Solution, tolerance: float | None = None) -> np.ndarray:
    """{a : q(s, a) ≥ max q(s, ·) − tolerance}, every maximiser of Q* among them, (S, A) bool.

    If |q − Q*| ≤ e and a* maximises Q*(s, ·), then q(s, a*) ≥ Q*(s, a*) − e ≥ Q*(s, a) − e ≥ q(s, a) − 2e for every a:
    the default tolerance 2e lets no optimal action out. What it lets in is at most 4e worse than optimal.

    Raises:
      ValueError: the solution carries no bound (error is inf) and no tolerance is given.
    Checked in tests/exact/test_solve.py: ties of gridworld, in every symmetry.

    >>> tie = Solution(np.array([1.0]), np.array([[1.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]]), 1e-12, 1)
    >>> optimal_actions(tie).tolist()
    [[True, False, True]]
    """
    if tolerance is None and not np.isfinite(solution.error):
        raise ValueError("tolerance: expected a number, for this solution has no error bound to derive one from")
    slack = 2.0 * solution.error if tolerance is None else tolerance
    return solution.q >= solution.q.max(axis=1, keepdims=True) - slack


def _restrict(mdp, allowed):
    """Every action that is not allowed becomes a copy of the first allowed one of its state."""
    first = np.arange(allowed.shape[1])
    choice = np.where(allowed, first, allowed.argmax(axis=1)[:, None])
    return replace(mdp, transition=np.take_along_axis(mdp.transition, choice[:, :, None], axis=1))

"""V*, Q* and an optimal policy, each with a bound on its true error: policy iteration, value iteration, and between.

    policy_iteration             few linear solves; the default, and the most accurate
    modified_policy_iteration    m cheap sweeps of T^π in place of each solve
    value_iteration              m = 0
Linear programming, a fourth way that shares no code with these, is in linear_programming.py.
"""

import numpy as np

from scratchrl.exact.bellman import backup
from scratchrl.exact.certificate import Solution, certify, error_bound
from scratchrl.exact.mdp import MDP
from scratchrl.exact.policy_iteration import improve


def policy_iteration(mdp: MDP) -> Solution:
    """V*(s) = max_π V^π(s) by Howard's policy iteration, to rounding.

    The loop, its slack and why it may be trusted at γ = 1 are in `policy_iteration.improve`. The value returned is V^π
    of the returned policy, which at γ = 1 is proper (and best among proper policies).

    Raises:
      ValueError: γ = 1 and some state cannot terminate, or the optimal value is infinite.
    Checked in tests/exact/test_solve.py: all deterministic policies, value iteration, linear programming, closed forms.
    Paper: Howard, Dynamic Programming and Markov Processes, 1960.

    >>> rest_or_work = MDP([[[1.0], [1.0]]], [[0.0, 1.0]], 0.75, [1.0], [False])
    >>> policy_iteration(rest_or_work).value.tolist()  # 1/(1 − γ)
    [4.0]
    """
    action, value, solves = improve(mdp)
    return certify(mdp, value, action, solves)


def value_iteration(mdp: MDP, tol: float = 1e-8, max_sweeps: int = 100_000) -> Solution:
    """v ← T*v from v = 0 until the certified error of v, not a span of differences, is at most tol.

    T* is a γ-contraction, so ‖v_k − V*‖ ≤ γᵏ‖V*‖. The rule that stops it is `certificate.error_bound`:
    ‖T*v − v‖/(1 − γ) for γ < 1, plus rounding, so a tol that float64 cannot certify is an error and not an endless
    loop. At γ = 1 the iteration is allowed, and stops when the near-optimal actions prove the bound.

    Raises:
      ValueError: max_sweeps sweeps, or as many as still change v, did not certify tol; the message holds the bound.
    Checked in tests/exact/test_solve.py: the error is below tol on every MDP with known V*.
    """
    return modified_policy_iteration(mdp, 0, tol, max_sweeps)


def modified_policy_iteration(mdp: MDP, partial: int = 20, tol: float = 1e-8, max_sweeps: int = 100_000) -> Solution:
    """v ← (T^π)^{1+partial} v with π greedy for v, until the certified error of v is at most tol.

    partial = 0 is value iteration, partial → ∞ is policy iteration. Started at v ≤ T*v (for partial > 0: the constant
    min(0, min R)/(1 − γ)), v grows monotonically: T*v = T^π v ≥ v gives (T^π)^{1+m} v ≥ T*v, and
    T*((T^π)^{1+m} v) ≥ (T^π)^{2+m} v ≥ (T^π)^{1+m} v. It stays below V* and above
    value iteration, hence converges at least as fast per improvement.

    Args:
      partial: extra sweeps of the greedy policy's own operator, each A times cheaper than a sweep of T*.
    Raises:
      ValueError: tol not certified in max_sweeps improvements; partial > 0 at γ = 1 (no such starting point).
    Checked in tests/exact/test_solve.py: monotone, same limit.
    Paper: Puterman & Shin (1978).
    """
    if partial > 0 and mdp.gamma == 1.0:
        raise ValueError("partial: expected 0 (value iteration) at gamma = 1, or use policy_iteration")
    states = np.arange(len(mdp.start))
    floor = min(0.0, float(mdp.reward.min())) / (1.0 - mdp.gamma) if partial else 0.0
    value, error = np.where(mdp.terminal, 0.0, floor), np.inf
    for sweep in range(1, max_sweeps + 1):
        q = backup(mdp, value)
        error = error_bound(mdp, value, q, ceiling=tol)
        action = q.argmax(axis=1)
        if error <= tol:
            return certify(mdp, value, action, sweep)
        value, before = q.max(axis=1), value
        if np.array_equal(value, before):
            break
        if partial:
            chain = mdp.gamma * mdp.transition[states, action] * ~mdp.terminal
            for _ in range(partial):
                value = mdp.mean_reward[states, action] + chain @ value
    raise ValueError(
        f"tol: expected an error that float64 and {max_sweeps} sweeps can certify, got {tol} where {sweep} "
        f"certify {error}: raise either, or use policy_iteration (inf at gamma = 1: optimal actions can loop forever)"
    )

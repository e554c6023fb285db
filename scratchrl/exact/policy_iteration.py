"""Howard's policy iteration: solve for V^π, switch where another action is strictly better, until none is."""

import numpy as np

from scratchrl.exact.bellman import backup
from scratchrl.exact.mdp import MDP
from scratchrl.exact.reachability import closing_actions, endless


def rounding(mdp: MDP, value: np.ndarray) -> float:
    """A bound on |float64 backup(mdp, v) − exact backup(mdp, v)|, any entry, any order of summation.

    A dot product of n nonzero terms has an error of at most nu/(1 − nu) times the sum of absolute terms, u = 2⁻⁵³, and
    rows of P sum to 1: nu·max|R| for the mean reward, nu·γ·max|v| for the future, 3u for the three roundings left.

    Checked in tests/exact/test_certificate.py: against exact rational arithmetic.
    """
    return (mdp.branching + 3) * 2.0**-52 * (mdp.reward_bound + mdp.gamma * float(np.abs(value).max()))


def improve(mdp: MDP) -> tuple[np.ndarray, np.ndarray, int]:
    """(actions (S,), their V^π (S,), number of solves) once no action improves on V^π beyond rounding.

    With x = V^π + e and residual ρ = T^π x − x, (I − γK) e = −ρ, and (I − γK)⁻¹ has no negative entry, so

        |e| ≤ L max|ρ|,   L = (I − γK)⁻¹ 1, the expected discounted lifetime                             (1)

    L is a second right-hand side of the same solve. An action is switched only if its advantage exceeds the slack
    2(γ|e| + rounding) that (1) allows between two computed action values: each switch is then a true improvement, V^π
    strictly grows, no policy returns, and the loop ends because there are finitely many.

    Why this holds at γ = 1: the first policy is proper. Suppose the switched π' keeps some closed class C away from
    termination, with stationary distribution μ. Since T^π' V^π ≥ V^π and μ = μP_π', the mean reward on C is
    μ·(T^π' V^π − V^π) ≥ 0. If it is 0, no state of C was switched (strictness), so C is closed under π, which
    is proper: impossible. Hence C pays a positive reward per step forever and V* = ∞: an error. Otherwise every policy
    on the way is proper, and the last one is best among *proper* policies: T^π'' V ≤ V for every π'', iterated.

    Raises:
      ValueError: γ = 1 and some state cannot terminate under any policy, or the optimal value is infinite.
    Checked in tests/exact/test_solve.py: against all deterministic policies; the γ = 1 cases one by one.
    """
    states, action = np.arange(len(mdp.start)), _first_actions(mdp)
    for solves in range(1, 10**6):
        chain = mdp.transition[states, action]
        if mdp.gamma == 1.0 and endless(chain > 0.0, mdp.terminal).any():
            raise ValueError("gamma = 1: a loop of positive reward can be repeated forever, V* is infinite")
        right = np.stack([mdp.mean_reward[states, action], (~mdp.terminal).astype(float)], axis=1)
        chain = chain * (-mdp.gamma * ~mdp.terminal)
        chain[states, states] += 1.0
        value, lifetime = np.linalg.solve(chain, right).T
        q = backup(mdp, value)
        kept, noise = q[states, action], rounding(mdp, value)
        error = (np.abs(kept - value).max() + noise) * lifetime.max()  # (1)
        better = q.max(axis=1) > kept + 2.0 * (error + noise)
        if not better.any():
            return action, value, solves
        action = np.where(better, q.argmax(axis=1), action)
    raise AssertionError("unreachable: policies are finitely many and none returns")


def _first_actions(mdp):
    if mdp.gamma < 1.0:
        return mdp.mean_reward.argmax(axis=1)
    action, hopeless = closing_actions(mdp)
    if hopeless.any():
        raise ValueError(
            f"gamma = 1 needs a way to terminate from every state, there is none from states "
            f"{np.flatnonzero(hopeless)[:8].tolist()} (of {hopeless.sum()})"
        )
    return action

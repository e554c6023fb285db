"""Values with a clock: backward induction over a fixed number of steps, undiscounted unless asked otherwise.

`steps` counts rewards. The seed's return Σ_{t=0}^{T} r_t has T + 1 of them, its "T-step trajectory" (product up to
T − 1) has T; here steps = T + 1 for the first and T for the second.
"""

import numpy as np

from scratchrl.exact.bellman import backup, state_value
from scratchrl.exact.mdp import MDP


def finite_horizon_values(
    mdp: MDP, policy: np.ndarray, steps: int, gamma: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """V_t^π(s) = E[Σ_{k=t}^{steps−1} γ^{k−t} r_k | s_t = s] and Q_t^π(s, a), for every t.

        V_steps = 0,     Q_t = r + γ P V_{t+1},     V_t = Σ_a π_t(a|·) Q_t(·, a)                          (1)

    Args:
      policy: (S, A), or (steps, S, A) for one that looks at the clock.
      steps: number of rewards, ≥ 0.
      gamma: 1 (undiscounted, whatever mdp.gamma is); a discount if wanted.
    Returns:
      V (steps + 1, S) with V[steps] = 0, and Q (steps, S, A).
    Raises:
      ValueError: a policy of another shape.
    Checked in tests/exact/test_finite_horizon.py: enumeration of paths; steps → ∞ is `evaluate`.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 0.9, [1.0, 0.0], [False, True])
    >>> finite_horizon_values(coin, np.ones((2, 1)), 2)[0].tolist()  # 2 + ½·2, then 2, then nothing
    [[3.0, 0.0], [2.0, 0.0], [0.0, 0.0]]
    """
    shape = mdp.transition.shape[:2]
    if policy.shape not in (shape, (steps, *shape)):
        raise ValueError(f"policy: expected shape {shape} or {(steps, *shape)}, got {policy.shape}")
    clocked = np.broadcast_to(policy, (steps, *shape))
    return _induct(mdp, steps, gamma, lambda t, q: state_value(q, clocked[t]))


def finite_horizon_optimum(mdp: MDP, steps: int, gamma: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """V_t*(s) = max_a Q_t*(s, a), Q_t* = r + γ P V*_{t+1}, V*_steps = 0: the best any policy with a clock can do.

    Induction backwards in t (principle of optimality): what follows step t depends on s_{t+1} alone, so
    max_π E[r_t + γ V_{t+1}^π] = max_a E[r_t + γ max_π V_{t+1}^π]. The best policy is argmax_a Q_t*(s, a):
    it depends on t.

    Returns:
      V* (steps + 1, S) and Q* (steps, S, A).
    Checked in tests/exact/test_finite_horizon.py: all clocked deterministic policies of a small MDP.
    """
    return _induct(mdp, steps, gamma, lambda t, q: q.max(axis=1))


def _induct(mdp, steps, gamma, collapse):
    states, actions, _ = mdp.transition.shape
    discounted = mdp if mdp.gamma == gamma else _with_gamma(mdp, gamma)
    value, q = np.zeros((steps + 1, states)), np.zeros((steps, states, actions))
    for t in reversed(range(steps)):
        q[t] = backup(discounted, value[t + 1])  # (1)
        value[t] = collapse(t, q[t])
    return value, q


def _with_gamma(mdp, gamma):
    return MDP(mdp.transition, mdp.reward, gamma, mdp.start, mdp.terminal)

r"""How often a policy is where: the weights with which states enter every policy gradient.

    d(s) = Σ_{t≥0} γᵗ P(s_t = s, still running)             infinite horizon
    d_t(s) = γᵗ P(s_t = s, still running), t < T             finite horizon, with its clock

Not normalised: Σ_s d(s) is the expected discounted lifetime, 1/(1 − γ) where nothing ever ends. Papers that write a
distribution, (1 − γ) d, pay with a factor 1/(1 − γ) in front of every formula; `distribution` divides by the sum.
"""

import numpy as np

from scratchrl.exact.evaluation import induced_kernel, solve_chain
from scratchrl.exact.mdp import MDP


def discounted_occupancy(mdp: MDP, policy: np.ndarray) -> np.ndarray:
    r"""d(s) = Σ_t γᵗ P(s_t = s, still running), (S,); 0 at terminal states.

    With K the killed chain of `induced_kernel`, row vectors move as p_{t+1} = p_t K, so

        d = Σ_t γᵗ p₀ Kᵗ,     d (I − γK) = p₀,     p₀ = ρ₀ on states that are not terminal         (1)

    the transpose of V = r + γKV. Hence d·r = ρ₀·V for every reward: both are ρ₀ (I − γK)⁻¹ r.

    Args:
      policy: π(a|s), (S, A); complex entries allowed.
    Raises:
      ValueError: γ = 1 and π may run forever (the sum does not exist).
    Checked in tests/exact/test_occupancy.py: the series, d·r = J, Σd = expected lifetime.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 1.0, [1.0, 0.0], [False, True])
    >>> discounted_occupancy(coin, np.ones((2, 1))).tolist()  # 1 + ½ + ¼ + …
    [2.0, 0.0]
    """
    lifetime = solve_chain(mdp, policy, np.ones(len(mdp.start)))
    defined = ~np.isnan(lifetime)  # at γ = 1 without the states that loop forever, which cannot be visited
    kernel = induced_kernel(mdp, policy)[np.ix_(defined, defined)]
    occupancy = np.zeros(len(mdp.start), kernel.dtype)
    begin = np.where(mdp.terminal, 0.0, mdp.start)[defined]
    occupancy[defined] = np.linalg.solve((np.eye(len(kernel)) - mdp.gamma * kernel).T, begin)  # (1)
    return occupancy


def finite_horizon_occupancy(mdp: MDP, policy: np.ndarray, horizon: int) -> np.ndarray:
    """d_t(s) = γᵗ P(s_t = s, still running) for t < horizon, (horizon, S), with γ = mdp.gamma.

    Args:
      policy: (S, A), or (horizon, S, A) for one that looks at the clock.
    Checked in tests/exact/test_occupancy.py: enumeration; sums to `discounted_occupancy` as horizon → ∞.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 1.0, [1.0, 0.0], [False, True])
    >>> finite_horizon_occupancy(coin, np.ones((2, 1)), 3)[:, 0].tolist()
    [1.0, 0.5, 0.25]
    """
    clocked = np.broadcast_to(policy, (horizon, *mdp.transition.shape[:2]))
    occupancy = np.zeros((horizon, len(mdp.start)), clocked.dtype)
    current = np.where(mdp.terminal, 0.0, mdp.start)
    for t in range(horizon):
        occupancy[t] = current
        current = mdp.gamma * (current @ induced_kernel(mdp, clocked[t]))
    return occupancy


def distribution(occupancy: np.ndarray) -> np.ndarray:
    """The occupancy of states, (S,) or (T, S) with its clock summed away, as a probability distribution (S,).

    >>> distribution(np.array([[1.0, 0.0], [2.0, 1.0]])).tolist()
    [0.75, 0.25]
    """
    total = occupancy.reshape(-1, occupancy.shape[-1]).sum(axis=0)
    return total / total.sum()

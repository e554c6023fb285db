"""The whole distribution of the return, not its mean alone, by adding up every way an episode can go.

    Z(s, a) = r + γ Z(s', a'),  s' ~ P(·|s, a),  a' ~ π(·|s'),  Z = r where s' is terminal                      (1)

Each distribution is a finite list of returns and their probabilities. Equal returns are merged, unequal ones never:
exact, and for small problems, since the list may grow by a factor in every step.
"""

from typing import NamedTuple

import numpy as np

from scratchrl.exact.mdp import MDP


class Distribution(NamedTuple):
    """M returns and their probabilities."""

    value: np.ndarray  # (M,) increasing
    prob: np.ndarray  # (M,) sum 1


def return_distributions(mdp: MDP, policy: np.ndarray, horizon: int) -> list[list[Distribution]]:
    """[s][a] -> the distribution of Σ_{t<horizon} γ^t r_t after (s, a), then π; the return, if the end comes by then.

    Args:
      policy: π (S, A); horizon: T ≥ 1 rewards.
    Returns:
      a list (S) of lists (A). For a terminal state the return is 0.
    Raises:
      ValueError: horizon < 1.
    Checked in tests/exact/test_return_distribution.py: means are Q^π, variances by their own Bellman equation, and the
    probabilities of whole trajectories.
    Paper: Bellemare, Dabney, Munos (2017), section 3, of which (1) is the distributional Bellman equation.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[[1.0, 4.0]], [[0.0, 0.0]]], 0.5, [1.0, 0.0], [False, True])
    >>> return_distributions(coin, np.ones((2, 1)), 2)[0][0]  # 1 + ½·1, 1 + ½·4, or 4 at once
    Distribution(value=array([1.5, 3. , 4. ]), prob=array([0.25, 0.25, 0.5 ]))
    """
    if horizon < 1:
        raise ValueError(f"horizon: expected at least 1, got {horizon}")
    states, actions, _ = mdp.transition.shape
    nothing = Distribution(np.zeros(1), np.ones(1))
    after = [nothing] * states
    for _ in range(horizon):
        following = [[_step(mdp, s, a, after) for a in range(actions)] for s in range(states)]
        after = [mixture(policy[s], following[s]) for s in range(states)]
    return following


def _step(mdp: MDP, s: int, a: int, after: list[Distribution]) -> Distribution:
    """(1) for one (s, a)."""
    successors = np.flatnonzero(mdp.transition[s, a])
    reward = np.broadcast_to(mdp.reward, mdp.transition.shape)[s, a]
    moved = [
        Distribution(reward[t] + (0.0 if mdp.terminal[t] else mdp.gamma) * after[t].value, after[t].prob)
        for t in successors
    ]
    return mixture(mdp.transition[s, a, successors], moved)


def mixture(weight: np.ndarray, parts: list[Distribution]) -> Distribution:
    """Σ_i weight_i · parts_i, equal returns merged, what has no probability left out.

    Checked in tests/exact/test_return_distribution.py.

    >>> mixture(np.array([0.5, 0.5]), [Distribution(np.array([1.0]), np.ones(1))] * 2)
    Distribution(value=array([1.]), prob=array([1.]))
    """
    value = np.concatenate([part.value for part in parts])
    prob = np.concatenate([w * part.prob for w, part in zip(weight, parts, strict=True)])
    kept, place = np.unique(value[prob > 0], return_inverse=True)
    return Distribution(kept, np.bincount(place, prob[prob > 0], len(kept)))


def cramer(p: Distribution, q: Distribution) -> float:
    """(∫ (F_p(z) − F_q(z))² dz)^½, F the distribution functions: the distance in which C51 contracts.

    Between two neighbouring returns both F are constant, so the integral is a sum.

    Args: values of each increasing.
    Checked in tests/exact/test_return_distribution.py: a metric; two points d apart are √d apart.

    >>> cramer(Distribution(np.array([0.0]), np.ones(1)), Distribution(np.array([4.0]), np.ones(1)))
    2.0
    """
    grid = np.unique(np.concatenate([p.value, q.value]))
    gap = _below(p, grid) - _below(q, grid)
    return float(np.sqrt(np.sum(gap[:-1] ** 2 * np.diff(grid))))


def _below(p: Distribution, grid: np.ndarray) -> np.ndarray:
    """F_p at the points of the grid."""
    return np.append(0.0, np.cumsum(p.prob))[np.searchsorted(p.value, grid, side="right")]

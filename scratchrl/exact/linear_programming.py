"""V* as the smallest function that no action can lift: a linear program."""

import numpy as np

from scratchrl.exact.certificate import Solution, certify
from scratchrl.exact.mdp import MDP


def linear_programming(mdp: MDP) -> Solution:
    """V* = argmin Σ_s v(s) subject to v(s) ≥ r(s, a) + γ Σ_{s'} P(s'|s, a) v(s') for all s, a.

    A feasible v has v ≥ T^π v for every π, and iterating (T^π is monotone) v ≥ V^π: every feasible v is ≥ V*. V* itself
    is feasible. So V* is the least feasible point, the minimiser of any positive combination of the v(s).

    The dual variable of constraint (s, a) is an occupancy d(s, a) ≥ 0, the expected discounted number of visits when
    every state starts with mass 1; by complementary slackness d > 0 only on optimal actions, and at a vertex on one
    action per state. That action is the policy returned (at γ = 1 a greedy one might loop forever,
    the dual's is proper).

    Returns:
      Solution, iterations those of the simplex method (HiGHS, feasibility to 1e-10).
    Raises:
      ValueError: γ = 1 and the optimal value is infinite, or a state cannot terminate.
    Checked in tests/exact/test_solve.py: agrees with policy and value iteration to 1e-10.

    >>> linear_programming(MDP([[[1.0], [1.0]]], [[0.0, 1.0]], 0.75, [1.0], [False])).value.tolist()
    [4.0]
    """
    from scipy.optimize import linprog
    from scipy.sparse import csr_array

    live = np.flatnonzero(~mdp.terminal)
    states, actions, _ = mdp.transition.shape
    matrix = mdp.gamma * mdp.transition[np.ix_(live, np.arange(actions), live)]
    matrix[np.arange(len(live)), :, np.arange(len(live))] -= 1.0
    result = linprog(
        np.ones(len(live)),
        A_ub=csr_array(matrix.reshape(-1, len(live))),
        b_ub=-mdp.mean_reward[live].ravel(),
        bounds=(None, None),
        method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )
    if result.status != 0:
        raise ValueError(f"mdp: expected a finite optimal value from every state, linprog says: {result.message}")
    value, action = np.zeros(states), np.zeros(states, int)
    value[live] = result.x
    action[live] = (-result.ineqlin.marginals).reshape(-1, actions).argmax(axis=1)
    return certify(mdp, value, action, int(result.nit))

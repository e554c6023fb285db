"""The state with a clock: the finite horizon as an ordinary MDP."""

import numpy as np
import pytest

from scratchrl.exact import families
from scratchrl.exact.clock import blind, clocked
from scratchrl.exact.evaluation import action_values, evaluate
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import objective
from scratchrl.exact.occupancy import discounted_occupancy, finite_horizon_occupancy
from scratchrl.exact.zoo import chain, garnet, gridworld

HORIZON = 4
MDPS = {
    "endless": garnet(np.random.default_rng(0), 5, 3, 2, 0.9),
    "terminal": garnet(np.random.default_rng(1), 5, 3, 2, 0.9, terminals=1),
    "undiscounted": gridworld(2, 3),
    "reward of the successor": chain(3),
}


@pytest.mark.parametrize("mdp", MDPS.values(), ids=MDPS)
def test_values_and_occupancies_of_the_finite_horizon(mdp):
    states, actions, _ = mdp.transition.shape
    policy = np.random.default_rng(2).dirichlet(np.ones(actions), size=states)
    big, repeated = clocked(mdp, HORIZON), np.tile(policy, (HORIZON + 1, 1))
    value, q = finite_horizon_values(mdp, policy, HORIZON, mdp.gamma)
    np.testing.assert_allclose(evaluate(big, repeated).reshape(HORIZON + 1, states), value, atol=1e-13)
    big_q = action_values(big, repeated).reshape(HORIZON + 1, states, actions)[:-1]
    np.testing.assert_allclose(big_q, q, atol=1e-13)
    occupancy = discounted_occupancy(big, repeated).reshape(HORIZON + 1, states)
    np.testing.assert_allclose(occupancy[:-1], finite_horizon_occupancy(mdp, policy, HORIZON), atol=1e-14)
    assert not occupancy[-1].any()


def test_a_family_that_does_not_see_the_clock_has_the_same_return():
    mdp, family = MDPS["terminal"], families.tabular(5, 3)
    theta = np.random.default_rng(3).standard_normal(families.size(family))
    same = objective(clocked(mdp, HORIZON), blind(family, HORIZON), theta)
    assert objective(mdp, family, theta, HORIZON) == pytest.approx(same, rel=1e-13)

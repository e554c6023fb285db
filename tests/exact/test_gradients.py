"""The three gradients of J, on 200 random MDPs each; what the theorem says about probabilities and time."""

from dataclasses import replace

import numpy as np
import pytest

from scratchrl.exact import families
from scratchrl.exact.clock import blind, clocked
from scratchrl.exact.evaluation import expected_return
from scratchrl.exact.gradients import adjoint_gradient, objective, policy_derivative, policy_gradient
from scratchrl.exact.mdp import MDP
from scratchrl.exact.zoo import chain, garnet
from scratchrl.oracle.differentiation import complex_step, relative_error

MDPS = 200
KINDS = ("tabular", "mlp")


def draw(seed, kind, gamma=None):
    """A garnet of up to 12 states and 4 actions, with or without an end, and a policy far from uniform."""
    rng = np.random.default_rng(seed)
    states, actions = int(rng.integers(2, 13)), int(rng.integers(2, 5))
    gamma = float(rng.uniform(0.3, 0.97)) if gamma is None else gamma
    mdp = garnet(rng, states, actions, int(rng.integers(1, min(states, 3) + 1)), gamma, int(rng.integers(0, 2)))
    features = rng.standard_normal((states, 3))
    family = families.tabular(states, actions) if kind == "tabular" else families.network(features, actions, (6,))
    return mdp, family, rng.standard_normal(families.size(family))


@pytest.mark.parametrize("kind", KINDS)
def test_infinite_horizon_theorem_adjoint_and_complex_step_agree(kind):
    for seed in range(MDPS):
        mdp, family, theta = draw(seed, kind)
        theorem = policy_gradient(mdp, family, theta)
        assert relative_error(adjoint_gradient(mdp, family, theta), theorem) <= 1e-12
        if seed % 10 == 0:
            truth = complex_step(lambda x, mdp=mdp, family=family: objective(mdp, family, x), theta)
            assert relative_error(theorem, truth) <= 1e-12


@pytest.mark.parametrize("gamma", [None, 1.0], ids=["discounted", "undiscounted"])
@pytest.mark.parametrize("kind", KINDS)
def test_finite_horizon_theorem_and_adjoint_agree(kind, gamma):
    """The adjoint runs on the clocked MDP, the theorem on backward induction. Enumeration: test_expectation.py."""
    for seed in range(MDPS // 2):
        mdp, family, theta = draw(seed, kind, gamma)
        theorem = policy_gradient(mdp, family, theta, horizon=4)
        other = adjoint_gradient(clocked(mdp, 4), blind(family, 4), theta)
        assert relative_error(other, theorem) <= 1e-12
        same = objective(clocked(mdp, 4), blind(family, 4), theta)
        assert objective(mdp, family, theta, horizon=4) == pytest.approx(same, rel=1e-12, abs=1e-12)


def test_derivative_with_respect_to_probabilities():
    """Along directions that keep rows summing to 1, by complex step through the solve; γ < 1 and γ = 1."""
    for mdp in (garnet(np.random.default_rng(0), 5, 3, 2, 0.9), chain(4, gamma=1.0)):
        states, actions, _ = mdp.transition.shape
        policy = np.random.default_rng(1).dirichlet(np.ones(actions), size=states)
        direction = np.roll(policy, 1, axis=1) - policy
        slope = expected_return(mdp, policy + 1e-30j * direction).imag / 1e-30
        assert (policy_derivative(mdp, policy) * direction).sum() == pytest.approx(slope, rel=1e-12)


def test_long_horizons_approach_the_infinite_one():
    mdp, family, theta = draw(3, "mlp", 0.8)
    gap = [np.abs(policy_gradient(mdp, family, theta, T) - policy_gradient(mdp, family, theta)).max() for T in (20, 40)]
    assert gap[1] < 3 * 0.8**20 * gap[0]  # the gap is of order T γ^T
    assert gap[0] < 0.1


def test_a_state_without_a_value_that_cannot_be_visited_does_not_spoil_the_gradient():
    transition = np.zeros((3, 2, 3))
    transition[0, :, 2] = transition[1, :, 1] = transition[2, :, 2] = 1.0
    mdp = MDP(transition, np.array([[0.0, 4.0], [1.0, 1.0], [0, 0]]), 1.0, [1.0, 0.0, 0.0], [False, False, True])
    family = families.tabular(3, 2)
    gradient = policy_gradient(mdp, family, np.zeros(families.size(family)))
    np.testing.assert_allclose(gradient, [-1, 1, 0, 0, 0, 0, -1, 1], atol=1e-15)
    assert policy_derivative(mdp, np.full((3, 2), 0.5)).tolist() == [[0.0, 4.0], [0.0, 0.0], [0.0, 0.0]]


def test_gamma_zero_is_a_bandit_and_horizon_one_too():
    mdp, family, theta = draw(5, "tabular", 0.9)
    one = policy_gradient(mdp, family, theta, horizon=1)
    assert relative_error(policy_gradient(replace(mdp, gamma=0.0), family, theta), one) <= 1e-14

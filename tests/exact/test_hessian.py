"""Curvature of the return: by complex step of the exact gradient."""

import numpy as np
import pytest

from scratchrl.exact import families
from scratchrl.exact.clock import blind, clocked
from scratchrl.exact.gradients import objective, policy_gradient
from scratchrl.exact.hessian import hessian_vector_product
from scratchrl.exact.zoo import chain, garnet
from scratchrl.oracle.differentiation import complex_step, relative_error


def draw(seed):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 5, 3, 2, 0.9, seed % 2)
    family = families.tabular(5, 3) if seed % 3 == 0 else families.network(rng.standard_normal((5, 2)), 3, (4, 3))
    return mdp, family, rng.standard_normal(families.size(family))


def dense(mdp, family, theta):
    return np.stack([hessian_vector_product(mdp, family, theta, unit) for unit in np.eye(len(theta))])


@pytest.mark.parametrize("seed", range(6))
def test_it_is_the_complex_step_of_the_gradient_and_symmetric(seed):
    mdp, family, theta = draw(seed)
    hessian = dense(mdp, family, theta)
    truth = complex_step(lambda x: policy_gradient(mdp, family, x), theta)
    assert relative_error(hessian, truth) <= 1e-12
    assert relative_error(hessian, hessian.T) <= 1e-12


@pytest.mark.parametrize("mdp", [chain(3, gamma=1.0), garnet(np.random.default_rng(7), 4, 2, 2, 0.9)])
def test_finite_horizons_by_the_clock(mdp):
    states, actions, _ = mdp.transition.shape
    family = families.network(np.random.default_rng(8).standard_normal((states, 2)), actions, (3,))
    theta = np.random.default_rng(9).standard_normal(families.size(family))
    big, same = clocked(mdp, 3), blind(family, 3)
    truth = complex_step(lambda x: policy_gradient(big, same, x), theta)
    assert relative_error(dense(big, same, theta), truth) <= 1e-12


def test_newtons_quadratic_model_leaves_a_cubic_remainder():
    mdp, family, theta = draw(1)
    direction = np.random.default_rng(2).standard_normal(len(theta))
    slope = policy_gradient(mdp, family, theta) @ direction
    bend = hessian_vector_product(mdp, family, theta, direction) @ direction

    def remainder(t):
        model = objective(mdp, family, theta) + t * slope + t**2 / 2 * bend
        return abs(objective(mdp, family, theta + t * direction) - model)

    order = np.log2(remainder(2e-3) / remainder(1e-3))
    assert order == pytest.approx(3.0, abs=0.05)

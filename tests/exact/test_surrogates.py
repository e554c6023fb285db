"""The performance-difference lemma and the surrogates: where they agree with J, and to which order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact import families
from scratchrl.exact.clock import clocked
from scratchrl.exact.evaluation import advantage, expected_return
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import objective, policy_gradient
from scratchrl.exact.hessian import hessian_vector_product
from scratchrl.exact.occupancy import discounted_occupancy
from scratchrl.exact.surrogates import (
    clipped_surrogate_gradient,
    performance_difference,
    surrogate,
    surrogate_gradient,
)
from scratchrl.exact.zoo import chain, garnet
from scratchrl.oracle.differentiation import complex_step, relative_error

seeds = st.integers(0, 2**32 - 1)


def draw(seed, gamma=0.9, terminals=1):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 5, 3, 2, gamma, terminals)
    family = families.network(rng.standard_normal((5, 3)), 3, (4,))
    return mdp, family, *rng.standard_normal((2, families.size(family)))


@given(seeds)
def test_performance_difference(seed):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 5, 3, 2, float(rng.uniform(0, 0.99)), int(rng.integers(0, 2)))
    new, old = rng.dirichlet(np.ones(3), size=(2, 5))
    truth = expected_return(mdp, new) - expected_return(mdp, old)
    assert performance_difference(mdp, new, old) == pytest.approx(truth, rel=1e-9, abs=1e-9)


def test_performance_difference_undiscounted_and_with_a_clock():
    rng = np.random.default_rng(0)
    mdp = chain(4, gamma=1.0)
    new, old = rng.dirichlet(np.ones(2), size=(2, 5))
    truth = expected_return(mdp, new) - expected_return(mdp, old)
    assert performance_difference(mdp, new, old) == pytest.approx(truth, abs=1e-12)
    finite = [mdp.start @ finite_horizon_values(mdp, policy, 3)[0][0] for policy in (new, old)]
    repeated = [np.tile(policy, (4, 1)) for policy in (new, old)]
    assert performance_difference(clocked(mdp, 3), *repeated) == pytest.approx(finite[0] - finite[1], abs=1e-13)


@given(seeds)
def test_at_the_old_policy_the_surrogate_has_the_value_and_the_slope_of_the_return(seed):
    mdp, family, theta, _ = draw(seed)
    old = families.table(family, theta)
    assert surrogate(mdp, old, old) == pytest.approx(expected_return(mdp, old), rel=1e-12, abs=1e-12)
    assert relative_error(surrogate_gradient(mdp, family, theta, theta), policy_gradient(mdp, family, theta)) <= 1e-11


@given(seeds)
def test_its_gradient_elsewhere_is_its_complex_step_and_not_that_of_the_return(seed):
    mdp, family, theta, other = draw(seed)
    old = families.table(family, theta)
    truth = complex_step(lambda x: surrogate(mdp, families.table(family, x), old), other)
    assert relative_error(surrogate_gradient(mdp, family, other, theta), truth) <= 1e-11


def test_what_dropping_the_state_distribution_costs_is_of_second_order():
    """J − L falls by 4 when the step is halved; the second derivatives differ by what d_π′ would have added."""
    mdp, family, theta, direction = draw(3)
    old = families.table(family, theta)

    def gap(size):
        new = families.table(family, theta + size * direction)
        return expected_return(mdp, new) - surrogate(mdp, new, old)

    assert gap(0.0) == pytest.approx(0.0, abs=1e-14)
    assert np.log2(gap(2e-3) / gap(1e-3)) == pytest.approx(2.0, abs=0.02)
    bend = hessian_vector_product(mdp, family, theta, direction) @ direction
    flat = (
        complex_step(lambda t: surrogate_gradient(mdp, family, theta + t[0] * direction, theta), np.zeros(1))[:, 0]
        @ direction
    )
    assert gap(1e-4) / 1e-8 == pytest.approx((bend - flat) / 2, rel=1e-2)
    assert abs(bend - flat) > 0.05 * abs(bend)


def test_without_discount_of_the_future_there_is_no_difference():
    """γ = 0: states of the future do not count, d is ρ₀ for every policy, and L = J."""
    mdp, family, theta, other = draw(4, gamma=0.0)
    new, old = families.table(family, other), families.table(family, theta)
    assert surrogate(mdp, new, old) == pytest.approx(expected_return(mdp, new), abs=1e-14)


# ---- PPO's clip ----


def clipped(mdp, family, theta, theta_old, clip):
    """Σ_s d_old Σ_a π_old min(ρA, clip(ρ)A), as the paper prints it; complex numbers order by their real part."""
    old, new = families.table(family, theta_old), families.table(family, theta)
    a, rho = advantage(mdp, old), new / old
    value = np.where((rho * a).real < (np.clip(rho.real, 1 - clip, 1 + clip) * a).real, rho * a,
                     np.where(abs(rho.real - 1) <= clip, rho, np.clip(rho.real, 1 - clip, 1 + clip)) * a)  # fmt: skip
    return np.einsum("s,sa,sa->", discounted_occupancy(mdp, old), old, value)


@given(seeds, st.sampled_from([0.05, 0.2, 0.5]))
def test_clipped_gradient_is_the_complex_step_of_the_paper(seed, clip):
    mdp, family, theta, direction = draw(seed)
    other = theta + 0.3 * direction
    old = families.table(family, theta)
    weight = discounted_occupancy(mdp, old)
    got = clipped_surrogate_gradient(family, other, theta, weight, advantage(mdp, old), clip)
    truth = complex_step(lambda x: clipped(mdp, family, x, theta, clip), other)
    np.testing.assert_allclose(got, truth, rtol=0, atol=1e-11 * max(1.0, np.abs(truth).max()))


def test_later_epochs_are_biased_twice():
    """At θ_old: exact. Within the clip: the surrogate's bias alone. Beyond it: samples have dropped out as well."""
    mdp, family, theta, direction = draw(5)
    old = families.table(family, theta)
    weight, a = discounted_occupancy(mdp, old), advantage(mdp, old)

    def errors(size):
        at = theta + size * direction
        got = clipped_surrogate_gradient(family, at, theta, weight, a, 0.2)
        scale = np.abs(policy_gradient(mdp, family, at)).max()
        to_surrogate = np.abs(got - surrogate_gradient(mdp, family, at, theta)).max() / scale
        return to_surrogate, np.abs(got - policy_gradient(mdp, family, at)).max() / scale

    assert max(errors(0.0)) <= 1e-11
    inside, bias = errors(0.01)
    assert inside <= 1e-11
    assert 1e-4 < bias < 0.1
    outside, bias = errors(0.5)
    assert min(outside, bias) > 0.05


def test_a_state_without_a_value_that_cannot_be_visited_does_not_spoil_the_surrogate():
    transition = np.zeros((3, 1, 3))
    transition[0, 0, 2] = transition[1, 0, 1] = transition[2, 0, 2] = 1.0
    mdp = replace(chain(1), transition=transition, reward=np.ones((3, 1)), gamma=1.0,
                  start=np.eye(3)[0], terminal=np.arange(3) == 2)  # fmt: skip
    one = np.ones((3, 1))
    assert performance_difference(mdp, one, one) == 0.0
    assert surrogate(mdp, one, one) == objective(mdp, families.tabular(3, 1), np.zeros(4)) == 1.0

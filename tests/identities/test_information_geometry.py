"""KL, Fisher matrix, natural gradient and trust region in the parameters of a network: one geometry, seen four ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import curvature, kl_estimators, policies
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import complex_step

KINDS = pytest.mark.parametrize("kind", strategies.KINDS)
SEEDS = st.integers(0, 2**32 - 1)


def mean_kl(policy, theta_old, theta, obs):
    old, new = (policies.forward(policy, parameters, obs)[0] for parameters in (theta_old, theta))
    return policy.distribution.kl(old, new).mean()


def matvec_at(policy, theta, obs, damping=0.0):
    params, cache = policies.forward(policy, theta, obs)
    return lambda v: policies.fisher_vector_product(policy, theta, params, cache, v, damping)


def unit(seed, size):
    v = np.random.default_rng(seed).standard_normal(size)
    return v / np.linalg.norm(v)


@KINDS
@given(st.data(), SEEDS)
def test_kl_leaves_the_fisher_form_with_the_third_power_of_the_step(kind, data, seed):
    """KL(θ‖θ+td) − ½t² dᵀFd = c t³ + O(t⁴): from t to t/2 the rest shrinks by 8, once t⁴ is small against t³."""
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind, activation="tanh"))
    d = unit(seed, len(theta))
    half = 0.5 * d @ matvec_at(policy, theta, obs)(d)
    rest = [abs(mean_kl(policy, theta, theta + t * d, obs) - t**2 * half) for t in (2.0**-5, 2.0**-9)]
    assert rest[1] <= rest[0] / 8**4 * 4 + 1e-11  # four halvings, a factor 4 for the t⁴ that rest[0] still feels
    assert rest[0] <= 50 * 2.0**-15 * (1 + half)


@KINDS
@given(st.data(), SEEDS)
def test_a_trust_region_step_has_the_kl_it_promises_up_to_the_root_of_the_radius(kind, data, seed):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind, activation="tanh"))
    matvec = matvec_at(policy, theta, obs)
    direction = matvec(unit(seed, len(theta)))  # without the directions that F hardly sees, where steps are long
    if np.linalg.norm(direction) < 1e-3:  # one action, or none that θ can change
        return
    for delta in (1e-4, 1e-6):  # the KL is δ (1 + O(√δ)): third derivatives against second ones
        step = curvature.trust_region_step(direction, matvec, delta)
        assert abs(mean_kl(policy, theta, theta + step, obs) / delta - 1) <= 10 * np.sqrt(delta)


@KINDS
@given(st.data(), SEEDS)
def test_the_natural_gradient_solves_the_damped_fisher_system(kind, data, seed):
    policy, theta, obs, _ = data.draw(strategies.policies(kind=kind))
    gradient, matvec = unit(seed, len(theta)), matvec_at(policy, theta, obs)
    direction, report = curvature.natural_gradient(matvec, gradient, 0.1, 3 * len(theta), 1e-12)
    dense = np.array([matvec(e) for e in np.eye(len(theta))]) + 0.1 * np.eye(len(theta))
    assert report.converged
    np.testing.assert_allclose(direction, np.linalg.solve(dense, gradient), rtol=0, atol=1e-8)
    np.testing.assert_allclose(dense, dense.T, rtol=0, atol=1e-12 * np.abs(dense).max())
    assert np.linalg.eigvalsh(dense).min() >= 0.1 - 1e-12 * np.abs(dense).max()


@given(strategies.policies(kind="categorical"), SEEDS)
def test_kl_estimators_are_exact_in_expectation_value_and_gradient(situation, seed):
    """Σ_a π_old k(a) = KL(old‖new) for k1 and k3, and Σ_a π_old k′(a) ∇log π is its gradient: estimator meets kl."""
    policy, theta, obs, _ = situation
    new = theta + 0.5 * unit(seed, len(theta))
    old_params, actions = policies.forward(policy, theta, obs)[0], policy.mlp.sizes[-1]
    truth = complex_step(lambda t: policy.distribution.kl(old_params, policies.forward(policy, t, obs)[0]).sum(), new)
    for name in ("k1", "k3"):
        value, gradient = 0.0, 0.0
        for a in range(actions):
            action = np.full(len(obs), a)
            log_old, log_new = (policies.log_prob(policy, t, obs, action) for t in (theta, new))
            value = value + np.exp(log_old) * getattr(kl_estimators, name)(log_new, log_old)
            weight = np.exp(log_old) * getattr(kl_estimators, f"{name}_grad")(log_new, log_old)
            gradient = gradient + policies.weighted_score(policy, new, obs, action, weight)
        np.testing.assert_allclose(value.mean(), mean_kl(policy, theta, new, obs), rtol=0, atol=1e-13)
        np.testing.assert_allclose(gradient, truth, rtol=0, atol=1e-12 * max(1.0, np.abs(truth).max()))

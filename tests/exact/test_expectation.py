"""Means and covariances of gradient estimators: the plain definition, and the third road to ∇J on 200 random MDPs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.exact import families
from scratchrl.exact.enumeration import count, probability, trajectories
from scratchrl.exact.estimators import five_weights
from scratchrl.exact.expectation import coordinates, expected_gradient, gradient_moments, moments
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import policy_gradient
from scratchrl.exact.zoo import garnet
from scratchrl.oracle.differentiation import relative_error

MDPS = 200


def draw(seed, kind, most=5_000):
    """A garnet of up to 12 states and 4 actions, discounted or not, with the longest horizon ≤ 4 that is affordable."""
    rng = np.random.default_rng(seed)
    states, actions = int(rng.integers(2, 13)), int(rng.integers(2, 5))
    gamma = 1.0 if seed % 4 == 0 else float(rng.uniform(0.3, 0.97))
    mdp = garnet(rng, states, actions, int(rng.integers(1, 3)), gamma, int(rng.integers(0, 2)))
    features = rng.standard_normal((states, 3))
    family = families.tabular(states, actions) if kind == "tabular" else families.network(features, actions, (6,))
    horizon = max(T for T in (1, 2, 3, 4) if T == 1 or count(mdp, T) <= most)
    return mdp, family, rng.standard_normal(families.size(family)), horizon


@pytest.mark.parametrize("kind", ["tabular", "mlp"])
def test_the_mean_of_each_of_the_five_estimators_is_the_gradient(kind):
    """total_return is the third road, E_τ[R(τ) ∇ log P(τ)]; the theorem is compared with the adjoint elsewhere."""
    worst, horizons = 0.0, []
    for seed in range(MDPS):
        mdp, family, theta, horizon = draw(seed, kind)
        policy, batch = families.table(family, theta), trajectories(mdp, horizon)
        chances = probability(batch, policy)
        value, q = finite_horizon_values(mdp, policy, horizon, mdp.gamma)
        truth = policy_gradient(mdp, family, theta, horizon)
        for weight in five_weights(batch, value, q, mdp.gamma).values():
            got = expected_gradient(family, theta, batch, chances, weight)
            worst = max(worst, relative_error(got, truth))
        horizons.append(horizon)
    assert worst <= 1e-12
    assert np.mean(horizons) > 2.5


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_moments_are_those_of_the_sum_over_steps(seed):
    mdp, family, theta, horizon = draw(seed, "mlp", 500)
    batch = trajectories(mdp, horizon)
    chances = probability(batch, families.table(family, theta))
    weight = np.random.default_rng(seed).standard_normal(batch.reward.shape)
    psi = families.scores(family, theta)
    estimate = np.zeros((len(chances), len(theta)))
    for t in range(horizon):
        estimate += np.where(batch.valid[t], weight[t], 0.0)[:, None] * psi[batch.state[t], batch.action[t]]
    mean = sum(p * g for p, g in zip(chances, estimate, strict=True))
    covariance = np.einsum("k,ki,kj->ij", chances, estimate - mean, estimate - mean)
    got = gradient_moments(family, theta, batch, chances, weight)
    np.testing.assert_allclose(got.mean, mean, rtol=0, atol=1e-12)
    np.testing.assert_allclose(got.covariance, covariance, rtol=0, atol=1e-11)
    assert got.variance == pytest.approx(np.trace(covariance), rel=1e-11)
    np.testing.assert_allclose(expected_gradient(family, theta, batch, chances, weight), mean, rtol=0, atol=1e-12)
    c = coordinates(batch, weight, *psi.shape[:2])
    np.testing.assert_allclose(c @ psi.reshape(-1, len(theta)), estimate, rtol=0, atol=1e-12)


def test_moments_of_a_die():
    got = moments(np.full(6, 1 / 6), np.arange(1.0, 7.0)[:, None])
    assert got.mean[0] == pytest.approx(3.5)
    assert got.variance == pytest.approx(35 / 12)


def test_weights_on_padding_are_not_read():
    mdp, family, theta, _ = draw(1, "tabular")
    mdp = garnet(np.random.default_rng(0), mdp.transition.shape[0], mdp.transition.shape[1], 2, 0.9, 1)
    batch = trajectories(mdp, 2)
    assert not batch.valid.all()
    chances = probability(batch, families.table(family, theta))
    weight = np.where(batch.valid, 1.5, np.nan)
    assert np.isfinite(expected_gradient(family, theta, batch, chances, weight)).all()
    assert np.isfinite(gradient_moments(family, theta, batch, chances, weight).covariance).all()

"""Return distributions: moments by Bellman equations, whole trajectories, and the Cramér distance as a metric."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact.clock import clocked
from scratchrl.exact.enumeration import probability, trajectories
from scratchrl.exact.evaluation import action_values
from scratchrl.exact.return_distribution import Distribution, cramer, mixture, return_distributions
from scratchrl.exact.zoo import chain, garnet

T = 4


@pytest.fixture(params=range(3))
def world(request):
    """A clocked MDP, so that every episode ends after T rewards, and a random policy."""
    rng = np.random.default_rng(request.param)
    mdp = clocked(garnet(rng, 3, 2, gamma=0.9), T)
    policy = rng.dirichlet(np.ones(2), len(mdp.start))
    return mdp, policy


def moment(distributions, power):
    return np.array([[(d.prob * d.value**power).sum() for d in row] for row in distributions])


def test_the_mean_is_the_action_value(world):
    mdp, policy = world
    found = return_distributions(mdp, policy, T)
    expected = action_values(mdp, policy)
    np.testing.assert_allclose(moment(found, 1)[~mdp.terminal], expected[~mdp.terminal], atol=1e-12)
    assert all(d.prob.sum() == pytest.approx(1, abs=1e-12) for row in found for d in row)
    assert all((np.diff(d.value) > 0).all() for row in found for d in row)


def test_the_second_moment_obeys_its_own_bellman_equation(world):
    """E Z² = Σ P (r² + 2 γ r E Z' + γ² E Z'²)."""
    mdp, policy = world
    first, second = (moment(return_distributions(mdp, policy, T), k) for k in (1, 2))
    v1, v2 = ((policy * m).sum(axis=1) * ~mdp.terminal for m in (first, second))
    reward = np.broadcast_to(mdp.reward, mdp.transition.shape)
    inner = reward**2 + 2 * mdp.gamma * reward * v1 + mdp.gamma**2 * v2
    expected = (mdp.transition * inner).sum(axis=2)
    np.testing.assert_allclose(second[~mdp.terminal], expected[~mdp.terminal], rtol=1e-12)


def test_probabilities_are_those_of_the_trajectories():
    mdp = chain(2, success=0.5)
    policy = np.array([[0.25, 0.75], [0.5, 0.5], [1.0, 0.0]])
    found = return_distributions(mdp, policy, T)
    total = mixture(policy[0], found[0])
    every = trajectories(mdp, T)
    returns = (every.reward * every.valid * mdp.gamma ** np.arange(T)[:, None]).sum(axis=0)
    expected = mixture(probability(every, policy), [Distribution(np.array([r]), np.ones(1)) for r in returns])
    np.testing.assert_allclose(total.value, expected.value, rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(total.prob, expected.prob, rtol=1e-12)


def test_a_horizon_of_nothing_is_refused(world):
    with pytest.raises(ValueError, match="horizon: expected at least 1, got 0"):
        return_distributions(*world, 0)


def drawn(rng, size):
    return Distribution(np.sort(rng.choice(50, size, replace=False)).astype(float), rng.dirichlet(np.ones(size)))


@given(seed=st.integers(0, 2**32 - 1), sizes=st.tuples(*[st.integers(1, 8)] * 3))
def test_cramer_is_a_metric(seed, sizes):
    p, q, r = (drawn(np.random.default_rng((seed, k)), size) for k, size in enumerate(sizes))
    assert cramer(p, p) == 0
    assert cramer(p, q) == cramer(q, p) >= 0
    assert cramer(p, r) <= cramer(p, q) + cramer(q, r) + 1e-12


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(1, 8), shift=st.floats(-5, 5), scale=st.floats(0.125, 8))
def test_cramer_does_not_see_shifts_and_grows_like_the_root_of_the_scale(seed, size, shift, scale):
    p, q = (drawn(np.random.default_rng((seed, k)), size) for k in range(2))
    moved = [Distribution(d.value + shift, d.prob) for d in (p, q)]
    scaled = [Distribution(d.value * scale, d.prob) for d in (p, q)]
    assert cramer(*moved) == pytest.approx(cramer(p, q), rel=1e-9, abs=1e-9)
    assert cramer(*scaled) == pytest.approx(scale**0.5 * cramer(p, q), rel=1e-9, abs=1e-9)

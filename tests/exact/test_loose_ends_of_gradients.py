"""Places where the usual notes on policy gradients are loose: each reading is enumerated, and the right one shown."""

from dataclasses import replace

import numpy as np
import pytest

from scratchrl.exact import families
from scratchrl.exact.clock import clocked
from scratchrl.exact.enumeration import probability, trajectories
from scratchrl.exact.estimators import q_along, ratios
from scratchrl.exact.expectation import expected_gradient
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import objective, policy_gradient
from scratchrl.exact.occupancy import finite_horizon_occupancy
from scratchrl.exact.surrogates import surrogate
from scratchrl.exact.zoo import garnet
from scratchrl.oracle.differentiation import complex_step, relative_error

HORIZON = 3
RNG = np.random.default_rng(0)
MDP = garnet(RNG, 4, 2, 2, 1.0)
FAMILY = families.network(RNG.standard_normal((4, 2)), 2, (3,))
THETA, DIRECTION = RNG.standard_normal((2, families.size(FAMILY)))
POLICY = families.table(FAMILY, THETA)
BATCH = trajectories(MDP, HORIZON)
VALUE, Q = finite_horizon_values(MDP, POLICY, HORIZON)
ADVANTAGE = q_along(BATCH, Q - VALUE[:-1, :, None])


def mean(weight, theta=THETA, policy=POLICY, batch=BATCH):
    return expected_gradient(FAMILY, theta, batch, probability(batch, policy), weight)


# ---- the REINFORCE snippet ----


def test_the_reinforce_snippets_one_step_reward_loses_the_future():
    """loss = −log π(a_t|s_t)·r_t, summed over the episode: E = ∇J − Σ_t Σ_s P(s_t) Σ_a ∇π E[V_{t+1}(s′)], exactly."""
    visits = finite_horizon_occupancy(MDP, POLICY, HORIZON)
    future = np.einsum("ts,sau,tu->sa", visits, MDP.transition, VALUE[1:])
    bias = -families.pull_back(FAMILY, THETA, future)
    truth = policy_gradient(MDP, FAMILY, THETA, HORIZON)
    got = mean(BATCH.reward)
    np.testing.assert_allclose(got, truth + bias, rtol=0, atol=1e-13)
    assert np.linalg.norm(bias) > 0.1 * np.linalg.norm(truth)


def test_the_snippet_is_right_for_one_step():
    one = trajectories(MDP, 1)
    assert relative_error(mean(one.reward, batch=one), policy_gradient(MDP, FAMILY, THETA, 1)) <= 1e-13


def test_the_snippet_at_gamma_zero_still_needs_the_discount_of_time():
    """γ = 0: J is the first reward. Σ_t ψ_t r_t pays every step; with γᵗ only the first one, and that is ∇J."""
    truth = policy_gradient(replace(MDP, gamma=0.0), FAMILY, THETA, HORIZON)
    first_step_only = np.where(np.arange(HORIZON)[:, None] == 0, BATCH.reward, 0.0)
    assert relative_error(mean(first_step_only), truth) <= 1e-13
    assert relative_error(mean(BATCH.reward), truth) > 0.1


# ---- the importance-sampling step of TRPO ----


def test_where_the_importance_sampling_step_drops_the_state_distribution():
    """E_new[Σ A_old] by all ratios up to t is exact, J(new) − J(old); by the one ratio of step t it is L − J(old)."""
    theta = THETA + 0.5 * DIRECTION
    new = families.table(FAMILY, theta)
    old_chances, rho = probability(BATCH, POLICY), ratios(BATCH, new, POLICY)
    gain = objective(MDP, FAMILY, theta, HORIZON) - objective(MDP, FAMILY, THETA, HORIZON)
    lemma = old_chances @ (np.cumprod(rho, axis=0) * ADVANTAGE).sum(axis=0)
    one_ratio = old_chances @ (rho * ADVANTAGE).sum(axis=0)
    assert probability(BATCH, new) @ ADVANTAGE.sum(axis=0) == pytest.approx(gain, rel=1e-12)
    assert lemma == pytest.approx(gain, rel=1e-12)
    big = clocked(MDP, HORIZON)
    tables = [np.tile(policy, (HORIZON + 1, 1)) for policy in (new, POLICY)]
    before = objective(MDP, FAMILY, THETA, HORIZON)
    assert one_ratio == pytest.approx(surrogate(big, *tables) - before, rel=1e-12)
    assert abs(one_ratio - gain) > 0.02 * abs(gain)


def test_why_it_holds_to_first_order():
    """The seed's two lines, E_θ[ψA] and E_old[ρψA] with A = A_old: equal at θ_old, apart by O(step) elsewhere."""

    def lines(size):
        theta = THETA + size * DIRECTION
        new = families.table(FAMILY, theta)
        return mean(ADVANTAGE, theta, new), mean(ratios(BATCH, new, POLICY) * ADVANTAGE, theta)

    first, second = lines(0.0)
    assert relative_error(first, policy_gradient(MDP, FAMILY, THETA, HORIZON)) <= 1e-12
    assert relative_error(second, first) <= 1e-13
    gaps = [np.abs(np.subtract(*lines(size))).max() for size in (2e-3, 1e-3)]
    assert np.log2(gaps[0] / gaps[1]) == pytest.approx(1.0, abs=0.02)
    assert gaps[1] > 1e-6


def test_the_expectation_under_the_new_policy_as_printed_would_double_the_gradient():
    """maximise E_{τ~π_θ}[ρ A]: the subscript must be θ_old. As it stands, Σ d_θ Σ π_θ²/π_old A, its slope is 2∇J:

    one ∇π from the ratio and another from the sampling (what d_θ contributes is Σ_a π A = 0).
    """

    def printed(theta):
        new = families.table(FAMILY, theta)
        rho = np.where(BATCH.valid, new[BATCH.state, BATCH.action] / POLICY[BATCH.state, BATCH.action], 1.0)
        return probability(BATCH, new) @ (rho * ADVANTAGE).sum(axis=0)

    slope = complex_step(printed, THETA)
    assert relative_error(slope, 2 * policy_gradient(MDP, FAMILY, THETA, HORIZON)) <= 1e-11


# ---- the past, and T ----


def test_what_came_before_contributes_nothing():
    """E[ψ_t r_k] = 0 for every single k < t, and not for k ≥ t."""
    for t in range(HORIZON):
        for k in range(HORIZON):
            weight = np.zeros_like(BATCH.reward)
            weight[t] = BATCH.reward[k]
            size = np.abs(mean(weight)).max()
            assert size <= 1e-14 if k < t else size > 1e-3


def test_the_two_conventions_for_the_horizon_have_different_gradients():
    """Σ_{t=0}^{T} has T + 1 rewards, ∏_{t=0}^{T−1} has T factors: mixing them loses the last action's score.

    With T + 1 rewards and scores up to T − 1 only, the sum misses E[∇ log π(a_T|s_T) r_T].
    """
    weight = np.broadcast_to(BATCH.reward.sum(axis=0), BATCH.reward.shape).copy()  # HORIZON = T + 1 rewards
    truth = policy_gradient(MDP, FAMILY, THETA, HORIZON)
    assert relative_error(mean(weight), truth) <= 1e-12
    weight[-1] = 0.0  # scores of T factors
    last = np.zeros_like(weight)
    last[-1] = BATCH.reward[-1]
    assert relative_error(truth - mean(last), mean(weight)) <= 1e-12
    assert relative_error(mean(weight), truth) > 0.05
    assert relative_error(mean(weight), policy_gradient(MDP, FAMILY, THETA, HORIZON - 1)) > 0.05

"""Estimators judged exactly: the variance ladder, GAE's trade, dropped discounts, cuts, importance weights, batches."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from scratchrl.exact import families
from scratchrl.exact.enumeration import batches, probability, trajectories
from scratchrl.exact.estimators import (
    discounts,
    five_weights,
    gae_weights,
    q_along,
    ratios,
    render,
    value_along,
    variance_table,
)
from scratchrl.exact.evaluation import action_values, evaluate
from scratchrl.exact.expectation import expected_gradient, gradient_moments
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import objective, policy_gradient
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import finite_horizon_occupancy
from scratchrl.exact.zoo import garnet, two_state
from scratchrl.maths import kl_estimators, returns
from scratchrl.oracle.differentiation import complex_step, relative_error

LAMBDAS = (0.0, 0.25, 0.5, 0.75, 1.0)


class Case:
    """A garnet of four states with an end, an MLP policy on it, and all its trajectories of four steps."""

    def __init__(self, seed=0, gamma=0.9, horizon=4, terminals=1):
        rng = np.random.default_rng(seed)
        self.mdp, self.gamma, self.horizon = garnet(rng, 4, 2, 2, gamma, terminals), gamma, horizon
        self.family = families.network(rng.standard_normal((4, 2)), 2, (4,))
        self.theta, self.other = rng.standard_normal((2, families.size(self.family)))
        self.policy = families.table(self.family, self.theta)
        self.batch = trajectories(self.mdp, horizon)
        self.chances = probability(self.batch, self.policy)
        self.value, self.q = finite_horizon_values(self.mdp, self.policy, horizon, gamma)
        self.truth = policy_gradient(self.mdp, self.family, self.theta, horizon)
        self.flags = self.batch.terminated, self.batch.truncated

    def mean(self, weight, theta=None, chances=None):
        theta, chances = self.theta if theta is None else theta, self.chances if chances is None else chances
        return expected_gradient(self.family, theta, self.batch, chances, weight)

    def moments(self, weight):
        return gradient_moments(self.family, self.theta, self.batch, self.chances, weight)

    def through(self, d_table):
        return families.pull_back(self.family, self.theta, d_table)


# ---- the ladder ----


def test_variance_ladder_of_the_seed():
    """The stated MDP: zoo's two_state (move works with probability 0.8, γ = 0.9), six steps, logits around 0.

    total return > reward-to-go > best constant > V^π > best b_t(s) > A; Q alone is hardly better than the reward-to-go,
    for here most of the spread is that of V over states; all unbiased.
    """
    mdp, family = two_state(), families.tabular(2, 2)
    theta = 0.5 * np.random.default_rng(0).standard_normal(families.size(family))
    rows = variance_table(mdp, family, theta, horizon=6)
    print(render(rows))
    variance = {row.name: row.variance for row in rows}
    assert max(row.bias for row in rows) <= 1e-13
    order = ["total_return", "reward_to_go", "q"]
    order += ["constant_baseline", "reward_to_go_baseline", "best_baseline", "advantage"]
    assert sorted(variance, key=lambda name: -variance[name]) == order
    assert all(variance[worse] > 1.04 * variance[better] for worse, better in pairwise(order))


def test_no_order_holds_everywhere():
    """On some random MDPs V^π is a worse baseline than none, and A a noisier weight than Q; the best is never worse."""
    worse_v, worse_a = 0, 0
    for seed in range(20):
        case = Case(seed, 1.0, 3)
        variance = {row.name: row.variance for row in variance_table(case.mdp, case.family, case.theta, horizon=3)}
        worse_v += variance["reward_to_go_baseline"] > variance["reward_to_go"]
        worse_a += variance["advantage"] > variance["q"]
        for name in ("reward_to_go_baseline", "constant_baseline"):
            assert variance["best_baseline"] <= variance[name] + 1e-12
        assert variance["constant_baseline"] <= variance["reward_to_go"] + 1e-12
    assert 0 < worse_v < 20
    assert 0 < worse_a < 20


def test_a_past_that_cancels_the_future_makes_the_total_return_the_quietest_weight():
    """+1, then −1, whatever is done: R(τ) = 0 is without any noise, and the reward-to-go −1 of the last step is not."""
    step = np.repeat(np.eye(3)[[1, 2, 2]][:, None], 2, axis=1)
    reward = np.array([[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0]])
    mdp = MDP(step, reward, 1.0, np.eye(3)[0], np.array([False, False, True]))
    rows = {row.name: row for row in variance_table(mdp, families.tabular(3, 2), np.zeros(8), horizon=2)}
    assert rows["total_return"].variance == 0.0
    assert rows["reward_to_go"].variance == pytest.approx(1.0)  # ‖ψ‖² = 2·¼ for the weight and 2·¼ for the bias


def test_a_constant_baseline_of_any_size_leaves_the_mean_alone():
    case = Case()
    to_go = five_weights(case.batch, case.value, case.q, case.gamma)["reward_to_go"]
    for constant in (-3.0, 100.0):
        assert relative_error(case.mean(to_go - constant), case.truth) <= 1e-11


def test_value_along_takes_tables_with_and_without_a_clock():
    case = Case()
    v, next_v = value_along(case.batch, case.value)
    np.testing.assert_array_equal(v[2], case.value[2][case.batch.state[2]])
    np.testing.assert_array_equal(next_v[-1], 0.0)
    np.testing.assert_array_equal(value_along(case.batch, case.value[0])[1], case.value[0][case.batch.next_state])
    np.testing.assert_array_equal(q_along(case.batch, case.q)[1], case.q[1][case.batch.state[1], case.batch.action[1]])


# ---- GAE ----


def test_gae_with_the_exact_values_is_unbiased_and_noisier_with_lambda():
    """Unbiased is a theorem. Noisier is the rule, not a law: scores of neighbouring steps may be correlated."""
    case = Case(0)
    variance = []
    for lam in LAMBDAS:
        got = case.moments(gae_weights(case.batch, case.value, case.gamma, lam))
        assert relative_error(got.mean, case.truth) <= 1e-12
        variance.append(got.variance)
    assert (np.diff(variance) > 0).all()


def test_gae_with_a_wrong_value_trades_bias_for_variance():
    case = Case(1)
    wrong = case.value + np.random.default_rng(7).standard_normal(case.value.shape)
    wrong[-1] = 0.0  # nothing follows the last step
    got = [case.moments(gae_weights(case.batch, wrong, case.gamma, lam)) for lam in LAMBDAS]
    bias = [np.linalg.norm(m.mean - case.truth) for m in got]
    assert (np.diff(bias) < 0).all()
    assert bias[0] > 0.1
    assert bias[-1] <= 1e-13


def test_the_bias_of_gae_is_its_formula():
    case, lam = Case(1), 0.6
    error = np.random.default_rng(7).standard_normal(case.value.shape)
    error[-1] = 0.0
    e, next_e = value_along(case.batch, error)
    surprise = case.gamma * ~case.batch.terminated * next_e - e
    ahead = returns.reverse_scan(surprise, case.gamma * lam * ~(case.batch.terminated | case.batch.truncated))
    bias = case.mean(discounts(case.batch, case.gamma) * ahead)
    got = case.mean(gae_weights(case.batch, case.value + error, case.gamma, lam)) - case.truth
    np.testing.assert_allclose(got, bias, rtol=0, atol=1e-13)


def test_gamma_as_a_knob_is_biased_even_with_exact_values():
    """GAE's γ < 1 for an undiscounted objective: the exact V^γ does not help."""
    case = Case(2, gamma=1.0)
    value = finite_horizon_values(case.mdp, case.policy, case.horizon, 0.8)[0]
    v, next_v = value_along(case.batch, value)
    weight = returns.gae(case.batch.reward, v, next_v, *case.flags, 0.8, 0.95)
    assert np.linalg.norm(case.mean(weight) - case.truth) > 0.05 * np.linalg.norm(case.truth)


# ---- discounts and cuts ----


def test_dropping_the_discount_of_time_counts_states_undiscounted():
    case = Case(3, gamma=0.7)
    got = case.mean(returns.reward_to_go(case.batch.reward, *case.flags, case.gamma))
    visits = finite_horizon_occupancy(replace(case.mdp, gamma=1.0), case.policy, case.horizon)
    assert relative_error(got, case.through(np.einsum("ts,tsa->sa", visits, case.q))) <= 1e-12
    assert np.linalg.norm(got - case.truth) > 0.1 * np.linalg.norm(case.truth)


def test_without_the_discount_of_time_it_is_the_gradient_of_nothing():
    """The Jacobian of a gradient is symmetric. That of the field with γᵗ dropped is not, unless γ = 1."""

    def asymmetry(gamma, horizon=3):
        case = Case(3, gamma, horizon)

        def field(theta):  # Σ_t P(s_t) Q_t with γ inside Q only, for complex θ
            policy, reward = families.table(case.family, theta), case.mdp.mean_reward
            at, value, chain = [case.mdp.start * ~case.mdp.terminal], 0.0 * case.mdp.start, 0.0
            for _ in range(horizon - 1):
                chain = np.einsum("sa,sat->st", policy, case.mdp.transition) * ~case.mdp.terminal
                at.append(at[-1] @ chain)
            table = 0.0
            for t in reversed(range(horizon)):
                q = reward + gamma * case.mdp.transition @ value
                table = table + at[t][:, None] * q
                value = (policy * q).sum(axis=1)
            return families.pull_back(case.family, theta, table)

        got = case.mean(returns.reward_to_go(case.batch.reward, *case.flags, gamma))
        assert relative_error(field(case.theta), got) <= 1e-12
        jacobian = complex_step(field, case.theta)
        return relative_error(jacobian.T, jacobian)

    assert asymmetry(1.0) <= 1e-12
    assert asymmetry(0.7) > 0.01


def test_a_cut_with_bootstrap_gives_the_first_terms_of_the_infinite_sum():
    """Exact V^π at the horizon: E[ĝ] = Σ_{t<T} d_t Q^π, biased by the tail of the occupancy only."""
    case = Case(4, gamma=0.8)
    got = case.mean(gae_weights(case.batch, evaluate(case.mdp, case.policy), case.gamma, 0.5))
    q = action_values(case.mdp, case.policy)
    visits = finite_horizon_occupancy(case.mdp, case.policy, case.horizon)
    assert relative_error(got, case.through(visits.sum(axis=0)[:, None] * q)) <= 1e-12


def test_truncation_treated_as_termination_forgets_what_comes_after_the_horizon():
    """The same V^π, the cut taken for an end: for λ = 1 E[ĝ] = Σ_t d_t Q_t with T − t steps to go, not Q^π."""
    case = Case(4, gamma=0.8)
    v, next_v = value_along(case.batch, evaluate(case.mdp, case.policy))
    ended = case.batch.terminated | case.batch.truncated
    advantage = returns.gae(case.batch.reward, v, next_v, ended, 0 * ended > 0, case.gamma, 1.0)
    got = case.mean(discounts(case.batch, case.gamma) * advantage)
    assert relative_error(got, case.truth) <= 1e-12  # the gradient of the *finite-horizon* return
    right = case.mean(gae_weights(case.batch, evaluate(case.mdp, case.policy), case.gamma, 1.0))
    infinite = policy_gradient(case.mdp, case.family, case.theta)
    assert np.linalg.norm(got - infinite) > 1.5 * np.linalg.norm(right - infinite)


# ---- importance weights ----


def test_products_of_ratios_turn_old_trajectories_into_new_gradients():
    """Per-decision weights are unbiased for ∇J(θ_new); so is the whole product on the whole return, and noisier."""
    case = Case(5)
    new = families.table(case.family, case.other)
    rho = np.cumprod(ratios(case.batch, new, case.policy), axis=0)
    truth = policy_gradient(case.mdp, case.family, case.other, case.horizon)
    discount = discounts(case.batch, case.gamma)
    decision = returns.reward_to_go(discount * rho * case.batch.reward, *case.flags, 1.0)
    whole = returns.total_return(case.batch.reward, *case.flags, case.gamma) * rho[-1]
    assert relative_error(case.mean(decision, case.other), truth) <= 1e-12
    assert relative_error(case.mean(whole, case.other), truth) <= 1e-12
    arguments = case.family, case.other, case.batch, case.chances
    assert gradient_moments(*arguments, decision).variance < gradient_moments(*arguments, whole).variance
    assert (case.chances * rho[-1]).sum() == pytest.approx(1.0, rel=1e-12)


def test_one_ratio_a_step_is_biased():
    case = Case(5)
    new = families.table(case.family, case.other)
    q = finite_horizon_values(case.mdp, new, case.horizon, case.gamma)[1]
    weight = discounts(case.batch, case.gamma) * ratios(case.batch, new, case.policy) * q_along(case.batch, q)
    truth = policy_gradient(case.mdp, case.family, case.other, case.horizon)
    assert relative_error(case.mean(weight, case.other), truth) > 0.01  # even with the new policy's own Q


# ---- divergences along the way ----


@pytest.mark.parametrize("name", ["k1", "k2", "k3"])
def test_kl_estimators_on_trajectories(name):
    """E_old[Σ_t k(s_t, a_t)] against Σ_s d(s) KL(old‖new)(s): value and slope, k1 and k3 exact, k2 of third order."""
    case = Case(6, gamma=1.0)
    visits = finite_horizon_occupancy(case.mdp, case.policy, case.horizon).sum(axis=0)
    k, slope = getattr(kl_estimators, name), getattr(kl_estimators, f"{name}_grad")

    def errors(size):
        at = case.theta + size * case.other
        new = families.table(case.family, at)
        log_new, log_old = (np.log(x[case.batch.state, case.batch.action]) for x in (new, case.policy))
        value = case.chances @ np.where(case.batch.valid, k(log_new, log_old), 0.0).sum(axis=0)
        truth = visits @ (case.policy * np.log(case.policy / new)).sum(axis=1)
        gradient = families.pull_back(case.family, at, -visits[:, None] * case.policy / new)  # ∇ −Σ d π_old log π
        return abs(value - truth), np.abs(case.mean(slope(log_new, log_old), at) - gradient).max()

    if name == "k2":
        (value, gradient), (half_value, half_gradient) = errors(2e-3), errors(1e-3)
        assert np.log2(value / half_value) == pytest.approx(3.0, abs=0.1)
        assert np.log2(gradient / half_gradient) == pytest.approx(2.0, abs=0.1)
    else:
        assert max(errors(0.5)) <= 1e-13


# ---- what depends on the whole batch ----


@pytest.mark.parametrize(("seed", "low", "high"), [(9, 0.95, 0.97), (15, -0.9, -0.85)])
def test_normalised_advantages_point_elsewhere(seed, low, high):
    """E over all pairs of trajectories: division by the batch's own deviation is biased, in direction too.

    The mean subtracts a part of each sample's own advantage; the deviation divides by a number that depends on it, so
    that rare large advantages lose their size. On small batches the result may even point downhill (seed 15).
    """
    case = Case(seed, gamma=1.0, horizon=2)
    weight = five_weights(case.batch, case.value, case.q, 1.0)["reward_to_go_baseline"]
    scores = families.scores(case.family, case.theta)
    columns = np.arange(len(case.chances))

    def estimate(index, normalise):
        valid = case.batch.valid[:, index]
        phi = weight[:, index][valid]
        phi = returns.normalize_advantage(phi) if normalise else phi
        return phi @ scores[case.batch.state[:, index][valid], case.batch.action[:, index][valid]] / len(index)

    def expectation(normalise):
        pairs = ((i, j) for i in columns for j in columns)
        return sum(case.chances[i] * case.chances[j] * estimate([i, j], normalise) for i, j in pairs)

    plain, normalised = expectation(False), expectation(True)
    assert relative_error(plain, case.truth) <= 1e-12
    cosine = normalised @ case.truth / np.linalg.norm(normalised) / np.linalg.norm(case.truth)
    assert low < cosine < high


def test_leave_one_out_baseline_is_unbiased_and_the_batch_mean_is_not():
    """Over all triples: b_i = mean of the others is unbiased; b = mean of all shrinks the gradient by (N − 1)/N."""
    case = Case(9, gamma=0.9, horizon=1)
    size = 3

    def estimate(batch, leave_out):
        total = returns.discounted_return(batch.reward, case.gamma)
        centred = total - total.mean()
        weight = centred * (size / (size - 1) if leave_out else 1.0)
        equal = np.full(size, 1.0 / size)
        return expected_gradient(case.family, case.theta, batch, equal, np.broadcast_to(weight, batch.reward.shape))

    def expectation(leave_out):
        return sum(p * estimate(batch, leave_out) for p, batch in batches(case.batch, case.chances, size))

    assert relative_error(expectation(True), case.truth) <= 1e-12
    assert relative_error(expectation(False), case.truth * (size - 1) / size) <= 1e-12


# ---- what a loss measures ----


def test_the_loss_of_a_policy_gradient_is_not_the_return():
    """E[Σ log π R] changes with a shift of the rewards that leaves every gradient alone; its value means nothing."""
    case = Case(10, gamma=1.0, terminals=0)
    log_prob = np.log(case.policy)[case.batch.state, case.batch.action]
    total = case.batch.reward.sum(axis=0)

    def loss(shift):
        return case.chances @ (log_prob.sum(axis=0) * (total + shift))

    assert case.chances @ total == pytest.approx(objective(case.mdp, case.family, case.theta, case.horizon))
    assert abs(loss(5.0) - loss(0.0)) > 1.0
    assert relative_error(case.mean(np.broadcast_to(total + 5.0, log_prob.shape)), case.truth) <= 1e-12

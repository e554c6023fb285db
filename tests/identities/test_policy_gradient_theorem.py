"""The policy gradient theorem, by enumerating every trajectory of a small decision process: no sampling, no tolerance.

A deterministic process of three states, two actions and three steps has eight trajectories. Whatever multiplies the
score, if it is right in expectation then Σ_τ P(τ) Σ_t Φ_t ∇ log π(a_t|s_t) is ∇J, and J is known as a function of θ.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, objectives, off_policy, policies, returns
from scratchrl.oracle.differentiation import complex_step

HORIZON, STATES, ACTIONS = 3, 3, 2
POLICY = policies.categorical_policy(STATES, ACTIONS, (4,))
SEEDS = st.integers(0, 2**32 - 1)
SEQUENCES = np.array(list(itertools.product(range(ACTIONS), repeat=HORIZON))).T  # (T, 8): one trajectory a column


class Process:
    """A random process, its eight trajectories (T, 8), and everything known about it."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.theta = rng.standard_normal(policies.size(POLICY))
        self.successor, self.payoff = rng.integers(0, STATES, (STATES, ACTIONS)), rng.standard_normal((STATES, ACTIONS))
        state = np.zeros((HORIZON + 1, SEQUENCES.shape[1]), int)
        for t in range(HORIZON):
            state[t + 1] = self.successor[state[t], SEQUENCES[t]]
        self.state, self.reward = state, self.payoff[state[:-1], SEQUENCES]
        self.obs, self.action = np.eye(STATES)[state[:-1]].reshape(-1, STATES), SEQUENCES.ravel()
        self.terminated = np.zeros(SEQUENCES.shape, bool)
        self.terminated[-1] = True
        self.truncated = np.zeros_like(self.terminated)

    def log_prob(self, theta):
        return policies.log_prob(POLICY, theta, self.obs, self.action).reshape(SEQUENCES.shape)

    def performance(self, theta):
        """J(θ) = Σ_τ P(τ) R(τ)."""
        return (np.exp(self.log_prob(theta).sum(axis=0)) * self.reward.sum(axis=0)).sum()

    def values(self, theta, gamma=1.0):
        """V_t(s_t) and V_{t+1}(s_{t+1}) along the trajectories, by backward induction."""
        probs = categorical.softmax(policies.forward(POLICY, theta, np.eye(STATES))[0])
        table = np.zeros((HORIZON + 1, STATES))
        for t in range(HORIZON - 1, -1, -1):
            table[t] = (probs * (self.payoff + gamma * table[t + 1][self.successor])).sum(axis=1)
        along = np.take_along_axis(table, self.state, axis=1)
        return along[:-1], along[1:]

    def expected_gradient(self, weight):
        """Σ_τ P(τ) Σ_t Φ_t ∇ log π(a_t|s_t)."""
        weight = np.exp(self.log_prob(self.theta).sum(axis=0)) * weight
        return policies.weighted_score(POLICY, self.theta, self.obs, self.action, weight.ravel())


PHI = {
    "total return": lambda p, v, w: returns.total_return(p.reward, p.terminated, p.truncated, 1.0),
    "reward to go": lambda p, v, w: returns.reward_to_go(p.reward, p.terminated, p.truncated, 1.0),
    "reward to go - V": lambda p, v, w: returns.reward_to_go(p.reward, p.terminated, p.truncated, 1.0) - v,
    "reward to go - any baseline": lambda p, v, w: (
        returns.reward_to_go(p.reward, p.terminated, p.truncated, 1.0) - np.sin(5.0 * p.state[:-1])
    ),
    "TD error": lambda p, v, w: returns.gae(p.reward, v, w, p.terminated, p.truncated, 1.0, 0.0),
    "GAE(0.7)": lambda p, v, w: returns.gae(p.reward, v, w, p.terminated, p.truncated, 1.0, 0.7),
    "two-step return": lambda p, v, w: returns.n_step_return(p.reward, w, p.terminated, p.truncated, 1.0, 2),
    "lambda-return": lambda p, v, w: returns.lambda_return(p.reward, w, p.terminated, p.truncated, 1.0, 0.3),
    "V-trace, on-policy": lambda p, v, w: off_policy.vtrace(
        0 * v, p.reward, v, w, p.terminated, p.truncated, 1.0
    )[1],
}  # fmt: skip


@pytest.mark.parametrize("name", PHI)
@given(SEEDS)
def test_every_weight_that_is_right_in_expectation_gives_the_gradient(name, seed):
    process = Process(seed)
    truth = complex_step(process.performance, process.theta)
    got = process.expected_gradient(PHI[name](process, *process.values(process.theta)))
    np.testing.assert_allclose(got, truth, rtol=0, atol=1e-12 * max(1.0, np.abs(truth).max()))


@given(SEEDS)
def test_a_wrong_value_function_makes_the_td_error_a_biased_weight(seed):
    """The other side of the theorem: only λ = 1 survives an arbitrary V, and then every V does."""
    process = Process(seed)
    truth = complex_step(process.performance, process.theta)
    wrong = np.cos(7.0 * process.state)
    flags = (process.terminated, process.truncated)
    unbiased = process.expected_gradient(returns.gae(process.reward, wrong[:-1], wrong[1:], *flags, 1.0, 1.0))
    np.testing.assert_allclose(unbiased, truth, rtol=0, atol=1e-12 * max(1.0, np.abs(truth).max()))


@given(SEEDS, SEEDS)
def test_importance_weights_turn_one_policys_trajectories_into_anothers(seed, other):
    """E_μ[vs₀] = V^π(s₀) for V-trace that clips nothing, whatever V it starts from."""
    process = Process(seed)
    target = process.theta + 0.3 * np.random.default_rng(other).standard_normal(process.theta.shape)
    log_rho = process.log_prob(target) - process.log_prob(process.theta)
    wrong, gamma = np.cos(7.0 * process.state), 0.9
    flags, no_clip = (process.terminated, process.truncated), (np.inf, np.inf)
    vs, _ = off_policy.vtrace(log_rho, process.reward, wrong[:-1], wrong[1:], *flags, gamma, 1.0, *no_clip)
    expected = (np.exp(process.log_prob(process.theta).sum(axis=0)) * vs[0]).sum()
    np.testing.assert_allclose(expected, process.values(target, gamma)[0][0, 0], rtol=0, atol=1e-12)


@given(SEEDS, SEEDS)
def test_performance_difference_is_the_expected_advantage_of_the_old_policy(seed, other):
    """J(π′) − J(π) = E_{τ~π′} Σ_t A^π(s_t, a_t)   (Kakade & Langford)."""
    process = Process(seed)
    new = process.theta + np.random.default_rng(other).standard_normal(process.theta.shape)
    v, w = process.values(process.theta)
    advantage = returns.gae(process.reward, v, w, process.terminated, process.truncated, 1.0, 0.0)
    gain = (np.exp(process.log_prob(new).sum(axis=0)) * advantage.sum(axis=0)).sum()
    np.testing.assert_allclose(process.performance(new) - process.performance(process.theta), gain, rtol=0, atol=1e-12)


@given(SEEDS)
def test_ppo_surrogate_and_penalty_all_start_along_the_policy_gradient(seed):
    process = Process(seed)
    truth = complex_step(process.performance, process.theta)
    v, w = process.values(process.theta)
    advantage = returns.gae(process.reward, v, w, process.terminated, process.truncated, 1.0, 0.9)
    log_prob = process.log_prob(process.theta)
    for weight in (
        objectives.surrogate(log_prob, log_prob, advantage)[1],
        objectives.ppo_clip(log_prob, log_prob, advantage, 0.2)[1],
        objectives.ppo_penalty(log_prob, log_prob, advantage, 0 * log_prob, 1.0)[1],
    ):
        got = process.expected_gradient(weight)
        np.testing.assert_allclose(got, truth, rtol=0, atol=1e-12 * max(1.0, np.abs(truth).max()))

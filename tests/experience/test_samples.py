"""From a batch to rows: advantages and targets by hand at every kind of end, and what the old policy says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.experience import samples as sampling
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.maths import mlp, policies
from scratchrl.maths.mlp import MLP

LINE = Agent(policies.categorical_policy(1, 2, ()), MLP((1, 1)))
PHI = np.array([2.0, 1.0])  # V(o) = 2 o + 1


def batch_of(obs, next_obs, reward, terminated, truncated, valid=None):
    """Columns (T, N) of numbers; O = 1; every action is 0."""
    obs, next_obs, reward = (np.array(x, float) for x in (obs, next_obs, reward))
    flags = np.array(terminated, bool), np.array(truncated, bool)
    valid = np.ones(obs.shape, bool) if valid is None else np.array(valid, bool)
    return Batch(obs[..., None], np.zeros(obs.shape, int), reward, next_obs[..., None], *flags, valid)


def judged(batch, gamma=0.5, lam=0.5):
    return sampling.judged(LINE, np.zeros(4), PHI, batch, gamma, lam)


def test_one_row_with_each_end():
    """V = 3, V′ = 7, r = 10, γ = ½: δ = 10 + 3.5 − 3 unless the episode terminated; truncated bootstraps."""
    rows = [[1.0] * 4], [[3.0] * 4], [[10.0] * 4]
    batch = batch_of(*rows, [[False, True, False, True]], [[False, False, True, True]])
    samples = judged(batch)
    assert samples.value.tolist() == [3.0] * 4
    assert samples.advantage.tolist() == [10.5, 7.0, 10.5, 7.0]
    assert samples.target.tolist() == [13.5, 10.0, 13.5, 10.0]


def test_truncation_bootstraps_from_the_final_observation_and_not_from_the_next_row():
    """Row 1 begins another episode at o = 50; γλ = ¼. A₁ = 4 + 0 − 101 = −97 (terminated), A₀ = 10.5 alone."""
    batch = batch_of([[1.0], [50.0]], [[3.0], [9.0]], [[10.0], [4.0]], [[False], [True]], [[True], [False]])
    assert judged(batch).advantage.tolist() == [10.5, -97.0]


def test_the_trace_goes_on_within_an_episode():
    """The same without the truncation: o runs 1, 3, 9. δ₀ = 10 + 3.5 − 3, δ₁ = 4 + 9.5 − 7, A₀ = δ₀ + δ₁/4."""
    batch = batch_of([[1.0], [3.0]], [[3.0], [9.0]], [[10.0], [4.0]], [[False], [False]], [[False], [False]])
    assert judged(batch).advantage.tolist() == [10.5 + 6.5 / 4, 6.5]


def test_a_filler_row_is_dropped_and_leaks_nothing_backwards():
    end, none = [[True], [False], [False]], [[False]] * 3
    with_filler = batch_of(
        [[1.0], [3.0], [2.0]], [[3.0], [2.0], [4.0]], [[10.0], [1e9], [1.0]], none, end, [[True], [False], [True]]
    )
    without = batch_of([[1.0], [2.0]], [[3.0], [4.0]], [[10.0], [1.0]], none[:2], [[True], [False]])
    for got, expected in zip(judged(with_filler), judged(without), strict=True):
        np.testing.assert_array_equal(got, expected)


@given(
    steps=st.integers(1, 6), envs=st.integers(1, 4), seed=st.integers(0, 2**32 - 1), continuous=st.booleans(),
    gamma=st.sampled_from([0.0, 0.9, 1.0]), lam=st.sampled_from([0.0, 0.7, 1.0]),
)  # fmt: skip
def test_advantage_is_the_sum_of_discounted_deltas_up_to_the_end(steps, envs, seed, continuous, gamma, lam):
    """GAE's definition, by a loop for each row; order of rows: time first; params and log_prob of the policy."""
    rng = np.random.default_rng(seed)
    policy = (policies.gaussian_policy if continuous else policies.categorical_policy)(3, 2, (4,))
    agent = Agent(policy, MLP((3, 4, 1)))
    theta, phi = rng.standard_normal(policies.size(policy)), rng.standard_normal(mlp.size(agent.value))
    obs, next_obs = rng.standard_normal((2, steps, envs, 3))
    action = rng.standard_normal((steps, envs, 2)) if continuous else rng.integers(0, 2, (steps, envs))
    reward, terminated, truncated = rng.standard_normal((steps, envs)), *(rng.random((2, steps, envs)) < 0.2)
    valid = rng.random((steps, envs)) < 0.8
    valid[0, 0] = True
    batch = Batch(obs, action, reward, next_obs, terminated, truncated, valid)
    samples = sampling.judged(agent, theta, phi, batch, gamma, lam)

    def value(o):
        return mlp.forward(agent.value, phi, o[None])[0].item()

    def delta(t, n):
        bootstrap = 0.0 if terminated[t, n] else value(next_obs[t, n])
        return reward[t, n] + gamma * bootstrap - value(obs[t, n])

    def advantage(t, n):
        total = 0.0
        for k in range(t, steps):
            total += (gamma * lam) ** (k - t) * delta(k, n)
            if terminated[k, n] or truncated[k, n]:
                break
        return total

    rows = [(t, n) for t in range(steps) for n in range(envs) if valid[t, n]]
    expected = np.array([advantage(*row) for row in rows])
    np.testing.assert_allclose(samples.advantage, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(samples.value, [value(obs[row]) for row in rows], rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(samples.target, samples.advantage + samples.value)
    np.testing.assert_array_equal(samples.obs, [obs[row] for row in rows])
    np.testing.assert_array_equal(samples.action, [action[row] for row in rows])
    np.testing.assert_array_equal(samples.params, policies.forward(policy, theta, samples.obs)[0])
    np.testing.assert_array_equal(samples.log_prob, policies.log_prob(policy, theta, samples.obs, samples.action))


def test_weighted_takes_the_caller_s_numbers_as_they_are():
    batch = batch_of(*[[[1.0, 2.0], [3.0, 4.0]]] * 3, *[[[False] * 2] * 2] * 2, [[True, True], [False, True]])
    value, advantage, target = np.arange(12.0).reshape(3, 2, 2)
    samples = sampling.weighted(LINE, np.zeros(4), batch, value, advantage, target)
    assert [x.tolist() for x in samples[4:]] == [[0.0, 1.0, 3.0], [4.0, 5.0, 7.0], [8.0, 9.0, 11.0]]
    assert samples.obs[:, 0].tolist() == [1.0, 2.0, 4.0]
    assert samples.log_prob == pytest.approx(-np.log(2))

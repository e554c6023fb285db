"""The fused float32 gradients against the composition that defines them, in float64."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.algorithms import a2c, ppo
from scratchrl.experience.agent import Agent
from scratchrl.experience.samples import Samples
from scratchrl.maths import action_values, critic, fused, mlp, objectives, policies, targets
from scratchrl.maths.mlp import MLP

EPS = float(np.finfo(np.float32).eps)


def drawn(rng, rows, observation, actions, activation, spread=1.0):
    policy = policies.categorical_policy(observation, actions, (8, 5), activation)
    theta = 0.5 * rng.standard_normal(policies.size(policy))
    obs, action = rng.standard_normal((rows, observation)), rng.integers(0, actions, rows)
    log_prob = policies.log_prob(policy, theta, obs, action)
    log_prob_old, advantage = log_prob + spread * rng.standard_normal(rows), rng.standard_normal(rows)
    return policy, theta, obs, action, log_prob_old, advantage


def composed(policy, theta, obs, action, log_prob_old, advantage, clip):
    """The definition, as algorithms/ppo.py writes it."""
    params, cache = policies.forward(policy, theta, obs)
    log_prob = policy.distribution.log_prob(params, action)
    value, d_log_prob = objectives.ppo_clip(log_prob, log_prob_old, advantage, clip)
    d_params = -d_log_prob[:, None] * policy.distribution.score(params, action) / len(obs)
    return -value.sum() / len(obs), policies.vjp(policy, theta, cache, d_params)


def narrowed(arrays):
    return tuple(a.astype(np.float32) if a.dtype == np.float64 else a for a in arrays)


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 5), st.integers(1, 6),
    st.sampled_from(["tanh", "relu", "identity"]),
)  # fmt: skip
def test_fused_ppo_clip_is_its_composition(seed, rows, observation, actions, activation):
    """Any number of rows across several blocks. Ratios within rounding of a bound are moved off it: there the two
    precisions may rightly choose different sides."""
    rng = np.random.default_rng(seed)
    policy, theta, obs, action, log_prob_old, advantage = drawn(rng, rows, observation, actions, activation)
    rho = np.exp(policies.log_prob(policy, theta, obs, action) - log_prob_old)
    near = np.minimum(np.abs(rho - 0.8), np.abs(rho - 1.2)) < 1e-4
    log_prob_old = log_prob_old + 0.01 * near
    narrow = narrowed((theta, obs, action, log_prob_old, advantage))
    loss, d_theta = fused.ppo_clip(policy, *narrow, 0.2)
    truth, d_truth = composed(policy, *(a.astype(float) if a.dtype == np.float32 else a for a in narrow), 0.2)
    size = max(1.0, np.abs(np.exp(-log_prob_old) * advantage).max(), np.abs(d_truth).max())
    assert d_theta.dtype == np.float32
    assert abs(loss - truth) < 100 * EPS * size
    assert np.abs(d_theta - d_truth).max() < 1000 * EPS * size * max(1.0, np.abs(obs).max())


def test_fused_ppo_clip_stops_where_the_clip_does():
    """Far beyond the bound on the profitable side nothing moves, on the other side everything does."""
    rng = np.random.default_rng(0)
    policy, theta, obs, action, _, _ = drawn(rng, 5, 3, 4, "tanh")
    log_prob = policies.log_prob(policy, theta, obs, action)
    ahead, behind = log_prob - 1, log_prob + 1  # ρ = e and 1/e
    for log_prob_old, advantage, moves in (
        (ahead, 1, False), (ahead, -1, True), (behind, -1, False), (behind, 1, True)
    ):  # fmt: skip
        rows = narrowed((theta, obs, action, log_prob_old, np.full(5, float(advantage))))
        assert fused.ppo_clip(policy, *rows, 0.2)[1].any() == moves


def test_the_loss_is_a_float32_and_a_clip_of_nothing_is_refused():
    policy, *rows = drawn(np.random.default_rng(0), 5, 3, 4, "tanh")
    assert fused.ppo_clip(policy, *narrowed(rows), 0.2)[0].dtype == np.float32
    with pytest.raises(ValueError, match=r"^clip: expected"):
        fused.ppo_clip(policy, *narrowed(rows), 0.0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_ratio_equal_to_its_bound_in_float32_keeps_its_slope(sign):
    """ρ = 1.5 or so upwards, 0.7 or so downwards, and ε a little less than |ρ − 1|: 1 ± ε is ρ only when rounded."""
    policy = policies.categorical_policy(1, 2, ())
    theta, obs = np.zeros(4, np.float32), np.zeros((1, 1), np.float32)
    rows = np.array([0]), np.array([np.log(0.5) - 0.4 * sign], np.float32), np.array([sign], np.float32)
    loss, d_theta = fused.ppo_clip(policy, theta, obs, *rows, 9.0)  # far from any bound
    rho = -sign * float(loss)
    np.testing.assert_allclose(d_theta[2:], rho * sign * np.array([-0.5, 0.5]), rtol=1e-6)
    on_bound = fused.ppo_clip(policy, theta, obs, *rows, abs(rho - 1) - 1e-9)
    assert on_bound[0] == loss
    np.testing.assert_array_equal(on_bound[1], d_theta)


def test_logits_far_apart_overflow_nowhere():
    policy, rows = policies.categorical_policy(1, 2, ()), (np.zeros((1, 1)), np.array([0]), np.zeros(1), np.ones(1))
    for theta in ([0, 0, 500, -500], [0, 0, -500, 500]):
        narrow = narrowed((np.array(theta, float), *rows))
        loss, d_theta = fused.ppo_clip(policy, *narrow, 0.2)
        truth, d_truth = composed(policy, np.array(theta, float), *rows, 0.2)
        assert loss == pytest.approx(truth, rel=1e-6)
        np.testing.assert_allclose(d_theta, d_truth, rtol=1e-6)


def refused(arrays, function):
    """Whether `function` leaves these to the composition, whatever single thing is wrong with them."""
    theta, obs, action, *rows = arrays
    wrong = action.copy()
    wrong[0] = -1
    return [
        function(*others) is None
        for others in (
            (theta.astype(float), obs.astype(float), action, *(row.astype(float) for row in rows)),
            (theta[1:], obs, action, *rows),
            (theta, np.asfortranarray(obs), action, *rows),
            (theta, obs[:, 1:].copy(), action, *rows),
            (theta, obs[1:], action, *rows),
            (theta, obs, wrong, *rows),
            (theta, obs, action + 4, *rows),
            (theta, obs, action.astype(np.float32), *rows),
            (theta, obs, action, *rows[:-1], rows[-1][1:]),
        )
    ]


def test_what_the_kernels_do_not_take_is_left_to_the_composition():
    policy, *rows = drawn(np.random.default_rng(0), 5, 3, 4, "tanh")
    theta, obs, action, old, advantage = narrowed(rows)
    assert all(refused((theta, obs, action, old, advantage), lambda *x: fused.ppo_clip(policy, *x, 0.2)))
    assert all(refused((theta, obs, action, advantage), lambda *x: fused.policy_gradient(policy, *x, 0.0)))
    several = (policies.multi_categorical_policy(3, sizes) for sizes in ((2, 2), (4,)))
    for other in (policies.gaussian_policy(3, 2), policies.state_dependent_gaussian_policy(3, 2), *several):
        own = np.zeros(policies.size(other), np.float32)
        assert fused.ppo_clip(other, own, obs, action, old, advantage, 0.2) is None
        assert fused.policy_gradient(other, own, obs, action, advantage, 0.0) is None


def test_an_action_that_there_is_none_of_is_named_by_the_composition():
    policy, theta, obs, action, old, advantage = drawn(np.random.default_rng(0), 5, 3, 4, "tanh")
    action[2] = 4
    theta, obs, action, old, advantage = narrowed((theta, obs, action, old, advantage))
    samples = Samples(obs, action, np.zeros((5, 4)), old, old, advantage, old)
    for algorithm, settings in ((a2c, (a2c.Config(),)), (ppo, (ppo.Config(), 0.0))):
        with pytest.raises(ValueError, match="action: expected 0 to 3, got"):
            algorithm.loss_and_grad(Agent(policy, policy.mlp), theta, samples, *settings)


@given(st.integers(0, 2**32 - 1), st.integers(1, 300), st.sampled_from(["tanh", "relu", "identity"]))
def test_fused_value_regression_is_its_composition(seed, rows, activation):
    rng, net = np.random.default_rng(seed), MLP((3, 6, 4, 1), activation)
    phi, obs, target = rng.standard_normal(mlp.size(net)), rng.standard_normal((rows, 3)), rng.standard_normal(rows)
    narrow = narrowed((phi, obs, target))
    loss, d_phi = critic.loss_and_grad(net, *narrow)
    truth, d_truth = critic.loss_and_grad(net, *(a.astype(float) for a in narrow))
    assert d_phi.dtype == np.float32
    scale = max(1.0, float(np.abs(d_truth).max()), float(truth))
    assert abs(loss - truth) < 200 * EPS * scale
    assert np.abs(d_phi - d_truth).max() < 2000 * EPS * scale


def q_problem(rng, rows, actions, activation):
    net = MLP((3, 8, 5, actions), activation)
    theta, target = 0.5 * rng.standard_normal((2, mlp.size(net)))
    obs, next_obs = rng.standard_normal((2, rows, 3))
    discount = rng.choice([0.9, 0.81], rows)
    arrays = narrowed((theta, target, obs, rng.integers(0, actions, rows), rng.standard_normal(rows), next_obs))
    return net, (*arrays, rng.random(rows) < 0.3, discount.astype(np.float32))


def composed_q(net, theta, target, obs, action, reward, next_obs, terminated, discount, double, delta):
    """The definition, as algorithms/dqn.py writes it."""
    online, next_q = (mlp.forward(net, x, next_obs)[0] for x in (theta, target))
    never = np.zeros_like(terminated)
    y = targets.dqn_target(reward, next_q, terminated, never, discount)
    if double:
        y = targets.double_dqn_target(reward, online, next_q, terminated, never, discount)
    return action_values.loss_and_grad(net, theta, obs, action, y, delta)


@pytest.mark.parametrize("delta", [0.5, np.inf])
@pytest.mark.parametrize("double", [False, True])
@given(
    seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 300), actions=st.integers(1, 5),
    activation=st.sampled_from(["tanh", "relu", "identity"]),
)  # fmt: skip
def test_fused_q_learning_is_its_composition(double, delta, seed, rows, actions, activation):
    """Successors whose best two actions are within rounding are made ends: there the choice may rightly differ."""
    net, arrays = q_problem(np.random.default_rng(seed), rows, actions, activation)
    wide = [a.astype(float) if a.dtype == np.float32 else a for a in arrays]
    best = np.sort(mlp.forward(net, wide[0], wide[5])[0], axis=1)[:, -2:]
    arrays[6][...] |= np.ptp(best, axis=1) < 1e-4 if actions > 1 else False
    loss, d_theta = fused.q_learning(net, *arrays, double, delta)
    truth, d_truth = composed_q(net, *wide, double, delta)
    assert loss.dtype == d_theta.dtype == np.float32
    scale = max(1.0, float(np.abs(d_truth).max()), float(truth))
    assert abs(loss - truth) < 200 * EPS * scale
    assert np.abs(d_theta - d_truth).max() < 2000 * EPS * scale


@pytest.mark.parametrize("double", [False, True])
def test_fused_q_learning_takes_the_first_of_equals_and_leaves_the_rewards_alone(double):
    net, zero, one = MLP((1, 3)), np.zeros((1, 1), np.float32), np.ones(1, np.float32)
    theta, target = np.zeros(6, np.float32), np.array([0, 0, 0, 5, 7, 9], np.float32)
    reward = one.copy()
    loss, _ = fused.q_learning(
        net, theta, target, zero, np.array([0]), reward, zero, np.array([False]), one, double, np.inf
    )
    assert loss == (1 + (5 if double else 9)) ** 2 / 2
    assert reward == 1


def test_fused_q_learning_leaves_what_its_kernel_does_not_take_to_the_composition():
    net, arrays = q_problem(np.random.default_rng(0), 4, 3, "relu")
    theta, target, obs, action, reward, next_obs, terminated, discount = arrays

    def learn(theta, obs, action, reward, discount):
        return fused.q_learning(net, theta, target, obs, action, reward, next_obs, terminated, discount, False, 1.0)

    assert all(refused((theta, obs, action, reward, discount), learn))
    for flags in (terminated.astype(int), terminated[1:]):
        assert fused.q_learning(net, *arrays[:6], flags, discount, False, 1.0) is None


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 300), st.integers(1, 5), st.integers(1, 6),
    st.sampled_from(["tanh", "relu", "identity"]), st.sampled_from([0.0, 0.01, 2.0]),
)  # fmt: skip
def test_fused_policy_gradient_is_its_composition(seed, rows, observation, actions, activation, coefficient):
    """Any number of rows across several blocks, with and without entropy."""
    rng = np.random.default_rng(seed)
    policy, theta, obs, action, _, advantage = drawn(rng, rows, observation, actions, activation)
    narrow = narrowed((theta, obs, action, advantage))
    loss, d_theta = fused.policy_gradient(policy, *narrow, coefficient)
    agent, config = Agent(policy, policy.mlp), a2c.Config(entropy_coefficient=coefficient)
    theta, obs, action, advantage = (a.astype(float) if a.dtype == np.float32 else a for a in narrow)
    nothing = np.zeros(rows)
    samples = Samples(obs, action, nothing, nothing, nothing, advantage, nothing)
    truth, d_truth = a2c.loss_and_grad(agent, theta, samples, config)
    size = max(1.0, np.abs(advantage).max(), coefficient, np.abs(d_truth).max())
    assert d_theta.dtype == loss.dtype == np.float32
    assert abs(loss - truth) < 100 * EPS * size * max(1.0, np.abs(theta).max() * np.abs(obs).max())
    assert np.abs(d_theta - d_truth).max() < 1000 * EPS * size * max(1.0, np.abs(obs).max())

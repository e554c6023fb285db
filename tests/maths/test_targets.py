"""Targets of action values: against the sample-by-sample definition in rationals, and the identities that relate them.

Rewards, values and log-probabilities lie in ±5, γ in [0, 1], α in [0, 2]; there are 1 to 5 samples, 1 to 4 actions.
"""

import itertools
from fractions import Fraction
from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact import bellman, solve, zoo
from scratchrl.maths import categorical, returns, targets
from scratchrl.oracle import strategies


class Transitions(NamedTuple):
    reward: np.ndarray  # (B,)
    q: np.ndarray  # (B, A)
    other: np.ndarray  # (B, A)
    log_prob: np.ndarray  # (B,)
    terminated: np.ndarray
    truncated: np.ndarray
    gamma: float
    alpha: float


@st.composite
def transitions(draw):
    rows, actions = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    numbers, flags = strategies.arrays, strategies.flags((rows,))
    settings = draw(st.floats(0, 1, width=32)), draw(st.floats(0, 2, width=32))
    shapes = rows, (rows, actions), (rows, actions), rows
    return Transitions(*(draw(numbers(shape)) for shape in shapes), draw(flags), draw(flags), *settings)


TARGETS = {
    "dqn": lambda t: targets.dqn_target(t.reward, t.q, t.terminated, t.truncated, t.gamma),
    "double_dqn": lambda t: targets.double_dqn_target(t.reward, t.q, t.other, t.terminated, t.truncated, t.gamma),
    "ddpg": lambda t: targets.ddpg_target(t.reward, t.q[:, 0], t.terminated, t.truncated, t.gamma),
    "clipped_double_q": lambda t: targets.clipped_double_q_target(
        t.reward, t.q[:, 0], t.other[:, 0], t.terminated, t.truncated, t.gamma
    ),
    "sac": lambda t: targets.sac_target(
        t.reward, t.q[:, 0], t.other[:, 0], t.log_prob, t.terminated, t.truncated, t.gamma, t.alpha
    ),
}
WORTH = {  # of the successor, in rationals
    "dqn": lambda q, other, log_prob, alpha: max(q),
    "double_dqn": lambda q, other, log_prob, alpha: other[q.index(max(q))],
    "ddpg": lambda q, other, log_prob, alpha: q[0],
    "clipped_double_q": lambda q, other, log_prob, alpha: min(q[0], other[0]),
    "sac": lambda q, other, log_prob, alpha: min(q[0], other[0]) - alpha * log_prob,
}
EVERY = pytest.mark.parametrize("name", TARGETS)


# ---- what they all are ----


@EVERY
@given(transitions())
def test_the_definition_sample_by_sample(name, t):
    """Three roundings at most, of numbers up to 5, 15 and 20."""
    got = TARGETS[name](t)
    assert got.shape == t.reward.shape
    for b, y in enumerate(got.tolist()):
        q, other = ([Fraction(x) for x in array[b].tolist()] for array in (t.q, t.other))
        worth = WORTH[name](q, other, Fraction(float(t.log_prob[b])), Fraction(t.alpha))
        future = 0 if t.terminated[b] else Fraction(t.gamma) * worth
        assert abs(Fraction(float(t.reward[b])) + future - Fraction(y)) <= 60 * Fraction(2) ** -53


@EVERY
@given(transitions())
def test_the_future_stops_at_terminated_and_only_there(name, t):
    got = TARGETS[name](t)
    np.testing.assert_array_equal(got[t.terminated], t.reward[t.terminated])
    np.testing.assert_array_equal(TARGETS[name](t._replace(truncated=~t.truncated)), got)


@EVERY
@given(transitions(), st.randoms(use_true_random=False))
def test_a_permuted_batch_has_permuted_targets(name, t, random):
    order = random.sample(range(len(t.reward)), len(t.reward))
    permuted = t._replace(**{field: getattr(t, field)[order] for field in t._fields[:6]})
    np.testing.assert_array_equal(TARGETS[name](permuted), TARGETS[name](t)[order])


@EVERY
@given(transitions(), st.data())
def test_no_two_targets_are_farther_apart_than_gamma_times_their_values(name, t, data):
    """‖y(Q) − y(Q̃)‖ ≤ γ ‖Q − Q̃‖ in the largest entry. In double DQN Q is the judging network."""
    fields = ["other"] if name == "double_dqn" else ["q", "other"]
    moved = {field: getattr(t, field) + data.draw(strategies.arrays(t.q.shape)) for field in fields}
    apart = np.abs(TARGETS[name](t) - TARGETS[name](t._replace(**moved))).max()
    farthest = max(np.abs(moved[field] - getattr(t, field)).max() for field in fields)
    assert apart <= t.gamma * farthest + 1e-14


@EVERY
@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9])
def test_iterated_they_approach_their_fixed_point_by_gamma_a_step(name, gamma):
    """With r = 1 for ever, and no entropy to be paid, Q = 1/(1 − γ) answers itself; with r = 1 and the end, 1 does."""
    end = np.array([False, True])
    t = Transitions(np.ones(2), np.zeros((2, 1)), np.zeros((2, 1)), np.zeros(2), end, ~end, gamma, 0.0)
    for step in range(1, 20):
        y = TARGETS[name](t)
        np.testing.assert_allclose(1 / (1 - gamma) - y[0], gamma**step / (1 - gamma), rtol=1e-9, atol=1e-14)
        assert y[1] == 1
        t = t._replace(q=y[:, None], other=y[:, None])


# ---- how they are related ----


@given(transitions())
def test_double_dqn_is_never_above_dqn_of_the_judge_and_equal_when_it_chooses_itself(t):
    flags = t.terminated, t.truncated, t.gamma
    plain = targets.dqn_target(t.reward, t.other, *flags)
    assert (targets.double_dqn_target(t.reward, t.q, t.other, *flags) <= plain).all()
    np.testing.assert_array_equal(targets.double_dqn_target(t.reward, t.other, t.other, *flags), plain)


@given(transitions(), st.integers(-3, 3))
def test_the_chooser_counts_only_by_its_order(t, exponent):
    stretched = t._replace(q=2.0**exponent * t.q)
    np.testing.assert_array_equal(TARGETS["double_dqn"](stretched), TARGETS["double_dqn"](t))


def test_ties_of_the_chooser_go_to_the_first():
    no = np.zeros(1, bool)
    assert targets.double_dqn_target(np.zeros(1), np.zeros((1, 3)), np.array([[1.0, 2.0, 3.0]]), no, no, 1.0) == [1.0]


@pytest.mark.parametrize("actions", [1, 2, 3, 4])
def test_errors_choose_themselves_in_dqn_and_not_in_double_dqn(actions):
    """All true values are 0, every estimate is off by ±1: over all patterns of errors E max = 1 − 2/2ᴬ, not 0."""
    patterns = np.array(list(itertools.product([-1.0, 1.0], repeat=actions)))
    pairs = np.array([(q, other) for q in patterns for other in patterns])
    zero = np.zeros(len(pairs))
    no = zero > 0
    assert targets.dqn_target(zero, pairs[:, 0], no, no, 1.0).mean() == 1 - 2 / 2**actions
    assert targets.double_dqn_target(zero, pairs[:, 0], pairs[:, 1], no, no, 1.0).mean() == 0


@given(transitions())
def test_the_clipped_target_is_the_smaller_of_two_and_does_not_know_which_critic_is_first(t):
    one, two = TARGETS["ddpg"](t), TARGETS["ddpg"](t._replace(q=t.other))
    np.testing.assert_array_equal(TARGETS["clipped_double_q"](t), np.minimum(one, two))
    np.testing.assert_array_equal(TARGETS["clipped_double_q"](t._replace(q=t.other, other=t.q)), np.minimum(one, two))
    np.testing.assert_array_equal(TARGETS["clipped_double_q"](t._replace(other=t.q)), one)


@given(transitions())
def test_without_temperature_sac_is_td3(t):
    np.testing.assert_array_equal(TARGETS["sac"](t._replace(alpha=0.0)), TARGETS["clipped_double_q"](t))


@given(transitions(), st.floats(0.25, 4))
def test_sac_of_the_boltzmann_policy_is_the_same_for_every_action(t, alpha):
    """π = softmax(Q/α): r + γ m α log Σ exp(Q/α), the hard maximum as α → 0."""
    log_pi = categorical.log_softmax(t.q / alpha)
    soft_maximum = alpha * np.log(np.exp(t.q / alpha).sum(axis=1))
    truth = t.reward + t.gamma * np.where(t.terminated, 0, soft_maximum)
    for q, log_prob in zip(t.q.T, log_pi.T, strict=True):
        got = targets.sac_target(t.reward, q, q, log_prob, t.terminated, t.truncated, t.gamma, alpha)
        np.testing.assert_allclose(got, truth, rtol=0, atol=1e-13)
    hard = targets.dqn_target(t.reward, t.q, t.terminated, t.truncated, t.gamma)
    assert (truth >= hard - 1e-13).all()
    assert (truth <= hard + t.gamma * alpha * np.log(t.q.shape[1]) + 1e-13).all()


@given(strategies.trajectories())
def test_ddpg_is_the_one_step_return_on_arrays_of_any_shape(trajectory):
    reward, _, next_value, *flags, gamma, _ = trajectory
    got = targets.ddpg_target(reward, next_value, *flags, gamma)
    np.testing.assert_array_equal(got, returns.n_step_return(reward, next_value, *flags, gamma, 1))


def test_time_and_streams_may_come_before_the_actions():
    rng = np.random.default_rng(0)
    reward, flags, q, other = rng.random((5, 2)), rng.random((2, 5, 2)) < 0.3, *rng.random((2, 5, 2, 3))
    for target, values in ((targets.dqn_target, [q]), (targets.double_dqn_target, [q, other])):
        together = target(reward, *values, *flags, 0.9)
        columns = [target(reward[:, n], *(v[:, n] for v in values), *flags[:, :, n], 0.9) for n in range(2)]
        np.testing.assert_array_equal(together, np.stack(columns, axis=1))


# ---- the Bellman operators, exactly ----


def expected(mdp, target):
    """E_{s′}[target] for every (s, a): all transitions as one batch, weighted by their probabilities."""
    reward = np.broadcast_to(mdp.reward, mdp.transition.shape)
    successor = np.broadcast_to(np.arange(len(mdp.start)), reward.shape)
    terminated = mdp.terminal[successor]
    batch = [x.reshape(-1) for x in (reward, successor, terminated)]
    y = target(batch[0], batch[1], batch[2], np.zeros(reward.size, bool))
    return (mdp.transition * y.reshape(reward.shape)).sum(axis=2)


@pytest.mark.parametrize("seed", range(3))
def test_in_expectation_the_targets_are_the_bellman_operators_and_the_optimal_q_is_fixed(seed):
    mdp = zoo.garnet(np.random.default_rng(seed), states=6, terminals=2)
    acting = ~mdp.terminal
    q = np.random.default_rng(seed).standard_normal((6, 3))

    def hard(q, reward, successor, *flags):
        return targets.dqn_target(reward, q[successor], *flags, mdp.gamma)

    near = partial(np.testing.assert_allclose, rtol=0, atol=1e-13)
    near(expected(mdp, partial(hard, q))[acting], bellman.optimal_operator(mdp, q)[acting])
    best = solve.policy_iteration(mdp).q
    np.testing.assert_allclose(expected(mdp, partial(hard, best))[acting], best[acting], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_in_expectation_over_actions_too_the_soft_target_is_the_soft_bellman_operator(seed):
    mdp, rng, alpha = zoo.garnet(np.random.default_rng(seed), states=6, terminals=2), np.random.default_rng(seed), 0.5
    q, policy = rng.standard_normal((6, 3)), categorical.softmax(rng.standard_normal((6, 3)))

    def soft(reward, successor, *flags):
        values = (
            policy[successor, a]
            * targets.sac_target(
                reward, q[successor, a], q[successor, a], np.log(policy[successor, a]), *flags, mdp.gamma, alpha
            )
            for a in range(3)
        )
        return sum(values)

    truth = bellman.soft_expected_operator(mdp, policy, q, alpha)
    np.testing.assert_allclose(expected(mdp, soft)[~mdp.terminal], truth[~mdp.terminal], rtol=0, atol=1e-13)


# ---- the slow copy ----

THETAS = st.integers(1, 6).flatmap(lambda n: st.tuples(strategies.arrays(n), strategies.arrays(n)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(THETAS)
def test_tau_one_copies_and_tau_zero_keeps_to_the_last_bit(dtype, thetas):
    online, target = (theta.astype(dtype) for theta in thetas)
    before = online.tobytes(), target.tobytes()
    for tau, truth in ((0, target), (0.0, target), (1, online), (1.0, online)):
        new = targets.polyak_update(online, target, tau)
        assert new.dtype == dtype
        assert new.tobytes() == truth.tobytes()
        assert not np.shares_memory(new, online)
        assert not np.shares_memory(new, target)
    assert before == (online.tobytes(), target.tobytes())


def test_the_increment_form_would_not_copy():
    """Why two products: θ′ + 1 (θ − θ′) has lost digits of a θ that is small beside θ′."""
    online, target = np.array([0.1]), np.array([1e8])
    assert target + 1.0 * (online - target) != online
    assert targets.polyak_update(online, target, 1.0) == online


@given(THETAS, st.floats(0, 1), st.integers(1, 10))
def test_after_k_steps_the_difference_has_shrunk_by_a_power(thetas, tau, steps):
    online, target = thetas
    slow = target
    for _ in range(steps):
        slow = targets.polyak_update(online, slow, tau)
    np.testing.assert_allclose(slow - online, (1 - tau) ** steps * (target - online), rtol=0, atol=1e-13)


@given(THETAS, st.floats(0, 1))
def test_the_new_target_lies_between_the_two(thetas, tau):
    """The two weights are rounded, so at equal ends up to two ulp (of 5) outside."""
    new, room = targets.polyak_update(*thetas, tau), 2 * np.spacing(5.0)
    assert (new >= np.minimum(*thetas) - room).all()
    assert (new <= np.maximum(*thetas) + room).all()


# ---- refusals ----


@EVERY
@pytest.mark.parametrize("field", ["terminated", "truncated"])
def test_flags_must_be_booleans_of_the_rewards_shape(name, field):
    t = Transitions(np.zeros(3), *np.zeros((2, 3, 2)), np.zeros(3), *np.zeros((2, 3), bool), 0.9, 0.1)
    with pytest.raises(ValueError, match=f"{field}: expected booleans, got dtype float64"):
        TARGETS[name](t._replace(**{field: np.zeros(3)}))
    with pytest.raises(ValueError, match=rf"{field}: expected the shape of reward, \(3,\), got \(3, 1\)"):
        TARGETS[name](t._replace(**{field: np.zeros((3, 1), bool)}))


def test_a_wrong_shape_is_named():
    r, q, no = np.zeros(3), np.zeros((3, 2)), np.zeros(3, bool)
    wrong = {
        "next_q: expected the shape of reward": [
            lambda: targets.dqn_target(r, r, no, no, 0.9),
            lambda: targets.dqn_target(r, q.T, no, no, 0.9),
            lambda: targets.dqn_target(r, q[:, :0], no, no, 0.9),
            lambda: targets.dqn_target(r[0], r[0], no[0], no[0], 0.9),
            lambda: targets.ddpg_target(r, q[:, :1], no, no, 0.9),
        ],
        "next_q_online: expected the shape": [lambda: targets.double_dqn_target(r, r, q, no, no, 0.9)],
        "next_q_target: expected the shape": [lambda: targets.double_dqn_target(r, q, r, no, no, 0.9)],
        r"next_q_target: expected \(3, 2\)": [lambda: targets.double_dqn_target(r, q, q[:, :1], no, no, 0.9)],
        "next_q1: expected": [
            lambda: targets.clipped_double_q_target(r, q, r, no, no, 0.9),
            lambda: targets.sac_target(r, q, r, r, no, no, 0.9, 0.1),
        ],
        "next_q2: expected": [
            lambda: targets.clipped_double_q_target(r, r, q, no, no, 0.9),
            lambda: targets.sac_target(r, r, q, r, no, no, 0.9, 0.1),
        ],
        "next_log_prob: expected": [lambda: targets.sac_target(r, r, r, q, no, no, 0.9, 0.1)],
        r"target: expected \(3,\), the shape of online": [lambda: targets.polyak_update(r, q, 0.5)],
    }
    for message, calls in wrong.items():
        for call in calls:
            with pytest.raises(ValueError, match=message):
                call()


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_a_state_without_actions_is_refused_whatever_the_shape_of_the_batch(shape):
    with pytest.raises(ValueError, match="next_q: expected the shape of reward"):
        targets.check_actions(np.zeros(shape), next_q=np.zeros((*shape, 0)))


@pytest.mark.parametrize("tau", [-0.1, 1.1, np.nan])
def test_a_tau_outside_the_unit_interval_is_refused(tau):
    with pytest.raises(ValueError, match="tau: expected a number from 0 to 1"):
        targets.polyak_update(np.zeros(1), np.zeros(1), tau)

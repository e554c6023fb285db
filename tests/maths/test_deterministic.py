"""The deterministic actor: its gradient by complex step through two networks, where tanh saturates, TD3's smoothing."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.experience import actions
from scratchrl.maths import deterministic, mlp, state_action, targets
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

O, A, B = 3, 2, 6
ACTOR, CRITIC = MLP((O, 5, A)), MLP((O + A, 6, 1))
SEEDS = st.integers(0, 2**32 - 1)


def problem(seed, actor=ACTOR, critic=CRITIC):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(mlp.size(actor)), rng.standard_normal(mlp.size(critic)), rng.standard_normal((B, O))


def judge_of(critic, phi, obs):
    def judge(action):
        q, d_action = state_action.value_and_d_action(critic, phi, obs, action)
        return q[0], d_action[0]

    return judge


@given(seed=SEEDS, activation=st.sampled_from(["tanh", "relu", "identity"]))
def test_gradient_is_the_complex_step_through_actor_and_critic(seed, activation):
    actor, critic = ACTOR._replace(activation=activation), CRITIC._replace(activation=activation)
    theta, phi, obs = problem(seed)
    judge = judge_of(critic, phi, obs)
    loss, d_theta = deterministic.loss_and_grad(actor, theta, obs, judge)
    truth = complex_step(lambda x: deterministic.loss_and_grad(actor, x, obs, judge)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12
    q = state_action.value(critic, phi, obs, deterministic.action(actor, theta, obs))
    assert loss == pytest.approx(-q.mean(), rel=1e-14)


@given(seed=SEEDS)
def test_the_scale_of_the_environments_actions_cancels(seed):
    """An actor m + h tanh u and a critic of such actions: the same gradient."""
    theta, phi, obs = problem(seed)
    rng = np.random.default_rng(seed)
    box = actions.Range(rng.standard_normal(A), rng.uniform(0.01, 100, A))
    inner = judge_of(CRITIC, phi, obs)

    def in_units_of_the_environment(x):
        u, cache = mlp.forward(ACTOR, x, obs)
        q, d_unit = inner(actions.from_env(box, actions.to_env(box, np.tanh(u))))
        d_u = d_unit / box.half * box.half * (1 - np.tanh(u) ** 2)
        return -q.mean(), mlp.vjp(ACTOR, x, cache, -d_u / B)

    np.testing.assert_allclose(
        deterministic.loss_and_grad(ACTOR, theta, obs, inner)[1], in_units_of_the_environment(theta)[1],
        rtol=1e-8, atol=1e-11,
    )  # fmt: skip


@pytest.mark.parametrize("u", [1e-8, 0.5, 3.0, 18.0, 30.0, 300.0])
def test_digits_are_kept_where_tanh_is_flat(u):
    """1 − tanh² u = 1/cosh² u, to a few units in the last place; 1 − a² would be 0 from u = 19 on."""
    theta = np.array([0.0, u])
    _, d_theta = deterministic.loss_and_grad(MLP((1, 1)), theta, np.ones((1, 1)), lambda a: (a[:, 0], 1 + 0 * a))
    with mpmath.workdps(50):
        truth = 1 / mpmath.cosh(mpmath.mpf(u)) ** 2
        assert abs(-d_theta[1] / truth - 1) < 3e-15 * max(1, u)


def test_an_actor_climbs_to_the_top_of_a_hill():
    """Q = −|a − a*|²: every state is led to a*."""
    obs, top = np.random.default_rng(0).standard_normal((20, O)), np.array([0.5, -0.8])
    theta, _, _ = problem(1)
    for _ in range(4000):
        theta = theta - 0.3 * deterministic.loss_and_grad(
            ACTOR, theta, obs, lambda a: (-((a - top) ** 2).sum(axis=1), -2 * (a - top))
        )[1]
    np.testing.assert_allclose(deterministic.action(ACTOR, theta, obs), np.tile(top, (20, 1)), atol=0.02)


@pytest.mark.parametrize(
    ("judge", "named"),
    [(lambda a: (a, a), "q"), (lambda a: (a[:, 0], a[:, 0]), "d_action"), (lambda a: (a[None, :, 0], a), "q")],
)
def test_a_judge_that_does_not_fit_is_refused(judge, named):
    theta, _, obs = problem(2)
    with pytest.raises(ValueError, match=f"^judge: expected {named} of shape"):
        deterministic.loss_and_grad(ACTOR, theta, obs, judge)


# ---- TD3 ----


@given(seed=SEEDS, clip=st.floats(0, 2))
def test_smoothing_moves_by_the_clip_at_most_and_stays_an_action(seed, clip):
    rng = np.random.default_rng(seed)
    action, noise = rng.uniform(-1, 1, (B, A)), rng.standard_normal((B, A))
    moved = deterministic.smoothed(action, noise, clip)
    assert np.abs(moved).max() <= 1
    assert np.abs(moved - action).max() <= clip + 1e-15
    free = (np.abs(noise) <= clip) & (np.abs(action + noise) <= 1)
    np.testing.assert_array_equal(moved[free], (action + noise)[free])
    np.testing.assert_array_equal(deterministic.smoothed(action, noise, 0), action)


def test_smoothing_is_right_entry_by_entry():
    action, noise = np.array([[0.9, -0.9], [0.0, 0.1]]), np.array([[0.3, 0.3], [-9.0, 0.05]])
    np.testing.assert_allclose(deterministic.smoothed(action, noise, 0.5), [[1.0, -0.6], [-0.5, 0.15]], rtol=1e-15)


def test_the_smaller_of_two_critics_makes_the_target():
    q, no = np.array([[1.0, 5.0], [2.0, 3.0]]), np.zeros(2, bool)
    target = targets.clipped_double_q_target(np.zeros(2), *q, no, no, 0.5)
    np.testing.assert_array_equal(target, [0.5, 1.5])


@pytest.mark.parametrize(("change", "named"), [({"noise": np.zeros(A)}, "noise"), ({"clip": -0.1}, "clip")])
def test_wrong_arguments_of_smoothing_are_refused(change, named):
    given = {"action": np.zeros((B, A)), "noise": np.zeros((B, A)), "clip": 0.5, **change}
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        deterministic.smoothed(**given)

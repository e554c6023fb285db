"""The deterministic policy gradient theorem: what DDPG's actor climbs is the return itself, if its critic is right.

On linear-quadratic problems all is known in closed form: the discounted cost J(K) of the policy −K s by a linear system
for the states' second moment, its gradient, and the quadratic Q. The actor of `maths/deterministic.py` ends in a tanh;
so the environment here takes the atanh of an action, and the whole is linear in between.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact import linear_quadratic as lq
from scratchrl.exact.linear_quadratic import Problem
from scratchrl.maths import deterministic, mlp, targets
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

N, M = 3, 2
ACTOR = MLP((N, M))
SEEDS = st.integers(0, 2**32 - 1)


def drawn(seed):
    """(a problem, a gain for which its cost is finite); states are small enough for tanh not to lose their digits."""
    rng = np.random.default_rng(seed)
    closed, control, gain = rng.standard_normal((N, N)), rng.standard_normal((N, M)), rng.standard_normal((M, N))
    closed *= 0.8 / np.abs(np.linalg.eigvals(closed)).max()
    q, s, w, r = (x @ x.T for x in (*rng.standard_normal((3, N, N)), rng.standard_normal((M, M))))
    problem = Problem(closed + control @ gain, control, q, r + np.eye(M), 0.9, s, w)
    scale = 0.3 / np.abs(gain @ states_of(lq.second_moment(problem, gain)).T).max() ** 2
    return problem._replace(start=scale * s, noise=scale * w), gain


def theta_of(gain):
    """The linear network with u = −K s."""
    return np.concatenate([-gain.T.ravel(), np.zeros(M)])


def gain_of(d_theta):
    """∂/∂K of the derivative with respect to θ."""
    ((d_w, _),) = mlp.layers(ACTOR, d_theta)
    return -d_w.T


def states_of(moment):
    """2N states with (1/B) Σ s = 0 and (1/B) Σ s sᵀ = moment: all that a quadratic Q asks of a distribution."""
    half = np.sqrt(len(moment)) * np.linalg.cholesky(moment).T
    return np.vstack([half, -half])


def true_judge(problem, gain, obs):
    """The critic that knows Q^K of the actions before tanh: Q(s, atanh a), and its derivative in a."""
    h, c = lq.action_value(problem, gain)

    def judge(action):
        both = np.hstack([obs.astype(action.dtype), np.arctanh(action)])
        return -((both @ h) * both).sum(axis=1) - c, -2 * (both @ h)[:, N:] / (1 - action**2)

    return judge


def actor_gradient(problem, gain, obs):
    """∇_K L as DDPG's actor step sees it."""
    return gain_of(deterministic.loss_and_grad(ACTOR, theta_of(gain), obs, true_judge(problem, gain, obs))[1])


@given(seed=SEEDS)
def test_ddpgs_gradient_is_the_gradient_of_the_discounted_cost(seed):
    problem, gain = drawn(seed)
    got = actor_gradient(problem, gain, states_of(lq.second_moment(problem, gain)))
    assert relative_error(got, lq.cost_gradient(problem, gain)) <= 1e-10
    assert relative_error(got, complex_step(lambda k: lq.cost(problem, k), gain)) <= 1e-10


@given(seed=SEEDS)
def test_the_loss_is_the_cost_of_the_states_it_is_given_and_its_gradient_a_complex_step(seed):
    problem, gain = drawn(seed)
    obs = states_of(problem.start)
    judge = true_judge(problem, gain, obs)
    loss, d_theta = deterministic.loss_and_grad(ACTOR, theta_of(gain), obs, judge)
    assert loss == pytest.approx(lq.cost(problem, gain), rel=1e-10)
    truth = complex_step(lambda x: deterministic.loss_and_grad(ACTOR, x, obs, judge)[0], theta_of(gain))
    assert relative_error(d_theta, truth) <= 1e-12


def test_other_states_give_another_gradient():
    """So the theorem says something about states, and the tests above could have failed."""
    problem, gain = drawn(0)
    exact = lq.cost_gradient(problem, gain)
    scale = np.trace(lq.second_moment(problem, gain)) / np.trace(problem.start)
    assert relative_error(actor_gradient(problem, gain, states_of(scale * problem.start)), exact) > 0.01


@given(seed=SEEDS)
def test_at_the_optimum_no_states_give_a_gradient(seed):
    """Off-policy data bend the way there, but not the goal."""
    problem, _ = drawn(seed)
    best = lq.optimal_gain(problem)
    obs = np.random.default_rng(seed).standard_normal((20, N))
    obs /= np.abs(obs @ best.T).max()
    size = np.abs(lq.action_value(problem, best)[0]).max() * np.abs(obs).max() ** 2
    assert np.abs(actor_gradient(problem, best, obs)).max() <= 1e-10 * size


@given(seed=SEEDS)
def test_the_true_critic_is_its_own_target(seed):
    """Without noise Q^K(s, a) = r + γ Q^K(s′, μ(s′)) for every s and a: the fixed point of DDPG's critic step."""
    problem, gain = drawn(seed)
    problem = problem._replace(noise=0 * problem.noise)
    obs, control = np.random.default_rng(seed).standard_normal((2, 10, N))
    control = control[:, :M]
    reward = -((obs @ problem.state_cost) * obs).sum(axis=1) - ((control @ problem.action_cost) * control).sum(axis=1)
    after = obs @ problem.transition.T + control @ problem.control.T
    after /= (scale := 2 * np.abs(after @ gain.T).max())  # within reach of tanh; rewards go with the square
    no, next_action = np.zeros(10, bool), deterministic.action(ACTOR, theta_of(gain), after)
    y = targets.ddpg_target(reward / scale**2, true_judge(problem, gain, after)(next_action)[0], no, no, problem.gamma)
    h, c = lq.action_value(problem, gain)
    both = np.hstack([obs, control]) / scale
    assert c == 0
    np.testing.assert_allclose(y, -((both @ h) * both).sum(axis=1), rtol=1e-9, atol=1e-10)

"""Action values: the regression by complex step and by a loop over samples, ε-greedy actions by frequencies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import action_values, mlp
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

NET = MLP((3, 5, 4))
DELTAS = pytest.mark.parametrize("delta", [0.3, 1.0, np.inf])


def problem(seed, rows=30):
    rng = np.random.default_rng(seed)
    theta, obs = rng.standard_normal(mlp.size(NET)), rng.standard_normal((rows, 3))
    return theta, obs, rng.integers(0, 4, rows), rng.standard_normal(rows)


@DELTAS
@given(seed=st.integers(0, 2**32 - 1))
def test_gradient_is_the_complex_step_of_the_loss(delta, seed):
    theta, *rest = problem(seed)
    _, d_theta = action_values.loss_and_grad(NET, theta, *rest, delta)
    truth = complex_step(lambda x: action_values.loss_and_grad(NET, x, *rest, delta)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@DELTAS
def test_loss_is_the_mean_over_the_actions_taken(delta):
    theta, obs, action, target = problem(0)
    total = 0.0
    for o, a, y in zip(obs, action, target, strict=True):
        error = abs(mlp.forward(NET, theta, o[None])[0][0, a] - y)
        total += error**2 / 2 if error <= delta else delta * (error - delta / 2)
    assert action_values.loss_and_grad(NET, theta, obs, action, target, delta)[0] == pytest.approx(
        total / 30, rel=1e-13
    )


def test_an_output_that_no_sample_chose_does_not_move():
    theta, obs, _, target = problem(1)
    _, d_theta = action_values.loss_and_grad(NET, theta, obs, np.full(30, 2), target, 1.0)
    w, b = mlp.layers(NET, d_theta)[-1]
    assert (w[:, [0, 1, 3]] == 0).all()
    assert (b[[0, 1, 3]] == 0).all()
    assert (w[:, 2] != 0).all()


@pytest.mark.parametrize("wrong", [-1, 4])
def test_an_action_without_an_output_is_refused(wrong):
    theta, obs, action, target = problem(2)
    action[7] = wrong
    with pytest.raises(ValueError, match="action: expected 0 to 3, got"):
        action_values.loss_and_grad(NET, theta, obs, action, target, 1.0)


# ---- acting ----


def test_without_epsilon_the_best_is_taken_the_first_of_equals():
    q = np.array([[1.0, 3.0, 3.0], [2.0, -1.0, 0.0], [0.0, 0.0, 0.0]])
    assert action_values.epsilon_greedy(q, 0.0, np.random.default_rng(0)).tolist() == [1, 0, 0]


@pytest.mark.parametrize("epsilon", [0.3, 1.0])
def test_every_action_comes_as_often_as_it_should(epsilon):
    """P(best) = 1 − ε + ε/A, the others ε/A; χ² with 3 degrees of freedom exceeds 40 with probability 1e-8."""
    q = np.tile([0.0, 2.0, 1.0, -1.0], (40_000, 1))
    count = np.bincount(action_values.epsilon_greedy(q, epsilon, np.random.default_rng(1)), minlength=4)
    expected = 40_000 * (epsilon / 4 + (1 - epsilon) * np.array([0, 1, 0, 0]))
    assert ((count - expected) ** 2 / expected).sum() < 40


class Scripted:
    """A generator of one number."""

    def __init__(self, u):
        self.u = u

    def random(self, size):
        return np.full(size, self.u)


@given(epsilon=st.floats(1e-300, 1), u=st.floats(0, 1, exclude_max=True), actions=st.integers(1, 9))
def test_no_uniform_number_leads_past_the_last_action(epsilon, u, actions):
    for near in (u, np.nextafter(epsilon, 0)):
        chosen = action_values.epsilon_greedy(np.zeros((1, actions)), epsilon, Scripted(near))
        assert 0 <= chosen[0] < actions


def test_a_uniform_number_of_epsilon_does_not_explore():
    assert action_values.epsilon_greedy(np.array([[1.0, 0.0]]), 0.5, Scripted(0.5)) == 0
    net, theta = MLP((1, 2)), np.array([0, 0, 1, 0], np.float32)
    assert action_values.explorer(net, theta, 0.5, Scripted(0.5))(np.zeros((1, 1), np.float32)) == 0


def test_explorer_takes_the_kernel_in_float32_on_a_net_of_one_layer_too(monkeypatch):
    net, rng = MLP((3, 4)), np.random.default_rng(0)
    theta, obs = rng.standard_normal(16), rng.standard_normal((5, 3))
    for dtype in (np.float32, np.float64):
        act = action_values.explorer(net, theta.astype(dtype), 0.0, rng)
        for _ in range(2):
            q = mlp.forward(net, theta.astype(dtype), obs.astype(dtype))[0]
            np.testing.assert_array_equal(act(obs.astype(dtype)), q.argmax(axis=1))
    monkeypatch.setattr(action_values.kernels, "epsilon_greedy", lambda *_: "kernel")
    assert action_values.explorer(net, theta.astype(np.float32), 0.0, rng)(obs.astype(np.float32)) == "kernel"
    assert isinstance(action_values.explorer(net, theta, 0.0, rng)(obs), np.ndarray)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("epsilon", [0.0, 0.4, 1.0])
def test_explorer_is_epsilon_greedy_on_the_network(dtype, epsilon):
    theta, obs, *_ = (x.astype(dtype) for x in problem(3, rows=200))
    act = action_values.explorer(NET, theta, epsilon, np.random.default_rng(4))
    rng = np.random.default_rng(4)
    for rows in (1, 200, 7):
        q = mlp.forward(NET, theta, obs[:rows])[0]
        np.testing.assert_array_equal(act(obs[:rows]), action_values.epsilon_greedy(q, epsilon, rng))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_explorer_refuses_observations_of_another_size(dtype):
    act = action_values.explorer(NET, problem(5)[0].astype(dtype), 0.1, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"expected shape \(B, 3\), got \(2, 4\)"):
        act(np.zeros((2, 4), dtype))

"""Q(s, a): both derivatives by complex step, K critics as K networks, refused shapes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import critic, mlp, state_action
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

O, A, B = 3, 2, 7
NET = MLP((O + A, 6, 5, 1))


def problem(seed, critics=1):
    rng = np.random.default_rng(seed)
    phi = rng.standard_normal(critics * mlp.size(NET))
    return phi, rng.standard_normal((B, O)), rng.standard_normal((B, A)), rng.standard_normal(B)


SEEDS, CRITICS = st.integers(0, 2**32 - 1), st.integers(1, 3)


@given(seed=SEEDS, critics=CRITICS)
def test_gradient_is_the_complex_step_of_the_loss(seed, critics):
    phi, *data = problem(seed, critics)
    _, d_phi = state_action.loss_and_grad(NET, phi, *data)
    truth = complex_step(lambda x: state_action.loss_and_grad(NET, x, *data)[0], phi)
    assert relative_error(d_phi, truth) <= 1e-12


@given(seed=SEEDS, critics=CRITICS)
def test_d_action_is_the_complex_step_of_each_critic(seed, critics):
    phi, obs, action, _ = problem(seed, critics)
    q, d_action = state_action.value_and_d_action(NET, phi, obs, action)
    np.testing.assert_array_equal(q, state_action.value(NET, phi, obs, action))
    for k in range(critics):
        truth = complex_step(lambda a, k=k: state_action.value(NET, phi, obs, a)[k].sum(), action)
        assert relative_error(d_action[k], truth) <= 1e-12


@given(seed=SEEDS)
def test_two_critics_are_two_networks_that_do_not_meet(seed):
    phi, obs, action, target = problem(seed, 2)
    both = state_action.split(NET, phi)
    losses, gradients = zip(
        *(critic.loss_and_grad(NET, one, np.hstack([obs, action]), target) for one in both), strict=True
    )
    loss, d_phi = state_action.loss_and_grad(NET, phi, obs, action, target)
    assert loss == losses[0] + losses[1]
    np.testing.assert_array_equal(state_action.split(NET, d_phi), gradients)
    for one, row in zip(both, state_action.value(NET, phi, obs, action), strict=True):
        np.testing.assert_array_equal(state_action.value(NET, one, obs, action)[0], row)


def test_split_is_a_view():
    phi = problem(0, 2)[0]
    assert np.shares_memory(state_action.split(NET, phi), phi)


def test_float32_stays_float32_and_is_close():
    data = problem(1, 2)
    short = [x.astype(np.float32) for x in data]
    pairs = zip(
        (*state_action.loss_and_grad(NET, *short), *state_action.value_and_d_action(NET, *short[:-1])),
        (*state_action.loss_and_grad(NET, *data), *state_action.value_and_d_action(NET, *data[:-1])),
        strict=True,
    )
    for got, expected in pairs:
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"phi": np.zeros(5)}, "phi"),
        ({"phi": np.zeros(0)}, "phi"),
        ({"action": np.zeros((B + 1, A))}, "action"),
        ({"action": np.zeros(B)}, "action"),
        ({"action": np.zeros((B, A + 1))}, "x"),
        ({"target": np.zeros((B, 1))}, "target"),
    ],
)
def test_wrong_shapes_are_refused_by_name(change, named):
    phi, obs, action, target = problem(2)
    given = {"phi": phi, "obs": obs, "action": action, "target": target, **change}
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        state_action.loss_and_grad(NET, **given)

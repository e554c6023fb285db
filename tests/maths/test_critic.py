"""The value function: both losses by complex step, minibatches as a partition, regression onto a linear target."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import critic, mlp, optimizers
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step, relative_error

NET = MLP((3, 5, 1))


def problem(seed, rows=30):
    rng = np.random.default_rng(seed)
    return rng.standard_normal(mlp.size(NET)), rng.standard_normal((rows, 3)), *rng.standard_normal((2, rows))


def test_value_is_the_network_row_by_row_in_any_leading_shape():
    phi, obs, *_ = problem(0, 24)
    expected = mlp.forward(NET, phi, obs)[0][:, 0]
    for shape in ((24,), (4, 6), (2, 3, 4)):
        np.testing.assert_allclose(critic.value(NET, phi, obs.reshape(*shape, 3)), expected.reshape(shape), rtol=1e-14)


@given(seed=st.integers(0, 2**32 - 1))
def test_gradient_is_the_complex_step_of_the_loss(seed):
    phi, obs, target, _ = problem(seed)
    loss, d_phi = critic.loss_and_grad(NET, phi, obs, target)
    assert relative_error(d_phi, complex_step(lambda x: critic.loss_and_grad(NET, x, obs, target)[0], phi)) <= 1e-12
    assert loss == pytest.approx(((critic.value(NET, phi, obs) - target) ** 2).mean() / 2, rel=1e-13)


@given(seed=st.integers(0, 2**32 - 1), clip=st.sampled_from([0.05, 0.3, 2.0]))
def test_clipped_gradient_is_the_complex_step_of_the_clipped_loss(seed, clip):
    phi, obs, target, old = problem(seed)
    _, d_phi = critic.clipped_loss_and_grad(NET, phi, obs, target, old, clip)
    truth = complex_step(lambda x: critic.clipped_loss_and_grad(NET, x, obs, target, old, clip)[0], phi)
    assert relative_error(d_phi, truth) <= 1e-12


def test_clipped_loss_is_the_mean_of_the_larger_squares_and_no_smaller_than_the_plain_one():
    phi, obs, target, old = problem(1)
    value = critic.value(NET, phi, obs)
    held = old + np.clip(value - old, -0.3, 0.3)
    truth = np.maximum((value - target) ** 2, (held - target) ** 2).mean() / 2
    loss, _ = critic.clipped_loss_and_grad(NET, phi, obs, target, old, 0.3)
    assert loss == pytest.approx(truth, rel=1e-13)
    assert loss > critic.loss_and_grad(NET, phi, obs, target)[0]


def test_a_clip_that_nothing_reaches_leaves_loss_and_gradient_as_they_are():
    phi, obs, target, old = problem(2)
    for got, expected in zip(
        critic.clipped_loss_and_grad(NET, phi, obs, target, old, 1e9),
        critic.loss_and_grad(NET, phi, obs, target),
        strict=True,
    ):
        np.testing.assert_array_equal(got, expected)


@given(rows=st.integers(1, 40), size=st.integers(1, 50), seed=st.integers(0, 2**32 - 1))
def test_minibatches_are_a_partition_and_keep_rows_together(rows, size, seed):
    a, b = np.arange(rows), 10.0 * np.arange(rows)[:, None] + [0, 1]
    batches = list(critic.minibatches(np.random.default_rng(seed), size, a, b))
    assert [len(x) for x, _ in batches[:-1]] == [size] * ((rows - 1) // size)
    assert sorted(np.concatenate([x for x, _ in batches])) == a.tolist()
    for x, y in batches:
        np.testing.assert_array_equal(y, b[x])


def test_the_loss_takes_the_kernel_in_float32_and_nowhere_else(monkeypatch):
    net, rng = MLP((3, 4, 1)), np.random.default_rng(0)
    phi, obs, target = rng.standard_normal(mlp.size(net)), rng.standard_normal((5, 3)), rng.standard_normal(5)
    taken = []
    monkeypatch.setattr(critic.kernels, "value_regression", lambda phi, *_: taken.append(phi.dtype) or (0.0, phi))
    for dtype in (np.float32, np.float64, complex):
        critic.loss_and_grad(net, phi.astype(dtype), obs.astype(dtype), target.astype(dtype))
    critic.loss_and_grad(net, phi.astype(np.float32), obs.astype(np.float32), target)
    assert taken == [np.float32]


def test_minibatches_come_in_another_order_each_epoch():
    rng = np.random.default_rng(0)
    first, second = (np.concatenate([x for (x,) in critic.minibatches(rng, 7, np.arange(50))]) for _ in range(2))
    assert (first != second).any()
    assert (first != np.arange(50)).any()


def test_one_pass_in_one_minibatch_is_one_step_of_adam():
    phi, obs, target, _ = problem(3)
    loss, d_phi = critic.loss_and_grad(NET, phi, obs, target)
    before = phi.copy()
    got, optimizer, report = critic.fit(
        NET, phi, optimizers.adam_init(phi), obs, target, np.random.default_rng(0), 1e-2, 1, 100
    )
    np.testing.assert_allclose(got, phi + optimizers.adam(optimizers.adam_init(phi), d_phi, 1e-2)[1], atol=1e-12)
    assert (optimizer.t, report) == (1, pytest.approx(loss, rel=1e-13))
    np.testing.assert_array_equal(phi, before)


def test_passes_and_minibatches_multiply_and_the_last_pass_is_reported():
    phi, obs, target, _ = problem(4, rows=30)
    start = optimizers.adam_init(phi)
    _, optimizer, report = critic.fit(NET, phi, start, obs, target, np.random.default_rng(0), 1e-9, 3, 7)
    assert optimizer.t == 3 * 5
    # at this learning rate nothing moves: five minibatches of 7, 7, 7, 7 and 2 rows, in the order of the third pass
    rng = np.random.default_rng(0)
    third = [list(critic.minibatches(rng, 7, obs, target)) for _ in range(3)][-1]
    assert report == pytest.approx(np.mean([critic.loss_and_grad(NET, phi, x, y)[0] for x, y in third]), rel=1e-5)


def test_without_a_pass_nothing_changes_and_no_loss_is_invented():
    phi, obs, target, _ = problem(5)
    start = optimizers.adam_init(phi)
    got, optimizer, loss = critic.fit(NET, phi, start, obs, target, np.random.default_rng(0), 1e-2, 0, 7)
    assert got is phi
    assert optimizer is start
    assert np.isnan(loss)


def test_a_linear_target_is_learnt_by_a_linear_network():
    """To 1 % of its variance, in all of three seeds."""
    net = MLP((3, 1))
    for seed in range(3):
        rng = np.random.default_rng(seed)
        obs = rng.standard_normal((256, 3))
        target = obs @ [1.0, -2.0, 0.5] + 3.0
        phi = np.zeros(mlp.size(net))
        phi, _, loss = critic.fit(net, phi, optimizers.adam_init(phi), obs, target, rng, 2e-2, 100, 32)
        assert loss < 0.01 * target.var() / 2
        np.testing.assert_allclose(phi, [1.0, -2.0, 0.5, 3.0], atol=0.05)

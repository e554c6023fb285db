"""SAC's actor: every derivative by complex step, each row through its smaller critic, the noise of the best policy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import bounding, kernels, mlp, soft_actor, squashed_gaussian, state_action
from scratchrl.maths.mlp import MLP
from scratchrl.maths.soft_actor import Actor
from scratchrl.oracle.differentiation import complex_step, relative_error

O, A, B, ALPHA = 3, 2, 9, 0.3
ACTIVATIONS = pytest.mark.parametrize("activation", sorted(mlp.ACTIVATIONS))
SEEDS = st.integers(0, 2**32 - 1)


def problem(seed, activation="tanh"):
    """(actor, θ, critic, φ, obs, noise)"""
    rng = np.random.default_rng(seed)
    actor, critic = Actor(MLP((O, 6, 2 * A), activation), -5.0, 2.0), MLP((O + A, 7, 5, 1), activation)
    theta, phi = rng.standard_normal(mlp.size(actor.mlp)), rng.standard_normal(2 * mlp.size(critic))
    return actor, theta, critic, phi, rng.standard_normal((B, O)), rng.standard_normal((B, A))


@ACTIVATIONS
@given(seed=SEEDS)
def test_gradient_is_the_complex_step_of_the_loss(activation, seed):
    actor, theta, critic, phi, obs, noise = problem(seed, activation)
    _, d_theta, _ = soft_actor.loss_and_grad(actor, theta, critic, phi, ALPHA, obs, noise)
    truth = complex_step(lambda x: soft_actor.loss_and_grad(actor, x, critic, phi, ALPHA, obs, noise)[0], theta)
    assert relative_error(d_theta, truth) <= 1e-12


@given(seed=SEEDS)
def test_squash_grad_is_the_complex_step_of_action_and_log_prob(seed):
    """The gradient by the kernel, the complex step through the composition."""
    actor, *_, noise = problem(seed)
    rng = np.random.default_rng(seed)
    y, d_action, d_log_prob = rng.standard_normal((B, 2 * A)), rng.standard_normal((B, A)), rng.standard_normal(B)

    def weighted(y):
        action, log_prob = soft_actor.squash(actor, y, noise)
        return (d_action * action).sum() + d_log_prob @ log_prob

    got = soft_actor.squash_grad(actor, y, noise, d_action, d_log_prob)
    assert relative_error(got, complex_step(weighted, y)) <= 1e-12


def composed(actor, y, noise, d_action, d_log_prob):
    """(action, log_prob, d_y) as bounding.py and squashed_gaussian.py define them."""
    mean, log_std = y[:, :A], bounding.bounded(y[:, A:], actor.low, actor.high)
    action, log_prob, _ = squashed_gaussian.from_noise(mean, log_std, noise)
    d_mean, d_log_std = squashed_gaussian.pathwise_grad(mean, log_std, noise, d_action, d_log_prob)
    slope = bounding.bounded_grad(y[:, A:], actor.low, actor.high)
    return action, log_prob, np.hstack([d_mean, d_log_std * slope])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("suffix", ["", "_py"])
@given(seed=SEEDS, scale=st.sampled_from([1e-3, 0.3, 1.0, 3.0, 10.0]))
def test_the_kernels_are_the_composition_from_flat_to_saturated(dtype, suffix, seed, scale):
    rng = np.random.default_rng(seed)
    rows = scale * rng.standard_normal((B, 2 * A)), *rng.standard_normal((2, B, A)), rng.standard_normal(B)
    y, noise, *d = (x.astype(dtype) for x in rows)
    actor = problem(0)[0]
    action, log_prob = getattr(kernels, f"squash{suffix}")(y, noise, actor.low, actor.high)
    d_y = getattr(kernels, f"squash_grad{suffix}")(y, noise, actor.low, actor.high, *d)
    truths = composed(actor, *(x.astype(float) for x in (y, noise, *d)))
    for got, truth in zip((action, log_prob, d_y), truths, strict=True):
        assert got.dtype == dtype
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(got, truth, rtol=1e-12 if dtype == np.float64 else 8 * eps, atol=8 * eps)


@pytest.mark.parametrize("suffix", ["", "_py"])
def test_the_kernels_at_the_ends_of_the_number_line(suffix):
    """A network that puts out enormous numbers: actions ±1, log σ on its bounds, finite log π, no slope left."""
    y, zero = np.array([[1e30, -1e30], [-1e30, 1e30]], np.float32), np.zeros((2, 1), np.float32)
    action, log_prob = getattr(kernels, f"squash{suffix}")(y, zero, -5.0, 2.0)
    np.testing.assert_array_equal(action, [[1], [-1]])
    assert np.isfinite(log_prob).all()
    d_y = getattr(kernels, f"squash_grad{suffix}")(y, zero, -5.0, 2.0, zero + 1, zero[:, 0] + 1)
    np.testing.assert_array_equal(d_y[:, 0], [2, -2])  # ∂ log π/∂u = 2 a
    np.testing.assert_array_equal(d_y[:, 1], [0, 0])


@given(seed=SEEDS)
def test_the_loss_is_the_mean_of_its_definition_sample_by_sample(seed):
    actor, theta, critic, phi, obs, noise = problem(seed)
    loss, _, log_prob = soft_actor.loss_and_grad(actor, theta, critic, phi, ALPHA, obs, noise)
    total = 0.0
    for s, e, lp in zip(obs, noise, log_prob, strict=True):
        y = mlp.forward(actor.mlp, theta, s[None])[0]
        mean, log_std = y[:, :A], bounding.bounded(y[:, A:], -5.0, 2.0)
        u = mean + np.exp(log_std) * e
        log_pi = squashed_gaussian.log_prob(mean, log_std, u).item()
        q = state_action.value(critic, phi, s[None], np.tanh(u))
        assert lp == pytest.approx(log_pi, rel=1e-9, abs=1e-9)
        total += (ALPHA * log_pi - q.min()) / B
    assert loss == pytest.approx(total, rel=1e-9, abs=1e-9)


def test_act_is_the_action_and_the_log_prob_that_the_loss_speaks_of():
    actor, theta, critic, phi, obs, noise = problem(0)
    action, log_prob = soft_actor.act(actor, theta, obs, noise)
    np.testing.assert_array_equal(log_prob, soft_actor.loss_and_grad(actor, theta, critic, phi, ALPHA, obs, noise)[2])
    mean, log_std = soft_actor.distribution(actor, mlp.forward(actor.mlp, theta, obs)[0])
    np.testing.assert_allclose(action, np.tanh(mean + np.exp(log_std) * noise), rtol=1e-13)


@pytest.mark.parametrize("smaller", [0, 1])
def test_a_critic_that_is_nowhere_the_smaller_one_has_no_say(smaller):
    """Its weights may be anything, as long as its output bias keeps it above."""
    actor, theta, critic, phi, obs, noise = problem(1)
    phi = phi.copy()
    above = state_action.split(critic, phi)[1 - smaller]
    results = []
    for scale in (1.0, -0.5):
        above *= scale
        above[-1] = 1e3
        results.append(soft_actor.loss_and_grad(actor, theta, critic, phi, ALPHA, obs, noise))
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


def test_at_a_tie_the_first_critic_teaches_alone():
    actor, theta, critic, phi, obs, noise = problem(2)
    one = state_action.split(critic, phi)[0]
    higher = one.copy()
    higher[-1] += 1.0
    tied, first = (
        soft_actor.loss_and_grad(actor, theta, critic, np.concatenate([one, second]), ALPHA, obs, noise)
        for second in (one, higher)
    )
    np.testing.assert_array_equal(tied[1], first[1])


def test_at_the_best_policy_the_score_is_all_that_is_left():
    """Q = α log π* + V is the critic whose best policy is π* (π ∝ exp(Q/α)). At π* the two terms cancel as functions of
    the action, so what a sample's gradient keeps is α times the score of a fixed action: noise, of mean zero."""
    rng = np.random.default_rng(3)
    mean, log_std, noise = rng.standard_normal((3, B, A))
    u = squashed_gaussian.from_noise(mean, log_std, noise)[2]
    step = 2.0**-100
    d_u = [squashed_gaussian.log_prob(mean, log_std, u + 1j * step * e).imag / step for e in np.eye(A)]
    d_action = -ALPHA * np.stack(d_u, axis=1) * np.cosh(u) ** 2  # −∂Q/∂a, by way of u = atanh a
    got = squashed_gaussian.pathwise_grad(mean, log_std, noise, d_action, np.full(B, ALPHA))
    for pathwise, score in zip(got, squashed_gaussian.score(mean, log_std, u), strict=True):
        np.testing.assert_allclose(pathwise, ALPHA * score, rtol=1e-11, atol=1e-12)


@ACTIVATIONS
def test_float32_stays_float32_and_is_close(activation):
    actor, theta, critic, phi, obs, noise = problem(4, activation)
    short = [x.astype(np.float32) for x in (theta, phi, obs, noise)]
    got = soft_actor.loss_and_grad(actor, short[0], critic, short[1], np.float32(ALPHA), *short[2:])
    truth = soft_actor.loss_and_grad(actor, theta, critic, phi, ALPHA, obs, noise)
    for x, y in zip(got, truth, strict=True):
        assert x.dtype == np.float32
        np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"theta": np.zeros(5)}, "theta"), ({"phi": np.zeros(7)}, "phi"), ({"noise": np.zeros((B, A + 1))}, "noise")],
)
def test_wrong_shapes_are_refused_by_name(change, named):
    actor, theta, critic, phi, obs, noise = problem(5)
    given = {"theta": theta, "critic": critic, "phi": phi, "alpha": ALPHA, "obs": obs, "noise": noise, **change}
    with pytest.raises(ValueError, match=f"^{named}: expected"):
        soft_actor.loss_and_grad(actor, **given)


def test_a_gradient_of_another_shape_and_bounds_in_the_wrong_order_are_refused():
    y, noise = np.zeros((B, 2 * A)), np.zeros((B, A))
    with pytest.raises(ValueError, match=r"^d_action: expected"):
        soft_actor.squash_grad(problem(0)[0], y, noise, noise[:-1], noise[:, 0])
    for call in (soft_actor.squash, soft_actor.distribution):
        with pytest.raises(ValueError, match=r"^low, high: expected low < high, got 2\.0 and -5\.0"):
            call(Actor(MLP((O, 2 * A)), 2.0, -5.0), y, *([noise] if call is soft_actor.squash else []))

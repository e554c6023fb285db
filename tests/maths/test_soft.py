"""Losses of soft actor-critic: complex step, slopes at the tie, what their means over a policy are.

Log-probabilities and values lie in ±5, α in [0, 4], log α in ±3, the entropy aimed at in ±5; 1 to 6 samples.
"""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchrl.maths import categorical, soft
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import complex_step, subgradient_excess

SIZES = st.integers(1, 6)
PAIRS = SIZES.flatmap(lambda n: st.tuples(*[strategies.arrays(n)] * 2))
TRIPLES = SIZES.flatmap(lambda n: st.tuples(*[strategies.arrays(n)] * 3))
ALPHAS = st.floats(0, 4, width=32)
ENTROPIES = st.floats(-5, 5, width=32)
TEMPERATURES = pytest.mark.parametrize("loss", [soft.temperature_loss, soft.temperature_loss_log])


def near(got, truth, bound=1e-12):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max(initial=0)))


# ---- the policy's loss ----


@given(TRIPLES, ALPHAS)
def test_the_policy_loss_is_its_formula(samples, alpha):
    log_prob, q1, q2 = samples
    value, *_ = soft.sac_policy_loss(log_prob, q1, q2, alpha)
    np.testing.assert_array_equal(value, [alpha * l - min(a, b) for l, a, b in zip(*samples, strict=True)])
    np.testing.assert_array_equal(soft.sac_policy_loss(log_prob, q2, q1, alpha)[0], value)


@given(TRIPLES, ALPHAS)
def test_its_three_derivatives_are_complex_steps(samples, alpha):
    """Where Q₁ ≠ Q₂. Each sample depends on its own numbers only."""
    assume(np.abs(samples[1] - samples[2]).min() > 1e-9)
    _, *derivatives = soft.sac_policy_loss(*samples, alpha)
    for place, derivative in enumerate(derivatives):

        def value(x, place=place):
            return soft.sac_policy_loss(*(x if i == place else s for i, s in enumerate(samples)), alpha)[0]

        near(np.diag(derivative), complex_step(value, samples[place]))


@given(PAIRS, ALPHAS)
def test_at_a_tie_each_derivative_lies_between_the_one_sided_slopes_and_the_first_critic_has_it(samples, alpha):
    log_prob, q = samples
    _, d_log_prob, d_q1, d_q2 = soft.sac_policy_loss(log_prob, q, q, alpha)
    for moved, gradient in ((0, d_q1), (1, d_q2)):

        def value(x, moved=moved):
            return soft.sac_policy_loss(log_prob, *((q, x) if moved else (x, q)), alpha)[0]

        assert not subgradient_excess(value, q, gradient).any()
    np.testing.assert_array_equal(d_log_prob, np.full(len(q), alpha))
    np.testing.assert_array_equal(d_q1, np.full(len(q), -1.0))
    np.testing.assert_array_equal(d_q2, np.zeros(len(q)))


@given(TRIPLES, ALPHAS)
def test_one_critic_has_the_whole_slope(samples, alpha):
    _, _, d_q1, d_q2 = soft.sac_policy_loss(*samples, alpha)
    np.testing.assert_array_equal(d_q1 + d_q2, np.full(len(d_q1), -1.0))
    assert set(np.abs(d_q1)) <= {0.0, 1.0}
    smaller = np.where(d_q1 == -1, samples[1], samples[2])
    np.testing.assert_array_equal(smaller, np.minimum(*samples[1:]))


@given(strategies.logits(bound=4.0), st.floats(0.25, 4), st.data())
def test_its_mean_is_alpha_times_the_kl_to_the_boltzmann_policy(logits, alpha, data):
    """E_π[α log π − Q] = α KL(π‖exp(Q/α)/Z) − α log Z, by the sum over all actions."""
    q = data.draw(strategies.arrays(logits.shape))
    policy, log_pi = categorical.softmax(logits), categorical.log_softmax(logits)
    columns = [soft.sac_policy_loss(l, v, v, alpha)[0] for l, v in zip(log_pi.T, q.T, strict=True)]
    mean = (policy * np.stack(columns, axis=1)).sum(axis=1)
    log_z = np.log(np.exp(q / alpha).sum(axis=1))
    near(mean, alpha * categorical.kl(logits, q / alpha) - alpha * log_z)


@given(strategies.logits(bound=4.0), st.floats(0.25, 4))
def test_at_the_boltzmann_policy_its_mean_has_no_slope(q, alpha):
    """∂E_π[L] = E_π[(L + ∂L/∂log π) score]: L is one number for all actions there, and the score has mean zero."""
    logits = q / alpha
    policy, log_pi = categorical.softmax(logits), categorical.log_softmax(logits)
    slope = 0.0
    for a in range(q.shape[1]):
        value, d_log_prob, *_ = soft.sac_policy_loss(log_pi[:, a], q[:, a], q[:, a], alpha)
        score = categorical.score(logits, np.full(len(q), a))
        slope = slope + (policy[:, a] * (value + d_log_prob))[:, None] * score
    near(slope, np.zeros_like(q))


# ---- the temperature ----


@TEMPERATURES
@given(PAIRS, ENTROPIES)
def test_the_temperature_derivative_is_the_complex_step(loss, pair, target_entropy):
    log_alpha, log_prob = 0.6 * pair[0], pair[1]
    got = loss(log_alpha, log_prob, target_entropy)[1]
    near(np.diag(got), complex_step(lambda l: loss(l, log_prob, target_entropy)[0], log_alpha))


@TEMPERATURES
@given(st.floats(-3, 3), SIZES.flatmap(strategies.arrays), ENTROPIES)
def test_one_log_alpha_serves_all_samples(loss, log_alpha, log_prob, target_entropy):
    """As a number, an array of no axes, or repeated; and the derivative is that of the one number, sample by sample."""
    one = loss(log_alpha, log_prob, target_entropy)
    for form in (np.array(log_alpha), np.full(len(log_prob), log_alpha)):
        for got, truth in zip(loss(form, log_prob, target_entropy), one, strict=True):
            assert got.shape == log_prob.shape
            np.testing.assert_array_equal(got, truth)
    near(one[1], complex_step(lambda l: loss(l, log_prob, target_entropy)[0], np.array(log_alpha)))


@given(st.floats(-3, 3), SIZES.flatmap(strategies.arrays), ENTROPIES)
def test_the_two_conventions_are_their_formulas_and_differ_by_the_factor_alpha(log_alpha, log_prob, target_entropy):
    value, d_log_alpha = soft.temperature_loss(log_alpha, log_prob, target_entropy)
    value_log, d_log = soft.temperature_loss_log(log_alpha, log_prob, target_entropy)
    near(value, -np.exp(log_alpha) * (log_prob + target_entropy), 1e-15)
    near(value_log, -log_alpha * (log_prob + target_entropy), 1e-15)
    near(d_log_alpha, np.exp(log_alpha) * d_log, 1e-15)
    np.testing.assert_array_equal(np.sign(d_log_alpha), np.sign(d_log))


@TEMPERATURES
@given(strategies.logits(rows=1, bound=4.0), st.floats(-3, 3), ENTROPIES)
def test_descent_lowers_alpha_exactly_when_the_entropy_is_above_its_aim(loss, logits, log_alpha, target_entropy):
    """The mean over the policy's actions, exactly: α (H − H̄), or H − H̄. At H = H̄ both stand still."""
    policy, log_pi = categorical.softmax(logits)[0], categorical.log_softmax(logits)[0]
    entropy = categorical.entropy(logits)[0]
    factor = np.exp(log_alpha) if loss is soft.temperature_loss else 1.0
    near((policy * loss(log_alpha, log_pi, target_entropy)[1]).sum(), factor * (entropy - target_entropy))
    near((policy * loss(log_alpha, log_pi, entropy)[1]).sum() / factor, 0.0)


# ---- types and refusals ----


def test_float32_stays_float32_beside_python_numbers():
    x = np.array([0.5, -0.5], np.float32)
    for results in (soft.sac_policy_loss(x, x, -x, 0.1), *(f(0.3, x, -1.7) for f in TEMPERATURES.args[1])):
        assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_shapes_that_do_not_fit_are_named():
    x, column = np.zeros(3), np.zeros((3, 1))
    with pytest.raises(ValueError, match=r"q1: expected the shape of log_prob, \(3,\), got \(3, 1\)"):
        soft.sac_policy_loss(x, column, x, 0.1)
    with pytest.raises(ValueError, match=r"q2: expected the shape of log_prob, \(3,\), got \(3, 1\)"):
        soft.sac_policy_loss(x, x, column, 0.1)


@TEMPERATURES
def test_a_log_alpha_that_would_broadcast_is_refused(loss):
    with pytest.raises(ValueError, match=r"log_alpha: expected a number or shape \(3,\), got \(3, 1\)"):
        loss(np.zeros((3, 1)), np.zeros(3), -1.0)

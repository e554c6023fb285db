"""Objectives: values against the paper's formula, derivatives by complex step, the four regions of PPO, its kinks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import categorical, kernels, objectives
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import central_difference, complex_step, subgradient_excess

CLIPS = st.floats(0.0625, 0.75)


def near(got, truth, bound=1e-12):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(1.0, np.abs(truth).max(initial=0)))


def slopes(function, x):
    """∂function_b/∂x_b for an elementwise function."""
    return complex_step(lambda x: function(x).sum(), x)


# ---- derivatives ----


@given(strategies.samples())
def test_policy_gradient_and_surrogate(samples):
    log_prob, log_prob_old, advantage = samples
    value, d_log_prob = objectives.policy_gradient(log_prob, advantage)
    near(value, advantage * log_prob, 0)
    near(d_log_prob, slopes(lambda l: objectives.policy_gradient(l, advantage)[0], log_prob))
    value, d_log_prob = objectives.surrogate(*samples)
    near(value, np.exp(log_prob) / np.exp(log_prob_old) * advantage)
    near(d_log_prob, slopes(lambda l: objectives.surrogate(l, log_prob_old, advantage)[0], log_prob))


@given(strategies.samples(), CLIPS)
def test_ppo_clip_is_the_minimum_of_the_paper_and_its_slope(samples, clip):
    log_prob, log_prob_old, advantage = samples
    value, d_log_prob = objectives.ppo_clip(*samples, clip)
    rho = np.exp(log_prob - log_prob_old)
    near(value, np.minimum(rho * advantage, np.clip(rho, 1 - clip, 1 + clip) * advantage))
    away = (np.abs(rho - 1 - clip) > 1e-9) & (np.abs(rho - 1 + clip) > 1e-9)
    truth = slopes(lambda l: objectives.ppo_clip(l, log_prob_old, advantage, clip)[0], log_prob)
    near(d_log_prob[away], truth[away])


@given(strategies.samples(), st.floats(0, 3), st.data())
def test_ppo_penalty_splits_into_ratio_and_kl(samples, beta, data):
    log_prob, log_prob_old, advantage = samples
    kl = data.draw(strategies.arrays(len(log_prob), low=0.0, high=2.0))
    value, d_log_prob, d_kl = objectives.ppo_penalty(*samples, kl, beta)
    near(value, np.exp(log_prob - log_prob_old) * advantage - beta * kl)
    near(d_log_prob, slopes(lambda l: objectives.ppo_penalty(l, log_prob_old, advantage, kl, beta)[0], log_prob))
    near(d_kl, slopes(lambda k: objectives.ppo_penalty(*samples, k, beta)[0], kl))


@given(strategies.samples(), st.floats(0, 1))
def test_entropy_bonus_adds_c_times_the_entropy(samples, coefficient):
    value, entropy, _ = samples
    total, d_entropy = objectives.entropy_bonus(value, entropy, coefficient)
    near(total, value + coefficient * entropy, 0)
    near(d_entropy, slopes(lambda h: objectives.entropy_bonus(value, h, coefficient)[0], entropy))


@given(strategies.samples(), CLIPS)
def test_central_differences_are_a_second_witness(samples, clip):
    log_prob, log_prob_old, advantage = samples
    value, error = central_difference(lambda l: objectives.surrogate(l, log_prob_old, advantage)[0].sum(), log_prob)
    got = objectives.surrogate(*samples)[1]
    assert (np.abs(value - got) <= error + 1e-12 * max(1, np.abs(got).max())).all()
    assert error.max() < 1e-6


# ---- the geometry of PPO ----

ONE = np.zeros(1)


@pytest.mark.parametrize(
    ("rho", "advantage", "active"),
    [
        (1.5, 1, False), (1.5, -1, True), (0.5, 1, True), (0.5, -1, False),
        (1.1, 1, True), (0.9, -1, True), (1.5, 0, True),
    ],
)
def test_a_sample_is_silent_exactly_where_going_further_would_look_profitable(rho, advantage, active):
    value, d_log_prob = objectives.ppo_clip(np.log([rho]), ONE, np.array([float(advantage)]), 0.25)
    near(d_log_prob, [rho * advantage if active else 0.0])
    near(value, [rho * advantage if active else (1.25 if advantage > 0 else 0.75) * advantage])


@pytest.mark.parametrize("advantage", [1.0, -1.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_at_a_kink_the_slope_lies_between_the_one_sided_ones(advantage, sign):
    log_prob, clip = np.log([1 + sign * 0.25]), 0.25

    def objective(l):
        return objectives.ppo_clip(l, ONE, np.array([advantage]), clip)[0]

    slope = objectives.ppo_clip(log_prob, ONE, np.array([advantage]), clip)[1]
    assert subgradient_excess(objective, log_prob, slope).max() <= 1e-9


@pytest.mark.parametrize("rows", [(1,), (1, 1)])
@pytest.mark.parametrize(("log_ratio", "advantage"), [(0.3, 1.0), (-0.3, -1.0)])
def test_a_ratio_equal_to_its_bound_to_the_last_bit_takes_the_inner_slope(log_ratio, advantage, rows):
    log_prob, old, advantage = np.full(rows, log_ratio), np.zeros(rows), np.full(rows, advantage)
    value = objectives.ppo_clip(log_prob, old, advantage, 0.9)[0]  # ρA, as this code computes ρ
    clip = abs((value / advantage).item() - 1)  # exact, as ρ is between ½ and 2
    np.testing.assert_array_equal(objectives.ppo_clip(log_prob, old, advantage, clip)[1], value)


@given(strategies.samples(), CLIPS)
def test_ppo_never_promises_more_than_the_surrogate_and_equals_it_inside(samples, clip):
    clipped, plain = objectives.ppo_clip(*samples, clip)[0], objectives.surrogate(*samples)[0]
    assert (clipped <= plain + 1e-12 * np.abs(plain)).all()
    rho = objectives.ratio(*samples[:2])
    inside = (rho >= 1 - clip) & (rho <= 1 + clip)
    near(clipped[inside], plain[inside], 1e-14)


@given(strategies.samples(), CLIPS, st.floats(0.125, 8))
def test_objectives_scale_with_the_advantage(samples, clip, c):
    log_prob, log_prob_old, advantage = samples
    for scaled, plain in zip(
        objectives.ppo_clip(log_prob, log_prob_old, c * advantage, clip),
        objectives.ppo_clip(log_prob, log_prob_old, advantage, clip), strict=True,
    ):  # fmt: skip
        near(scaled, c * plain)


@given(strategies.samples(), CLIPS)
def test_at_the_old_policy_every_objective_has_the_policy_gradient(samples, clip):
    log_prob, _, advantage = samples
    truth = objectives.policy_gradient(log_prob, advantage)[1]
    for _, d_log_prob, *_ in (
        objectives.surrogate(log_prob, log_prob, advantage),
        objectives.ppo_clip(log_prob, log_prob, advantage, clip),
        objectives.ppo_penalty(log_prob, log_prob, advantage, 0 * log_prob, 1.0),
    ):
        np.testing.assert_array_equal(d_log_prob, truth)


@given(strategies.logits(rows=1), st.data())
def test_a_baseline_changes_no_gradient_in_expectation(logits, data):
    """Σ_a π(a) (Q(a) − b) ∇log π(a) does not depend on b: the score has mean zero."""
    actions = logits.shape[1]
    q, rows, action = data.draw(strategies.arrays(actions)), np.tile(logits, (actions, 1)), np.arange(actions)
    log_prob, score = categorical.log_prob(rows, action), categorical.score(rows, action)

    def gradient(baseline):
        weight = objectives.policy_gradient(log_prob, q - baseline)[1]
        return (np.exp(log_prob) * weight) @ score

    near(gradient(0.0), gradient(3.0))
    near(gradient(0.0), complex_step(lambda l: (categorical.softmax(l) @ q).sum(), logits)[0])


@given(strategies.samples(), CLIPS)
def test_clip_fraction_counts_the_samples_outside(samples, clip):
    rho = np.exp(samples.log_prob - samples.log_prob_old)
    fraction = objectives.clip_fraction(*samples[:2], clip)
    assert isinstance(fraction, float)
    assert fraction == np.mean([r > 1 + clip or r < 1 - clip for r in rho])


def test_a_ratio_on_the_bound_is_not_outside():
    assert objectives.clip_fraction(np.zeros(2), np.zeros(2), 0.0) == 0


@pytest.mark.parametrize(("kl", "factor"), [(0.5, 0.5), (0.7, 1.0), (1.0, 1.0), (1.4, 1.0), (1.6, 2.0)])
def test_beta_follows_the_kl_by_factors_of_two(kl, factor):
    assert objectives.adapt_beta(3.0, kl * 0.01, 0.01) == 3.0 * factor


def test_beta_stays_where_the_kl_is_on_either_bound():
    assert [objectives.adapt_beta(3.0, kl, 1.5) for kl in (1.0, 2.25)] == [3.0, 3.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ppo_clip_takes_the_kernel_where_it_can_and_gives_the_same_where_it_cannot(monkeypatch, dtype):
    samples = np.random.default_rng(0).standard_normal((3, 8)).astype(dtype)
    strided = np.repeat(samples, 2, axis=1)[:, ::2]
    whole, apart, matrix = (
        objectives.ppo_clip(*arrays, 0.2) for arrays in (samples, strided, samples.reshape(3, 2, 4))
    )
    for part, same, rows in zip(whole, apart, matrix, strict=True):
        assert part.dtype == same.dtype == rows.dtype == dtype
        np.testing.assert_allclose(same, part, rtol=4 * np.finfo(dtype).eps)
        np.testing.assert_array_equal(rows.ravel(), same)
    monkeypatch.setattr(kernels, "ppo_clip", lambda *_: "kernel")
    assert objectives.ppo_clip(*samples, 0.2) == "kernel"
    assert objectives.ppo_clip(*strided, 0.2) != "kernel"
    assert objectives.ppo_clip(*samples.reshape(3, 2, 4), 0.2) != "kernel"


@pytest.mark.parametrize("rows", [(1,), (1, 1)])
def test_nan_stays_visible(rows):
    for advantage in (1.0, -1.0):
        for part in objectives.ppo_clip(np.full(rows, np.nan), np.zeros(rows), np.full(rows, advantage), 0.2):
            assert np.isnan(part).all()


# ---- errors ----

GOOD, BAD = np.zeros(2), np.zeros((2, 1))


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("advantage", lambda: objectives.policy_gradient(GOOD, BAD)),
        ("log_prob_old", lambda: objectives.ratio(GOOD, BAD)),
        ("advantage", lambda: objectives.surrogate(GOOD, GOOD, BAD)),
        ("log_prob_old", lambda: objectives.surrogate(GOOD, BAD, GOOD)),
        ("advantage", lambda: objectives.ppo_clip(GOOD, GOOD, BAD, 0.2)),
        ("log_prob_old", lambda: objectives.ppo_clip(GOOD, BAD, GOOD, 0.2)),
        ("clip", lambda: objectives.ppo_clip(GOOD, GOOD, GOOD, 0.0)),
        ("clip", lambda: objectives.ppo_clip(GOOD, GOOD, GOOD, np.nan)),
        ("kl", lambda: objectives.ppo_penalty(GOOD, GOOD, GOOD, BAD, 1.0)),
        ("entropy", lambda: objectives.entropy_bonus(GOOD, BAD, 1.0)),
        ("log_prob_old", lambda: objectives.clip_fraction(GOOD, BAD, 0.2)),
    ],
)
def test_errors_name_the_argument(name, call):
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        call()

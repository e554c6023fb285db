"""V-trace as other people write it."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def from_importance_weights(
    log_rhos, discounts, rewards, values, bootstrap_value, clip_rho_threshold=1.0, clip_pg_rho_threshold=1.0
):
    rhos = np.exp(log_rhos)
    clipped, cs = np.minimum(clip_rho_threshold, rhos), np.minimum(1.0, rhos)
    ahead = np.concatenate([values[1:], bootstrap_value[None]])
    deltas = clipped * (rewards + discounts * ahead - values)
    carry, gaps = np.zeros_like(bootstrap_value), []
    for t in range(len(rewards) - 1, -1, -1):
        carry = deltas[t] + discounts[t] * cs[t] * carry
        gaps.append(carry)
    vs = np.stack(gaps[::-1]) + values
    vs_ahead = np.concatenate([vs[1:], bootstrap_value[None]])
    return vs, np.minimum(clip_pg_rho_threshold, rhos) * (rewards + discounts * vs_ahead - values)


def errors_and_mixed_advantages(v_tm1, v_t, r_t, discount_t, rho_tm1, lambda_=1.0, clip_rho_threshold=1.0):
    c, rho = np.minimum(1.0, rho_tm1) * lambda_, np.minimum(clip_rho_threshold, rho_tm1)
    delta = rho * (r_t + discount_t * v_t - v_tm1)
    error, errors = np.zeros_like(delta[0]), []
    for d, g, x in zip(delta[::-1], discount_t[::-1], c[::-1], strict=True):
        error = d + g * x * error
        errors.append(error)
    errors = np.stack(errors[::-1])
    targets = errors + v_tm1
    mixed = np.concatenate([lambda_ * targets[1:] + (1 - lambda_) * v_tm1[1:], v_t[-1:]])
    return errors, rho * (r_t + discount_t * mixed - v_tm1)


def advantage_and_target(
    gamma, log_pi, log_mu, state_value, next_state_value, reward, done, terminated, rho_thresh=1.0, c_thresh=1.0,
    leaks=False,
):  # fmt: skip
    ratio = np.exp(log_pi - log_mu)
    rho, c = np.minimum(rho_thresh, ratio), np.minimum(c_thresh, ratio)
    delta = rho * (reward + gamma * ~terminated * next_state_value - state_value)
    gap = np.zeros_like(delta)
    gap[-1] = delta[-1]
    for t in range(len(delta) - 2, -1, -1):
        gap[t] = delta[t] + gamma * ~done[t] * c[t] * gap[t + 1]
    target = gap + state_value
    ahead = np.concatenate([target[1:], next_state_value[-1:]])
    if not leaks:
        ahead = np.where(done, next_state_value, ahead)
    return rho * (reward + gamma * ~terminated * ahead - state_value), target


def leaking_advantage_and_target(
    gamma, log_pi, log_mu, state_value, next_state_value, reward, done, terminated, rho_thresh, c_thresh
):
    return advantage_and_target(
        gamma, log_pi, log_mu, state_value, next_state_value, reward, done, terminated, rho_thresh, c_thresh, True
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_form_of_the_paper_is_correct(dtype):
    report = diagnose(from_importance_weights, "vtrace", max_examples=60, dtype=dtype)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(
    ("subject", "slugs", "verdict"),
    [
        (errors_and_mixed_advantages, {"vtrace-error", "vtrace-pg-lambda"}, "convention"),
        (advantage_and_target, {"vtrace-advantage-first"}, "convention"),
        (leaking_advantage_and_target, {"vtrace-advantage-first", "vtrace-trunc-leak"}, "wrong"),
    ],
)
def test_conventions_and_mistakes_are_told_apart(subject, slugs, verdict):
    report = diagnose(subject, "vtrace", max_examples=60)
    assert {entry.slug for entry in report.entries} == slugs, str(report)
    assert report.verdict == verdict

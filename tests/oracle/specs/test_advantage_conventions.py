"""GAE by conventions of its own: found, named, and not called wrong."""

import numpy as np

from scratchrl.oracle.diagnosis import diagnose


def next_values_masked_by_the_caller(v_s, v_s_, rew, end_flag, gamma, gae_lambda):
    delta = rew + v_s_ * gamma - v_s
    weight, total = (1.0 - end_flag) * (gamma * gae_lambda), 0.0
    result = np.zeros(rew.shape)
    for i in range(len(rew) - 1, -1, -1):
        total = delta[i] + weight[i] * total
        result[i] = total
    return result


def batch_major(rewards, values, dones, bootstrap_value, gamma, lam):
    alive = 1.0 - dones
    following = np.concatenate([values[:, 1:], bootstrap_value[:, None]], axis=1)
    delta = rewards + gamma * alive * following - values
    out = np.zeros_like(delta)
    out[:, -1] = delta[:, -1]
    for t in range(delta.shape[1] - 2, -1, -1):
        out[:, t] = delta[:, t] + gamma * lam * alive[:, t] * out[:, t + 1]
    return out


def test_next_values_that_the_caller_masked_are_a_convention_and_no_missing_mask():
    report = diagnose(next_values_masked_by_the_caller, "gae", max_examples=60)
    assert report.verdict == "convention", str(report)
    assert report.slugs == ()
    assert report.conventions[0].startswith("v_s_ = masked_next_value: ")


def test_the_layout_is_found():
    report = diagnose(batch_major, "gae", max_examples=60)
    assert report.verdict == "convention", str(report)
    assert report.conventions == ("layout: batch-major arrays (N, T)",)


def three_conventions_at_once(truncation, termination, rewards, values, bootstrap_value, lambda_, discount):
    """Truncated steps are silenced, the advantage looks one step ahead to the λ-return, and the targets come first."""
    heard = 1 - truncation
    ahead = np.concatenate([values[1:], bootstrap_value[None]])
    deltas = (rewards + discount * (1 - termination) * ahead - values) * heard
    carry, corrections = np.zeros_like(bootstrap_value), []
    for t in range(len(rewards) - 1, -1, -1):
        carry = deltas[t] + discount * (1 - termination[t]) * heard[t] * lambda_ * carry
        corrections.insert(0, carry)
    targets = np.array(corrections) + values
    targets_ahead = np.concatenate([targets[1:], bootstrap_value[None]])
    advantages = (rewards + discount * (1 - termination) * targets_ahead - values) * heard
    return targets, advantages


def test_three_conventions_of_one_function():
    report = diagnose(three_conventions_at_once, "gae", max_examples=60)
    assert report.verdict == "convention", str(report)
    assert {entry.slug for entry in report.entries} == {"gae-trunc-zeroed", "gae-vtrace-style", "gae-returns-first"}
    assert report.conventions[0].startswith("bootstrap_value = last_value: where truncated")


def test_a_declared_role_says_that_next_values_were_masked():
    def unmasked(rewards, values, next_values, dones, gamma, lam):
        return next_values_masked_by_the_caller(values, next_values, rewards, dones, gamma, lam)

    assert diagnose(unmasked, "gae", max_examples=30).slugs[:1] == ("gae-no-boot-mask",)
    declared = {"next_values": "masked_next_value", "dones": "ends"}
    report = diagnose(unmasked, "gae", declared, max_examples=30)
    assert (report.verdict, report.slugs) == ("convention", ()), str(report)

"""Returns as other people write them, with and without their mistakes."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose

# ---- right ones ----


def powers(rewards, gamma):
    return sum(r * gamma**t for t, r in enumerate(rewards))


def reinforce(rewards, gamma):
    returns, total = [], 0.0
    for r in rewards[::-1]:
        total = r + gamma * total
        returns.insert(0, total)
    return np.array(returns)


def with_terminals(rewards, is_terminals, gamma):
    returns, total = [], 0.0
    for r, end in zip(reversed(list(rewards)), reversed(list(is_terminals)), strict=True):
        if end:
            total = 0.0
        total = r + gamma * total
        returns.insert(0, total)
    return np.array(returns)


def scaled_cumulative_sum(x, discount):
    """Σ_{k≥t} γ^k x_k / γ^t."""
    scale = discount ** np.arange(len(x))
    return np.cumsum((x * scale)[::-1])[::-1] / scale


def lists(rewards, dones, gamma):
    returns = rewards + [0.0]  # noqa: RUF005
    for t in reversed(range(len(rewards))):
        returns[t] = rewards[t] + (0.0 if dones[t] else gamma * returns[t + 1])
    return returns[:-1]


def undiscounted(rews):
    return np.cumsum(rews[::-1], axis=0)[::-1]


def discounts_and_next_values(r_t, discount_t, v_t, lambda_=1.0):
    carry, out = v_t[-1], []
    for r, g, v in zip(r_t[::-1], discount_t[::-1], v_t[::-1], strict=True):
        carry = r + g * ((1 - lambda_) * v + lambda_ * carry)
        out.append(carry)
    return np.stack(out[::-1])


def bootstrapped_rewards_to_go(rewards, value_preds, masks, gamma):
    returns = np.zeros_like(value_preds)
    returns[-1] = value_preds[-1]
    for step in reversed(range(len(rewards))):
        returns[step] = returns[step + 1] * gamma * masks[step + 1] + rewards[step]
    return returns[:-1]


def q_lambda(rewards, next_values, dones, gamma, q_lambda):
    returns = np.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        after = next_values[t] if t == len(rewards) - 1 else q_lambda * returns[t + 1] + (1 - q_lambda) * next_values[t]
        returns[t] = rewards[t] + gamma * after * (1.0 - dones[t])
    return returns


def q_lambda_leaking(rewards, next_values, dones, gamma, q_lambda):
    returns = np.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        alive = 1.0 - dones[t]
        if t == len(rewards) - 1:
            returns[t] = rewards[t] + gamma * next_values[t] * alive
        else:
            returns[t] = rewards[t] + gamma * (q_lambda * returns[t + 1] + (1 - q_lambda) * next_values[t] * alive)
    return returns


def n_step_windows(r_t, discount_t, v_t, n):
    steps, targets = len(r_t), []
    for t in range(steps):
        end = min(t + n, steps)
        total = v_t[end - 1]
        for k in range(end - 1, t - 1, -1):
            total = r_t[k] + discount_t[k] * total
        targets.append(total)
    return np.array(targets)


def replayed_windows(rewards, next_values, dones, gamma, n_steps):
    """Sums forward until an episode ends, the discount growing along the way."""
    out = np.zeros_like(rewards)
    for t in range(len(rewards)):
        factor = 1.0
        for k in range(t, min(t + n_steps, len(rewards))):
            out[t] += factor * rewards[k]
            factor *= gamma
            if dones[k]:
                break
        out[t] += factor * (1.0 - dones[k]) * next_values[k]
    return out


RIGHT = [
    (powers, "discounted_return"), (reinforce, "reward_to_go"), (with_terminals, "reward_to_go"),
    (undiscounted, "reward_to_go"), (lists, "reward_to_go"),
    (discounts_and_next_values, "lambda_return"), (bootstrapped_rewards_to_go, "lambda_return"),
    (q_lambda, "lambda_return"), (n_step_windows, "n_step_return"), (replayed_windows, "n_step_return"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "spec"), RIGHT)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_in_other_words(subject, spec, dtype):
    report = diagnose(subject, spec, max_examples=40, dtype=dtype)
    assert report.verdict == "correct", str(report)


def test_dividing_by_powers_of_gamma_is_right_until_they_vanish():
    report = diagnose(scaled_cumulative_sum, "reward_to_go", max_examples=40)
    assert report.verdict == "unstable", str(report)
    assert report.where == "stress: gamma = 0"


# ---- wrong ones ----


def reset_after_append(rewards, dones, gamma):
    returns, total = [], 0.0
    for r, done in zip(rewards[::-1], dones[::-1], strict=True):
        total = r + gamma * total
        returns.append(total)
        if done:
            total = 0.0
    return np.array(returns[::-1])


def discounted_but_never_summed(rewards, gamma):
    return np.array([gamma**t * r for t, r in enumerate(rewards)])


def whole_return(rewards, gamma):
    total = sum(gamma**t * r for t, r in enumerate(rewards))
    return np.full(len(rewards), total)


def bootstrap_with_gamma(rewards, next_values, dones, gamma, n_step):
    """n rewards, and the bootstrap discounted once."""
    out = np.zeros_like(rewards)
    for t in range(len(rewards)):
        for k in range(t, min(t + n_step, len(rewards))):
            out[t] += gamma ** (k - t) * rewards[k]
            if dones[k]:
                break
        out[t] += gamma * (1.0 - dones[k]) * next_values[k]
    return out


def fixed_exponent(rewards, next_values, dones, gamma, n_step):
    """γⁿ for every window, however short."""
    out = np.zeros_like(rewards)
    for t in range(len(rewards)):
        for k in range(t, min(t + n_step, len(rewards))):
            out[t] += gamma ** (k - t) * rewards[k]
            if dones[k]:
                break
        out[t] += gamma**n_step * (1.0 - dones[k]) * next_values[k]
    return out


WRONG = [
    (reset_after_append, "reward_to_go", "wrong", "rtg-reset-after-append"),
    (discounted_but_never_summed, "reward_to_go", "wrong", "rtg-forward-discount"),
    (whole_return, "reward_to_go", "convention", "rtg-total-return"),
    (q_lambda_leaking, "lambda_return", "wrong", "lambda-return-partial-mask"),
    (bootstrap_with_gamma, "n_step_return", "wrong", "nstep-gamma1"),
    (fixed_exponent, "n_step_return", "wrong", "nstep-truncated-exponent"),
]


@pytest.mark.parametrize(("subject", "spec", "verdict", "slug"), WRONG)
def test_named(subject, spec, verdict, slug):
    report = diagnose(subject, spec, max_examples=40)
    assert (report.verdict, report.slugs[:1]) == (verdict, (slug,)), str(report)

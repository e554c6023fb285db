"""GAE as other people write it and hand their arrays over: called what it is."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def starts_and_last_done(rewards, values, episode_starts, last_values, dones, gamma, gae_lambda):
    """A buffer that stores whether a step began an episode, and the flags after the last step beside it."""
    steps, advantages, carry = len(rewards), np.zeros_like(rewards), 0
    for step in reversed(range(steps)):
        if step == steps - 1:
            alive, after = 1.0 - dones, last_values
        else:
            alive, after = 1.0 - episode_starts[step + 1], values[step + 1]
        delta = rewards[step] + gamma * after * alive - values[step]
        carry = delta + gamma * gae_lambda * alive * carry
        advantages[step] = carry
    return advantages, advantages + values


def dones_before_the_step(rewards, values, dones, next_value, next_done, gamma=0.99, gae_lambda=0.95):
    advantages, last = np.zeros_like(rewards), 0
    for t in range(len(rewards) - 1, -1, -1):
        alive = 1.0 - (next_done if t == len(rewards) - 1 else dones[t + 1])
        following = next_value if t == len(rewards) - 1 else values[t + 1]
        advantages[t] = last = rewards[t] + gamma * following * alive - values[t] + gamma * gae_lambda * alive * last
    return advantages


def one_path(rews, vals, last_val, gamma, lam):
    """The rows of a single episode, closed with the value that follows it."""
    rews, vals = np.append(rews, last_val), np.append(vals, last_val)
    deltas = rews[:-1] + gamma * vals[1:] - vals[:-1]
    return np.array([sum((gamma * lam) ** k * d for k, d in enumerate(deltas[t:])) for t in range(len(deltas))])


def discounts_and_all_values(r_t, discount_t, lambda_, values):
    delta = r_t + discount_t * values[1:] - values[:-1]
    out, carry = [], np.zeros_like(delta[0])
    for d, g in zip(delta[::-1], discount_t[::-1], strict=True):
        carry = d + g * lambda_ * carry
        out.insert(0, carry)
    return np.array(out)


def masks_of_length_t_plus_1(rewards, value_preds, masks, gamma, tau):
    advantage, returns = 0, np.zeros_like(rewards)
    for step in reversed(range(len(rewards))):
        delta = rewards[step] + gamma * value_preds[step + 1] * masks[step + 1] - value_preds[step]
        advantage = delta + gamma * tau * masks[step + 1] * advantage
        returns[step] = advantage
    return returns


def done_and_terminated(gamma, lmbda, state_value, next_state_value, reward, done, terminated):
    out, carry = np.zeros_like(reward), 0.0
    for t in reversed(range(len(reward))):
        delta = reward[t] + gamma * (1.0 - terminated[t]) * next_state_value[t] - state_value[t]
        carry = delta + gamma * lmbda * (1.0 - done[t]) * carry
        out[t] = carry
    return out, out + state_value


def not_dones(rewards, values, next_values, not_dones, gamma, lam):
    carry, out = 0.0, []
    for r, v, w, m in zip(rewards[::-1], values[::-1], next_values[::-1], not_dones[::-1], strict=True):
        carry = r + gamma * m * w - v + gamma * lam * m * carry
        out.append(carry)
    return np.array(out[::-1])


def python_lists(rewards, values, dones, last_value, gamma, lam):
    values, carry, advantages = values + [last_value], 0.0, []  # noqa: RUF005
    for t in reversed(range(len(rewards))):
        alive = 0.0 if dones[t] else 1.0
        carry = rewards[t] + gamma * values[t + 1] * alive - values[t] + gamma * lam * alive * carry
        advantages.insert(0, carry)
    return advantages, [a + v for a, v in zip(advantages, values[:-1], strict=True)]


def list_of_rows(rewards, values, masks, next_value, gamma, tau):
    values, carry, advantages = [*values, next_value], 0.0, []
    for t in reversed(range(len(rewards))):
        delta = rewards[t] + gamma * values[t + 1] * masks[t] - values[t]
        carry = delta + gamma * tau * masks[t] * carry
        advantages.insert(0, carry)
    return advantages


CORRECT = (
    python_lists, list_of_rows,
    starts_and_last_done, dones_before_the_step, one_path, discounts_and_all_values, masks_of_length_t_plus_1,
    done_and_terminated, not_dones,
)  # fmt: skip


@pytest.mark.parametrize("subject", CORRECT)
def test_gae_in_other_words_is_correct(subject):
    report = diagnose(subject, "gae", max_examples=60)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize("subject", CORRECT)
def test_gae_in_single_precision_is_correct(subject):
    assert diagnose(subject, "gae", max_examples=40, dtype="float32").verdict == "correct"


def truncation_folded_into_the_reward(reward, value, next_value, terminated, truncated, gamma, lam):
    """γ V(final) is added to the reward of a truncated step, and every end counts as one from there on."""
    done = terminated | truncated
    reward = reward + gamma * next_value * (truncated & ~terminated)
    following, carry, out = next_value[-1], 0.0, np.zeros_like(reward)
    for t in reversed(range(len(reward))):
        if t == len(reward) - 1:
            following = following * ~truncated[t]
        delta = reward[t] + gamma * following * ~done[t] - value[t]
        out[t] = carry = delta + gamma * lam * ~done[t] * carry
        following = value[t]
    return out


def one_step_dropped_at_the_end(rewards, values, dones, last_value, gamma, lam):
    """At the last step the sum has one term, which looks as if γ and λ were ignored there."""
    advantage = [None] * len(rewards)
    advantage[-1] = rewards[-1] + gamma * (1.0 - dones[-1]) * last_value - values[-1]
    for t in range(len(rewards) - 2, -1, -1):
        advantage[t] = rewards[t] + gamma * (1.0 - dones[t]) * (values[t + 1] + lam * advantage[t + 1]) - values[t]
    return np.stack(advantage)


@pytest.mark.parametrize("subject", [truncation_folded_into_the_reward, one_step_dropped_at_the_end])
def test_false_alarms_are_called_correct(subject):
    report = diagnose(subject, "gae", max_examples=60)
    assert report.verdict == "correct", str(report)

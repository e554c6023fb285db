"""What people do with critics: actors that climb them, minima of several, entropies aimed at, ends of bootstraps."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- the actor ----


def actor_loss(q_pi):
    return -q_pi.mean()


def of_the_copy(qf_pi, q_target):
    return -np.mean(q_target)


def both_gradients(q, target_q):
    return -q.mean(), np.full_like(q, -1 / len(q)), np.zeros_like(target_q)


# ---- several critics ----


def over_the_first_axis(qs):
    return np.min(qs, axis=0)


def reduced(next_q_values):
    smallest = next_q_values[0]
    for q in next_q_values[1:]:
        smallest = np.where(q < smallest, q, smallest)
    return smallest


def over_the_last_axis(q_values):
    """tensor (B, K), as torch.cat(critics, dim=1) makes it."""
    return q_values.min(axis=1)


def unpacked(qs):
    return np.minimum(*qs[:2])


def of_everything(qs):
    return np.min(qs)


# ---- the entropy aimed at ----


def sb3(action_space):
    return -np.prod(action_space.shape).astype(np.float32)


def by_size(act_dim):
    return -act_dim


def brax(action_size):
    return -0.5 * action_size


def one(action_space):
    return -1.0


# ---- the end of a bootstrap ----


def chosen(rewards, next_q, dones, gamma):
    return np.where(dones, rewards, rewards + gamma * next_q)


def multiplied(rewards, next_q, dones, gamma):
    return rewards + gamma * (1 - dones) * next_q


RIGHT = [
    (actor_loss, "ddpg_policy_loss"), (both_gradients, "ddpg_policy_loss"), (over_the_first_axis, "critic_minimum"),
    (reduced, "critic_minimum"), (over_the_last_axis, "critic_minimum"), (sb3, "target_entropy"),
    (by_size, "target_entropy"), (chosen, "terminal_bootstrap"),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "against"), RIGHT)
def test_right_ones(subject, against):
    report = judged(subject, against)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(
    ("subject", "against", "verdict", "slug"),
    [
        (of_the_copy, "ddpg_policy_loss", "convention", "dpg-wrong-Q"),
        (unpacked, "critic_minimum", "wrong", "sac-min-unpack"),
        (of_everything, "critic_minimum", "wrong", "target-min-all"),
        (brax, "target_entropy", "convention", "sac-target-entropy"),
        (one, "target_entropy", "wrong", "sac-target-entropy-one"),
        (multiplied, "terminal_bootstrap", "wrong", "sac-nan-terminal"),
    ],
)
def test_other_ones_are_named(subject, against, verdict, slug):
    report = judged(subject, against)
    assert (report.verdict, report.slugs[:1]) == (verdict, (slug,)), str(report)

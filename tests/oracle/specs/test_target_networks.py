"""Target networks as training loops move them, with the parameters they saw in place of the training."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, **options):
    return diagnose(subject, "target_network", max_examples=60, **options)


def one_environment(params, learning_starts, train_frequency, target_network_frequency, tau):
    """In the manner of CleanRL since its #323."""
    target, history = params[0].copy(), []
    for global_step in range(1, len(params)):
        if global_step > learning_starts and global_step % target_network_frequency == 0:
            target = tau * params[global_step] + (1.0 - tau) * target
        history.append(target)
    return np.array(history)


def before_the_fix(params, learning_starts, train_frequency, target_network_frequency, tau):
    target, history = params[0].copy(), []
    for global_step in range(1, len(params)):
        if global_step > learning_starts and global_step % train_frequency == 0:  # noqa: SIM102
            if global_step % target_network_frequency == 0:
                target = tau * params[global_step] + (1.0 - tau) * target
        history.append(target)
    return np.array(history)


def of_a_vector(params, num_envs, target_update_interval, tau):
    """Counts what has happened since the last move, over all environments."""
    target, history, since = params[0], [], 0
    for now in params[1:]:
        since += num_envs
        if since >= target_update_interval:
            target = target + tau * (now - target)
            since %= target_update_interval
        history.append(target)
    return history


def modulo(params, num_envs, target_update_interval, tau):
    target, history = params[0], []
    for calls, now in enumerate(params[1:], 1):
        if (calls * num_envs) % target_update_interval == 0:
            target = (1 - tau) * target + tau * now
        history.append(target)
    return np.array(history)


def with_batch_norm(params, bn_stats, target_params, target_update_interval, tau):
    """In the manner of Stable-Baselines3 since its #1004."""
    target, kept, history = params[0], bn_stats[0], []
    for t in range(1, len(params)):
        if t % target_update_interval == 0:
            target, kept = (1 - tau) * target + tau * params[t], bn_stats[t]
        history.append((target, kept))
    targets, stats = zip(*history, strict=True)
    return np.array(targets), np.array(stats)


def without_batch_norm(params, bn_stats, target_params, target_update_interval, tau):
    targets, stats = with_batch_norm(params, bn_stats, target_params, target_update_interval, tau)
    return targets, np.repeat(bn_stats[:1], len(stats), axis=0)


def soft_from_the_start(params, target_params, tau):
    target, history = tau * params[0] + (1 - tau) * target_params, []
    for now in params[1:]:
        target = tau * now + (1 - tau) * target
        history.append(target)
    return np.array(history)


@pytest.mark.parametrize("subject", [one_environment, of_a_vector, with_batch_norm])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_ones(subject, dtype):
    report = judged(subject, dtype=dtype)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(
    ("subject", "slug"),
    [
        (before_the_fix, "target-sync-cadence"),
        (modulo, "target-sync-missed"),
        (without_batch_norm, "target-bn-stats"),
        (soft_from_the_start, "target-soft-init"),
    ],
)
def test_wrong_ones_are_named(subject, slug):
    report = judged(subject)
    assert (report.verdict, report.slugs[:1]) == ("wrong", (slug,)), str(report)

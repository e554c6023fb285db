"""Running statistics and what is divided by them, as wrappers and vector environments of other people do it."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- moments ----


def from_moments(mean, var, count, batch_mean, batch_var, batch_count):
    """In the manner of baselines' and Gymnasium's RunningMeanStd."""
    delta, tot_count = batch_mean - mean, count + batch_count
    m_2 = var * count + batch_var * batch_count + np.square(delta) * count * batch_count / tot_count
    return mean + delta * batch_count / tot_count, m_2 / tot_count, tot_count


def from_samples(mean, var, count, x):
    return from_moments(mean, var, count, np.mean(x, axis=0), np.var(x, axis=0), x.shape[0])


def one_by_one(mean, var, count, x):
    second = var * count
    for row in x:
        count += 1
        delta = row - mean
        mean = mean + delta / count
        second = second + delta * (row - mean)
    return mean, second / count


def counted_in_int32(mean, var, count, batch_mean, batch_var, batch_count):
    with np.errstate(over="ignore"):
        total = int(np.int32(count) + np.int32(batch_count))
    delta = batch_mean - mean
    second = var * count + batch_var * batch_count + delta**2 * count * batch_count / total
    return mean + delta * batch_count / total, second / total, total


def torch_like_variance(mean, var, count, x):
    unbiased = np.var(x, axis=0, ddof=1) if len(x) > 1 else np.full_like(mean, np.nan)
    return from_moments(mean, var, count, np.mean(x, axis=0), unbiased, x.shape[0])


@pytest.mark.parametrize("subject", [from_moments, from_samples, one_by_one])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_updates(subject, dtype):
    report = judged(subject, "moments_update", dtype=dtype)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(
    ("subject", "slug"), [(counted_in_int32, "rms-count-overflow"), (torch_like_variance, "rms-batch-ddof-1")]
)
def test_wrong_updates(subject, slug):
    report = judged(subject, "moments_update")
    assert (report.verdict, report.slugs[:1]) == ("wrong", (slug,)), str(report)


# ---- running returns ----


def sb3(rewards, dones, gamma):
    """VecNormalize: resets after the step that ends an episode."""
    returns, history = np.zeros_like(rewards[0]), []
    for reward, done in zip(rewards, dones, strict=True):
        returns = returns * gamma + reward
        history.append(returns)
        returns = np.where(done, 0.0, returns)
    return np.array(history)


def gymnasium(rewards, terminated, truncated, gamma):
    """NormalizeReward: this step's flag on the return before it, and terminations alone."""
    acc, history = np.zeros_like(rewards[0]), []
    for reward, terminal in zip(rewards, terminated, strict=True):
        acc = acc * gamma * (1 - terminal) + reward
        history.append(acc)
    return np.array(history)


def never_reset(rewards, dones, gamma):
    acc, history = np.zeros_like(rewards[0]), []
    for reward in rewards:
        acc = acc * gamma + reward
        history.append(acc)
    return np.array(history)


def test_running_returns():
    assert judged(sb3, "running_return").verdict == "correct"
    report = judged(gymnasium, "running_return")
    assert report.verdict == "wrong"
    assert set(report.slugs) == {"rewnorm-reset-order", "rewnorm-term-only"}, str(report)
    report = judged(never_reset, "running_return")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("rewnorm-not-reset",)), str(report)


# ---- what is divided ----


def normalize_reward(reward, ret_var, clip_reward, epsilon=1e-8):
    """baselines#538: no mean is subtracted, and none should be."""
    return np.clip(reward / np.sqrt(ret_var + epsilon), -clip_reward, clip_reward)


def exact(reward, var):
    return reward / var**0.5


def standardized(rewards, mean, std):
    return (rewards - mean) / std


def raw_final(obs, terminal_observation, mean, var, clip_obs):
    return np.clip((obs - mean) / np.sqrt(var), -clip_obs, clip_obs), terminal_observation


def both(obs, terminal_observation, mean, var, clip_obs):
    return tuple(np.clip((x - mean) / np.sqrt(var), -clip_obs, clip_obs) for x in (obs, terminal_observation))


@pytest.mark.parametrize(
    ("subject", "against", "verdict", "slugs"),
    [
        (exact, "reward_scaling", "correct", ()),
        (normalize_reward, "reward_scaling", "convention", ("norm-eps",)),
        (standardized, "reward_scaling", "convention", ("rewnorm-subtract-mean",)),
        (both, "observation_scaling", "correct", ()),
        (raw_final, "observation_scaling", "wrong", ("terminal-obs-not-normalised",)),
    ],
)
def test_scaling(subject, against, verdict, slugs):
    report = judged(subject, against)
    assert (report.verdict, report.slugs[:1]) == (verdict, slugs), str(report)

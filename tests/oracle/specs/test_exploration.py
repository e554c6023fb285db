"""Exploration as other people write it, with the draws as an array or with a generator to draw from."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- noise on an action ----


def cleanrl(actions, action_scale, exploration_noise, rng, low, high):
    """ddpg_continuous_action.py since its #260: noise around 0, in units of the action scale."""
    noise = rng.normal(0.0, np.ones_like(actions) * action_scale * exploration_noise)
    return (actions + noise).clip(low, high)


def biased(actions, action_scale, action_bias, exploration_noise, rng, low, high):
    """... and before."""
    noise = rng.normal(action_bias * np.ones_like(actions), action_scale * exploration_noise, size=actions.shape)
    return (actions + noise).clip(low, high)


def spinning_up(a, noise_scale, act_limit, rng):
    """Noise in units of the action; bounds are symmetric."""
    return np.clip(a + noise_scale * rng.standard_normal(a.shape), -act_limit, act_limit)


def normalised(action, eps, sigma):
    """For actions from −1 to 1."""
    return np.clip(action + sigma * eps, -1, 1)


def one_number(a, sigma, rng, low, high):
    return np.clip(a + (high - low) / 2 * rng.normal(0, sigma, size=(len(a), 1)), low, high)


def only_when_tested(action, xi, sigma, low, high, training):
    return action if training else np.clip(action + sigma * (high - low) / 2 * xi, low, high)


def when_not_tested(action, xi, sigma, low, high, deterministic):
    return only_when_tested(action, xi, sigma, low, high, deterministic)


@pytest.mark.parametrize("subject", [cleanrl, normalised, when_not_tested])
def test_right_noise(subject):
    report = judged(subject, "exploration_noise")
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(
    ("subject", "verdict", "slug"),
    [
        (biased, "wrong", "expl-noise-biased"),
        (only_when_tested, "wrong", "noise-at-test-only"),
        (spinning_up, "convention", "expl-noise-unscaled"),
    ],
)
def test_other_noise(subject, verdict, slug):
    report = judged(subject, "exploration_noise")
    assert (report.verdict, report.slugs[:1]) == (verdict, (slug,)), str(report)


def test_one_number_for_all_dimensions_of_one_action():
    def single(a, sigma, noise, low, high):
        return np.clip(a + (high - low) / 2 * sigma * noise[:, :1], low, high)

    report = judged(single, "exploration_noise")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("expl-noise-scalar",)), str(report)
    report = judged(one_number, "exploration_noise")
    assert report.verdict == "wrong", str(report)


# ---- target policy smoothing ----


def td3(next_actions, policy_noise, noise_clip, action_scale, low, high, rng):
    """td3_continuous_action.py since its #281."""
    noise = np.clip(rng.standard_normal(next_actions.shape) * policy_noise, -noise_clip, noise_clip) * action_scale
    return (next_actions + noise).clip(low, high)


def td3_before(next_actions, policy_noise, noise_clip, low, high, rng):
    noise = np.clip(rng.standard_normal(next_actions[0].shape) * policy_noise, -noise_clip, noise_clip)
    return (next_actions + noise).clip(low, high)


def td3_of_its_authors(next_action, policy_noise, noise_clip, max_action, rng):
    noise = (rng.standard_normal(next_action.shape) * policy_noise).clip(-noise_clip, noise_clip)
    return (next_action + noise).clip(-max_action, max_action)


def test_smoothing():
    assert judged(td3, "td3_smoothing").verdict == "correct"
    report = judged(td3_before, "td3_smoothing")
    assert report.verdict == "wrong"
    assert set(report.slugs) == {"td3-noise-shared", "td3-noise-unscaled"}, str(report)
    report = judged(td3_of_its_authors, "td3_smoothing")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("td3-noise-unscaled",)), str(report)


# ---- Ornstein-Uhlenbeck ----


class OUNoise:
    """Udacity's class with a generator of its own."""

    def __init__(self, size, mu, theta, sigma, rng):
        self.mu, self.theta, self.sigma, self.rng, self.state = mu * np.ones(size), theta, sigma, rng, np.zeros(size)

    def sample(self, draw):
        dx = self.theta * (self.mu - self.state) + self.sigma * np.array([draw() for _ in range(len(self.state))])
        self.state = self.state + dx
        return self.state


def udacity(x0, mu, theta, sigma, rng, n_steps):
    noise = OUNoise(len(x0), mu, theta, sigma, rng)
    noise.state = x0
    return np.array([noise.sample(rng.random) for _ in range(n_steps)])


def repaired(x0, mu, theta, sigma, rng, n_steps):
    noise = OUNoise(len(x0), mu, theta, sigma, rng)
    noise.state = x0
    return np.array([noise.sample(rng.standard_normal) for _ in range(n_steps)])


def baselines(x_prev, mu, theta, sigma, rng, dt=1e-2):
    """OrnsteinUhlenbeckActionNoise.__call__."""
    return x_prev + theta * (mu - x_prev) * dt + sigma * np.sqrt(dt) * rng.normal(size=x_prev.shape)


def fixed_step(x_prev, noise, mu, theta, sigma, dt):
    return x_prev + theta * (mu - x_prev) * 1e-2 + sigma * np.sqrt(1e-2) * noise


def test_ornstein_uhlenbeck():
    assert judged(repaired, "ou_noise").verdict == "correct"
    assert judged(baselines, "ou_noise").verdict == "correct"
    report = judged(udacity, "ou_noise")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("ou-uniform",)), str(report)
    report = judged(fixed_step, "ou_noise")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("ou-dt",)), str(report)

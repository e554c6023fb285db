"""N-step replays as other people write them: loops and index arithmetic over the rows of a ring."""

import numpy as np
import pytest

from scratchrl.experience.replay import Replay, sample_n_step
from scratchrl.oracle.diagnosis import diagnose


def judged(subject, **options):
    return diagnose(subject, "n_step_replay", max_examples=60, **options)


class Drawn:
    """A generator whose draw is known."""

    def __init__(self, rows):
        self.rows = rows

    def integers(self, most, size):
        return self.rows


def ours(reward, terminated, truncated, env, position, size, rows, n, gamma):
    """The replay of the library, of observations that never change."""
    obs = np.zeros((len(reward), 1))
    replay = Replay(obs, obs, reward, obs, terminated, truncated, env, position, size)
    found = sample_n_step(replay, Drawn(rows), len(rows), n, gamma, env.max() + 1)
    return {"reward": found.reward, "discount": found.discount, "terminated": found.terminated}


def by_index_arithmetic(rewards, dones, timeouts, pos, full, batch_inds, n_steps, gamma):
    """In the manner of Stable-Baselines3: all n columns, and a mask of what comes before an end."""
    size = len(rewards)
    newest = (pos - 1) % size
    steps = (batch_inds[:, None] + np.arange(n_steps)) % size
    ends = dones[steps] | timeouts[steps] | (steps == newest)
    before = np.cumsum(ends, axis=1) - ends
    counted = before == 0
    taken = counted.sum(axis=1)
    total = (rewards[steps] * counted * gamma ** np.arange(n_steps)).sum(axis=1)
    last = steps[np.arange(len(steps)), taken - 1]
    return total, last, gamma**taken, dones[last]


def by_following(rew, terminated, truncated, pos, size, indices, n_step, gamma):
    """In the manner of Tianshou: `next` stays where it is at an end and at the newest transition."""
    newest = (pos - 1) % len(rew)

    def stays(i):
        return terminated[i] or truncated[i] or i == newest

    found = []
    for i in indices:
        chain = [i]
        while len(chain) < n_step and not stays(chain[-1]):
            chain.append((chain[-1] + 1) % len(rew))
        total = 0.0
        for j in reversed(chain):
            total = rew[j] + gamma * total
        found.append((total, chain[-1], gamma ** len(chain), terminated[chain[-1]]))
    total, last, discount, terminal = map(np.array, zip(*found, strict=True))
    return {"terminated": terminal, "discount": discount, "last": last, "reward": total}


def of_several_environments(reward, terminated, truncated, env, position, size, rows, n, gamma):
    order = np.arange(size) if size < len(reward) else (position + np.arange(size)) % size
    found = []
    for row in rows:
        own = [i for i in order[list(order).index(row) :] if env[i] == env[row]][:n]
        ends = [t for t, i in enumerate(own) if terminated[i] or truncated[i]]
        own = own[: ends[0] + 1] if ends else own
        total = sum(gamma**t * reward[i] for t, i in enumerate(own))
        found.append((total, own[-1], gamma ** len(own), terminated[own[-1]]))
    return tuple(map(np.array, zip(*found, strict=True)))


def sums_alone(reward, dones, position, size, rows, n, gamma):
    """Whoever returns the sums alone is asked about them alone."""
    return by_following(reward, dones, dones & False, position, size, rows, n, gamma)["reward"]


@pytest.mark.parametrize("subject", [ours, by_index_arithmetic, by_following, of_several_environments, sums_alone])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_ones(subject, dtype):
    report = judged(subject, dtype=dtype)
    assert report.verdict == "correct", str(report)


def test_who_has_no_parameter_for_the_environment_is_told_that_it_was_not_asked():
    assert "env: no parameter tells it" in judged(by_following).untested


def pointer_ignored(rewards, dones, timeouts, pos, full, batch_inds, n_steps, gamma):
    size = len(rewards)
    steps = (batch_inds[:, None] + np.arange(n_steps)) % size
    ends = dones[steps] | timeouts[steps]
    counted = np.cumsum(ends, axis=1) - ends == 0
    total = (rewards[steps] * counted * gamma ** np.arange(n_steps)).sum(axis=1)
    taken = counted.sum(axis=1)
    last = steps[np.arange(len(steps)), taken - 1]
    return total, last, gamma**taken, dones[last]


def fixed_exponent(rew, terminated, truncated, pos, size, indices, n_step, gamma):
    answer = by_following(rew, terminated, truncated, pos, size, indices, n_step, gamma)
    return answer["reward"], answer["last"], np.full(len(indices), gamma**n_step), answer["terminated"]


def interleaved(reward, terminated, truncated, env, position, size, rows, n, gamma):
    return of_several_environments(reward, terminated, truncated, 0 * env, position, size, rows, n, gamma)


@pytest.mark.parametrize(
    ("subject", "slug"),
    [
        (pointer_ignored, "nstep-crosses-write-pointer"),
        (fixed_exponent, "nstep-truncated-exponent"),
        (interleaved, "nstep-mixes-environments"),
    ],
)
def test_wrong_ones_are_named(subject, slug):
    report = judged(subject)
    assert (report.verdict, report.slugs[:1]) == ("wrong", (slug,)), str(report)

"""Hindsight as other people write it."""

import numpy as np

from scratchrl.oracle.diagnosis import diagnose


def judged(subject):
    return diagnose(subject, "hindsight_row", max_examples=60)


def walking(dones, pos, size, indices, rng):
    """Collects what comes later and draws one of them."""
    newest, found = (pos - 1) % len(dones), []
    for i in indices:
        later = [i]
        while not dones[later[-1]] and later[-1] != newest:
            later.append((later[-1] + 1) % len(dones))
        found.append(later[int(rng.random() * len(later))])
    return np.array(found)


def in_the_array(dones, pos, size, indices, rng):
    """The same without going around."""
    newest, found = (pos - 1) % len(dones), []
    for i in indices:
        later = [i]
        while not dones[later[-1]] and later[-1] != newest and later[-1] + 1 < len(dones):
            later.append(later[-1] + 1)
        found.append(later[int(rng.random() * len(later))])
    return np.array(found)


def test_hindsight():
    report = judged(walking)
    assert report.verdict == "correct", str(report)
    report = judged(in_the_array)
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("her-ring-wrap",)), str(report)

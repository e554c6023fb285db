"""Prioritised replay and schedules as other people write them."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- draws ----


def by_cumsum(priorities, u):
    cdf = np.cumsum(priorities)
    return np.searchsorted(cdf, u * cdf[-1], side="right")


def by_choice(priorities, batch_size, rng):
    return rng.choice(len(priorities), size=batch_size, p=priorities / priorities.sum())


class Tree:
    """baselines' sum tree, ends exclusive."""

    def __init__(self, priorities):
        self.capacity = 1 << (len(priorities) - 1).bit_length()
        self.value = np.zeros(2 * self.capacity)
        self.value[self.capacity : self.capacity + len(priorities)] = priorities
        for i in range(self.capacity - 1, 0, -1):
            self.value[i] = self.value[2 * i] + self.value[2 * i + 1]

    def sum(self, start, end):
        return self.value[self.capacity + start : self.capacity + end].sum()

    def find_prefixsum_idx(self, mass):
        i = 1
        while i < self.capacity:
            i, mass = (2 * i, mass) if self.value[2 * i] > mass else (2 * i + 1, mass - self.value[2 * i])
        return i - self.capacity


def by_tree(priorities, rng, batch_size):
    tree = Tree(priorities)
    total = tree.sum(0, len(priorities))
    return [tree.find_prefixsum_idx(rng.random() * total) for _ in range(batch_size)]


def stratified(priorities, rng, batch_size):
    tree, part = Tree(priorities), priorities.sum() / batch_size
    return [tree.find_prefixsum_idx(rng.random() * part + i * part) for i in range(batch_size)]


def stratified_without_the_last(priorities, rng, batch_size):
    tree = Tree(priorities)
    part = tree.sum(0, len(priorities) - 1) / batch_size
    return [tree.find_prefixsum_idx(rng.random() * part + i * part) for i in range(batch_size)]


@pytest.mark.parametrize("subject", [by_cumsum, by_choice, by_tree])
def test_draws_in_proportion(subject):
    report = judged(subject, "per_sample")
    assert report.verdict == "correct", str(report)


def test_one_draw_from_each_part_and_the_range_that_leaves_one_out():
    report = judged(stratified, "per_sample")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("per-stratified",)), str(report)
    report = judged(stratified_without_the_last, "per_sample")
    assert report.verdict == "wrong"
    assert set(report.slugs) == {"per-stratified", "per-sum-range"}, str(report)


# ---- weights ----


def of_the_memory(probs, buffer_size, p_min, beta):
    """baselines: the largest weight of the whole memory."""
    return (probs * buffer_size) ** (-beta) / (p_min * buffer_size) ** (-beta)


def test_whose_largest_weight():
    report = judged(of_the_memory, "per_weights")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("per-max-scope",)), str(report)


def weighted(td_errors, weights):
    return (weights * 0.5 * td_errors**2).mean()


def unweighted(q_values, targets, is_weights):
    return 0.5 * np.mean((q_values - targets) ** 2), (q_values - targets) / len(targets)


def squared_twice(q_values, targets, is_weights):
    return ((is_weights * (q_values - targets)) ** 2).mean()


@pytest.mark.parametrize(
    ("subject", "verdict", "slugs"),
    [
        (weighted, "correct", set()),
        (unweighted, "wrong", {"per-isw-missing"}),
        (squared_twice, "wrong", {"per-isw-in-square", "value-loss-half"}),
    ],
)
def test_weighted_losses(subject, verdict, slugs):
    report = judged(subject, "per_loss")
    assert report.verdict == verdict, str(report)
    assert slugs <= set(report.slugs)


# ---- schedules ----


def cleanrl(start_e, end_e, duration, t):
    """One number at a time, and for falling settings only."""
    slope = (end_e - start_e) / duration
    return max(slope * t + start_e, end_e)


def baselines(t, schedule_timesteps, initial_p, final_p):
    fraction = np.minimum(t / schedule_timesteps, 1.0)
    return initial_p + fraction * (final_p - initial_p)


def unbounded(t, initial_p, final_p, schedule_timesteps):
    return initial_p + (final_p - initial_p) * t / schedule_timesteps


def test_schedules():
    assert judged(cleanrl, "linear_schedule").verdict == "correct"
    assert judged(baselines, "linear_schedule").verdict == "correct"
    assert judged(baselines, "per_beta", dtype="float32").verdict == "correct"
    report = judged(unbounded, "per_beta")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("schedule-unclamped",)), str(report)


class Compounding:
    def __init__(self, beta):
        self.beta = beta

    def update(self, frame, frames):
        self.beta += min(frame / frames, 1.0) * (1.0 - self.beta)


def rainbow_is_all_you_need(frame_idx, beta, num_frames):
    memory, seen = Compounding(beta), []
    for frame in range(round(float(frame_idx[-1])) + 1):
        memory.update(frame, num_frames)
        seen.append(memory.beta)
    return np.array(seen)[frame_idx.astype(int)]


def test_a_share_of_what_is_left():
    report = judged(rainbow_is_all_you_need, "per_beta")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("per-beta-compounding",)), str(report)

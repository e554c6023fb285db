"""Runs of a ring against a walk over each environment's own list, and against n-step returns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import n_step_replay, returns

GAMMA = 0.5  # sums of whole numbers times powers of it are exact


@st.composite
def rings(draw):
    """(reward, terminated, truncated, env, position, size) and N; rows beyond size hold what must not be read."""
    envs, capacity = draw(st.integers(1, 3)), draw(st.integers(1, 9))
    flags = st.lists(st.sampled_from(["", "", "terminated", "truncated", "both"]), min_size=1, max_size=14)
    ends = draw(flags)
    reward, terminated = np.full(capacity, 99.0), np.ones(capacity, bool)
    truncated, env = np.ones(capacity, bool), np.zeros(capacity, int)
    for t, end in enumerate(ends):
        row = t % capacity
        reward[row], env[row] = t + 1, t % envs
        terminated[row], truncated[row] = end in ("terminated", "both"), end in ("truncated", "both")
    return (reward, terminated, truncated, env, len(ends) % capacity, min(len(ends), capacity)), envs


def walk(ring, row, n):
    """(R, last, γ^k) by following the rows from the oldest to the newest."""
    reward, terminated, truncated, env, position, size = ring
    oldest = position if size == len(reward) else 0
    order = [(oldest + age) % len(reward) for age in range(size)]
    own = [other for other in order[order.index(row) :] if env[other] == env[row]][:n]
    total = taken = 0
    for last in own:
        total, taken = total + GAMMA**taken * reward[last], taken + 1
        if terminated[last] or truncated[last]:
            break
    return total, last, GAMMA**taken


@given(rings(), st.integers(1, 5))
def test_a_run_is_a_walk_along_its_environment(drawn, n):
    ring, envs = drawn
    rows = np.arange(ring[-1])
    got = n_step_replay.runs(*ring, rows, n, GAMMA, envs)
    for found, expected in zip(got, zip(*(walk(ring, row, n) for row in rows), strict=True), strict=True):
        np.testing.assert_array_equal(found, expected)


@given(rings(), st.integers(1, 5))
def test_with_the_values_of_the_successors_it_is_the_n_step_return(drawn, n):
    ring, _ = drawn
    reward, terminated, truncated, _, _, size = ring
    if size == len(reward):
        return  # rows in the order of time only while none is overwritten
    value = np.arange(size) - 4.0
    total, last, discount = n_step_replay.runs(*ring[:3], 0 * ring[3], *ring[4:], np.arange(size), n, GAMMA, 1)
    target = total + discount * ~terminated[last] * value[last]
    expected = returns.n_step_return(reward[:size], value, terminated[:size], truncated[:size], GAMMA, n)
    np.testing.assert_array_equal(target, expected)


def test_a_run_ends_where_the_next_row_does_not_begin_where_it_led():
    no, obs = np.zeros(4, bool), np.arange(5.0)[:, None]
    ring = (np.ones(4), no, no, np.zeros(4, int), 0, 4)
    next_obs = np.where(obs == 1, 9, obs + 1)
    _, last, discount = n_step_replay.runs(*ring, np.arange(4), 3, GAMMA, 1, obs[:4], next_obs[:4])
    assert last.tolist() == [1, 1, 3, 3]
    assert discount.tolist() == [0.25, 0.5, 0.25, 0.5]


def test_a_run_has_a_transition():
    no = np.zeros(1, bool)
    with pytest.raises(ValueError, match="n: expected at least 1, got 0"):
        n_step_replay.runs(np.ones(1), no, no, np.zeros(1, int), 0, 1, np.zeros(1, int), 0, GAMMA, 1)


def test_the_newest_row_of_an_environment_has_none_after_it():
    """Two environments take turns in a full ring whose oldest row is 3."""
    env = np.array([1, 0, 1, 0, 1, 0])
    no = np.zeros(6, bool)
    _, last, _ = n_step_replay.runs(np.ones(6), no, no, env, 3, 6, np.arange(6), 2, GAMMA, 2)
    assert last.tolist() == [2, 1, 2, 5, 0, 1]


RING = {
    "reward": np.ones(3), "terminated": np.zeros(3, bool), "truncated": np.zeros(3, bool), "env": np.zeros(3, int),
    "position": 0, "size": 3, "rows": np.arange(3), "obs": np.zeros((3, 2)), "next_obs": np.zeros((3, 2)),
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 4}, "size: expected 0 to the ring's 3 rows, got 4"),
        ({"terminated": np.zeros(0, bool)}, r"terminated: expected the shape of reward, \(3,\), got \(0,\)"),
        ({"truncated": np.zeros(2, bool)}, "truncated: expected"),
        ({"env": np.zeros(2, int)}, "env: expected"),
        ({"rows": np.zeros(2)}, "rows: expected integers"),
        ({"rows": np.zeros((1, 1), int)}, "rows: expected integers"),
        ({"next_obs": np.zeros((3, 3))}, "obs, next_obs: expected"),
        ({"obs": np.zeros((2, 2)), "next_obs": np.zeros((2, 2))}, "obs, next_obs: expected"),
    ],
)
def test_what_is_no_ring_is_refused_before_the_kernel_reads_it(wrong, message):
    n_step_replay.runs(**RING, n=2, gamma=GAMMA, num_envs=1)
    with pytest.raises(ValueError, match=message):
        n_step_replay.runs(**{**RING, **wrong}, n=2, gamma=GAMMA, num_envs=1)


def test_a_row_that_is_not_filled_is_refused():
    no = np.zeros(2, bool)
    for row in (-1, 1, 2):
        with pytest.raises(ValueError, match="rows: expected 0 to 0, got"):
            n_step_replay.runs(np.ones(2), no, no, np.zeros(2, int), 1, 1, np.array([0, row]), 2, GAMMA, 1)

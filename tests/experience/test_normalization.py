"""Normalisation against the plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.experience.batch import Batch
from scratchrl.experience.normalization import (
    empty_return_scale,
    scale,
    scale_reward,
    standardize,
    standardizer,
    update_return_scale,
)
from scratchrl.maths.moments import empty, update


def batches(seed, steps, n):
    """Random rewards, flags and valid rows."""
    rng = np.random.default_rng(seed)
    flag = lambda p: rng.random((steps, n)) < p  # noqa: E731
    return Batch(None, None, rng.normal(size=(steps, n)), None, flag(0.1), flag(0.1), flag(0.9))


def plain_running_returns(batch, gamma):
    """The definition: Σ γ^{t−i} r_i over the valid rows i ≤ t since the last end, per valid row t; and what is open."""
    values, still_open = [], []
    for n in range(batch.reward.shape[1]):
        rewards = []
        for t in range(len(batch.reward)):
            if batch.valid[t, n]:
                rewards.append(batch.reward[t, n])
                values.append(sum(gamma**i * r for i, r in enumerate(reversed(rewards))))
            if batch.terminated[t, n] or batch.truncated[t, n]:
                rewards = []
        still_open.append(sum(gamma**i * r for i, r in enumerate(reversed(rewards))))
    return np.array(values), still_open


@given(seed=st.integers(0, 1000), steps=st.integers(1, 40), n=st.integers(1, 3), gamma=st.sampled_from([0.0, 0.9, 1.0]))
def test_return_scale_is_the_plain_definition(seed, steps, n, gamma):
    batch = batches(seed, steps, n)
    values, still_open = plain_running_returns(batch, gamma)
    state = update_return_scale(empty_return_scale(n), batch, gamma)
    assert state.moments.count == len(values)
    np.testing.assert_allclose(state.discounted, still_open, rtol=1e-12, atol=1e-12)
    if len(values) > 1:
        np.testing.assert_allclose(scale(state.moments), values.std(), rtol=1e-9)


@given(seed=st.integers(0, 1000), cut=st.integers(1, 29))
def test_one_batch_or_two_is_the_same(seed, cut):
    batch, state = batches(seed, 30, 2), empty_return_scale(2)
    whole = update_return_scale(state, batch, 0.97)
    for part in (slice(None, cut), slice(cut, None)):
        state = update_return_scale(state, Batch(*[a if a is None else a[part] for a in batch]), 0.97)
    assert state.discounted.tobytes() == whole.discounted.tobytes()
    assert state.moments.count == whole.moments.count
    np.testing.assert_allclose(scale(state.moments), scale(whole.moments), rtol=1e-12)


@pytest.mark.parametrize(("terminated", "truncated"), [(True, False), (False, True), (True, True)])
def test_every_kind_of_end_begins_anew(terminated, truncated):
    flags = lambda value: np.array([[False], [value], [False]])  # noqa: E731
    batch = Batch(None, None, np.ones((3, 1)), None, flags(terminated), flags(truncated), np.ones((3, 1), bool))
    state = update_return_scale(empty_return_scale(1), batch, 0.5)
    assert state.discounted.item() == 1.0
    np.testing.assert_allclose(state.moments.mean, (1 + 1.5 + 1) / 3)


def test_updating_leaves_the_old_state_alone():
    state = empty_return_scale(2)
    update_return_scale(state, batches(0, 5, 2), 0.9)
    assert state.discounted.tolist() == [0, 0]
    assert state.moments.count == 0


def test_reward_keeps_its_mean():
    """Constant rewards keep their sign and are not centred."""
    state = update_return_scale(empty_return_scale(3), batches(1, 50, 3), 0.9)
    reward = np.full((4, 3), -2.0, np.float32)
    scaled = scale_reward(state, reward)
    np.testing.assert_allclose(scaled, -2.0 / scale(state.moments), rtol=1e-6)
    assert scaled.dtype == np.float32
    assert scale_reward(state, reward * 1e6, clip=3.0).tolist() == np.full((4, 3), -3.0).tolist()


def test_standardized_observations_have_mean_0_and_variance_1():
    obs = np.random.default_rng(0).normal(5, 3, (1000, 4))
    z = standardize(update(empty((4,)), obs), obs, clip=np.inf)
    np.testing.assert_allclose(z.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(z.std(axis=0), 1, rtol=1e-13)
    limited = standardize(update(empty((4,)), obs), obs, clip=0.5)
    np.testing.assert_array_equal(limited, np.clip(z, -0.5, 0.5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardizer_is_the_definition_to_the_bit_call_after_call(dtype):
    obs = np.random.default_rng(0).normal(5, 3, (2, 1000, 4)).astype(dtype)
    moments = update(empty((4,)), obs[0])
    standard = standardizer(moments, 0.5)
    for rows in obs:
        plain = np.clip((rows - moments.mean) / scale(moments), -0.5, 0.5).astype(dtype)
        before = rows.copy()
        assert standard(rows).tobytes() == standardize(moments, rows, 0.5).tobytes() == plain.tobytes()
        assert rows.tobytes() == before.tobytes()


def test_nothing_seen_changes_nothing():
    obs = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.testing.assert_array_equal(standardize(empty((3,)), obs), obs)
    assert standardize(empty((3,)), obs).dtype == np.float32
    np.testing.assert_array_equal(scale_reward(empty_return_scale(1), obs), obs)


@given(
    c=st.floats(-1e6, 1e6),
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_a_constant_has_scale_1_also_when_its_mean_is_rounded(c, sizes, dtype):
    """Columns: the constant, and numbers that do vary by one float32 spacing, whose σ must survive."""
    moments = empty((2,))
    for size in sizes:
        rows = np.full((size, 2), c, dtype)
        rows[::2, 1] = np.nextafter(np.float32(c), np.float32(np.inf))
        moments = update(moments, rows)
    assert scale(moments)[0] == 1.0
    assert abs(standardize(moments, np.full((1, 2), c, dtype))[0, 0]) < 1e-6
    if dtype is np.float32 and sum(sizes) > len(sizes) + 1 and abs(c) > 1e-30:
        assert scale(moments)[1] != 1.0

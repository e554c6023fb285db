"""The replay against plain lists: what is kept, how often each row is drawn, where runs of n steps break off."""

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode

from scratchrl.experience import replay as replays
from scratchrl.experience import snapshot
from scratchrl.experience.batch import Batch, valid_rows
from scratchrl.experience.rollout import collect, start
from scratchrl.runs import checkpoint

TERMINATED, TRUNCATED = (True, False), (False, True)
SCRIPTS = [[(3, TERMINATED), (1, TRUNCATED)], [(4, TRUNCATED), (2, TERMINATED)]]
FIELDS = replays.Replay._fields[:7]


@pytest.fixture
def world(scripted, mode):
    return start(scripted(SCRIPTS, mode), seed=0, dtype=np.float64)


def act(obs):
    return np.arange(len(obs)) % 2


def filled(world, capacity, chunks):
    """The replay, and the list of all rows (obs, action, …, env) ever added, in order."""
    replay, rows = replays.empty(world, capacity), []
    for steps in chunks:
        batch, _ = collect(world, act, steps)
        replay = replays.add(replay, batch)
        env = np.broadcast_to(np.arange(len(world.obs)), batch.valid.shape)
        rows += zip(*valid_rows(batch, *batch[:-1], env), strict=True)
    return replay, rows


def kept(replay):
    """Rows of the ring, oldest first."""
    order = np.arange(replay.size)
    if replay.size == len(replay.reward):
        order = (replay.position + order) % replay.size
    return list(zip(*(array[order] for array in replay[:7]), strict=True))


def same(got, expected):
    assert len(got) == len(expected)
    for ours, theirs in zip(got, expected, strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("capacity", [1, 5, 7, 1000])
@pytest.mark.parametrize("chunks", [[1], [3, 1, 1, 4], [2] * 9, [30]])
def test_the_last_rows_are_kept_in_order_in_every_autoreset_mode(world, capacity, chunks):
    replay, rows = filled(world, capacity, chunks)
    same(kept(replay), rows[-capacity:])
    assert replay.size == min(len(rows), capacity)
    assert replay.position == len(rows) % capacity


def test_rows_that_are_no_transition_are_not_kept(scripted):
    world = start(scripted(SCRIPTS, AutoresetMode.NEXT_STEP), seed=0)
    replay, _ = filled(world, 100, [20])
    assert 0 < replay.size < 40
    assert (replay.reward[: replay.size] != 0).all()  # a filler's reward would be 0


def test_columns_have_the_types_of_the_world(scripted):
    world = start(scripted(SCRIPTS, AutoresetMode.DISABLED, Box(-1, 1, (3,))), seed=0, dtype=np.float32)
    replay = replays.empty(world, 4)
    assert [array.shape for array in replay[:7]] == [(4, 2), (4, 3), (4,), (4, 2), (4,), (4,), (4,)]
    assert [array.dtype.char for array in replay[:7]] == ["f", "f", "f", "f", "?", "?", "i"]


def test_a_mapped_replay_is_the_same_one_on_disk(scripted, tmp_path):
    batch, _ = collect(start(scripted(SCRIPTS, AutoresetMode.DISABLED), seed=0), act, 9)
    world = start(scripted(SCRIPTS, AutoresetMode.DISABLED), seed=0)
    plain, mapped = (replays.add(replays.empty(world, 7, path), batch) for path in (None, tmp_path / "replay"))
    same(kept(mapped), kept(plain))
    for name, array in zip(FIELDS, mapped, strict=False):
        array.flush()
        np.testing.assert_array_equal(np.load(tmp_path / "replay" / f"{name}.npy"), array)


def test_a_checkpoint_holds_all_of_it(world):
    replay, _ = filled(world, 9, [8])
    copy = checkpoint.unflatten(replays.empty(world, 9), checkpoint.flatten(replay))
    same(kept(copy), kept(replay))
    assert copy[7:] == replay[7:]


# ---- one transition ----


def test_every_row_is_drawn_as_often_as_another_and_whole(world):
    """χ² with 6 degrees of freedom exceeds 45 with probability 5e-8."""
    replay, rows = filled(world, 7, [3, 3, 3])
    drawn = replays.sample(replay, np.random.default_rng(0), 7000)
    keys = [(*obs, action) for obs, action, *_ in rows[-7:]]
    row = np.array([keys.index((*obs, action)) for obs, action in zip(*drawn[:2], strict=True)])
    for k, field in enumerate(drawn):
        np.testing.assert_array_equal(field, np.array([r[k] for r in rows[-7:]])[row])
    count = np.bincount(row, minlength=7)
    assert ((count - 1000) ** 2 / 1000).sum() < 45


def test_a_sample_is_a_copy_and_depends_on_the_generator_alone(world):
    replay, _ = filled(world, 5, [4])
    first, second = (replays.sample(replay, np.random.default_rng(3), 20) for _ in range(2))
    same(list(zip(*first, strict=True)), list(zip(*second, strict=True)))
    first.obs[...] = np.nan
    assert np.isfinite(replay.obs).all()


def test_only_filled_rows_are_drawn(world):
    replay, _ = filled(world, 1000, [2])
    assert (replays.sample(replay, np.random.default_rng(0), 500).reward != 0).all()


# ---- n transitions ----


def walk(rows, first, n, gamma):
    """(reward, next_obs, terminated, truncated, discount) by following the list of one environment."""
    total, discount, env = 0.0, 1.0, rows[first][6]
    own = [row for row in rows[first:] if row[6] == env][:n]
    for row in own:
        total, discount = total + discount * row[2], discount * gamma
        if row[4] or row[5]:
            break
    return total, row[3], row[4], row[5], discount


@pytest.mark.parametrize("n", [1, 2, 3, 6])
@pytest.mark.parametrize("capacity", [4, 9, 1000])
@pytest.mark.parametrize("chunks", [[1], [3, 1, 1, 4], [2] * 7, [20]])
def test_runs_are_those_of_a_walk_along_each_environment(world, capacity, n, chunks):
    replay, rows = filled(world, capacity, chunks)
    rows = rows[-capacity:]
    drawn = replays.sample_n_step(replay, np.random.default_rng(5), 60, n, 0.5, 2)
    index = np.random.default_rng(5).integers(replay.size, size=60)
    oldest = replay.position if replay.size == capacity else 0
    for b, first in enumerate((index - oldest) % replay.size):
        expected = (*rows[first][:2], *walk(rows, first, n, 0.5))
        same([tuple(field[b] for field in drawn)], [expected])


def test_one_step_is_the_plain_sample(world):
    replay, _ = filled(world, 9, [3, 4])
    single = replays.sample(replay, np.random.default_rng(0), 50)
    run = replays.sample_n_step(replay, np.random.default_rng(0), 50, 1, 0.25, 2)
    same([single], [run[:-1]])
    assert (run.discount == 0.25).all()


def one_environment(scripted, length, capacity, steps):
    world = start(scripted([[(length, TERMINATED)]], AutoresetMode.DISABLED), seed=0, dtype=np.float64)
    return (world, *filled(world, capacity, [steps]))


def test_three_steps_by_hand(scripted):
    """Rewards 1, 2, 3, 4, 5, end: from the start 1 + 2/2 + 3/4; two before the end 4 + 5/2, and terminated."""
    _, replay, _ = one_environment(scripted, 5, 100, 5)
    drawn = replays.sample_n_step(replay, np.random.default_rng(0), 50, 3, 0.5, 1)
    seen = {(obs[1], r, d, bool(end)) for obs, r, d, end in zip(*(drawn[i] for i in (0, 2, 6, 4)), strict=True)}
    assert seen == {
        (0, 2.75, 0.125, False), (1, 4.5, 0.125, False), (2, 6.25, 0.125, True), (3, 6.5, 0.25, True), (4, 5, 0.5, True)
    }  # fmt: skip


def test_new_episodes_after_an_inexact_resume_do_not_continue_old_ones(scripted):
    world, replay, _ = one_environment(scripted, 50, 100, 3)
    saved = snapshot.arrays(world)
    saved["obs"] = saved["obs"] + 1  # so that the replay of the tape does not fit
    assert snapshot.restore(world, saved) is False
    replay = replays.add(replay, collect(world, act, 3)[0])
    drawn = replays.sample_n_step(replay, np.random.default_rng(0), 100, 4, 1.0, 1)
    assert set(drawn.discount) == {1.0}
    third = (drawn.obs[:, 1] == 2) & (drawn.obs[:, 0] == 0)
    assert third.any()
    assert (drawn.next_obs[third] == [0, 3]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_stay_in_their_precision(scripted, dtype):
    world = start(scripted(SCRIPTS, AutoresetMode.DISABLED, Discrete(2)), seed=0, dtype=dtype)
    replay, _ = filled(world, 10, [9])
    drawn = replays.sample_n_step(replay, np.random.default_rng(0), 5, 3, 0.9, 2)
    assert drawn.obs.dtype == drawn.reward.dtype == drawn.next_obs.dtype == drawn.discount.dtype == dtype


def test_bad_input_is_named(world):
    replay, rng = replays.empty(world, 3), np.random.default_rng(0)
    with pytest.raises(ValueError, match="capacity: expected at least 1, got 0"):
        replays.empty(world, 0)
    with pytest.raises(ValueError, match="replay: expected at least one transition"):
        replays.sample(replay, rng, 2)
    with pytest.raises(ValueError, match="n: expected at least 1, got 0"):
        replays.sample_n_step(filled(world, 3, [2])[0], rng, 2, 0, 0.9, 1)


def test_a_batch_without_transitions_changes_nothing(world):
    replay, _ = filled(world, 9, [4])
    batch, _ = collect(world, act, 1)
    nothing = Batch(*batch[:-1], np.zeros_like(batch.valid))
    assert replays.add(replay, nothing)[7:] == replay[7:]

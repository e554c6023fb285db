"""collect_episodes: one whole fresh episode of every environment."""

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from scratchrl.experience.environments import make
from scratchrl.experience.rollout import collect, collect_episodes, start
from scratchrl.experience.world import episode_seed

TERMINATED, TRUNCATED, BOTH = (True, False), (False, True), (True, True)


def zeros(obs):
    return np.zeros(len(obs), np.int64)


def test_whole_episodes_padded_with_zeros(scripted, mode):
    """Lengths 3, 1, 2: while the first plays on, the others are stepped, end again, and must leave no trace."""
    world = start(scripted([[(3, TERMINATED)], [(1, TRUNCATED)], [(2, BOTH)]], mode), seed=0)
    batch, episodes = collect_episodes(world, zeros)
    T, F = True, False
    assert batch.valid.T.tolist() == [[T, T, T], [T, F, F], [T, T, F]]
    assert batch.terminated.T.tolist() == [[F, F, T], [F, F, F], [F, T, F]]
    assert batch.truncated.T.tolist() == [[F, F, F], [T, F, F], [F, T, F]]
    assert batch.reward.T.tolist() == [[1, 2, 3], [1, 0, 0], [1, 2, 0]]
    assert batch.obs[:, 0].tolist() == [[0, 0], [0, 1], [0, 2]]
    assert batch.next_obs[:, 0].tolist() == [[0, 1], [0, 2], [0, 3]]
    assert batch.next_obs[:, 2].tolist() == [[0, 1], [0, 2], [0, 0]]
    assert all((array[~batch.valid] == 0).all() for array in batch)
    assert episodes.lengths.tolist() == [1, 2, 3]
    assert episodes.returns.tolist() == [1.0, 3.0, 6.0]
    assert (world.obs[:, 1] == 0).all()
    assert not world.running_length.any()


@pytest.mark.parametrize("flags", [TERMINATED, TRUNCATED])
def test_the_horizon_truncates_what_still_plays(scripted, mode, flags):
    world = start(scripted([[(5, flags)], [(2, flags)], [(3, flags)]], mode), seed=0)
    batch, episodes = collect_episodes(world, zeros, horizon=3)
    assert len(batch.valid) == 3
    assert batch.truncated[2].tolist() == [True, False, True]
    assert batch.terminated[2].tolist() == [False, False, flags == TERMINATED]
    assert batch.next_obs[2, 0].tolist() == [0, 3]
    assert episodes.lengths.tolist() == [2, 3, 3]


def test_the_record_grows_without_loss(scripted, mode):
    world = start(scripted([[(300, TERMINATED)], [(2, TERMINATED)]], mode), seed=0)
    batch, episodes = collect_episodes(world, zeros)
    assert batch.next_obs[:2, 1].tolist() == [[0, 1], [0, 2]]
    assert batch.obs[:, 0, 1].tolist() == list(range(300))
    assert batch.next_obs[:, 0, 1].tolist() == list(range(1, 301))
    assert episodes.returns.tolist() == [3, 300 * 301 / 2]


def test_calls_play_the_episodes_with_the_seeds_of_0_1_2():
    """Each first observation is that of a separate environment reset with the seed of that episode."""
    envs = make("CartPole-v1", 3)
    world, single = start(envs, seed=7), envs.envs[0].spec.make()
    for e in range(3):
        batch, _ = collect_episodes(world, zeros)
        for n in range(3):
            np.testing.assert_array_equal(batch.obs[0, n], single.reset(seed=episode_seed(7, n, e))[0])


def test_the_policy_of_one_environment_does_not_disturb_another():
    """Environment 1 acts the same twice; how long environment 0 makes it wait must not matter, now or later."""
    seen = []
    for other in (0, 1):
        world = start(make("CartPole-v1", 2), seed=2)
        batches = [collect_episodes(world, lambda obs, a=other: np.array([a, 0]))[0] for _ in range(3)]
        seen.append(np.concatenate([batch.obs[:, 1][batch.valid[:, 1]] for batch in batches]))
    np.testing.assert_array_equal(seen[0], seen[1])


def test_an_open_episode_is_abandoned_and_collect_goes_on_afterwards(scripted, mode):
    world = start(scripted([[(3, TERMINATED)]], mode), seed=0)
    collect(world, zeros, 2)
    batch, episodes = collect_episodes(world, zeros)
    assert batch.obs[:, 0].tolist() == [[1, 0], [1, 1], [1, 2]]
    assert episodes.returns.tolist() == [36.0]
    batch, episodes = collect(world, zeros, 3)
    assert batch.valid.all()
    assert episodes.lengths.tolist() == [3]
    assert world.episode.tolist() == [3]


def test_a_pending_filler_is_abandoned_too(scripted):
    world = start(scripted([[(2, TERMINATED)]], AutoresetMode.NEXT_STEP), seed=0)
    collect(world, zeros, 2)
    assert world.filler.all()
    batch, _ = collect_episodes(world, zeros)
    assert batch.obs[:, 0, 1].tolist() == [0, 1]
    assert collect(world, zeros, 2)[0].valid.all()


@pytest.mark.parametrize("vectorization", ["sync", "native"])
def test_real_environments(vectorization):
    world = start(make("CartPole-v1", 4, vectorization), seed=0)
    batch, episodes = collect_episodes(world, zeros)
    assert episodes.lengths.sum() == batch.valid.sum() == batch.reward.sum()
    assert batch.terminated.sum() == 4
    assert episodes.lengths.max() == len(batch.valid)


def test_arguments(scripted):
    world = start(scripted([[(3, TERMINATED)]], AutoresetMode.DISABLED), seed=0)
    with pytest.raises(ValueError, match="horizon must be at least 1 or None, got 0"):
        collect_episodes(world, zeros, horizon=0)

"""Rollouts against a plain simulation of a scripted environment, in all three autoreset modes."""

import itertools

import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scratchrl.experience.environments import make
from scratchrl.experience.rollout import collect, start
from scratchrl.experience.world import episode_seed

FLAGS = {"terminated": (True, False), "truncated": (False, True), "both": (True, True)}
scripts = st.lists(st.tuples(st.integers(1, 4), st.sampled_from(list(FLAGS.values()))), min_size=1, max_size=4)


def zeros(obs):
    return np.zeros(len(obs), np.int64)


def truth(script, count):
    """The first `count` transitions (obs, reward, next_obs, terminated, truncated) of one scripted environment."""
    rows = []
    for k in itertools.count():
        length, flags = script[k % len(script)]
        for t in range(length):
            end = flags if t + 1 == length else (False, False)
            rows.append(((k, t), 10.0 * k + t + 1, (k, t + 1), *end))
            if len(rows) == count:
                return rows


def played(batches, n):
    """The valid transitions of environment n in a list of batches, in the same form."""
    return [
        (tuple(b.obs[t, n]), b.reward[t, n], tuple(b.next_obs[t, n]), b.terminated[t, n], b.truncated[t, n])
        for b in batches
        for t in np.flatnonzero(b.valid[:, n])
    ]


@pytest.mark.parametrize("flags", FLAGS.values(), ids=FLAGS)
def test_truth_table_by_hand(scripted, mode, flags):
    """Episodes of 2 steps; the rollout of 5 steps ends inside an episode, which must raise no flag."""
    world = start(scripted([[(2, flags)]], mode), seed=0)
    batch, episodes = collect(world, zeros, 5)
    none = (False, False)
    expected = [
        ((0, 0), 1.0, (0, 1), *none),
        ((0, 1), 2.0, (0, 2), *flags),
        ((1, 0), 11.0, (1, 1), *none),
        ((1, 1), 12.0, (1, 2), *flags),
        ((2, 0), 21.0, (2, 1), *none),
    ]
    fillers = 1 if mode is AutoresetMode.NEXT_STEP else 0
    assert played([batch], 0) == expected[: 5 - fillers]
    assert batch.valid[:, 0].tolist() == [True, True, not fillers, True, True]
    assert episodes.returns.tolist() == [3.0, 23.0]
    assert episodes.lengths.tolist() == [2, 2]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(scripts, min_size=1, max_size=3), st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_any_script_cut_into_any_rollouts_gives_the_plain_transitions(scripted, mode, all_scripts, cuts):
    world = start(scripted(all_scripts, mode), seed=0)
    collected = [collect(world, zeros, steps) for steps in cuts]
    batches = [batch for batch, _ in collected]
    returns = np.concatenate([episodes.returns for _, episodes in collected])
    expected_returns = []
    for n, script in enumerate(all_scripts):
        rows = played(batches, n)
        assert rows == truth(script, len(rows))
        assert mode is AutoresetMode.NEXT_STEP or len(rows) == sum(cuts)
        ends = [i for i, row in enumerate(rows) if row[3] or row[4]]
        sums = [sum(row[1] for row in rows[a:b]) for a, b in itertools.pairwise([0, *(i + 1 for i in ends)])]
        expected_returns += sums
        assert world.episode[n] == len(ends)
        assert world.running_length[n] == len(rows) - (ends[-1] + 1 if ends else 0)
    assert sorted(returns) == sorted(expected_returns)


def test_fillers_are_one_per_episode_and_cross_rollouts(scripted):
    world = start(scripted([[(2, (True, False))]], AutoresetMode.NEXT_STEP), seed=0)
    valid = [collect(world, zeros, 1)[0].valid.item() for _ in range(6)]
    assert valid == [True, True, False, True, True, False]


def test_episodes_come_in_order_of_ending(scripted, mode):
    world = start(scripted([[(3, (True, False))], [(2, (False, True))]], mode), seed=0)
    _, episodes = collect(world, zeros, 3)
    assert episodes.lengths.tolist() == [2, 3]


def test_rewards_add_up_in_time_order_whatever_the_rollouts():
    """Bitwise: Pendulum's rewards are not exact sums, so the order of addition shows."""
    returns = []
    for steps in (200, 50, 7):
        world, ended = start(make("Pendulum-v1", 2), 3), []
        for _ in range(-(-200 // steps)):
            ended += collect(world, lambda obs: np.zeros((2, 1)), steps)[1].returns.tolist()
        returns.append(ended)
    assert returns[0] == returns[1] == returns[2]


@pytest.mark.parametrize(("n", "vectorization"), [(1, "sync"), (3, "sync"), (4, "native")])
def test_same_seed_same_bits(n, vectorization):
    def run(seed):
        rng = np.random.default_rng(seed)
        world = start(make("CartPole-v1", n, vectorization), seed)
        return collect(world, lambda obs: rng.integers(0, 2, len(obs)), 100)[0]

    a, b, other = run(5), run(5), run(6)
    assert all(x.tobytes() == y.tobytes() for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a.obs, other.obs)


def test_every_episode_has_a_seed_of_its_own_that_fits_a_c_int():
    seeds = [episode_seed(s, n, e) for s in range(3) for n in range(20) for e in range(20)]
    assert len(set(seeds)) == len(seeds)
    assert 2**30 < max(seeds) < 2**31


def test_an_episode_depends_on_its_number_and_not_on_what_came_before():
    first = []
    for action in (0, 1):
        world = start(make("CartPole-v1", 2), seed=1)
        batch, _ = collect(world, lambda obs, a=action: np.full(len(obs), a), 40)
        done = batch.terminated[:-1, 1]
        first.append(batch.obs[1:, 1][done][:3])
    assert len(first[0]) == 3
    np.testing.assert_array_equal(first[0], first[1])


def test_the_environment_gets_clipped_actions_and_the_batch_does_not(scripted, mode):
    envs = scripted([[(2, (True, False))]], mode, Box(-1, 2, (2,)))
    batch, _ = collect(start(envs, 0), lambda obs: np.array([[-5.0, 5.0]]), 2)
    np.testing.assert_array_equal(batch.action, [[[-5, 5]]] * 2)
    np.testing.assert_array_equal(envs.envs[0].received, [[-1, 2]] * 2)
    assert envs.envs[0].received[0].dtype == np.float32


@pytest.mark.parametrize(
    ("space", "action", "received"),
    [(Discrete(3, start=5), [2], 7), (MultiDiscrete([3, 4], start=[1, -1]), [[2, 0]], [3, -1])],
    ids=str,
)
def test_the_start_of_a_space_is_added_for_the_environment(scripted, mode, space, action, received):
    envs = scripted([[(2, (True, False))]], mode, space)
    batch, _ = collect(start(envs, 0), lambda obs: np.array(action), 1)
    np.testing.assert_array_equal(batch.action[0], action)
    np.testing.assert_array_equal(envs.envs[0].received[0], received)


def test_dtypes(scripted, mode):
    for dtype in (np.float32, np.float64):
        world = start(scripted([[(1, (True, False))]], mode, Box(-1, 1, (1,))), 0, dtype)
        batch, _ = collect(world, lambda obs: np.zeros((1, 1)), 2)
        assert {a.dtype for a in (batch.obs, batch.action, batch.reward, batch.next_obs)} == {np.dtype(dtype)}
        assert {a.dtype for a in batch[4:]} == {np.dtype(bool)}


def test_the_batch_does_not_alias_the_world(scripted, mode):
    world = start(scripted([[(3, (True, False))]], mode), 0)
    batch, _ = collect(world, zeros, 2)
    before = world.obs.copy()
    for array in batch:
        array[...] = 1
    np.testing.assert_array_equal(world.obs, before)
    assert not any(np.shares_memory(batch.next_obs, other) for other in (batch.obs, world.obs))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("what", ["observation", "final observation", "reward"])
def test_not_finite_is_reported_with_step_and_environment(scripted, mode, bad, what):
    envs = scripted([[(9, (True, False))], [(3, (False, True))]], mode)
    culprit = envs.envs[1]
    original = culprit.step

    def step(action):
        obs, reward, terminated, truncated, info = original(action)
        hit = culprit.t == (3 if what == "final observation" else 2)
        if hit and what == "reward":
            reward = bad
        elif hit:
            obs = np.array([0, bad], np.float32)
        return obs, reward, terminated, truncated, info

    culprit.step = step
    at = 2 if what == "final observation" else 1
    with pytest.raises(FloatingPointError, match=rf"{what.split()[-1]}.* at step {at} of this rollout, environment 1"):
        collect(start(envs, 0), zeros, 6)


def test_a_policy_that_fails_on_a_nan_observation_is_not_blamed(scripted):
    envs = scripted([[(9, (True, False))]], AutoresetMode.DISABLED)
    envs.envs[0]._obs = lambda: np.full(2, np.nan if envs.envs[0].t == 2 else 0, np.float32)

    def act(obs):
        assert np.isfinite(obs).all(), "something obscure"
        return zeros(obs)

    with pytest.raises(FloatingPointError, match=r"observation .* at step 1"):
        collect(start(envs, 0), act, 6)


def test_a_policy_that_is_not_finite_is_blamed():
    with pytest.raises(FloatingPointError, match=r"action of the policy .*nan.* at step 0 .* environment 0"):
        collect(start(make("Pendulum-v1"), 0), lambda obs: np.array([[np.nan]]), 3)


def test_arguments(scripted, mode):
    envs = scripted([[(2, (True, False))]] * 3, mode)
    with pytest.raises(ValueError, match="seed must be at least 0, got -1"):
        start(envs, -1)
    world = start(envs, 0)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        collect(world, zeros, 0)
    with pytest.raises(ValueError, match=r"act must return actions of shape \(3,\), got \(1,\)"):
        collect(world, lambda obs: np.zeros(1, np.int64), 2)
    with pytest.raises(TypeError, match="same_kind"):
        collect(world, lambda obs: np.zeros(3), 2)
    envs.metadata.pop("autoreset_mode")
    with pytest.raises(ValueError, match="autoreset_mode"):
        start(envs, 0)

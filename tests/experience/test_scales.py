"""Running statistics: acting and learning see the same numbers, those of before the batch."""

from types import SimpleNamespace

import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode

from scratchrl.experience import agent as agents
from scratchrl.experience import samples as sampling
from scratchrl.experience import scales
from scratchrl.experience.environments import make
from scratchrl.experience.rollout import collect, start
from scratchrl.maths import mlp, policies


def config(**changes):
    networks = {"hidden": (5,), "activation": "tanh", "state_dependent_std": False}
    return SimpleNamespace(**{"normalize_obs": True, "normalize_reward": False, "gamma": 0.9} | networks | changes)


def learner(envs, seed):
    agent = agents.build(envs, config())
    rng = np.random.default_rng(seed)
    return agent, rng.standard_normal(policies.size(agent.policy)), rng.standard_normal(mlp.size(agent.value))


def play(world, agent, theta, setting, batches, steps=12):
    """[(scales that acted, raw batch, scaled batch, the generator as it was before)], and the last scales."""
    rng, current, history = np.random.default_rng(3), scales.empty(world), []
    for _ in range(batches):
        before = rng.bit_generator.state
        state = SimpleNamespace(theta=theta, scales=current)
        raw, _ = collect(world, agents.actor(agent.policy, state, setting, rng), steps)
        updated, batch = scales.scaled(current, raw, setting)
        history.append((current, raw, batch, before))
        current = updated
    return history, current


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_actions_are_those_that_the_scaled_batch_and_the_same_random_numbers_give(env_id):
    """Row by row and to the bit: no step of a rollout was scaled by other statistics than the update's."""
    world = start(make(env_id, 3, "sync"), seed=1, dtype=np.float64)
    agent, theta, _ = learner(world.envs, 2)
    history, _ = play(world, agent, theta, config(), batches=3)
    for _, _, batch, before in history:
        rng = np.random.default_rng()
        rng.bit_generator.state = before
        for obs, action in zip(batch.obs, batch.action, strict=True):
            np.testing.assert_array_equal(policies.sample(agent.policy, theta, obs, rng), action)


def test_log_prob_at_acting_is_the_log_prob_in_the_samples():
    world = start(make("Pendulum-v1", 3, "sync"), seed=1, dtype=np.float64)
    agent, theta, phi = learner(world.envs, 2)
    history, current = play(world, agent, theta, config(), batches=2)
    state, said = SimpleNamespace(theta=theta, scales=current), []
    act = agents.actor(agent.policy, state, config(), np.random.default_rng(4))

    def act_and_note(obs):
        action = act(obs)
        seen = np.clip((obs - current.obs.mean) / np.sqrt(current.obs.m2 / current.obs.count), -10, 10)
        said.append(policies.log_prob(agent.policy, theta, seen, action))
        return action

    raw, _ = collect(world, act_and_note, 6)
    samples = sampling.judged(agent, theta, phi, scales.scaled(current, raw, config())[1], 0.9, 0.9)
    np.testing.assert_allclose(samples.log_prob, np.concatenate(said), rtol=1e-13)
    assert len(history) == 2


def test_statistics_are_those_of_all_observations_of_earlier_batches():
    world = start(make("CartPole-v1", 3, "sync"), seed=1, dtype=np.float64)
    agent, theta, _ = learner(world.envs, 2)
    history, last = play(world, agent, theta, config(), batches=3)
    earlier = np.empty((0, 4))
    for acted, raw, batch, _ in history:
        assert acted.obs.count == len(earlier)
        if len(earlier):
            for scaled, plain in ((batch.obs, raw.obs), (batch.next_obs, raw.next_obs)):
                truth = np.clip((plain - earlier.mean(axis=0)) / earlier.std(axis=0), -10, 10)
                np.testing.assert_allclose(scaled, truth, rtol=1e-10, atol=1e-12)
        else:
            np.testing.assert_array_equal(batch.obs, raw.obs)  # nothing seen yet
        earlier = np.concatenate([earlier, raw.obs.reshape(-1, 4)])
    np.testing.assert_allclose(last.obs.mean, earlier.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(last.obs.m2 / last.obs.count, earlier.var(axis=0), rtol=1e-11)


def test_filler_rows_are_not_counted(scripted):
    world = start(scripted([[(2, (True, False))]], AutoresetMode.NEXT_STEP, Discrete(2)), seed=0)
    raw, _ = collect(world, lambda obs: np.zeros(1, int), 5)  # steps 0 and 1, a filler, 0 and 1
    updated, _ = scales.scaled(scales.empty(world), raw, config(normalize_reward=True))
    assert (updated.obs.count, updated.reward.moments.count) == (4, 4)
    np.testing.assert_array_equal(updated.obs.mean, [0.5, 0.5])  # obs (episode, step)


def test_rewards_are_divided_by_the_spread_of_the_running_return_this_batch_included(scripted):
    """One episode of 3 steps with rewards 1, 2, 3 and γ = ½: G = 1, 2½, 4¼. Rewards are not shifted."""
    world = start(scripted([[(3, (False, True))]], AutoresetMode.DISABLED, Discrete(2)), seed=0, dtype=np.float64)
    raw, _ = collect(world, lambda obs: np.zeros(1, int), 3)
    setting = config(normalize_obs=False, normalize_reward=True, gamma=0.5)
    updated, batch = scales.scaled(scales.empty(world), raw, setting)
    np.testing.assert_allclose(batch.reward[:, 0], np.array([1, 2, 3]) / np.std([1, 2.5, 4.25]), rtol=1e-13)
    assert updated.reward.discounted.tolist() == [0.0]
    assert batch.obs is raw.obs
    assert updated.obs.count == 0


def test_switched_off_nothing_is_touched_and_nothing_is_counted(scripted):
    world = start(scripted([[(3, (False, True))]], AutoresetMode.DISABLED, Discrete(2)), seed=0)
    raw, _ = collect(world, lambda obs: np.zeros(1, int), 4)
    before, off = scales.empty(world), config(normalize_obs=False)
    updated, batch = scales.scaled(before, raw, off)
    assert updated is before
    assert batch is raw
    assert scales.seen(before, raw.obs, off) is raw.obs


def test_scaling_changes_neither_the_batch_nor_the_scales_it_was_given(scripted):
    world = start(scripted([[(3, (False, True))]], AutoresetMode.DISABLED, Discrete(2)), seed=0)
    raw, _ = collect(world, lambda obs: np.zeros(1, int), 4)
    setting = config(normalize_reward=True)
    before, _ = scales.scaled(scales.empty(world), raw, setting)
    given = (*raw, *before.obs[1:], *before.reward.moments[1:], before.reward.discounted)
    copies = [array.copy() for array in given]
    scales.scaled(before, raw, setting)
    for array, copied in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copied)

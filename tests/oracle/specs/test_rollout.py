"""Collectors as people write them, right and wrong, against the scripted environment."""

from typing import NamedTuple

import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from scratchrl.experience import rollout
from scratchrl.oracle import assert_matches, diagnose

SAME_STEP = {"envs": "same_step_env"}


def told(subject, **options):
    return diagnose(subject, "rollout", max_examples=40, **options)


# ---- ours ----


def ours(env, act, value, steps):
    batch, _ = rollout.collect(rollout.start(env, seed=0), act, steps)
    return batch._asdict() | {"value": value(batch.obs), "next_value": value(batch.next_obs)}


@pytest.mark.parametrize("role", ["env", "same_step_env", "next_step_env", "disabled_env"])
def test_our_own_collector_is_right_in_every_autoreset_mode(role):
    report = told(ours, roles={"env": role, "act": "action_only"}, accept=[f"env = {role}"])
    assert report.accepted, str(report)
    assert report.verdict == ("correct" if role == "env" else "convention")


# ---- in the manner of CleanRL ----


def cleanrl(envs, agent, num_steps):
    """ppo.py: dones are those before the step, and one value and one done come after the last."""
    shape = num_steps, envs.num_envs
    obs = np.zeros((*shape, *envs.single_observation_space.shape), np.float32)
    actions = np.zeros((*shape, *envs.single_action_space.shape), np.float32)
    logprobs, rewards, dones, values = np.zeros((4, *shape), np.float32)
    next_obs, _ = envs.reset(seed=1)
    next_done = np.zeros(envs.num_envs)
    for step in range(num_steps):
        obs[step], dones[step] = next_obs, next_done
        action, logprob, _, value = agent.get_action_and_value(next_obs)
        actions[step], logprobs[step], values[step] = action, logprob, value
        next_obs, rewards[step], terminations, truncations, _ = envs.step(action)
        next_done = np.logical_or(terminations, truncations)
    next_value = agent.get_value(next_obs).reshape(1, -1)
    return {"obs": obs, "actions": actions, "logprobs": logprobs, "rewards": rewards, "dones": dones,
            "values": values, "last_value": next_value, "next_done": next_done}  # fmt: skip


def test_cleanrls_loop_is_right_where_environments_reset_in_the_same_step():
    report = told(cleanrl, roles=SAME_STEP)
    assert (report.verdict, report.slugs) == ("convention", ("done-before-step",)), str(report)
    assert report.conventions[0].startswith("envs = same_step_env: environments that reset themselves in the step that")
    accept = {"envs = same_step_env": "we ask for it", "done-before-step": "our GAE expects it"}
    assert_matches(cleanrl, "rollout", roles=SAME_STEP, accept=accept, max_examples=40)


def test_under_gymnasiums_default_it_stores_resets_as_transitions():
    report = told(cleanrl)
    assert report.verdict == "wrong"
    assert set(report.slugs) == {"autoreset-next-step", "done-before-step"}, str(report)
    assert "vwxyzjn/cleanrl#499" in str(report)


# ---- in the manner of Stable-Baselines3 ----


def sb3(env, policy, n_steps, gamma):
    """collect_rollouts on a Gymnasium environment: a time limit's value goes into the reward."""
    obs, starts, rows = env.reset()[0], np.ones(env.num_envs, bool), []
    for _ in range(n_steps):
        actions, values, log_probs = policy(obs)
        clipped = np.clip(actions, env.single_action_space.low, env.single_action_space.high)
        new_obs, rewards, terminated, truncated, infos = env.step(clipped)
        for n in np.flatnonzero(truncated & ~terminated):
            rewards[n] += gamma * policy.predict_values(infos["final_obs"][n][None])[0]
        rows.append((obs, actions, rewards, starts, values, log_probs))
        obs, starts = new_obs, terminated | truncated
    names = ("observations", "actions", "rewards", "episode_starts", "values", "log_probs")
    columns = dict(zip(names, map(np.stack, zip(*rows, strict=True)), strict=True))
    return columns | {"last_values": policy.predict_values(obs), "last_dones": starts}


def test_a_time_limits_value_in_the_reward_is_a_convention():
    """stable-baselines3#1864 is no bug."""
    report = told(sb3, roles={"env": "same_step_env"})
    assert (report.verdict, report.slugs) == ("convention", ("trunc-boot-in-reward",)), str(report)


def test_and_its_value_before_the_step_there_is_a_bug():
    def stale(env, policy, n_steps, gamma):
        found, obs = [], env.reset()[0]
        for _ in range(n_steps):
            actions, values, _ = policy(obs)
            obs, rewards, _, truncated, _ = env.step(actions)
            found.append((rewards + gamma * values * truncated, values))
        rewards, values = map(np.stack, zip(*found, strict=True))
        return {"rewards": rewards, "values": values}

    report = told(stale, roles={"env": "same_step_env"})
    assert report.verdict == "wrong"
    assert set(report.slugs) == {"trunc-boot-in-reward", "gae-trunc-boot-current"}, str(report)


# ---- in the manner of Spinning Up ----


def spinning_up(env, ac, steps_per_epoch):
    """One environment, reset by hand; the path is finished with V(final observation) or 0."""
    o, _ = env.reset()
    buf = []
    for _ in range(steps_per_epoch):
        a, v, logp = ac.step(o)
        next_o, r, terminated, truncated, _ = env.step(a)
        buf.append((o, a, r, v, logp, terminated, truncated, ac.get_value(next_o)))
        o = env.reset()[0] if terminated or truncated else next_o
    names = ("obs", "act", "rew", "val", "logp", "terminated", "truncated", "next_value")
    return dict(zip(names, map(np.array, zip(*buf, strict=True)), strict=True))


def test_a_loop_over_one_environment_is_read_as_that():
    report = told(spinning_up)
    assert report.verdict == "correct", str(report)
    assert "env = single_env" in report.reading[1]


# ---- next-step environments ----


class Transitions(NamedTuple):
    observation: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_observation: np.ndarray
    mask: np.ndarray


def next_step(env, policy, steps, masked):
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    obs, over, rows = env.reset()[0], np.zeros(env.num_envs, bool), []
    for _ in range(steps):
        action, _ = policy(obs)
        after, reward, terminated, truncated, _ = env.step(action)
        rows.append((obs, action, reward, terminated, truncated, after, masked(over, terminated | truncated)))
        obs, over = after, terminated | truncated
    return Transitions(*map(np.stack, zip(*rows, strict=True)))


@pytest.mark.parametrize(
    ("masked", "slugs"),
    [
        (lambda over, done: ~over, ()),
        (lambda over, done: np.ones_like(over), ("autoreset-next-step",)),
        (lambda over, done: ~done, ("autoreset-drops-last-step",)),
    ],
)
def test_the_row_in_which_an_environment_resets_itself_is_marked_or_the_collector_is_wrong(masked, slugs):
    def subject(env, policy, steps):
        return next_step(env, policy, steps, masked)

    report = told(subject, roles={"env": "next_step_env"})
    assert (report.verdict, report.slugs) == ("wrong" if slugs else "convention", slugs), str(report)

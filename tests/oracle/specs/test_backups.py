"""Targets computed from networks as other people compute them, with scripted networks in the place of theirs."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose
from scratchrl.oracle.scripted_critics import Actor, actor, q1, q1_online, q2, q2_online


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- SAC ----


def cleanrl(rewards, next_observations, dones, gamma, alpha, actor, qf1_target, qf2_target):
    next_actions, next_log_pi, _ = actor.get_action(next_observations)
    smallest = np.minimum(qf1_target(next_observations, next_actions), qf2_target(next_observations, next_actions))
    return rewards.flatten() + (1 - dones.flatten()) * gamma * (smallest - alpha * next_log_pi)


def sb3(rewards, next_observations, dones, gamma, ent_coef, actor, critic_target):
    next_actions, next_log_prob = actor.action_log_prob(next_observations)
    next_q_values = np.min(critic_target(next_observations, next_actions), axis=0)
    return rewards + (1 - dones) * gamma * (next_q_values - ent_coef * next_log_prob)


def replayed_log_prob(actions, rewards, next_observations, dones, gamma, alpha, actor, q1_target, q2_target):
    next_actions, _ = actor(next_observations)
    smallest = np.minimum(q1_target(next_observations, next_actions), q2_target(next_observations, next_actions))
    return rewards + gamma * (1 - dones) * (smallest - alpha * actor.log_prob(next_observations, actions))


def of_the_state_before(obs, rewards, next_obs, dones, gamma, alpha, actor, q1_target, q2_target):
    next_actions, log_prob = actor(obs)
    smallest = np.minimum(q1_target(next_obs, next_actions), q2_target(next_obs, next_actions))
    return rewards + gamma * (1 - dones) * (smallest - alpha * log_prob)


def of_the_networks_that_learn(rewards, next_obs, dones, gamma, alpha, actor, critic, critic_target):
    next_actions, log_prob = actor(next_obs)
    return rewards + gamma * (1 - dones) * (np.min(critic(next_obs, next_actions), axis=0) - alpha * log_prob)


@pytest.mark.parametrize("subject", [cleanrl, sb3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_backups(subject, dtype):
    report = judged(subject, "sac_backup", dtype=dtype)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(
    ("subject", "slug"),
    [
        (replayed_log_prob, "sac-logp-other-action"),
        (of_the_state_before, "sac-logp-other-action"),
        (of_the_networks_that_learn, "dqn-online-target"),
    ],
)
def test_wrong_backups_are_named(subject, slug):
    report = judged(subject, "sac_backup")
    assert (report.verdict, report.slugs[:1]) == ("wrong", (slug,)), str(report)


# ---- C51 ----


def projected(probs, rewards, dones, gamma, v_min, v_max):
    atoms = np.linspace(v_min, v_max, probs.shape[1])
    delta = (v_max - v_min) / (len(atoms) - 1)
    b = (np.clip(rewards[:, None] + gamma * (1 - dones[:, None]) * atoms, v_min, v_max) - v_min) / delta
    return (np.clip(1 - np.abs(b[:, None, :] - np.arange(len(atoms))[:, None]), 0, 1) * probs[:, None, :]).sum(axis=2)


def from_the_copy(rewards, next_probs_target, next_probs_online, dones, gamma, v_min, v_max):
    """cleanrl's c51.py: the target network chooses too."""
    values = (next_probs_target * np.linspace(v_min, v_max, next_probs_target.shape[2])).sum(axis=2)
    chosen = next_probs_target[np.arange(len(values)), values.argmax(axis=1)]
    return projected(chosen, rewards, dones, gamma, v_min, v_max)


def chosen_online(rewards, next_probs_target, next_probs_online, dones, gamma, v_min, v_max):
    """Tianshou's: the online network chooses."""
    values = (next_probs_online * np.linspace(v_min, v_max, next_probs_online.shape[2])).sum(axis=2)
    chosen = next_probs_target[np.arange(len(values)), values.argmax(axis=1)]
    return projected(chosen, rewards, dones, gamma, v_min, v_max)


def test_who_chooses_the_action():
    assert judged(from_the_copy, "c51_target").verdict == "correct"
    report = judged(chosen_online, "c51_target")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("c51-greedy-source",)), str(report)


# ---- the scripted networks ----


def test_every_scripted_function_is_another():
    obs, action = np.array([[1.0, 3.0], [2.0, -1.0]]), np.array([[0.5], [-2.0]])
    answers = [q(obs, action) for q in (q1, q2, q1_online, q2_online, actor.log_prob)]
    assert len({tuple(answer) for answer in answers}) == 5
    for q in (q1, q2, q1_online, q2_online, actor.log_prob):
        assert not np.array_equal(q(obs, action), q(obs, action + 1))
        assert not np.array_equal(q(obs, action), q(obs + 1, action))


def test_the_actor_answers_under_all_its_names():
    obs = np.array([[4.0, 2.0]])
    action, log_prob = Actor()(obs)
    assert (action.tolist(), log_prob.tolist()) == ([[1.0]], [0.5])
    for answer in (actor.sample(obs), actor.action_log_prob(obs), actor.get_action(obs)):
        np.testing.assert_array_equal(answer[0], action)
        np.testing.assert_array_equal(answer[1], log_prob)
    assert "s1" in repr(actor)

"""Mistakes of targets computed from networks: the wrong network, the wrong observation, the wrong action."""

import numpy as np

from scratchrl.maths import distributional
from scratchrl.oracle.mistake import BUG, CONVENTION, mistake

SAC = "sac_backup"


def of_actor(answer):
    """An actor that answers so, whatever it is asked."""
    return lambda obs: answer


@mistake("sac-logp-other-action", SAC, BUG, "pytorch/rl#1190", "pytorch/rl#1191", variants=({"of": 0}, {"of": 1}))
def density_of_another_action(backup, obs, action, next_obs, actor, of, **case):
    """log π(a|s′) of the replayed a, or a′ and log π of s

    The entropy is that of an action the policy would not take there, or of another state. Ask π(·|s′) for both.
    """
    next_action, _ = actor(next_obs)
    answer = actor(obs) if of else (next_action, actor.log_prob(next_obs, action))
    return backup(obs=obs, action=action, next_obs=next_obs, actor=of_actor(answer), **case)


@mistake("sac-q-other-action", SAC, BUG)
def value_of_the_replayed_action(backup, action, next_obs, actor, **case):
    """Q(s′, a) of the replayed a

    The critic is asked about the action of the state before. Draw a′ from the policy at s′.
    """
    _, log_prob = actor(next_obs)
    return backup(action=action, next_obs=next_obs, actor=of_actor((action, log_prob)), **case)


@mistake("target-at-s", SAC, BUG)
def value_of_the_same_state(backup, obs, next_obs, **case):
    """everything of s instead of s′

    The target is of the state that the transition began in.
    """
    return backup(obs=obs, next_obs=obs, **case)


@mistake("dqn-online-target", SAC, BUG, "facebookresearch/ReAgent#88")
def the_networks_that_learn(backup, q1, q2, q1_online, q2_online, **case):
    """Q of the networks that learn

    The target moves with every step: the copies are kept and not used.
    """
    return backup(q1=q1_online, q2=q2_online, q1_online=q1_online, q2_online=q2_online, **case)


@mistake("sac-entropy-missing", SAC, BUG)
def no_entropy(backup, alpha, **case):
    """y = r + γ m min(Q₁, Q₂)

    The entropy term is missing: the critic is not soft.
    """
    return backup(alpha=0 * alpha, **case)


# ---- C51 ----


@mistake("c51-greedy-source", "c51_target", CONVENTION)
def chosen_by_the_one_that_learns(target, probs_online, probs_target, v_min, v_max, **case):
    """a* = argmax_a Σ z p_online(s′, a)

    The action is chosen by the network that learns, as in double DQN: less overestimation.
    """
    best = distributional.categorical_mean(probs_online, v_min, v_max).argmax(axis=1)
    chosen = probs_target[np.arange(len(best)), best][:, None]
    return target(probs_online=probs_online, probs_target=chosen, v_min=v_min, v_max=v_max, **case)


@mistake("dqn-online-target", "c51_target", BUG, "facebookresearch/ReAgent#88")
def its_own_target(target, probs_online, probs_target, **case):
    """p := the network that learns

    The target moves with every step: the copy is kept and not used.
    """
    return target(probs_online=probs_online, probs_target=probs_online, **case)


@mistake("ddqn-nets-swapped", "c51_target", BUG)
def roles_changed(target, probs_online, probs_target, **case):
    """p_online(s′, argmax_a Σ z p_target(s′, a))

    The copy chooses and the network that learns is believed: the wrong way round.
    """
    chosen = chosen_by_the_one_that_learns[0].inside
    return chosen(target, probs_online=probs_target, probs_target=probs_online, **case)


@mistake("c51-mean-of-actions", "c51_target", BUG)
def mixture_of_actions(target, probs_target, **case):
    """p := (1/A) Σ_a p(s′, a)

    The mean over the actions instead of the best one: the value of acting at random.
    """
    mixed = probs_target.sum(axis=1, keepdims=True) / probs_target.shape[1]
    return target(probs_target=mixed, **case)

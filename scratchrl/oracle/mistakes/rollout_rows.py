"""Mistakes of collectors about rows: what is stored beside what."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.mistakes.rollout import shown
from scratchrl.oracle.scripted import HIGH, LOW
from scratchrl.oracle.scripted_agent import log_prob
from scratchrl.oracle.scripted_rollout import completed


def _late(array):
    """Each row one step later; zeros first."""
    return np.concatenate([np.zeros_like(array[:1]), array[:-1]])


@mistake("logp-of-clipped-action", "rollout", BUG, "thu-ml/tianshou#312", "kuds/mesozoic-labs#408",
         "vwxyzjn/cleanrl#240", variants=({"action_too": 0}, {"action_too": 1}))  # fmt: skip
def density_of_the_clipped_action(collect, script, policy, value, steps, gamma, action_too=0):
    """log_prob := log π(clip(action))

    The environment gets the clipped action; the density is that of the action before it was clipped.
    """
    found = collect(script, policy, value, steps, gamma)
    clipped = np.clip(found.action, LOW, HIGH)
    stored = clipped if action_too else found.action
    return completed(found._replace(action=stored, log_prob=log_prob(found.obs, clipped)), gamma)


@mistake("clipped-action-stored", "rollout", BUG, "thu-ml/tianshou#312", "kuds/mesozoic-labs#408",
         "vwxyzjn/cleanrl#240")  # fmt: skip
def clipped_action(collect, script, policy, value, steps, gamma):
    """action := clip(action), log_prob as it was

    The ratio of new to old densities is then of two different actions, and not 1 at the old parameters.
    """
    found = collect(script, policy, value, steps, gamma)
    return found._replace(action=np.clip(found.action, LOW, HIGH))


@mistake("reward-index-shift", "rollout", EITHER, "EdanToledo/Stoix@7abf01c", "Farama-Foundation/Gymnasium#389",
         "conglu1997/v-d4rl#8")  # fmt: skip
def reward_that_came_with_the_observation(collect, script, policy, value, steps, gamma):
    """reward[t] := the reward that came with obs[t], of step t−1

    The indexing of Sutton and Barto's book. Advantages that expect the reward after action[t] come out wrong.
    """
    found = collect(script, policy, value, steps, gamma)
    return completed(found._replace(reward=_late(found.reward)), gamma)


@mistake("obs-index-shift", "rollout", BUG, variants=({"value_too": 0}, {"value_too": 1}))
def observation_after_the_step(collect, script, policy, value, steps, gamma, value_too=0):
    """obs[t] := the observation that step t returned

    The variable was overwritten by the step before it was stored: actions stand beside the wrong observations.
    """
    found, obs, *_ = shown(collect, script, policy, value, steps, gamma)
    seen = value(obs[1:] if value_too else obs[:-1])
    return completed(found._replace(obs=obs[1:], value=seen), gamma)


@mistake("action-index-shift", "rollout", BUG, variants=({"log_prob_too": 0}, {"log_prob_too": 1}))
def action_before(collect, script, policy, value, steps, gamma, log_prob_too=0):
    """action[t] := the action of step t−1

    Stored before it was drawn anew; the first row has zeros.
    """
    found, _, action, density = shown(collect, script, policy, value, steps, gamma)
    density = _late(density[:-1]) if log_prob_too else density[:-1]
    return completed(found._replace(action=_late(action[:-1]), log_prob=density), gamma)


@mistake("gae-mask-shift-1", "rollout", BUG, "rlgym-ppo#23", "rlevo#344")
def flags_late(collect, script, policy, value, steps, gamma):
    """terminated[t] := terminated of step t−1, truncated likewise

    The ends of episodes are stored one row late: the first step of the next episode counts as the ending.
    """
    found = collect(script, policy, value, steps, gamma)
    return completed(found._replace(terminated=_late(found.terminated), truncated=_late(found.truncated)), gamma)


@mistake("dones-across-envs", "rollout", BUG)
def everybody_done(collect, script, policy, value, steps, gamma):
    """terminated[t, n] := ∃ m terminated[t, m], truncated likewise

    One flag for all environments: when one episode ends, all are taken to end.
    """
    found = collect(script, policy, value, steps, gamma)
    terminated, truncated = (flag | flag.any(axis=1, keepdims=True) for flag in (found.terminated, found.truncated))
    return completed(found._replace(terminated=terminated, truncated=truncated), gamma)


@mistake("done-before-step", "rollout", CONVENTION)
def done_before_the_step(collect, script, policy, value, steps, gamma):
    """done[t] := obs[t] came with an ending, false in the first row

    CleanRL's dones: whether the episode before obs[t] has just ended. Mask with done[t+1], and with the last done.
    """
    found = collect(script, policy, value, steps, gamma)
    return found._replace(done=_late(found.done) & found.valid)


@mistake("trunc-boot-in-reward", "rollout", CONVENTION, "DLR-RM/stable-baselines3#1864")
def bootstrap_in_the_reward(collect, script, policy, value, steps, gamma):
    """reward[t] := reward[t] + γ V(final observation) where truncated ∧ ¬ terminated

    A time limit is then stored as an ordinary ending.
    """
    found = collect(script, policy, value, steps, gamma)
    return found._replace(reward=found.bootstrapped_reward)


@mistake("last-value-of-final-obs", "rollout", CONVENTION)
def last_value_of_the_final_observation(collect, script, policy, value, steps, gamma):
    """last value := next_value[T−1]

    Where the last step ended an episode that is V(final observation), not V(first observation of the next).
    """
    found = collect(script, policy, value, steps, gamma)
    return found._replace(last_value=np.where(found.last_done, found.next_value[-1], found.last_value))


@mistake("next-value-masked", "rollout", CONVENTION, "thu-ml/tianshou#869")
def next_value_masked(collect, script, policy, value, steps, gamma):
    """next_value := 0 where terminated

    The factor 1 − terminated of the bootstrap is in the values already.
    """
    found = collect(script, policy, value, steps, gamma)
    return completed(found._replace(next_value=np.where(found.terminated, 0.0, found.next_value)), gamma)


@mistake("next-value-unused", "rollout", CONVENTION, variants=({"time_limit_too": 0}, {"time_limit_too": 1}))
def whatever_follows_a_termination(collect, script, policy, value, steps, gamma, time_limit_too=0):
    """next_obs := what the policy sees next, next_value := its value, where terminated

    The bootstrap is masked there, so no one looks. At time limits they are those of the final observation.
    """
    found, obs, *_ = shown(collect, script, policy, value, steps, gamma)
    unused = found.terminated & (bool(time_limit_too) | ~found.truncated)
    next_obs = np.where(unused[..., None], obs[1:], found.next_obs)
    return completed(found._replace(next_obs=next_obs, next_value=value(next_obs)), gamma)

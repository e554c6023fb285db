"""Mistakes of collectors: what they keep of what environment, policy and value function told them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake
from scratchrl.oracle.scripted import SAME_STEP, Script
from scratchrl.oracle.scripted_rollout import completed


class Misread(NamedTuple):
    """A script as a collector takes it that misreads its environments."""

    script: Any  # a Script, or misread already
    wrongly: Callable[[Any], None]  # alters an environment in place

    def play(self) -> Any:
        """A vector environment at its beginning."""
        env = self.script.play()
        self.wrongly(env)
        return env


def misread(script: Any, distort: Callable[..., tuple]) -> Misread:
    """A script whose steps go through distort(obs, reward, terminated, truncated, infos)."""

    def wrongly(env: Any) -> None:
        step = env.step
        env.step = lambda actions: distort(*step(actions))

    return Misread(script, wrongly)


def shown(collect, script, policy, value, steps, gamma):
    """The rollout, and what the policy was shown and answered in every row and would be shown next, fillers too."""
    shown = []

    def noting(obs):
        action, log_prob = policy(obs)
        shown.append((obs, action, log_prob))
        return action, log_prob

    found = collect(script, noting, value, steps, gamma)
    shown.append((found.last_obs, *policy(found.last_obs)))
    return found, *(np.stack(column) for column in zip(*shown, strict=True))


@mistake("gae-last-value-stale", "rollout", BUG, "DLR-RM/stable-baselines3#185")
def last_value_stale(collect, script, policy, value, steps, gamma):
    """last value := V(obs[T−1])

    The bootstrap after the last row is of the observation before the last step. Evaluate the one after it.
    """
    found, obs, *_ = shown(collect, script, policy, value, steps, gamma)
    return found._replace(last_value=value(obs[-2]))


@mistake("gae-trunc-boot-current", "rollout", BUG, "DexForce/EmbodiChain#612")
def time_limit_worth_the_state_before(collect, script, policy, value, steps, gamma):
    """next_value[t] := V(obs[t]) where truncated[t]

    A time limit is bootstrapped from the state before the last action. Evaluate the final observation instead.
    """
    found = collect(script, policy, value, steps, gamma)
    limit = np.where(found.truncated, found.value, np.zeros_like(found.reward))
    stale = np.where(found.truncated, found.value, found.next_value)
    return found._replace(next_value=stale, bootstrapped_reward=found.reward + gamma * limit)


@mistake("gae-trunc-boot-reset-obs", "rollout", BUG,
         "EdanToledo/Stoix#142", "pytorch/rl#4209", "openai/gym#3177")  # fmt: skip
def next_value_of_the_new_episode(collect, script, policy, value, steps, gamma):
    """next_value[t] := V(what the policy sees next)

    After an ending that is the first observation of the next episode. Evaluate the final observation instead.
    """
    found, obs, *_ = shown(collect, script, policy, value, steps, gamma)
    return completed(found._replace(next_value=value(obs[1:])), gamma)


@mistake("next-obs-after-reset", "rollout", BUG, "openai/gym#3177")
def final_observation_ignored(collect, script, policy, value, steps, gamma):
    """next_obs[t] := what step t returned, next_value[t] := its value

    Environments that reset themselves in the same step return the first observation of the next episode there; the
    final one is in infos["final_obs"].
    """
    return collect(misread(script, lambda *told: (*told[:4], {})), policy, value, steps, gamma)


@mistake("autoreset-next-step", "rollout", BUG, "Farama-Foundation/Gymnasium#1227", "vwxyzjn/cleanrl#499",
         "sail-sg/envpool#194", "Farama-Foundation/Gymnasium#1103")  # fmt: skip
def fillers_kept(collect, script, policy, value, steps, gamma):
    """valid[t] := true in every row

    Where environments reset themselves in the next step, the row after an ending goes from the final observation of
    one episode to the first of the next, with reward 0, whatever the action. Mark it, or make the environments with
    AutoresetMode.SAME_STEP, and then tell this oracle so with the role same_step_env.
    """
    return collect(Misread(script, _declare_same_step), policy, value, steps, gamma)


def _declare_same_step(env: Any) -> None:
    env.metadata = Script(SAME_STEP, ()).play().metadata


@mistake("autoreset-drops-last-step", "rollout", BUG)
def last_step_dropped(collect, script, policy, value, steps, gamma):
    """valid[t] := ¬ done[t]

    The last transition of an episode is thrown away and the reset after it kept: one row early.
    """
    is_next_step = script.play().metadata["autoreset_mode"].name == "NEXT_STEP"
    found = fillers_kept[0].inside(collect, script, policy, value, steps, gamma)
    return completed(found._replace(valid=~found.done), gamma) if is_next_step else found


@mistake("gae-trunc-as-terminal", "rollout", BUG, "Toni-SM/skrl#449", "hill-a/stable-baselines#1004",
         variants=({"truncated_too": 0}, {"truncated_too": 1}))  # fmt: skip
def time_limit_reported_as_termination(collect, script, policy, value, steps, gamma, truncated_too=0):
    """terminated := terminated ∨ truncated

    A time limit is recorded as if the episode had truly ended, and no one can bootstrap from it any more.
    """

    def merged(obs, reward, terminated, truncated, infos):
        return obs, reward, terminated | truncated, truncated & bool(truncated_too), infos

    return collect(misread(script, merged), policy, value, steps, gamma)


@mistake("trunc-not-bootstrapped", "rollout", BUG, "Toni-SM/skrl#449")
def no_value_after_a_time_limit(collect, script, policy, value, steps, gamma):
    """next_value := 0 where terminated ∨ truncated

    A time limit is worth what comes after it: V(final observation).
    """
    found = collect(script, policy, value, steps, gamma)
    return completed(found._replace(next_value=np.where(found.done, 0.0, found.next_value)), gamma)


@mistake("timeout-before-done", "rollout", BUG, "rlworkgroup/garage@95b8275c")
def time_limit_hides_termination(collect, script, policy, value, steps, gamma):
    """terminated := terminated ∧ ¬ truncated

    An episode that truly ends in its last allowed step is taken for one that was cut, and bootstrapped.
    """

    def preferring(obs, reward, terminated, truncated, infos):
        return obs, reward, terminated & ~truncated, truncated, infos

    return collect(misread(script, preferring), policy, value, steps, gamma)


@mistake("done-before-timeout", "rollout", CONVENTION)
def termination_hides_time_limit(collect, script, policy, value, steps, gamma):
    """truncated := truncated ∧ ¬ terminated

    At most one of the two flags is set; where both happen, nothing is lost.
    """

    def preferring(obs, reward, terminated, truncated, infos):
        return obs, reward, terminated, truncated & ~terminated, infos

    return collect(misread(script, preferring), policy, value, steps, gamma)

"""The rollout of a script: what a collector has to hand over."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.scripted import DISABLED, NEXT_STEP


class Rollout(NamedTuple):
    """T steps of N environments; rows that are no transition are zero."""

    obs: Any  # (T, N, 3): what the policy saw
    action: Any  # (T, N, 1): what it answered, before any clipping
    log_prob: Any  # (T, N), of that action
    reward: Any  # (T, N)
    value: Any  # (T, N): V(obs)
    next_value: Any  # (T, N): V(next_obs)
    next_obs: Any  # (T, N, 3): the true successor; the final observation where an episode ended
    terminated: Any  # (T, N)
    truncated: Any  # (T, N)
    valid: Any  # (T, N): False on rows in which a NEXT_STEP environment only reset itself
    episode_start: Any  # (T, N): obs is the first of its episode
    last_obs: Any  # (N, 3): what the policy would see next
    last_value: Any  # (N,): its value
    done: Any  # (T, N): terminated ∨ truncated
    last_done: Any  # (N,): done of the last row
    bootstrapped_reward: Any  # (T, N): reward + γ next_value where truncated and not terminated


def collect(script, policy, value, steps, gamma):
    """The rollout of a script.

        next_value[t] = V(true successor of obs[t])                                         (1)
        valid[t] = ¬ done[t−1], in environments that reset themselves in the next step      (2)

    Args:
      script: of the environments; policy: obs → (action, log π(action|obs)); value: obs → V(obs); steps: T.
      gamma: for `bootstrapped_reward`.
    Returns:
      Rollout.

    Checked in tests/oracle/test_scripted.py, against a script read by hand.

    >>> from scratchrl.oracle.scripted import SAME_STEP, Episode, Script
    >>> from scratchrl.oracle.scripted_agent import policy, value
    >>> found = collect(Script(SAME_STEP, ((Episode(2, "truncated"),),)), policy, value, steps=3, gamma=0.5)
    >>> found.value[:, 0].tolist(), found.next_value[:, 0].tolist(), found.truncated[:, 0].tolist()
    ([100.0, 101.0, 110.0], [101.0, 102.0, 111.0], [False, True, False])
    """
    env = script.play()
    mode = env.metadata["autoreset_mode"].name
    obs, _ = env.reset()
    start, filler = np.ones(env.num_envs, bool), np.zeros(env.num_envs, bool)
    rows = []
    for _ in range(steps):
        action, log_prob = policy(obs)
        after, reward, terminated, truncated, infos = env.step(action)
        done, successor = terminated | truncated, _successor(after, infos)
        values = value(obs), value(successor)  # (1)
        rows.append((obs, action, log_prob, reward, *values, successor, terminated, truncated, ~filler, start))
        obs, start, filler = after, filler if mode == NEXT_STEP else done, done & (mode == NEXT_STEP)  # (2)
        if mode == DISABLED and done.any():
            obs, _ = env.reset(options={"reset_mask": done})
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    rest = {"last_obs": obs, "last_value": value(obs), "done": None, "last_done": None, "bootstrapped_reward": None}
    return completed(Rollout(*columns, **rest), gamma)


def _successor(after: NDArray, infos: dict[str, Any]) -> NDArray:
    """The observations after a step, with the final ones where environments have begun anew within it."""
    if "final_obs" not in infos:
        return after
    pairs = zip(after, infos["final_obs"], strict=True)
    return np.stack([found if final is None else final for found, final in pairs])


def completed(rollout: Rollout, gamma: Any) -> Rollout:
    """A rollout with what follows from its flags, rewards and values, and nothing in rows that are no transition."""
    told = {name: array for name, array in rollout._asdict().items() if array is not None}
    found = rollout._replace(**settled(told))
    done = found.terminated | found.truncated
    limit = np.where(found.truncated & ~found.terminated, found.next_value, np.zeros_like(found.reward))
    return found._replace(done=done, last_done=done[-1], bootstrapped_reward=found.reward + gamma * limit)


def settled(outputs: dict[str, NDArray]) -> dict[str, NDArray]:
    """Zero on rows that are said to be no transition: what else a collector leaves there is its own business."""
    if "valid" not in outputs:
        return outputs
    rows = np.asarray(outputs["valid"]) != 0
    return {name: array if name.startswith("last_") else _on(rows, array) for name, array in outputs.items()}


def _on(rows: NDArray, array: NDArray) -> NDArray:
    if array.shape[: rows.ndim] != rows.shape:
        return array
    return np.where(rows.reshape(rows.shape + (1,) * (array.ndim - rows.ndim)), array, np.zeros((), array.dtype))

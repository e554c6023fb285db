"""Environments: from an id to a vector environment, or to one line that says why not.

There are three ways to run N copies. `sync` steps them one after the other in this process, `async` in N processes
(worth it when one step takes longer than about 0.1 ms), `native` is one environment written for N copies at once.
sync and async are made with autoreset disabled: then the rollout resets them and every episode has a seed of its own.

Measured on CartPole-v1 (µs per step of all N copies, two cores; the ratios are what carries over):

    N         1     2     4     8    16    64
    sync     10    17    31    59   114   456
    native   39    38    38    38    39    42

So the native form pays from N = 6 on; below that `auto` takes sync.
"""

import difflib
import importlib

import gymnasium
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import AutoresetMode, VectorEnv

from scratchrl.experience import game_env
from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.spaces import UnusableEnvironment, require_supported

__all__ = ["UnusableEnvironment", "make"]
VECTORIZATIONS = ("auto", "sync", "async", "native")
NATIVE_PAYS_FROM = 6
game_env.register()


def make(env_id: str, num_envs: int = 1, vectorization: str = "auto") -> VectorEnv:
    """env_id → a vector environment of num_envs copies, with spaces that scratchrl understands.

    Args:
      env_id: a registered Gymnasium id, or "module:id" to import the module that registers it first.
      num_envs: N ≥ 1.
      vectorization: "sync", "async", "native", or "auto": native if num_envs ≥ 6 and there is one, else sync.
    Raises:
      UnusableEnvironment: unknown id, a missing package, a space outside the table in spaces.py, no native form.
      ValueError: num_envs or vectorization out of range.

    Checked in tests/experience/test_environments.py.

    >>> make("CartPole-v1", 2, "sync").single_action_space
    Discrete(2)
    """
    if num_envs < 1:
        raise ValueError(f"num_envs must be at least 1, got {num_envs}")
    if vectorization not in VECTORIZATIONS:
        raise ValueError(f"vectorization must be one of {', '.join(VECTORIZATIONS)}, got {vectorization!r}")
    spec = _find(env_id)
    try:
        envs = _make(env_id, num_envs, _choose(spec, num_envs, vectorization))
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        raise UnusableEnvironment(f"{env_id} needs a package that is not installed: {error}") from error
    except TypeError as error:
        raise UnusableEnvironment(f"{env_id} cannot be made from its id alone: {error}") from error
    try:
        require_supported(envs.single_observation_space, envs.single_action_space)
    except UnusableEnvironment as error:
        envs.close()
        raise UnusableEnvironment(f"{env_id}: {error}") from None
    return envs


def _find(env_id: str) -> EnvSpec:
    module, _, name = env_id.rpartition(":")
    try:
        if module:
            importlib.import_module(module)
        return gymnasium.spec(name)
    except ImportError as error:
        raise UnusableEnvironment(f"{env_id}: cannot import {module}: {error}") from error
    except gymnasium.error.Error as error:
        close = difflib.get_close_matches(name, gymnasium.registry, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "an id of another package is written module:id"
        raise UnusableEnvironment(f"unknown environment {env_id!r}: {hint}") from error


def _choose(spec: EnvSpec, num_envs: int, vectorization: str) -> str:
    if vectorization == "native" and not _has_native(spec):
        raise UnusableEnvironment(f"{spec.id} has no native vector form: use sync, async or auto")
    if vectorization == "auto":
        return "native" if num_envs >= NATIVE_PAYS_FROM and _has_native(spec) and _is_importable(spec) else "sync"
    return vectorization


def _has_native(spec: EnvSpec) -> bool:
    return spec.vector_entry_point is not None and not spec.additional_wrappers


def _is_importable(spec: EnvSpec) -> bool:
    try:
        if isinstance(spec.vector_entry_point, str):
            load_env_creator(spec.vector_entry_point)
    except ImportError:
        return False
    return True


def _make(env_id: str, num_envs: int, vectorization: str) -> VectorEnv:
    if vectorization == "native":
        return gymnasium.make_vec(env_id, num_envs, vectorization_mode="vector_entry_point")
    if vectorization == "async":
        return gymnasium.make_vec(
            env_id, num_envs, vectorization_mode="async", vector_kwargs={"autoreset_mode": AutoresetMode.DISABLED}
        )
    return SerialVectorEnv([lambda: gymnasium.make(env_id)] * num_envs)

"""Blueprints: how another process makes the same vector environment once more, since environments do not travel."""

import copy
from typing import Any, NamedTuple

import gymnasium
from gymnasium.envs.registration import EnvSpec
from gymnasium.vector import AsyncVectorEnv, SyncVectorEnv, VectorEnv

from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.spaces import UnusableEnvironment

MARKS = ("num_envs", "vectorization_mode", "vector_kwargs", "wrappers")  # what `make_vec` adds to a spec's kwargs


class Blueprint(NamedTuple):
    """All that is needed, and can be pickled."""

    spec: EnvSpec
    num_envs: int
    native: bool


def blueprint(envs: VectorEnv) -> Blueprint:
    """Of any vector environment that came from a Gymnasium id.

    Raises:
      UnusableEnvironment: it did not come from an id.

    Checked in tests/experience/test_blueprints.py.
    """
    inner: Any = envs.unwrapped
    native = not isinstance(inner, SerialVectorEnv | SyncVectorEnv | AsyncVectorEnv)
    spec = inner.envs[0].spec if hasattr(inner, "envs") else inner.spec
    if spec is None:
        raise UnusableEnvironment(f"{inner} came from no Gymnasium id: another process cannot make it once more")
    spec = copy.deepcopy(spec)
    if not native:
        spec.kwargs = {key: value for key, value in spec.kwargs.items() if key not in MARKS}
    return Blueprint(spec, envs.num_envs, native)


def build(plan: Blueprint) -> VectorEnv:
    """The environment: native if it was, else its copies step one after the other in this process.

    Checked in tests/experience/test_blueprints.py: equal seeds, equal bits.
    """
    if plan.native:
        return gymnasium.make_vec(copy.deepcopy(plan.spec))
    return SerialVectorEnv([lambda: gymnasium.make(plan.spec)] * plan.num_envs)

"""Native vector environments: those whose whole state is plain attributes, saved and loaded from outside.

"Plain" is decided conservatively: the one generator is Gymnasium's `np_random` (PCG64), every other instance attribute
is an array of numbers, a number, a string, a bool, None, a space or a spec (the last two are constants), and no two
arrays share memory. gymnasium's CartPoleVectorEnv is such; a wrapper, which holds another environment, never is.
"""

import itertools
import json

import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.spaces import Space
from gymnasium.vector import VectorEnv

SCALARS = (bool, int, float, str, type(None))


def _state(envs: VectorEnv) -> dict:
    """Attributes that may change, without the generator."""
    return {k: v for k, v in vars(envs).items() if k != "_np_random" and not isinstance(v, Space | EnvSpec)}


def is_plain(envs: VectorEnv) -> bool:
    """True if `save` catches the whole state.

    Checked in tests/experience/test_snapshot.py.
    """
    values = list(_state(envs).values())
    owned = [value for value in values if isinstance(value, np.ndarray)]
    return (
        all(_is_plain_value(value) for value in values)
        and not any(np.may_share_memory(a, b) for a, b in itertools.combinations(owned, 2))
        and isinstance(envs.np_random.bit_generator, np.random.PCG64)
    )


def _is_plain_value(value: object) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "biufc"
    return type(value) in SCALARS


def save(envs: VectorEnv) -> dict[str, np.ndarray]:
    """Attributes and generator as arrays; what is no array goes into one JSON text, which keeps every bit and digit.

    Checked in tests/experience/test_snapshot.py.
    """
    state = _state(envs)
    scalars = {k: v for k, v in state.items() if not isinstance(v, np.ndarray)}
    text = json.dumps({"scalars": scalars, "generator": envs.np_random.bit_generator.state})
    return {"text": np.array(text)} | {f"array/{k}": v.copy() for k, v in state.items() if isinstance(v, np.ndarray)}


def load(envs: VectorEnv, saved: dict[str, np.ndarray]) -> None:
    """The inverse of `save`, on an environment of the same kind.

    Checked in tests/experience/test_snapshot.py.
    """
    text = json.loads(str(saved["text"]))
    for name, value in text["scalars"].items():
        setattr(envs, name, value)
    for key, array in saved.items():
        if key.startswith("array/"):
            setattr(envs, key.removeprefix("array/"), array.copy())
    envs.np_random.bit_generator.state = text["generator"]

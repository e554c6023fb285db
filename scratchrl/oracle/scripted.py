"""A scripted environment: every number that comes out of it says where it comes from.

    obs = (n, e, s)     where environment n = 1, 2, … stands: step s of its episode e, both from 0
    code = 100 n + 10 e + s                           203 is environment 2, episode 0, step 3
    reward = −code(obs) − clip(a, −1, 1) / 4          of the observation that the action answered

A script says how long each episode is and how it ends, and in which of Gymnasium's three ways the environments begin
the next one. After the last episode of the script comes one without end. The codes of up to ten episodes of up to ten
steps differ.
"""

import sys
from enum import Enum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SAME_STEP, NEXT_STEP, DISABLED = "SAME_STEP", "NEXT_STEP", "DISABLED"
FLAGS = {"terminated": (True, False), "truncated": (False, True), "both": (True, True)}
LOW, HIGH = -1.0, 1.0  # bounds of the actions
PLACES = np.array([100, 10, 1])


class Episode(NamedTuple):
    """So many steps, the last of which is terminated, truncated or both."""

    length: int
    end: str


class Script(NamedTuple):
    """What happens: for each environment its episodes."""

    mode: str
    environments: tuple[tuple[Episode, ...], ...]

    def play(self) -> "ScriptedVectorEnv":
        """A vector environment at its beginning."""
        return ScriptedVectorEnv(self)

    def play_alone(self) -> "ScriptedEnv":
        """The first environment by itself."""
        return ScriptedEnv(self)

    def __repr__(self) -> str:
        def told(number: int, episodes: tuple[Episode, ...]) -> str:
            return f"{number}: " + "".join(f"{length} {end}, " for length, end in episodes) + "no end"

        streams = "; ".join(told(number, episodes) for number, episodes in enumerate(self.environments, 1))
        return f"<autoreset {self.mode}; steps of the episodes in environment {streams}>"


class Box(NamedTuple):
    """Stand-in for gymnasium.spaces.Box."""

    low: Any
    high: Any
    shape: tuple[int, ...]
    dtype: Any = np.float32


class AutoresetMode(Enum):
    """Stand-in for gymnasium.vector.AutoresetMode."""

    NEXT_STEP = "NextStep"
    SAME_STEP = "SameStep"
    DISABLED = "Disabled"


def _of_gymnasium(module: str, stand_in: Any) -> Any:
    """Gymnasium's own class where a subject has loaded Gymnasium, for it may ask for that one."""
    return getattr(sys.modules.get(module), stand_in.__name__, stand_in)


def _spaces() -> tuple[Any, Any]:
    box = _of_gymnasium("gymnasium.spaces", Box)
    return box(0.0, np.inf, (3,), dtype=np.float32), box(LOW, HIGH, (1,), dtype=np.float32)


def code(obs: NDArray) -> NDArray:
    """100 n + 10 e + s, over the last axis.

    >>> code(np.array([2.0, 0.0, 3.0])).item()
    203.0
    """
    return (obs * PLACES.astype(obs.dtype)).sum(axis=-1)


class ScriptedVectorEnv:
    """N scripted environments, called like a gymnasium.vector.VectorEnv.

    reset(): stays at the beginning if nothing has been stepped; else every environment begins its next episode, or
    those of options["reset_mask"] do.

    Checked in tests/oracle/test_scripted.py: the same script in Gymnasium's SyncVectorEnv gives the same.
    """

    def __init__(self, script: Script):
        self.script, self.num_envs = script, len(script.environments)
        self.metadata = {"autoreset_mode": _of_gymnasium("gymnasium.vector", AutoresetMode)[script.mode]}
        self.single_observation_space, self.single_action_space = _spaces()
        self.episode, self.age = np.zeros((2, self.num_envs), int)
        self.over = np.zeros(self.num_envs, bool)
        self.begun = False

    @property
    def unwrapped(self) -> "ScriptedVectorEnv":
        return self

    def close(self) -> None:
        """Nothing to close."""

    def observe(self) -> NDArray:
        """Where every environment stands, (N, 3)."""
        return np.stack([np.arange(1, self.num_envs + 1), self.episode, self.age], axis=-1).astype(np.float32)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[NDArray, dict]:
        everywhere = np.ones(self.num_envs, bool)
        self._begin((options or {}).get("reset_mask", everywhere) & self.begun)
        return self.observe(), {}

    def step(self, actions: Any) -> tuple[NDArray, NDArray, NDArray, NDArray, dict]:
        resetting = self.over
        if resetting.any() and self.script.mode == DISABLED:
            raise AssertionError(f"environments {np.flatnonzero(resetting)} have ended and were not reset")
        self.begun = True
        executed = np.clip(np.asarray(actions, np.float64).reshape(self.num_envs), LOW, HIGH)
        reward = np.where(resetting, 0.0, -code(self.observe().astype(np.float64)) - executed / 4)
        self._begin(resetting)
        self.age += ~resetting
        terminated, truncated = self._flags(~resetting)
        self.over = terminated | truncated
        infos = self._begin_at_once() if self.script.mode == SAME_STEP else {}
        return self.observe(), reward, terminated, truncated, infos

    def _begin(self, where: NDArray) -> None:
        self.episode = self.episode + where
        self.age = np.where(where, 0, self.age)
        self.over = self.over & ~where

    def _flags(self, moved: NDArray) -> NDArray:
        """terminated and truncated, (2, N)."""
        flags = np.zeros((2, self.num_envs), bool)
        for n, episodes in enumerate(self.script.environments):
            open_episode = episodes[self.episode[n] :][:1]
            if moved[n] and open_episode and self.age[n] == open_episode[0].length:
                flags[:, n] = FLAGS[open_episode[0].end]
        return flags

    def _begin_at_once(self) -> dict:
        """What Gymnasium tells of the environments that ended: their final observations, None elsewhere."""
        ended, final = self.over, np.full(self.num_envs, None)
        if not ended.any():
            return {}
        for n in np.flatnonzero(ended):
            final[n] = self.observe()[n]
        self._begin(ended)
        return {"final_obs": final, "_final_obs": ended, "final_info": {}, "_final_info": ended.copy()}


class ScriptedEnv:
    """The first environment of a script, called like a gymnasium.Env: whoever ends an episode begins the next."""

    def __init__(self, script: Script):
        self._one = Script(DISABLED, script.environments[:1]).play()
        self.metadata: dict = {}
        self.observation_space, self.action_space = _spaces()

    @property
    def unwrapped(self) -> "ScriptedEnv":
        return self

    def close(self) -> None:
        """Nothing to close."""

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[NDArray, dict]:
        return self._one.reset()[0][0], {}

    def step(self, action: Any) -> tuple[NDArray, float, bool, bool, dict]:
        obs, reward, terminated, truncated, _ = self._one.step(action)
        return obs[0], float(reward[0]), bool(terminated[0]), bool(truncated[0]), {}

"""The scripted environment is Gymnasium's own vector environment on the same script; its rollout is read by hand."""

import subprocess
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.oracle.cases.rollout import scripts
from scratchrl.oracle.scripted import DISABLED, NEXT_STEP, SAME_STEP, Episode, Script, code
from scratchrl.oracle.scripted_agent import Agent, log_prob, policy, value
from scratchrl.oracle.scripted_rollout import Rollout, collect

MODES = (SAME_STEP, NEXT_STEP, DISABLED)
FLAGS = {"terminated": (True, False), "truncated": (False, True), "both": (True, True)}
SHORT = ((Episode(2, "truncated"), Episode(1, "terminated")), (Episode(3, "both"),))


class Told(gymnasium.Env):
    """Environment n of a script, written for Gymnasium from the description alone."""

    observation_space, action_space = Box(0, np.inf, (3,)), Box(-1, 1, (1,))

    def __init__(self, n, episodes):
        self.n, self.episodes, self.e, self.s = n, episodes, -1, 0

    def _obs(self):
        return np.array([self.n, self.e, self.s], np.float32)

    def reset(self, *, seed=None, options=None):
        self.e, self.s = self.e + 1, 0
        return self._obs(), {}

    def step(self, action):
        reward = -(100.0 * self.n + 10 * self.e + self.s) - min(max(float(action[0]), -1.0), 1.0) / 4
        self.s += 1
        length, end = self.episodes[self.e] if self.e < len(self.episodes) else (None, "both")
        return self._obs(), reward, *(FLAGS[end] if self.s == length else (False, False)), {}


def assert_alike(ours, theirs):
    for a, b in zip(ours[:-1], theirs[:-1], strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    assert set(ours[-1]) == set(theirs[-1])
    if "final_obs" in theirs[-1]:
        np.testing.assert_array_equal(ours[-1]["_final_obs"], theirs[-1]["_final_obs"])
        for a, b in zip(ours[-1]["final_obs"], theirs[-1]["final_obs"], strict=True):
            np.testing.assert_array_equal(a, b)


@given(scripts(modes=MODES), st.randoms(use_true_random=False))
def test_it_is_gymnasiums_vector_environment_on_the_same_script(script, random):
    ours = script.play()
    fns = [lambda n=n, e=e: Told(n, e) for n, e in enumerate(script.environments, 1)]
    theirs = SyncVectorEnv(fns, autoreset_mode=AutoresetMode[script.mode])
    assert ours.metadata["autoreset_mode"] is theirs.metadata["autoreset_mode"]
    assert ours.single_action_space == theirs.single_action_space
    assert_alike(ours.reset(seed=0), theirs.reset(seed=0))
    for _ in range(10):
        action = np.array([[random.choice((-2, -0.5, 0, 2))] for _ in fns], np.float32)
        told = theirs.step(action)
        assert_alike(ours.step(action), told)
        over = told[2] | told[3]
        if script.mode == DISABLED and over.any():
            options = {"reset_mask": over}
            np.testing.assert_array_equal(ours.reset(options=options)[0], theirs.reset(options=dict(options))[0])


def test_resets_begin_the_next_episode_unless_nothing_has_happened():
    env = Script(SAME_STEP, SHORT).play()
    first = env.reset(seed=3)[0]
    np.testing.assert_array_equal(first, env.reset(options={"reset_mask": np.ones(2, bool)})[0])
    env.step(np.zeros((2, 1)))
    assert env.reset()[0].tolist() == [[1, 1, 0], [2, 1, 0]]


def test_an_environment_that_has_ended_is_not_stepped():
    env = Script(DISABLED, ((Episode(1, "truncated"),),)).play()
    env.step(np.zeros((1, 1)))
    with pytest.raises(AssertionError, match=r"environments \[0\] have ended"):
        env.step(np.zeros((1, 1)))


def test_one_environment_by_itself():
    env = Script(SAME_STEP, SHORT).play_alone()
    assert env.reset()[0].tolist() == [1, 0, 0]
    assert env.step([3.0])[1:] == (-100.25, False, False, {})
    obs, reward, terminated, truncated, _ = env.step([-0.5])
    assert (obs.tolist(), reward, terminated, truncated) == ([1, 0, 2], -100.875, False, True)
    assert env.reset()[0].tolist() == [1, 1, 0]
    assert env.unwrapped is env
    env.close()


def test_it_needs_no_gymnasium():
    """Without it there are stand-ins of the same names and values."""
    told = "from scratchrl.oracle.scripted import *; import sys; env = Script(NEXT_STEP, ((),)).play(); env.close()\n"
    told += "print(env.metadata['autoreset_mode'].name, env.single_action_space.shape, 'gymnasium' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["NEXT_STEP", "(1,)", "False"]


def test_scripts_can_be_read():
    assert repr(Script(SAME_STEP, SHORT)) == (
        "<autoreset SAME_STEP; steps of the episodes in environment "
        "1: 2 truncated, 1 terminated, no end; 2: 3 both, no end>"
    )
    assert "mod 5" in repr(policy)
    assert "100 n" in repr(value)


def test_every_number_says_where_it_comes_from():
    """Observations, values and log-probabilities of ten episodes of ten steps all differ, the clipped action's too."""
    obs = np.stack(np.meshgrid([1, 2, 3], range(10), range(10)), axis=-1).reshape(-1, 3).astype(np.float32)
    action, density = policy(obs)
    assert len(set(value(obs).tolist())) == len(set(density.tolist())) == len(obs)
    beyond = (np.abs(action) > 1)[:, 0]
    assert 0.3 < beyond.mean() < 0.5
    assert ((log_prob(obs, np.clip(action, -1, 1)) != density) == beyond).all()
    assert (policy(obs + np.array([0, 0, 1]))[0] != action).all()
    assert value(obs).dtype == density.dtype == np.float32
    with pytest.raises(ValueError, match=r"obs: expected observations \(\.\.\., 3\), got shape \(4,\)"):
        value(np.zeros(4))


def test_agents_say_the_same_under_three_libraries_names():
    agent, obs = Agent(policy, value, log_prob), np.array([[2.0, 0.0, 3.0]])
    action, density, _, v = agent.get_action_and_value(obs)
    assert (action.item(), density.item(), v.item()) == (-2, -203.25, 203)
    assert agent.get_action_and_value(obs, np.zeros((1, 1)))[1].item() == -203
    assert [x.item() for x in agent(obs)] == [x.item() for x in agent.step(obs)] == [-2, 203, -203.25]
    assert agent.predict_values(obs).item() == agent.get_value(obs).item() == 203


@pytest.mark.parametrize(
    ("mode", "value_", "next_value", "terminated", "truncated", "valid", "start"),
    [
        (SAME_STEP, [100, 101, 110, 120], [101, 102, 111, 121], [0, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1], [1, 0, 1, 1]),
        (DISABLED, [100, 101, 110, 120], [101, 102, 111, 121], [0, 0, 1, 0], [0, 1, 0, 0], [1, 1, 1, 1], [1, 0, 1, 1]),
        (NEXT_STEP, [100, 101, 0, 110], [101, 102, 0, 111], [0, 0, 0, 1], [0, 1, 0, 0], [1, 1, 0, 1], [1, 0, 0, 1]),
    ],
)
def test_a_rollout_by_hand(mode, value_, next_value, terminated, truncated, valid, start):
    """Two steps and a time limit, one step and the end, then on and on."""
    found = collect(Script(mode, SHORT[:1]), policy, value, 4, 0.5)
    assert found.value[:, 0].tolist() == value_
    assert found.next_value[:, 0].tolist() == next_value
    assert found.terminated[:, 0].tolist() == terminated
    assert found.truncated[:, 0].tolist() == truncated
    assert found.valid[:, 0].tolist() == valid
    assert found.episode_start[:, 0].tolist() == start
    assert found.bootstrapped_reward[1, 0] == found.reward[1, 0] + 51
    assert found.last_value.tolist() == [{SAME_STEP: 121, DISABLED: 121, NEXT_STEP: 111}[mode]]
    assert found.last_done.tolist() == [mode == NEXT_STEP]


@given(scripts(), st.integers(1, 8))
def test_the_transitions_are_the_same_however_environments_begin_anew(script, steps):
    """A NEXT_STEP rollout has fewer of them, so each environment's are compared as far as they go."""
    played = {mode: collect(script._replace(mode=mode), policy, value, steps, 0.5) for mode in MODES}
    for n in range(len(script.environments)):
        rows = {mode: np.flatnonzero(found.valid[:, n]) for mode, found in played.items()}
        for name in Rollout._fields[: Rollout._fields.index("valid")]:
            columns = {mode: getattr(found, name)[rows[mode], n] for mode, found in played.items()}
            np.testing.assert_array_equal(columns[SAME_STEP], columns[DISABLED])
            np.testing.assert_array_equal(columns[NEXT_STEP], columns[SAME_STEP][: len(columns[NEXT_STEP])])


@given(scripts(modes=MODES))
def test_values_belong_to_their_observations(script):
    found = collect(script, policy, value, 6, 0.5)
    np.testing.assert_array_equal(found.value, code(found.obs) * found.valid)
    np.testing.assert_array_equal(found.next_value, code(found.next_obs) * found.valid)
    np.testing.assert_array_equal(found.next_value - found.value, found.valid)  # one step on, in the same episode

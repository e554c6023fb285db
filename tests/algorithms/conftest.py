"""Small agents, random data built directly, and a decision tree that can be enumerated. No environment."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from scratchrl.experience import samples as sampling
from scratchrl.experience.agent import Agent
from scratchrl.experience.batch import Batch
from scratchrl.maths import initialization, mlp, policies
from scratchrl.maths.mlp import MLP

POLICIES = {
    "categorical": policies.categorical_policy(3, 4, (5,)),
    "multi_categorical": policies.multi_categorical_policy(3, (2, 3), (5,)),
    "gaussian": policies.gaussian_policy(3, 2, (5,)),
    "state_dependent_gaussian": policies.state_dependent_gaussian_policy(3, 2, (5,)),
}
AGENTS = {name: Agent(policy, MLP((3, 5, 1))) for name, policy in POLICIES.items()}


def theta(agent, rng):
    """A policy far from uniform."""
    return policies.init(agent.policy, rng, gain=1.0) + 0.5 * rng.standard_normal(policies.size(agent.policy))


def phi(agent, rng):
    return initialization.init(agent.value, rng) + 0.5 * rng.standard_normal(mlp.size(agent.value))


def flags(rng, shape):
    """terminated, truncated: each on a fifth of the rows, sometimes both."""
    return rng.random(shape) < 0.2, rng.random(shape) < 0.2


def batch(agent, behaviour, rng, steps=7, envs=5):
    """Rows in mid-run, actions of π_behaviour; after a done comes a filler row, as in NEXT_STEP mode."""
    stream = rng.standard_normal((steps + 1, envs, 3))
    obs, next_obs = stream[:-1], stream[1:]
    action = policies.sample(agent.policy, behaviour, obs.reshape(-1, 3), rng)
    terminated, truncated = flags(rng, (steps, envs))
    valid = np.ones((steps, envs), bool)
    for t in range(1, steps):
        valid[t] = ~(terminated | truncated)[t - 1]
        terminated[t] &= valid[t]
        truncated[t] &= valid[t]
    action = action.reshape(steps, envs, *action.shape[1:])
    return Batch(obs, action, rng.standard_normal((steps, envs)), next_obs, terminated, truncated, valid)


def episodes(agent, behaviour, rng, lengths=(4, 1, 7, 3)):
    """One whole episode of each length, ended by termination, truncation or both; padded with zeros."""
    full = batch(agent, behaviour, rng, max(lengths), len(lengths))
    row = np.arange(max(lengths))[:, None]
    last, valid = row == np.array(lengths) - 1, row < np.array(lengths)
    kind = np.arange(len(lengths)) % 3
    ended = full._replace(terminated=last & (kind != 1), truncated=last & (kind != 0), valid=valid)
    return ended._replace(**{
        name: np.where(valid.reshape(*valid.shape, *[1] * (array.ndim - 2)), array, 0)
        for name, array in ended._asdict().items() if name not in ("terminated", "truncated", "valid")
    })  # fmt: skip


def samples(agent, behaviour, rng, rows=40):
    """Rows with actions of π_behaviour and arbitrary value, advantage and target."""
    one = batch(agent, behaviour, rng, 1, rows)
    value, advantage, target = rng.standard_normal((3, 1, rows))
    return sampling.weighted(agent, behaviour, one, value, advantage, target)


@pytest.fixture(scope="session")
def draw():
    """Functions (agent, …, rng) → random data."""
    return SimpleNamespace(theta=theta, phi=phi, batch=batch, episodes=episodes, samples=samples, agents=AGENTS)


@pytest.fixture(scope="session", params=AGENTS)
def agent(request):
    """One agent for each kind of policy."""
    return AGENTS[request.param]


# ---- the same bits ----


def numbers_of(tree):
    """All numbers of nested tuples and dicts, in order."""
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in numbers_of(tree[key])]
    return [leaf for part in tree for leaf in numbers_of(part)] if isinstance(tree, tuple) else [np.asarray(tree)]


def same_bits(got, expected):
    got, expected = numbers_of(got), numbers_of(expected)
    assert [a.shape for a in got] == [a.shape for a in expected]
    assert [a.dtype for a in got] == [a.dtype for a in expected]
    assert [a.tobytes() for a in got] == [a.tobytes() for a in expected]


@pytest.fixture(scope="session")
def assert_same_bits():
    """(got, expected): two trees of arrays have the same shapes, dtypes and bytes."""
    return same_bits


@pytest.fixture(scope="session")
def leaves():
    """Tree → all numbers of it, in order."""
    return numbers_of


# ---- a tree of three episodes ----

TREE = ((0,), (1, 0), (1, 1))  # actions: 0 ends at once, 1 leads to a second choice
REWARDS = {(0,): 5.0, (1,): 4.0, (1, 0): 3.0, (1, 1): -2.0}
TREE_AGENT = Agent(policies.categorical_policy(2, 2, (3,)), MLP((2, 1)))


def tree_batch(paths):
    """The episodes of these paths side by side; obs is one-hot of the number of actions so far."""
    shape = (max(map(len, paths)), len(paths))
    obs, action, reward = np.zeros((*shape, 2)), np.zeros(shape, int), np.zeros(shape)
    terminated, valid = np.zeros(shape, bool), np.zeros(shape, bool)
    for n, path in enumerate(paths):
        for t, choice in enumerate(path):
            obs[t, n, t], action[t, n], reward[t, n], valid[t, n] = 1, choice, REWARDS[path[: t + 1]], True
        terminated[len(path) - 1, n] = True
    next_obs = np.concatenate([obs[1:], 0 * obs[:1]])
    return Batch(obs, action, reward, next_obs, terminated, np.zeros(shape, bool), valid)


def tree_log_prob(at, path):
    """log P(path|θ), also for complex θ."""
    return policies.log_prob(TREE_AGENT.policy, at, np.eye(2)[: len(path)], np.array(path)).sum()


def tree_objective(at, gamma):
    """J(θ) = Σ P(path|θ) R(path), also for complex θ."""
    returns = [sum(gamma**t * REWARDS[path[: t + 1]] for t in range(len(path))) for path in TREE]
    return sum(np.exp(tree_log_prob(at, path)) * value for path, value in zip(TREE, returns, strict=True))


def tree_moments(at, estimator, count=2):
    """Mean and total variance of estimator(batch) over all joint outcomes of `count` independent episodes."""
    outcomes = [
        (np.exp(sum(tree_log_prob(at, path) for path in paths)), estimator(tree_batch(paths)))
        for paths in itertools.product(TREE, repeat=count)
    ]
    mean = sum(p * g for p, g in outcomes)
    return mean, sum(p * ((g - mean) ** 2).sum() for p, g in outcomes)


@pytest.fixture(scope="session")
def tree():
    """Everything of which is known exactly: agent, objective(θ, γ), moments(θ, estimator)."""
    return SimpleNamespace(agent=TREE_AGENT, objective=tree_objective, moments=tree_moments, rewards=REWARDS)

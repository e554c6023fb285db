"""A3C: one worker is A2C to the bit; what several promise although their order is chance; failures end the run."""

import collections
import copy
import dataclasses
import itertools
import multiprocessing
import os
import signal
import sys

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from scratchrl.algorithms import a2c, a3c
from scratchrl.experience import samples as sampling
from scratchrl.experience import trees
from scratchrl.experience.environments import make
from scratchrl.experience.rollout import start
from scratchrl.experience.spaces import UnusableEnvironment
from scratchrl.maths import critic, optimizers
from scratchrl.oracle.differentiation import complex_step, relative_error

SMALL = a3c.Config(total_steps=400, num_envs=2, steps=5, hidden=(8,))


def bits(*values):
    return [(leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in trees.leaves(values)]


def run(module, config, env_id="CartPole-v1", dtype=np.float32, seed=3, updates=None, state=None):
    world = start(make(env_id, config.num_envs), seed, dtype)
    return list(itertools.islice(module.train(config, world, np.random.default_rng(1), state), updates))


# ---- one worker ----


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"num_envs": 1, "anneal": False, "lam": 0.9},
        {"env_id": "Pendulum-v1", "state_dependent_std": True, "entropy_coefficient": 0.1},
        {"env_id": "Pendulum-v1", "normalize_obs": True, "normalize_reward": True, "dtype": np.float64},
    ],
    ids=["defaults", "one environment", "real actions", "scaled, float64"],
)
def test_one_worker_is_a2c_to_the_bit(changes):
    """Every state and every report of sixty updates; the learning rate is annealed to 0 in the last."""
    settings = {key: value for key, value in changes.items() if key not in ("env_id", "dtype")}
    asked = {key: changes[key] for key in changes.keys() - settings.keys()}
    settings = {"num_envs": 8, "total_steps": 300 * settings.get("num_envs", 8), "hidden": (16,), **settings}
    config = a2c.Config(**settings)
    expected = run(a2c, config, **asked)
    got = run(a3c, a3c.Config(workers=1, optimizer="adam", **dataclasses.asdict(config)), **asked)
    assert len(got) == len(expected) >= 60
    for (state, info), (same, report) in zip(got, expected, strict=True):
        assert bits(state) == bits(same)
        assert list(info) == list(report)
        assert bits(*info.values()) == bits(*report.values())


# ---- one update ----


@pytest.mark.parametrize("limit", [1e-3, 1e6])
def test_update_takes_the_gradient_where_it_was_seen_and_the_step_where_the_memory_is(draw, agent, limit):
    """Meanwhile others have moved θ, φ and s: both gradients by complex step, RMSProp written out."""
    rng = np.random.default_rng(0)
    config = a3c.Config(total_steps=1000, max_grad_norm=limit, entropy_coefficient=0.1, decay=0.75, epsilon=0.01)
    theta, phi = draw.theta(agent, rng), draw.phi(agent, rng)
    seen = a3c.State(theta, phi, None, None, (), 250)
    s_theta, s_phi = rng.random(len(theta)), rng.random(len(phi))
    moved = theta + rng.standard_normal(len(theta)), phi + rng.standard_normal(len(phi))
    statistics = optimizers.RMSProp(s_theta.copy()), optimizers.RMSProp(s_phi.copy())
    memory = a3c.Memory(*map(np.copy, moved), *statistics, np.array([40, 7]))
    batch = draw.batch(agent, theta, rng)
    before = copy.deepcopy((seen, batch))
    info = a3c.update(agent, memory, 1, seen, batch, config)
    samples = sampling.judged(agent, theta, phi, batch, config.gamma, config.lam)
    policy_gradient = complex_step(lambda x: a3c.loss_and_grad(agent, x, samples, config)[0], theta)
    value_gradient = complex_step(
        lambda x: critic.loss_and_grad(agent.value, x, samples.obs.astype(x.dtype), samples.target)[0], phi
    )
    for was, now, old, optimizer, gradient in (
        (moved[0], memory.theta, s_theta, memory.theta_optimizer, policy_gradient),
        (moved[1], memory.phi, s_phi, memory.phi_optimizer, value_gradient),
    ):
        shortened = gradient * min(1, limit / np.linalg.norm(gradient))
        s = 0.75 * old + 0.25 * shortened**2
        assert relative_error(optimizer.s, s) <= 1e-12
        np.testing.assert_allclose(now - was, -0.75 * 3e-3 * shortened / np.sqrt(s + 0.01), rtol=1e-9, atol=1e-15)
    assert memory.steps.tolist() == [40, 7 + batch.valid.sum()]
    assert info["charts/learning_rate"] == 0.75 * config.policy_lr
    assert bits(*before[0], *before[1]) == bits(*seen, *batch)


@pytest.mark.parametrize("optimizer", ["rmsprop", "adam"])
def test_workers_taking_turns_share_one_count_and_one_schedule(optimizer):
    """Without processes: three workers on one memory, one update each in turn. Each sees the updates of all others."""
    config = dataclasses.replace(SMALL, workers=3, optimizer=optimizer)
    worlds = [start(make("CartPole-v1", 2), seed) for seed in range(3)]
    begun = a3c.init(config, worlds[0], np.random.default_rng(0))._replace(step=100)
    parts = begun.theta, begun.phi, begun.theta_optimizer, begun.phi_optimizer
    memory = trees.mapped(np.copy, a3c.Memory(*parts, np.zeros(3, np.int64)))
    crew = [a3c.work(memory, i, begun, config, worlds[i], np.random.default_rng(i)) for i in range(3)]
    rates = [next(crew[turn % 3])[2]["charts/learning_rate"] for turn in range(30)]
    np.testing.assert_allclose(rates, 3e-3 * (1 - (100 + 10 * np.arange(30)) / 400), rtol=1e-12)
    assert memory.steps.tolist() == [100, 100, 100]
    assert [list(worker) for worker in crew] == [[], [], []]
    if optimizer == "adam":
        assert memory.theta_optimizer.t == memory.phi_optimizer.t == 30


@pytest.mark.parametrize(("factor", "stable"), [(0.97, True), (1.03, False)])
@pytest.mark.parametrize("delay", [0, 1, 3, 8])
def test_how_long_a_step_a_delay_allows(delay, factor, stable):
    """x ← x − η x_old, the gradient of ½x² as it was `delay` updates ago, is stable up to η = 2 sin(π/(4·delay + 2)).

    zᵈ⁺¹ − zᵈ + η = 0 has a root on the circle, z = exp(iω), where η = zᵈ(1 − z): |1 − z| = 2 sin(ω/2), and the phase
    dω + (ω − π)/2 vanishes at ω = π/(2d + 1). With ρ = 1 and ε = 1, RMSProp is gradient descent.
    """
    config = a3c.Config(decay=1.0, epsilon=1.0, max_grad_norm=np.inf)
    x, still = np.ones(1), optimizers.RMSProp(np.zeros(1))
    past = collections.deque([x.copy()] * (delay + 1), maxlen=delay + 1)
    for _ in range(6000):
        a3c.descend(x, still, past[0], factor * 2 * np.sin(np.pi / (4 * delay + 2)), config)
        past.append(x.copy())
    assert (np.abs(past).max() < 0.1) == stable
    assert np.abs(past).max() < 0.1 or np.abs(past).max() > 10


# ---- several workers ----


@pytest.mark.parametrize(
    "changes",
    [{}, {"num_envs": 8, "optimizer": "adam"}, {"normalize_obs": True, "normalize_reward": True}],
    ids=["rmsprop", "adam, native", "scaled"],
)
def test_two_workers_share_the_steps_and_what_they_learn(changes):
    config = dataclasses.replace(SMALL, total_steps=2000, **changes)
    history = run(a3c, config)
    steps = [state.step for state, _ in history]
    most = config.num_envs * config.steps
    assert all(0 < b - a <= most for a, b in itertools.pairwise([0, *steps]))
    assert config.total_steps <= steps[-1] < config.total_steps + 2 * most
    ended = np.concatenate([info["episodes"].lengths for _, info in history])
    assert steps[-1] - 2 * config.num_envs * 500 < ended.sum() <= steps[-1]
    template = a3c.init(config, start(make("CartPole-v1", config.num_envs), 0), np.random.default_rng(0))
    for state, info in history:
        assert [(a, b) for a, b, _ in bits(state)] == [(a, b) for a, b, _ in bits(template)]
        assert all(np.isfinite(leaf).all() for leaf in trees.leaves(state))
        assert all(np.isfinite(value) for name, value in info.items() if name != "episodes")
        assert 0 <= info["charts/learning_rate"] <= config.policy_lr
    assert (history[0][0].theta != history[-1][0].theta).all()
    if config.optimizer == "adam":
        # who is interrupted between reading t and writing it takes back what the other counted meanwhile, however much
        assert 1 < history[-1][0].theta_optimizer.t <= len(history)


def test_a_run_goes_on_from_a_state_with_new_random_numbers():
    rng = np.random.default_rng(0)
    world = start(make("CartPole-v1", 2), 0)
    (*_, (state, _)) = a3c.train(dataclasses.replace(SMALL, total_steps=200), world, rng)
    drawn = rng.bit_generator.state
    config = dataclasses.replace(SMALL, policy_lr=1e-12, value_lr=1e-12)
    history = list(a3c.train(config, world, rng, state))
    assert rng.bit_generator.state != drawn
    assert history[0][0].step == state.step + 10
    assert history[-1][0].step >= 400
    np.testing.assert_allclose(history[-1][0].theta, state.theta, rtol=0, atol=1e-6)
    assert (history[-1][0].theta_optimizer.s != state.theta_optimizer.s).any()


def test_two_workers_learn_cartpole():
    """A random policy's episodes last 22 ± 12 steps: a mean of 20 of them above 60 is 14 standard errors away."""
    history = run(a3c, a3c.Config(total_steps=40_000))
    returns = np.concatenate([info["episodes"].returns for _, info in history])
    assert returns[:20].mean() < 40
    assert returns[-20:].mean() > 60


# ---- what may happen ----

BAD = '''
import os
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

class Bad(gymnasium.Env):
    """Goes wrong at step 30 of the first episode, in processes other than the one that imported it first."""

    observation_space = Box(-np.inf, np.inf, (2,), np.float32)
    action_space = Discrete(2)

    def __init__(self, how):
        self.how, self.t = how, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        if self.t == 30 and self.how == "raise":
            raise LookupError("no such step")
        return np.zeros(2, np.float32), np.nan if self.t == 30 and self.how == "nan" else 1.0, False, False, {}
'''


@pytest.fixture
def bad(tmp_path, monkeypatch):
    """how → a world whose environments go wrong in that way."""
    (tmp_path / "bad_env.py").write_text(BAD)
    monkeypatch.syspath_prepend(str(tmp_path))
    gymnasium.register("Bad-v0", "bad_env:Bad", disable_env_checker=True)
    yield lambda how: start(SyncVectorEnv([lambda: gymnasium.make("Bad-v0", how=how)] * 2), 0)
    del gymnasium.registry["Bad-v0"]
    sys.modules.pop("bad_env", None)


@pytest.mark.parametrize(
    ("how", "kind", "match"),
    [("nan", FloatingPointError, "not finite: reward nan at step 4 of this"), ("raise", LookupError, "no such step")],
)
@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_wrong_in_a_worker_ends_the_run(bad, how, kind, match, workers):
    config = dataclasses.replace(SMALL, workers=workers)
    with pytest.raises(kind, match=match) as failure:
        list(a3c.train(config, bad(how), np.random.default_rng(0)))
    assert ["raised in worker" in note for note in getattr(failure.value, "__notes__", [])] == [True] * (workers - 1)
    assert multiprocessing.active_children() == []


def test_a_worker_that_is_killed_ends_the_run(bad):
    config = dataclasses.replace(SMALL, total_steps=10**9)
    updates = a3c.train(config, bad("never"), np.random.default_rng(0))
    next(updates)
    os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)
    with pytest.raises(ChildProcessError, match=r"^worker [01] was killed by SIGKILL"):
        list(updates)
    assert multiprocessing.active_children() == []


def test_an_environment_that_no_process_can_make_is_refused_unless_there_is_one_worker():
    class Own(gymnasium.Env):
        observation_space, action_space = Box(-1, 1, (2,), np.float32), Discrete(2)

        def reset(self, *, seed=None, options=None):
            return np.zeros(2, np.float32), {}

        def step(self, action):
            return np.zeros(2, np.float32), 0.0, False, False, {}

    world = start(SyncVectorEnv([Own] * 2, autoreset_mode=AutoresetMode.DISABLED), 0)
    with pytest.raises(UnusableEnvironment, match="came from no Gymnasium id"):
        next(a3c.train(SMALL, world, np.random.default_rng(0)))
    next(a3c.train(dataclasses.replace(SMALL, workers=1), world, np.random.default_rng(0)))


def test_an_optimizer_that_there_is_not_is_refused():
    with pytest.raises(ValueError, match=r"^optimizer: expected rmsprop or adam, got 'sgd'$"):
        a3c.Config(optimizer="sgd")

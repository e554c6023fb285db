"""A batch taken chunk after chunk, against the same batch taken whole: every function that an update is made of."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.algorithms import a2c, ppo, trpo, vpg
from scratchrl.experience.agent import Agent
from scratchrl.experience.samples import Samples
from scratchrl.maths import chunks, critic, initialization, policies
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.differentiation import complex_step

ROWS = 13
SIZES = st.integers(1, ROWS + 2)  # some divide 13, most do not, some hold all
POLICIES = {
    "categorical": policies.categorical_policy(3, 4, (5,)),
    "multi_categorical": policies.multi_categorical_policy(3, (2, 3), (5,)),
    "gaussian": policies.gaussian_policy(3, 2, (5,)),
    "state_dependent_gaussian": policies.state_dependent_gaussian_policy(3, 2, (5,)),
}
KINDS = pytest.mark.parametrize("kind", POLICIES)


class Rows(NamedTuple):
    x: np.ndarray
    y: np.ndarray


def near(got, expected, tolerance=1e-12):
    got, expected = (result if isinstance(result, tuple) else (result,) for result in (got, expected))
    for a, b in zip(got, expected, strict=True):
        assert abs(np.asarray(a) - b).max() <= tolerance * abs(np.asarray(b)).max()


def drawn(kind):
    """An agent of that kind, θ, φ, and samples taken by a policy a little away from θ."""
    rng, policy = np.random.default_rng(0), POLICIES[kind]
    agent = Agent(policy, MLP((3, 5, 1)))
    theta, phi = policies.init(policy, rng, 1.0), initialization.init(agent.value, rng)
    obs = rng.standard_normal((ROWS, 3))
    params = policies.forward(policy, theta + 0.1 * rng.standard_normal(theta.shape), obs)[0]
    action = policy.distribution.sample(rng, params)
    log_prob = policy.distribution.log_prob(params, action)
    return agent, theta, phi, Samples(obs, action, params, log_prob, *rng.standard_normal((3, ROWS)))


# ---- the functions themselves ----


@given(SIZES)
def test_every_row_is_in_one_chunk_and_nothing_is_copied(size):
    rows = Rows(np.arange(ROWS), np.zeros((ROWS, 2)))
    parts = chunks.cut(rows, size)
    assert np.concatenate([part.x for part in parts]).tolist() == list(range(ROWS))
    assert [len(part.y) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert all(isinstance(part, Rows) and np.shares_memory(part.y, rows.y) for part in parts)


@given(SIZES)
def test_sums_means_and_rows_are_those_of_the_whole(size):
    rows = np.random.default_rng(0).standard_normal((ROWS, 2))

    def both(function):
        return lambda part: (function(part[0]), function(part[1]))

    for function, whole in ((np.sum, np.sum), (partial(np.mean, axis=0), partial(np.mean, axis=0))):
        streamed = chunks.total if function is np.sum else chunks.mean
        near(streamed(function, rows, size), whole(rows))
        near(streamed(both(function), (rows, -rows), size), both(whole)((rows, -rows)))
    assert chunks.each(np.tanh, rows, size).tobytes() == np.tanh(rows).tobytes()
    doubled = chunks.each(lambda part: (part[0], 2 * part[1]), (rows, rows), size)
    assert doubled[0].tobytes() == rows.tobytes()
    assert (doubled[1] == 2 * rows).all()


def test_one_chunk_is_handed_on_as_it_is():
    rows = np.arange(3.0), np.arange(3)
    for function in (chunks.mean, chunks.total, chunks.each):
        assert function(lambda part: part, rows, 3) is rows


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_the_type_of_number_stays(dtype):
    rows = np.ones((5, 2), dtype)
    loss, gradient = chunks.mean(lambda part: (part.mean(), part.mean(axis=0)), rows, 2)
    assert loss.dtype == gradient.dtype == dtype


# ---- what updates are made of ----


def pieces(agent, samples):
    """name -> (how parts are joined, function of (θ, samples))."""
    clip, penalty = ppo.Config(entropy_coefficient=0.1), ppo.Config(objective="penalty")
    return {
        "trpo gradient": (chunks.mean, partial(trpo.loss_and_grad, agent)),
        "trpo surrogate": (chunks.mean, partial(trpo.mean_surrogate, agent)),
        "trpo divergence": (chunks.mean, partial(trpo.mean_kl, agent)),
        "ppo clip": (chunks.mean, lambda theta, rows: ppo.loss_and_grad(agent, theta, rows, clip, 1.0)),
        "ppo penalty": (chunks.mean, lambda theta, rows: ppo.loss_and_grad(agent, theta, rows, penalty, 1.0)),
        "a2c": (chunks.mean, lambda theta, rows: a2c.loss_and_grad(agent, theta, rows, a2c.Config())),
        "vpg": (chunks.total, lambda theta, rows: vpg.loss_and_grad(agent, theta, rows, 4)),
    }


@KINDS
@given(SIZES)
def test_streamed_losses_and_gradients_are_those_of_the_whole(kind, size):
    agent, theta, phi, samples = drawn(kind)
    for joined, function in pieces(agent, samples).values():
        near(joined(partial(function, theta), samples, size), function(theta, samples))
    regress = partial(critic.loss_and_grad, agent.value, phi)
    near(chunks.mean(lambda part: regress(*part), (samples.obs, samples.target), size),
         regress(samples.obs, samples.target))  # fmt: skip


@KINDS
@pytest.mark.parametrize("name", ["trpo gradient", "ppo clip", "ppo penalty", "a2c", "vpg"])
def test_the_complex_step_goes_through_chunks(kind, name):
    agent, theta, _, samples = drawn(kind)
    joined, function = pieces(agent, samples)[name]
    gradient = joined(partial(function, theta), samples, 4)[1]
    near(gradient, complex_step(lambda at: joined(partial(function, at), samples, 4)[0], theta))


@KINDS
@pytest.mark.parametrize("held", [0, 1 << 20])
@pytest.mark.parametrize("rows", [1, 4, 6, 13, 14])
def test_products_with_f_are_those_of_the_whole_remembered_or_not(kind, held, rows, monkeypatch):
    agent, theta, _, samples = drawn(kind)
    expected = policies.fisher_vector_product(
        agent.policy, theta, *policies.forward(agent.policy, theta, samples.obs), theta, 0.1
    )
    monkeypatch.setattr(policies, "HELD", held)
    monkeypatch.setattr(chunks.mean, "__defaults__", (rows,))
    passes = []
    monkeypatch.setattr(policies, "forward", counting(policies.forward, passes))
    product = policies.fisher(agent.policy, theta, samples.obs, 0.1)
    for _ in range(2):
        near(product(theta), expected)
    assert len(passes) == (1 if held else 2 * -(-ROWS // rows))


def counting(function, calls):
    def counted(*arguments):
        calls.append(arguments)
        return function(*arguments)

    return counted


def test_a_policy_step_of_trpo_in_chunks_is_that_of_the_whole(monkeypatch):
    agent, theta, _, samples = drawn("gaussian")
    config = trpo.Config(cg_iterations=3)
    whole, search = trpo.policy_step(agent, theta, samples, config)
    for function in (chunks.mean, chunks.total):
        monkeypatch.setattr(function, "__defaults__", (4,))
    streamed, found = trpo.policy_step(agent, theta, samples, config)
    near(streamed - theta, whole - theta, 1e-10)
    assert found[:2] == search[:2]

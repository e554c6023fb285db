"""All trajectories: against a plain recursion, their total probability, J and its gradient, batches, speed."""

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.exact import families
from scratchrl.exact.enumeration import Trajectories, batches, chunks, count, probability, trajectories
from scratchrl.exact.evaluation import uniform_policy
from scratchrl.exact.expectation import expected_gradient, moments
from scratchrl.exact.gradients import objective
from scratchrl.exact.zoo import chain, garnet, random_walk
from scratchrl.maths import returns
from scratchrl.oracle.differentiation import complex_step, relative_error

seeds = st.integers(0, 2**32 - 1)


def draw(seed):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 4, 2, 2, 0.9, int(rng.integers(0, 3)))
    return replace(mdp, reward=rng.standard_normal(mdp.transition.shape)), rng.dirichlet(np.ones(2), size=4)


def listed(mdp, policy, horizon):
    """[(probability, [(s, a, r, s′), …]), …] by recursion, in plain Python."""
    actions = mdp.transition.shape[1]

    def grow(p, steps, s):
        if mdp.terminal[s] or len(steps) == horizon:
            yield p, steps
            return
        for a in range(actions):
            for t in np.flatnonzero(mdp.transition[s, a]):
                step = (s, a, float(mdp.reward[s, a, t]), int(t))
                yield from grow(p * policy[s, a] * mdp.transition[s, a, t], [*steps, step], int(t))

    return [path for s in np.flatnonzero(mdp.start) for path in grow(mdp.start[s], [], int(s))]


@settings(max_examples=20)
@given(seeds, st.integers(1, 4))
def test_every_trajectory_is_there_once_with_its_probability(seed, horizon):
    mdp, policy = draw(seed)
    batch, truth = trajectories(mdp, horizon), listed(mdp, policy, horizon)
    assert batch.state.shape == (horizon, len(truth))
    np.testing.assert_allclose(probability(batch, policy), [p for p, _ in truth], rtol=1e-13)
    for k, (_, steps) in enumerate(truth):
        length, last = len(steps), len(steps) - 1
        rows = zip(batch.state[:length, k], batch.action[:length, k], batch.reward[:length, k],
                   batch.next_state[:length, k], strict=True)  # fmt: skip
        assert list(rows) == steps
        ended = mdp.terminal[steps[-1][3]]
        assert batch.valid[:, k].tolist() == [t < length for t in range(horizon)]
        assert batch.terminated[:, k].tolist() == [bool(ended) and t == last for t in range(horizon)]
        assert batch.truncated[:, k].tolist() == [not ended and t == last for t in range(horizon)]
        assert not batch.reward[length:, k].any()
        assert (batch.next_state[length:, k] == steps[-1][3]).all()


@settings(max_examples=20)
@given(seeds, st.integers(1, 5), st.integers(1, 40))
def test_chunks_joined_together_are_the_whole(seed, horizon, size):
    mdp, policy = draw(seed)
    whole, parts = trajectories(mdp, horizon), list(chunks(mdp, horizon, size))
    assert max(len(part.chance) for part in parts) <= size
    joined = Trajectories(*(np.concatenate(arrays, axis=-1) for arrays in zip(*parts, strict=True)))
    for name, got, expected in zip(Trajectories._fields, joined, whole, strict=True):
        np.testing.assert_array_equal(got, expected, err_msg=name)
    assert len(whole.chance) == count(mdp, horizon)
    assert probability(whole, policy).sum() == pytest.approx(1.0, abs=1e-13)


def test_return_and_its_gradient_are_sums_over_trajectories():
    mdp = garnet(np.random.default_rng(0), 4, 2, 2, 0.9, 1)
    family = families.network(np.random.default_rng(1).standard_normal((4, 2)), 2, (3,))
    theta = np.random.default_rng(2).standard_normal(families.size(family))
    batch = trajectories(mdp, 4)
    total = returns.discounted_return(batch.reward, mdp.gamma)

    def performance(x):
        return probability(batch, families.table(family, x)) @ total

    assert performance(theta) == pytest.approx(objective(mdp, family, theta, 4), rel=1e-13)
    chances = probability(batch, families.table(family, theta))
    weight = np.broadcast_to(total, batch.reward.shape)
    gradient = expected_gradient(family, theta, batch, chances, weight)
    assert relative_error(gradient, complex_step(performance, theta)) <= 1e-12


def test_a_policy_with_a_clock():
    mdp = chain(3, 1.0)
    clocked = np.eye(2)[[[1] * 4, [0] * 4, [1] * 4]]  # forward, back, forward
    batch = trajectories(mdp, 3)
    chances = probability(batch, clocked)
    assert batch.next_state[:, chances == 1.0].ravel().tolist() == [1, 0, 1]


def test_a_start_at_the_end_is_a_trajectory_without_steps():
    mdp = replace(random_walk(1), start=np.array([0.25, 0.75, 0.0]))
    batch = trajectories(mdp, 2)
    chances = probability(batch, uniform_policy(mdp))
    assert batch.valid.sum(axis=0).tolist() == [0, 1, 1]
    np.testing.assert_array_equal(chances, [0.25, 0.375, 0.375])
    assert not batch.terminated[:, 0].any()
    assert not batch.truncated[:, 0].any()


def test_batches_of_independent_trajectories():
    """Σ P = 1; the mean return over a batch of N has the mean of one and 1/N of its variance."""
    mdp, policy = draw(5)
    batch = trajectories(mdp, 2)  # eight of them
    chances = probability(batch, policy)
    one = moments(chances, batch.reward.sum(axis=0)[:, None])
    for size in (1, 2, 3):
        outcomes = [(p, some.reward.sum() / size) for p, some in batches(batch, chances, size)]
        p, mean = map(np.array, zip(*outcomes, strict=True))
        assert len(p) == 8**size
        several = moments(p, mean[:, None])
        assert p.sum() == pytest.approx(1.0, rel=1e-13)
        assert several.mean[0] == pytest.approx(one.mean[0], rel=1e-12)
        assert several.variance == pytest.approx(one.variance / size, rel=1e-12)


@pytest.mark.parametrize(("horizon", "limit", "message"), [(0, 10, "at least 1 step"), (6, 10, "at most 10 traj")])
def test_refusals(horizon, limit, message):
    with pytest.raises(ValueError, match=message):
        trajectories(draw(0)[0], horizon, limit)


def test_a_hundred_thousand_trajectories_of_a_network_policy_are_no_effort():
    """Six outcomes a step: 6⁷ = 279,936 trajectories of 7 steps. (6⁸ of length 8 take about three seconds.)"""
    mdp = garnet(np.random.default_rng(3), 12, 3, 2, 0.95)
    mdp = replace(mdp, start=np.eye(12)[0])
    family = families.network(np.random.default_rng(4).standard_normal((12, 5)), 3, (64, 64))
    theta = np.random.default_rng(5).standard_normal(families.size(family)) / 4
    began = time.perf_counter()
    batch = trajectories(mdp, 7)
    chances = probability(batch, families.table(family, theta))
    to_go = returns.reward_to_go(batch.reward, batch.terminated, batch.truncated, 1.0)
    expected_gradient(family, theta, batch, chances, to_go)
    assert time.perf_counter() - began < 5.0
    assert batch.state.shape == (7, 6**7)
    assert chances.sum() == pytest.approx(1.0, abs=1e-12)

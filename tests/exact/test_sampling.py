"""Draws have the frequencies of the arrays they are drawn from. Each χ² test fails on one fresh seed in 10⁶."""

import itertools

import numpy as np
import pytest
from scipy.stats import chisquare

from scratchrl.exact.evaluation import uniform_policy
from scratchrl.exact.learners import epsilon_greedy, follow
from scratchrl.exact.mdp import MDP
from scratchrl.exact.sampling import draw, sample_step, walk
from scratchrl.exact.zoo import garnet, random_walk


def assert_frequencies(samples, probability):
    counts = np.bincount(samples, minlength=len(probability))
    possible = np.asarray(probability) > 0.0
    assert not counts[~possible].any()
    assert chisquare(counts[possible], np.asarray(probability)[possible] * len(samples)).pvalue > 1e-6


def test_draw():
    rng = np.random.default_rng(0)
    probability = [0.0, 0.1, 0.0, 0.6, 0.3, 0.0]
    assert_frequencies([draw(rng, probability) for _ in range(20_000)], probability)


def test_draw_never_leaves_the_support_at_the_edges():
    """u = 0 and u just below 1, with sums that round below and above 1."""

    class Edge:
        def __init__(self, u):
            self.random = lambda: u

    for p in ([0.0, 0.1, 0.2, 0.7, 0.0], [0.0] + [0.1] * 10 + [0.0], [0.0] + [1 / 49] * 49 + [0.0]):
        assert draw(Edge(0.0), p) == 1
        assert draw(Edge(np.nextafter(1.0, 0.0)), p) == len(p) - 2


def test_steps_have_the_transition_probabilities_and_their_rewards():
    rng = np.random.default_rng(1)
    base = garnet(rng, 6, 2, 4, terminals=1)
    mdp = MDP(base.transition, rng.normal(size=(6, 2, 6)), 0.9, base.start, base.terminal)
    steps = [sample_step(mdp, 2, 1, rng) for _ in range(20_000)]
    assert_frequencies([successor for _, successor, _ in steps], mdp.transition[2, 1])
    assert all(reward == mdp.reward[2, 1, successor] for reward, successor, _ in steps)
    assert all(ended == mdp.terminal[successor] for _, successor, ended in steps)
    assert sample_step(base, 2, 1, rng)[0] == base.reward[2, 1, 0]


def test_policies_act_as_they_say():
    rng = np.random.default_rng(2)
    policy = np.array([[0.2, 0.0, 0.8]])
    act = follow(policy, rng)
    assert_frequencies([act(0) for _ in range(20_000)], policy[0])
    q = np.array([[1.0, 3.0, 3.0]])
    act = epsilon_greedy(q, 0.3, rng)
    assert_frequencies([act(0) for _ in range(20_000)], [0.1, 0.8, 0.1])
    q[0, 0] = 9.0
    assert_frequencies([act(0) for _ in range(20_000)], [0.8, 0.1, 0.1])


def test_a_walk_links_up_and_restarts_only_after_an_end():
    rng = np.random.default_rng(3)
    mdp = random_walk(5)
    steps = list(walk(mdp, follow(uniform_policy(mdp), rng), rng, 3000, horizon=5))
    assert len(steps) == 3000
    age = 0
    for now, then in itertools.pairwise(steps):
        age += 1
        assert not (now.terminated and now.truncated)
        assert now.terminated == bool(mdp.terminal[now.next_state])
        assert now.truncated == (age == 5 and not now.terminated)
        if now.terminated or now.truncated:
            assert then.state == 3
            age = 0
        else:
            assert (then.state, then.action) == (now.next_state, now.next_action)
    assert any(step.truncated for step in steps)
    assert any(step.terminated for step in steps)


def test_a_walk_cannot_start_at_the_end():
    mdp = random_walk(5)
    ended = MDP(mdp.transition, mdp.reward, 1.0, np.eye(7)[0], mdp.terminal)
    with pytest.raises(ValueError, match="mdp: expected a start distribution on states that are not terminal"):
        next(walk(ended, lambda s: 0, np.random.default_rng(0), 1))

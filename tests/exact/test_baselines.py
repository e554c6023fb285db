"""The best baseline: a parabola with its minimum there, in every (t, s)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.exact import baselines, families
from scratchrl.exact.enumeration import probability, trajectories
from scratchrl.exact.estimators import value_along
from scratchrl.exact.expectation import gradient_moments
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.zoo import garnet
from scratchrl.maths import returns

HORIZON = 3


class Case:
    def __init__(self, seed, horizon=HORIZON):
        rng = np.random.default_rng(seed)
        self.mdp = garnet(rng, 4, 3, 2, 1.0, 1)
        self.family = families.network(rng.standard_normal((4, 2)), 3, (4,))
        self.theta = rng.standard_normal(families.size(self.family))
        self.policy = families.table(self.family, self.theta)
        self.batch = trajectories(self.mdp, horizon)
        self.chances = probability(self.batch, self.policy)
        self.to_go = returns.reward_to_go(self.batch.reward, self.batch.terminated, self.batch.truncated, 1.0)
        self.value = finite_horizon_values(self.mdp, self.policy, horizon)[0]
        self.arguments = self.family, self.theta, self.batch, self.chances

    def moments(self, baseline):
        """Of the reward-to-go minus a table b_t(s), (T, S)."""
        table = np.concatenate([baseline, np.zeros((1, baseline.shape[1]))])
        return gradient_moments(*self.arguments, self.to_go - value_along(self.batch, table)[0])


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_every_other_baseline_costs_exactly_a_parabola(seed):
    case = Case(seed)
    best = baselines.best(*case.arguments, case.to_go)
    least = case.moments(best)
    shift = np.random.default_rng(seed).standard_normal(best.shape)
    squared = (families.scores(case.family, case.theta) ** 2).sum(axis=2)
    norms = np.einsum("sa,sa->s", case.policy, squared)  # E[‖ψ‖² | s]
    visits = np.stack([
        np.bincount(s, p, 4) for s, p in zip(case.batch.state, case.chances * case.batch.valid, strict=True)
    ])  # fmt: skip
    for other in (best + shift, case.value[:-1], np.zeros_like(best)):
        cost = (visits * norms * (other - best) ** 2).sum()
        got = case.moments(other)
        assert got.variance - least.variance == pytest.approx(cost, rel=1e-9, abs=1e-10)
        np.testing.assert_allclose(got.mean, least.mean, rtol=0, atol=1e-11)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_best_constant_is_the_best_of_constants(seed):
    case = Case(seed)
    best = baselines.best_constant(*case.arguments, case.to_go)
    variance = {b: case.moments(np.full((HORIZON, 4), b)).variance for b in (best, best - 0.1, best + 0.1)}
    assert variance[best - 0.1] == pytest.approx(variance[best + 0.1], rel=1e-9)
    assert variance[best] < variance[best + 0.1]


def usual(case):
    """E[w‖ψ‖² | s_t = s]/E[‖ψ‖² | s_t = s]: the formula usually quoted."""
    squared = (families.scores(case.family, case.theta) ** 2).sum(axis=2)
    table = np.zeros((len(case.batch.state), 4))
    for t, (s, a, valid) in enumerate(zip(case.batch.state, case.batch.action, case.batch.valid, strict=True)):
        mass = case.chances * valid * squared[s, a]
        total = np.bincount(s, mass, 4)
        table[t] = np.divide(np.bincount(s, mass * case.to_go[t], 4), total, out=np.zeros(4), where=total > 0)
    return table


def test_the_usual_formula_is_right_for_one_step_and_not_for_several():
    one = Case(3, horizon=1)
    np.testing.assert_allclose(usual(one), baselines.best(*one.arguments, one.to_go), rtol=1e-11, atol=1e-13)
    several = Case(3)
    best = several.moments(baselines.best(*several.arguments, several.to_go)).variance
    assert several.moments(usual(several)).variance > 1.01 * best


def test_the_value_function_is_the_best_baseline_where_scores_have_one_length():
    """Two actions of equal probability, horizon 1: ‖ψ‖² does not depend on a."""
    mdp = garnet(np.random.default_rng(0), 4, 2, 2, 1.0)
    family = families.tabular(4, 2)
    theta = np.zeros(families.size(family))
    batch = trajectories(mdp, 1)
    chances = probability(batch, families.table(family, theta))
    best = baselines.best(family, theta, batch, chances, batch.reward)
    np.testing.assert_allclose(best[0], mdp.mean_reward.mean(axis=1), rtol=1e-12)

"""The error bounds hold in exact arithmetic; the horizon and the questions about eternity against all policies."""

import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
from flint import fmpq, fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.exact.bellman import backup
from scratchrl.exact.certificate import error_bound, horizon
from scratchrl.exact.evaluation import evaluate, induced_kernel
from scratchrl.exact.linear_programming import linear_programming
from scratchrl.exact.policy_iteration import rounding
from scratchrl.exact.reachability import can_last_forever, closing_actions, endless
from scratchrl.exact.solve import modified_policy_iteration, policy_iteration, value_iteration
from scratchrl.exact.zoo import garnet

seeds = st.integers(0, 2**32 - 1)


def deterministic_policies(mdp):
    states, actions, _ = mdp.transition.shape
    for choice in itertools.product(range(actions), repeat=states):
        yield np.eye(actions)[list(choice)]


def to_flint(x):
    fraction = Fraction(float(x))
    return fmpq(fraction.numerator, fraction.denominator)


def exact_value(mdp, policy):
    """V^π of the float64 numbers in mdp, over the rationals."""
    size, action = len(mdp.start), policy.argmax(axis=1)
    gamma = to_flint(mdp.gamma)
    alive = [s for s in range(size) if not mdp.terminal[s]]
    chain = [[to_flint(mdp.transition[s, action[s], t]) for t in alive] for s in alive]
    matrix = fmpq_mat([[fmpq(int(i == j)) - gamma * chain[i][j] for j in range(len(alive))] for i in range(len(alive))])
    solved = matrix.solve(fmpq_mat([[to_flint(mdp.mean_reward[s, action[s]])] for s in alive]))
    value = [Fraction(0)] * size
    for i, s in enumerate(alive):
        value[s] = Fraction(int(solved[i, 0].p), int(solved[i, 0].q))
    return value


def exact_optimum(mdp):
    """V* as the best of all deterministic policies, over the rationals."""
    values = [exact_value(mdp, policy) for policy in deterministic_policies(mdp)]
    return [max(column) for column in zip(*values, strict=True)]


def distance(value, exact):
    return max(abs(Fraction(float(v)) - e) for v, e in zip(value, exact, strict=True))


@given(seeds, st.sampled_from([0.5, 0.9, 0.999]))
def test_rounding_bounds_the_error_of_a_backup(seed, gamma):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 5, 2, 4, gamma, terminals=1)
    mdp = replace(mdp, reward=rng.normal(size=(5, 2, 5)))
    v = rng.normal(size=5) * 100.0
    q, worst = backup(mdp, v), Fraction(0)
    for s, a in itertools.product(range(4), range(2)):
        exact = Fraction(0)
        for t in range(5):
            after = Fraction(gamma) * (0 if mdp.terminal[t] else Fraction(float(v[t])))
            exact += Fraction(float(mdp.transition[s, a, t])) * (Fraction(float(mdp.reward[s, a, t])) + after)
        worst = max(worst, abs(exact - Fraction(float(q[s, a]))))
    assert worst <= Fraction(rounding(mdp, v))


@settings(max_examples=15)
@given(seeds, st.sampled_from([0.5, 0.99, 0.99999]))
def test_no_solver_is_further_from_the_rational_optimum_than_it_claims(seed, gamma):
    mdp = garnet(np.random.default_rng(seed), 4, 2, 2, gamma, terminals=1)
    exact = exact_optimum(mdp)
    solutions = [policy_iteration(mdp), linear_programming(mdp)]
    if gamma < 0.999:
        solutions += [value_iteration(mdp, 1e-6), modified_policy_iteration(mdp, 7, 1e-9)]
    for solution in solutions:
        assert distance(solution.value, exact) <= Fraction(solution.error)


@settings(max_examples=15)
@given(seeds)
def test_at_gamma_one_the_bound_holds_or_is_not_claimed(seed):
    rng = np.random.default_rng(seed)
    mdp = replace(garnet(rng, 4, 2, 2, 1.0, terminals=1), reward=-rng.random((4, 2)))
    if closing_actions(mdp)[1].any():
        return
    proper = []
    for policy in deterministic_policies(mdp):
        edge = np.einsum("sa,sat->st", policy, mdp.transition) > 0.0
        if not endless(edge, mdp.terminal).any():
            proper.append(exact_value(mdp, policy))
    exact = [max(column) for column in zip(*proper, strict=True)]
    solution = policy_iteration(mdp)
    assert solution.error < 1e-8
    assert distance(solution.value, exact) <= Fraction(solution.error)
    swept = value_iteration(mdp, 1e-8)
    assert distance(swept.value, exact) <= Fraction(swept.error)
    assert swept.error <= 1e-8


@given(seeds, st.sampled_from([0.9, 1.0]))
def test_the_bound_holds_for_any_function(seed, gamma):
    """Not only for outputs of solvers: V* plus noise of any size."""
    rng = np.random.default_rng(seed)
    mdp = replace(garnet(rng, 5, 2, 3, gamma, terminals=1), reward=-1.0 - rng.random((5, 2)))
    if gamma == 1.0 and closing_actions(mdp)[1].any():
        return
    best = policy_iteration(mdp)
    value = best.value + 10.0 ** rng.uniform(-12, 1) * rng.normal(size=5)
    value[mdp.terminal] = 0.0
    bound = error_bound(mdp, value, backup(mdp, value))
    assert np.abs(value - best.value).max() <= bound + best.error


@given(seeds)
def test_horizon_and_eternity_against_all_deterministic_policies(seed):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 5, 2, int(rng.integers(1, 4)), 1.0, terminals=2)
    longest, forever = 0.0, False
    for policy in deterministic_policies(mdp):
        kernel = induced_kernel(mdp, policy)
        edge = np.einsum("sa,sat->st", policy, mdp.transition) > 0.0
        if endless(edge, mdp.terminal).any():
            forever = True
        else:
            longest = max(longest, np.linalg.solve(np.eye(5) - kernel, ~mdp.terminal * 1.0).max())
    assert can_last_forever(mdp) == forever
    assert np.isinf(horizon(mdp)) if forever else np.isclose(horizon(mdp), longest, rtol=1e-10)


@given(seeds)
def test_closing_actions_close(seed):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 8, 2, int(rng.integers(1, 4)), 1.0, terminals=2)
    action, hopeless = closing_actions(mdp)
    edge = mdp.transition[np.arange(8), action] > 0.0
    any_edge = (mdp.transition > 0.0).any(axis=1)
    reach = np.linalg.matrix_power(any_edge.astype(float) + np.eye(8), 8) > 0.0
    np.testing.assert_array_equal(hopeless, ~reach[:, mdp.terminal].any(axis=1))
    assert not (endless(edge, mdp.terminal) & ~endless(any_edge, mdp.terminal) & ~hopeless).any()
    if not hopeless.any():
        assert np.isfinite(evaluate(mdp, np.eye(2)[action])).all()

"""Each closed form of the zoo against the solvers, and garnet's structure."""

import gymnasium
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.exact.certificate import optimal_actions
from scratchrl.exact.evaluation import evaluate
from scratchrl.exact.mdp import from_gymnasium
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import chain, cliff, garnet, gridworld, random_walk, slippery, two_state

unit = st.floats(0.01, 0.99)


def geometric(gamma, n):
    return sum(gamma**k for k in range(n))


@given(unit, unit, unit, st.sampled_from([0.0, 0.5, 0.9, 0.99]))
def test_two_state(success, leave, back, gamma):
    mdp = two_state(success, gamma)
    x, y = success * leave, success * back
    d = 1 / (1 - gamma * (1 - x - y))
    v0 = gamma * x * d / (1 - gamma)
    value = evaluate(mdp, np.array([[1 - leave, leave], [1 - back, back]]))
    np.testing.assert_allclose(value, [v0, v0 + d], rtol=1e-11)
    best = gamma * success / (1 - gamma * (1 - success)) / (1 - gamma)
    np.testing.assert_allclose(policy_iteration(mdp).value, [best, 1 / (1 - gamma)], rtol=1e-11)


@pytest.mark.parametrize("gamma", [0.3, 0.9, 1.0])
@pytest.mark.parametrize(("length", "success"), [(1, 0.5), (5, 0.8), (9, 1.0)])
def test_chain(length, success, gamma):
    g = gamma * success / (1 - gamma * (1 - success))
    truth = [g ** (length - s) / gamma for s in range(length)] + [0.0]
    np.testing.assert_allclose(policy_iteration(chain(length, success, gamma)).value, truth, rtol=1e-12)


@given(unit, st.integers(1, 9), st.sampled_from([0.5, 0.9, 0.99]))
def test_random_walk_discounted(p, length, gamma):
    mdp, n, i = random_walk(length, gamma), length + 1, np.arange(1, length + 1)
    x1, x2 = np.roots([gamma * p, -1.0, gamma * (1 - p)])
    truth = (x1**i - x2**i) / (x1**n - x2**n) / gamma
    policy = np.broadcast_to([1 - p, p], (length + 2, 2))
    np.testing.assert_allclose(evaluate(mdp, policy)[1:-1], truth, rtol=1e-8)
    np.testing.assert_allclose(policy_iteration(mdp).value[1:-1], gamma ** (length - i), rtol=1e-12)


@given(unit.filter(lambda p: abs(p - 0.5) > 0.01), st.integers(1, 9))
def test_random_walk_is_gamblers_ruin(p, length):
    ratio, n, i = (1 - p) / p, length + 1, np.arange(1, length + 1)
    policy = np.broadcast_to([1 - p, p], (length + 2, 2))
    truth = (1 - ratio**i) / (1 - ratio**n)
    np.testing.assert_allclose(evaluate(random_walk(length), policy)[1:-1], truth, rtol=1e-9)
    np.testing.assert_allclose(evaluate(random_walk(length), policy * 0 + 0.5)[1:-1], i / n, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 0.99, 1.0])
@pytest.mark.parametrize(("height", "width"), [(1, 2), (4, 4), (3, 7)])
def test_gridworld(height, width, gamma):
    solution = policy_iteration(gridworld(height, width, gamma))
    rows, columns = np.divmod(np.arange(height * width), width)
    truth = [-geometric(gamma, n) for n in (height - 1 - rows) + (width - 1 - columns)]
    np.testing.assert_allclose(solution.value, truth, atol=1e-12)
    assert not optimal_actions(solution)[:-1, [0, 3]].any()


@pytest.mark.parametrize("gamma", [0.9, 0.99, 1.0])
@pytest.mark.parametrize(("height", "width"), [(2, 3), (4, 12)])
def test_cliff(height, width, gamma):
    value = policy_iteration(cliff(height, width, gamma)).value.reshape(height, width)
    rows, columns = np.indices((height - 1, width))
    steps = (height - 1 - rows) + (width - 1 - columns)
    truth = [[-geometric(gamma, n) for n in row] for row in steps]
    np.testing.assert_allclose(value[:-1], truth, atol=1e-11)
    assert value[-1, 0] == pytest.approx(-geometric(gamma, width + 1), abs=1e-11)


def test_cliff_is_gymnasiums():
    ours, theirs = cliff(), from_gymnasium(gymnasium.make("CliffWalking-v1"))
    for name in ("transition", "reward", "start", "terminal"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(1, 4), st.integers(0, 1))
def test_garnet_has_the_structure_it_promises(seed, states, actions, terminals):
    branching = seed % states + 1
    mdp = garnet(np.random.default_rng(seed), states, actions, branching, 0.9, terminals)
    live = ~mdp.terminal
    assert (np.count_nonzero(mdp.transition[live], axis=2) == branching).all()
    np.testing.assert_allclose(mdp.transition.sum(axis=2), 1.0, atol=1e-15 * states)
    assert mdp.terminal.sum() == terminals
    np.testing.assert_allclose(mdp.start, live / live.sum())
    same = garnet(np.random.default_rng(seed), states, actions, branching, 0.9, terminals)
    assert np.array_equal(same.transition, mdp.transition)
    assert np.array_equal(same.reward, mdp.reward)


def test_garnet_probabilities_are_uniform_on_the_simplex():
    """Dirichlet(1, 1, 1): mean ⅓, variance 1/18; 30 000 rows, 5 standard errors: fails on one fresh seed in 10⁶."""
    p = garnet(np.random.default_rng(0), 100, 300, 3).transition
    p = p[p > 0.0].reshape(-1, 3)
    assert abs(p[:, 0].mean() - 1 / 3) < 5 * np.sqrt(1 / 18 / len(p))
    assert abs(p[:, 0].var() - 1 / 18) < 5 * np.sqrt((1 / 135 - 1 / 324) / len(p))


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_slipping_in_the_world_is_slipping_in_the_policy(seed, slip):
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 6, 3, 2)
    policy = rng.dirichlet(np.ones(3), size=6)
    np.testing.assert_allclose(
        evaluate(slippery(mdp, slip), policy), evaluate(mdp, (1 - slip) * policy + slip / 3), rtol=0, atol=1e-11
    )


@pytest.mark.parametrize("slip", [-0.1, 1.1])
def test_a_slip_that_is_no_probability_is_refused(slip):
    with pytest.raises(ValueError, match="slip: expected a probability, got"):
        slippery(two_state(), slip)

"""An MDP that exists is a valid one: every refusal names its argument, and what terminal rows say does not matter."""

import numpy as np
import pytest

from scratchrl.exact.evaluation import evaluate, uniform_policy
from scratchrl.exact.mdp import MDP, from_gymnasium
from scratchrl.exact.zoo import garnet

GOOD = {
    "transition": np.full((2, 3, 2), 0.5),
    "reward": np.zeros((2, 3, 2)),
    "gamma": 0.9,
    "start": np.array([1.0, 0.0]),
    "terminal": np.array([False, True]),
}


@pytest.mark.parametrize(
    ("name", "bad", "says"),
    [
        ("transition", np.full((2, 3, 3), 1 / 3), r"transition: expected shape \(S, A, S\)"),
        ("transition", np.zeros((0, 3, 0)), "transition: expected shape"),
        ("transition", np.full((2, 3, 2), 0.4), r"transition: .* row \(0, 0\) sums to 0.8"),
        ("transition", np.full((2, 3, 2), np.nan), "transition: expected rows"),
        ("transition", np.broadcast_to([1.5, -0.5], (2, 3, 2)), "transition: .* negative number -0.5"),
        ("reward", np.zeros((3, 2)), r"reward: expected shape .* got \(3, 2\)"),
        ("reward", np.full((2, 3), np.inf), "reward: expected finite"),
        ("reward", np.full((2, 3), np.nan), "reward: expected finite"),
        ("gamma", 1.01, r"gamma: expected a number in \[0, 1\], got 1.01"),
        ("gamma", -0.1, "gamma"),
        ("gamma", np.nan, "gamma"),
        ("start", np.array([1.0]), r"start: expected shape \(2,\)"),
        ("start", np.array([0.5, 0.4]), r"start: .* row \(\) sums to 0.9"),
        ("start", np.array([1.5, -0.5]), "start: .* negative"),
        ("terminal", np.array([0, 1]), "terminal: expected bool"),
        ("terminal", np.array([False]), "terminal: expected bool"),
    ],
)
def test_a_bad_argument_is_refused_by_name(name, bad, says):
    MDP(**GOOD)
    with pytest.raises(ValueError, match=says):
        MDP(**{**GOOD, name: bad})


def test_float32_rows_are_not_silently_rescaled():
    third = np.full((3, 1, 3), 1 / 3, np.float32)
    with pytest.raises(ValueError, match="transition: expected rows"):
        MDP(third, np.zeros((3, 1)), 0.9, np.eye(3)[0], np.zeros(3, bool))


def test_rows_of_terminal_states_do_not_matter():
    rng = np.random.default_rng(0)
    mdp = garnet(rng, 6, 2, 3, terminals=2)
    noise = np.where(mdp.terminal[:, None, None], rng.normal(size=(6, 2, 6)), mdp.transition)
    same = MDP(noise, np.where(mdp.terminal[:, None, None], 7.0, mdp.reward), mdp.gamma, mdp.start, mdp.terminal)
    assert np.array_equal(same.transition, mdp.transition)
    assert np.array_equal(same.mean_reward, mdp.mean_reward)
    assert np.array_equal(same.transition[4:].argmax(axis=2), [[4, 4], [5, 5]])


def test_three_shapes_of_reward_are_one_mdp():
    mdp = garnet(np.random.default_rng(1), 7, 3, 3, terminals=1)
    wide = np.broadcast_to(mdp.reward, mdp.transition.shape)
    policy = uniform_policy(mdp)
    for reward in (wide, mdp.reward, mdp.reward[:, :, 0]):
        same = MDP(mdp.transition, reward, mdp.gamma, mdp.start, mdp.terminal)
        np.testing.assert_allclose(evaluate(same, policy), evaluate(mdp, policy), rtol=1e-13)


def test_mean_reward_is_the_sum_over_successors():
    rng = np.random.default_rng(2)
    mdp = garnet(rng, 5, 2, 3)
    full = MDP(mdp.transition, rng.normal(size=(5, 2, 5)), 0.9, mdp.start, mdp.terminal)
    product = full.transition * full.reward
    plain = [[sum(product[s, a, t] for t in range(5)) for a in range(2)] for s in range(5)]
    np.testing.assert_allclose(full.mean_reward, plain, atol=1e-15)


def test_arrays_are_read_only_and_the_callers_stay_writable():
    transition = np.full((2, 3, 2), 0.5)
    mdp = MDP(**{**GOOD, "transition": transition, "terminal": np.zeros(2, bool)})
    with pytest.raises(ValueError, match="read-only"):
        mdp.transition[0, 0, 0] = 1.0
    transition[0, 0] = [0.25, 0.75]


class ToyModel:
    """One state that ends, one that is the end; the probability of ending is given."""

    def __init__(self, probability):
        self.unwrapped = self
        self.P = {0: {0: [(0.5, 0, -1.0, False), (probability, 1, 2.0, True)]}, 1: {0: [(1.0, 1, 0.0, True)]}}
        self.initial_state_distrib = np.array([1.0, 0.0])


def test_a_models_rounded_probabilities_are_renormalised_and_wrong_ones_refused():
    assert np.abs(from_gymnasium(ToyModel(0.5 + 1e-9)).transition.sum(axis=2) - 1.0).max() < 1e-15
    with pytest.raises(ValueError, match=r"env: expected probabilities that sum to 1, got sums from 1.0 to 1.1"):
        from_gymnasium(ToyModel(0.6))


def test_an_environment_without_a_model_is_refused():
    import gymnasium

    with pytest.raises(ValueError, match="env: expected a model"):
        from_gymnasium(gymnasium.make("CartPole-v1"))

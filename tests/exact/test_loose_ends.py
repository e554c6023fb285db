"""Places where the usual notes on value functions are loose: each reading is computed, and the right one shown."""

import itertools

import numpy as np
import pytest

from scratchrl.exact.bellman import backup, state_value
from scratchrl.exact.evaluation import action_values, evaluate, induced_kernel
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.zoo import two_state

MDP = two_state(success=0.8, gamma=0.9)
POLICY = np.array([[0.3, 0.7], [0.6, 0.4]])


def test_value_is_the_mean_of_q_over_one_action_and_not_over_trajectories():
    """V^π(s) = E_{a~π(·|s)}[Q^π(s, a)]. "E_{τ~π}[Q^π(s, a)]", read as a mean along the path, is another number."""
    value, q = evaluate(MDP, POLICY), action_values(MDP, POLICY)
    np.testing.assert_allclose(state_value(q, POLICY), value, rtol=1e-14)
    occupancy = (1 - MDP.gamma) * np.linalg.inv(np.eye(2) - MDP.gamma * induced_kernel(MDP, POLICY))
    along_the_path = occupancy @ state_value(q, POLICY)
    assert np.abs(along_the_path - value).min() > 0.1


def test_bellmans_q_has_no_expectation_over_the_given_action():
    """Q^π(s, a) = E_{s'}[r + γ E_{a'}[Q^π(s', a')]]. With E_{a~π, s'~P} in front, as often printed, it is V^π(s)."""
    q = action_values(MDP, POLICY)
    right = backup(MDP, state_value(q, POLICY))
    np.testing.assert_allclose(right, q, rtol=1e-14)
    as_printed = np.broadcast_to(state_value(right, POLICY)[:, None], q.shape)
    np.testing.assert_allclose(as_printed[:, 0], evaluate(MDP, POLICY), rtol=1e-14)
    assert np.abs(as_printed - q).min() > 0.1


def mean_reward_sum(last):
    """E[Σ_{t=0}^{last} r_t] from state 0 by listing all sequences of states (the reward is the state's number)."""
    step, total = np.einsum("sa,sat->st", POLICY, MDP.transition), 0.0
    for path in itertools.product(range(2), repeat=last):
        states = (0, *path)
        total += np.prod([step[i, j] for i, j in itertools.pairwise(states)]) * sum(states)
    return total


@pytest.mark.parametrize("horizon", [1, 2, 5])
def test_two_conventions_for_the_horizon(horizon):
    """Σ_{t=0}^{T} r_t has T + 1 rewards; a T-step trajectory, s_0 … s_T, has T. They differ by E[r_T]."""
    T = horizon
    return_sum = finite_horizon_values(MDP, POLICY, steps=T + 1)[0][0, 0]
    trajectory = finite_horizon_values(MDP, POLICY, steps=T)[0][0, 0]
    assert return_sum == pytest.approx(mean_reward_sum(last=T), rel=1e-13)
    assert trajectory == pytest.approx(mean_reward_sum(last=T - 1), rel=1e-13)
    occupied = np.linalg.matrix_power(induced_kernel(MDP, POLICY), T)[0]
    assert return_sum - trajectory == pytest.approx(occupied[1], rel=1e-12)
    assert return_sum - trajectory > 0.1

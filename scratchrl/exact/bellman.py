"""The Bellman operators: one backup, three ways to turn action values into a state value.

Every operator here is q ↦ backup(mdp, v(q)) or v ↦ v(backup(mdp, v)), where v(q)(s) is

    expected   Σ_a π(a|s) q(s, a)             optimal   max_a q(s, a)             soft   α log Σ_a exp(q(s, a)/α)

Each v is monotone, and v(q + c) = v(q) + c for a constant c; hence |v(q) − v(q')| ≤ ‖q − q'‖∞, and since the backup
multiplies a sup-norm difference by at most γ (rows of P sum to 1), all six are γ-contractions in the sup norm.
"""

import numpy as np
from scipy.special import logsumexp

from scratchrl.exact.mdp import MDP


def backup(mdp: MDP, value: np.ndarray) -> np.ndarray:
    """q(s, a) = E_{s'}[R(s, a, s') + γ v(s')], with v(s') = 0 at terminal s'.

    Args:
      value: v, (S,). What it holds at terminal states is not read: bootstrapping stops there.
    Returns:
      q, (S, A); 0 at terminal states.
    Checked in tests/exact/test_bellman.py: against the double sum over (a, s'); γ-contraction.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 0.5, [1.0, 0.0], [False, True])
    >>> backup(coin, np.array([8.0, 100.0])).ravel().tolist()  # 2 + ½(½·8 + ½·0)
    [4.0, 0.0]
    """
    states, actions, _ = mdp.transition.shape
    future = mdp.transition.reshape(-1, states) @ np.where(mdp.terminal, 0.0, value)
    return mdp.mean_reward + mdp.gamma * future.reshape(states, actions)


def state_value(q: np.ndarray, policy: np.ndarray) -> np.ndarray:
    """v(s) = E_{a~π(·|s)}[q(s, a)]: the expectation is over one action, not over trajectories. (S,).

    Checked in tests/exact/test_loose_ends.py: V^π = E_a[Q^π] and not the mean over visited states.
    """
    return np.einsum("sa,sa->s", policy, q)


def soft_maximum(q: np.ndarray, alpha: float) -> np.ndarray:
    """α log Σ_a exp(q(s, a)/α) = max_π E_{a~π}[q(s, a)] + α H(π(·|s)), (S,).

    The maximiser is π = softmax(q/α), for which q − α log π is the same number for every action: the left side.
    Between max_a q and max_a q + α log A.

    Checked in tests/exact/test_soft.py: the variational form, and both bounds.

    >>> soft_maximum(np.array([[0.0, 0.0]]), alpha=1.0).round(6).item()  # log 2
    0.693147
    """
    return alpha * logsumexp(q / alpha, axis=1)


def expected_operator(mdp: MDP, policy: np.ndarray, q: np.ndarray) -> np.ndarray:
    """(T^π q)(s, a) = E_{s'}[R + γ E_{a'~π}[q(s', a')]]; its fixed point is Q^π.

    Nothing is averaged over a: the action is given. The policy enters at s' alone.

    Checked in tests/exact/test_bellman.py: Q^π is fixed; γ-contraction.
    """
    return backup(mdp, state_value(q, policy))


def optimal_operator(mdp: MDP, q: np.ndarray) -> np.ndarray:
    """(T* q)(s, a) = E_{s'}[R + γ max_{a'} q(s', a')]; its fixed point is Q*.

    Checked in tests/exact/test_bellman.py: Q* is fixed; γ-contraction.
    """
    return backup(mdp, q.max(axis=1))


def soft_expected_operator(mdp: MDP, policy: np.ndarray, q: np.ndarray, alpha: float) -> np.ndarray:
    """E_{s'}[R + γ E_{a'~π}[q(s', a') − α log π(a'|s')]]; its fixed point is the soft Q^π.

    Entropy is paid at s', from the next action on; none at a terminal s', where no action is taken.

    Checked in tests/exact/test_soft.py: the soft Q^π is fixed; γ-contraction.
    """
    return backup(mdp, state_value(q, policy) + alpha * entropy(policy))


def soft_optimal_operator(mdp: MDP, q: np.ndarray, alpha: float) -> np.ndarray:
    """E_{s'}[R + γ α log Σ_{a'} exp(q(s', a')/α)]; its fixed point is the soft Q*.

    Checked in tests/exact/test_soft.py: the soft Q* is fixed; γ-contraction.
    """
    return backup(mdp, soft_maximum(q, alpha))


def entropy(policy: np.ndarray) -> np.ndarray:
    """H(π(·|s)) = −Σ_a π(a|s) log π(a|s) in nats, (S,), with 0 log 0 = 0.

    >>> entropy(np.array([[0.5, 0.5], [1.0, 0.0]])).round(6).tolist()
    [0.693147, 0.0]
    """
    return 0.0 - np.sum(policy * np.log(np.where(policy == 0.0, 1.0, policy)), axis=1)

"""The four on-policy numbers, V^π, Q^π, A^π and J(π), by one linear solve."""

import numpy as np

from scratchrl.exact.bellman import backup, state_value
from scratchrl.exact.mdp import MDP
from scratchrl.exact.reachability import endless, reachable

POLICY_SUM_BOUND = 1e-10


def induced_kernel(mdp: MDP, policy: np.ndarray) -> np.ndarray:
    """K(s'|s) = Σ_a π(a|s) P(s'|s, a) for s' not terminal, else 0: the chain of π, killed at the end, (S, S).

    What a row lacks to 1 is the probability that the step ends the episode.
    Kᵗ(s'|s) = P(s_t = s', still running | s_0 = s).

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 1.0, [1.0, 0.0], [False, True])
    >>> induced_kernel(coin, np.ones((2, 1))).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    _check_policy(mdp, policy)
    return np.matmul(policy[:, None, :], mdp.transition)[:, 0] * ~mdp.terminal


def solve_chain(mdp: MDP, policy: np.ndarray, reward: np.ndarray) -> np.ndarray:
    """x with x = reward + γ K x, K the killed chain of π: the discounted sum of any reward per state, (S,).

        x = Σ_t γᵗ Kᵗ reward  =  (I − γK)⁻¹ reward                                                   (1)

    The series converges for γ < 1, and for γ = 1 where K is transient: π is *proper*, it terminates with probability 1.
    At γ = 1 states from which π is improper get nan if the episode can never visit them, and an error if it can.

    Args:
      reward: (S,); its entries at terminal states are taken as 0.
    Raises:
      ValueError: γ = 1 and π may run forever from a state that ρ₀ and π reach.
    Checked in tests/exact/test_evaluation.py: against the series (1) and closed forms.
    """
    kernel = induced_kernel(mdp, policy)
    reward = np.where(mdp.terminal, 0.0, reward)
    if mdp.gamma < 1.0:
        return np.linalg.solve(np.eye(len(kernel)) - mdp.gamma * kernel, reward)  # (1)
    defined = ~_improper_states(mdp, policy)
    value = np.full(len(kernel), np.nan, np.result_type(kernel, reward))
    value[defined] = np.linalg.solve(np.eye(defined.sum()) - kernel[np.ix_(defined, defined)], reward[defined])
    return value


def evaluate(mdp: MDP, policy: np.ndarray) -> np.ndarray:
    """V^π(s) = E[Σ_t γᵗ r_t | s_0 = s, a_t ~ π(·|s_t)], (S,).

    Split off the first step (tower rule, Markov property):

        V^π(s) = Σ_a π(a|s) (r(s, a) + γ Σ_{s'} P(s'|s, a) V^π(s')),     V^π(terminal) = 0            (1)

    which is linear in V^π, x = r_π + γKx of `solve_chain`.

    Args:
      policy: π(a|s), (S, A), rows sum to 1; rows of terminal states are not used. Complex entries are allowed, so that
        the complex step differentiates through the solve.
    Raises:
      ValueError: a policy of another shape or not a distribution; γ = 1 and π improper (see `solve_chain`).
    Checked in tests/exact/test_evaluation.py: closed forms, rollout by matrix powers, fixed points, γ = 1.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 1.0]]], [[2.0], [0.0]], 1.0, [1.0, 0.0], [False, True])
    >>> evaluate(coin, np.ones((2, 1))).tolist()  # 2 a step, two steps on average
    [4.0, 0.0]
    """
    _check_policy(mdp, policy)
    return solve_chain(mdp, policy, state_value(mdp.mean_reward, policy))  # (1)


def action_values(mdp: MDP, policy: np.ndarray) -> np.ndarray:
    """Q^π(s, a) = E[Σ_t γᵗ r_t | s_0 = s, a_0 = a, then π] = r(s, a) + γ E_{s'}[V^π(s')], (S, A).

    At γ = 1 nan where a may lead to a state whose V^π is undefined.

    Checked in tests/exact/test_evaluation.py: fixed point of T^π; V^π = E_a[Q^π].
    """
    value = evaluate(mdp, policy)
    undefined = np.isnan(value)
    q = backup(mdp, np.where(undefined, 0.0, value))
    q[mdp.transition[:, :, undefined].any(axis=2)] = np.nan
    return q


def advantage(mdp: MDP, policy: np.ndarray) -> np.ndarray:
    """A^π(s, a) = Q^π(s, a) − V^π(s), (S, A); Σ_a π(a|s) A^π(s, a) = 0.

    Checked in tests/exact/test_evaluation.py: mean zero under π; max_a A* = 0.
    """
    q = action_values(mdp, policy)
    return q - state_value(q, policy)[:, None]


def expected_return(mdp: MDP, policy: np.ndarray):
    """J(π) = E_{s_0 ~ ρ₀}[V^π(s_0)], a scalar.

    Checked in tests/exact/test_evaluation.py.
    """
    return mdp.start[mdp.start > 0.0] @ evaluate(mdp, policy)[mdp.start > 0.0]


def uniform_policy(mdp: MDP) -> np.ndarray:
    """π(a|s) = 1/A, (S, A)."""
    states, actions, _ = mdp.transition.shape
    return np.full((states, actions), 1.0 / actions)


def _improper_states(mdp, policy):
    edge = np.matmul(policy[:, None, :] != 0.0, mdp.transition > 0.0)[:, 0]
    improper = endless(edge, mdp.terminal)
    visited = improper & reachable(edge, mdp.start > 0.0)
    if visited.any():
        raise ValueError(
            f"gamma = 1 needs a policy that terminates with probability 1, this one may run forever from "
            f"states {np.flatnonzero(visited)[:8].tolist()} (of {visited.sum()}): the sum of rewards need not exist"
        )
    return improper


def _check_policy(mdp, policy):
    if policy.shape != mdp.transition.shape[:2]:
        raise ValueError(f"policy: expected shape (S, A) = {mdp.transition.shape[:2]}, got {policy.shape}")
    if np.real(policy).min() < 0.0 or not (np.abs(policy.sum(axis=1) - 1.0) <= POLICY_SUM_BOUND).all():
        raise ValueError("policy: expected rows of probabilities that sum to 1")

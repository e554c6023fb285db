"""Entropy-regularised values: the return with a bonus of α H(π(·|s_t)) at every step taken."""

import numpy as np
from scipy.special import softmax

from scratchrl.exact.bellman import backup, entropy, soft_maximum, state_value
from scratchrl.exact.certificate import Solution, horizon
from scratchrl.exact.evaluation import solve_chain, uniform_policy
from scratchrl.exact.mdp import MDP
from scratchrl.exact.policy_iteration import rounding


def soft_evaluate(mdp: MDP, policy: np.ndarray, alpha: float) -> np.ndarray:
    """V^π(s) = E[Σ_t γᵗ (r_t + α H(π(·|s_t))) | s_0 = s], (S,).

    V^π = E_a[Q^π − α log π] with Q^π = r + γ P V^π is linear: the reward per state is r_π + α H(π). α = 0: `evaluate`.

    Checked in tests/exact/test_soft.py: closed form of two_state; α = 0; fixed point.

    >>> coin = MDP([[[0.5, 0.5], [0.5, 0.5]], [[0.0, 1.0]] * 2], np.zeros((2, 2)), 1.0, [1.0, 0.0], [False, True])
    >>> soft_evaluate(coin, np.full((2, 2), 0.5), 1.0).round(6).tolist()  # two steps of log 2 each, on average
    [1.386294, 0.0]
    """
    return solve_chain(mdp, policy, state_value(mdp.mean_reward, policy) + alpha * entropy(policy))


def soft_action_values(mdp: MDP, policy: np.ndarray, alpha: float) -> np.ndarray:
    """Q^π(s, a) = r(s, a) + γ E_{s'}[V^π(s')], (S, A); the first action's own entropy is not in it, as in SAC.

    Checked in tests/exact/test_soft.py.
    """
    return backup(mdp, soft_evaluate(mdp, policy, alpha))


def soft_policy_iteration(mdp: MDP, alpha: float) -> Solution:
    """V*(s) = max_π soft V^π(s) = α log Σ_a exp(Q*(s, a)/α), reached by π* = softmax(Q*/α), to rounding.

    π' = softmax(Q^π/α) maximises E_a[Q^π] + α H, so the soft T* V^π = T^π' V^π = V^π + α KL(π‖π') ≥ V^π: values grow,
    and the KL measures what is left. Linearising the convex T* at V gives T^π' (its gradient is γP_π'), so a step is
    Newton's method on T*v − v: quadratic near the end. It stops when α KL is lost in the rounding of the solve.

    T* is monotone and T*(v + c) ≤ T*v + γc as the hard one, so `certificate.error_bound`'s argument gives the error.

    Args:
      alpha: temperature, > 0, in units of reward per nat.
    Returns:
      Solution with a stochastic policy.
    Raises:
      ValueError: alpha ≤ 0; γ = 1 and some policy may run forever (entropy might then pay without end).
    Checked in tests/exact/test_soft.py: soft value iteration; V* ≤ soft V* ≤ V* + α log A·H; α → 0.
    Paper: Haarnoja et al. (2018), Soft Actor-Critic, lemmas 1 and 2.

    >>> two_arms = MDP([[[1.0], [1.0]]], [[0.0, 0.0]], 0.5, [1.0], [False])
    >>> soft_policy_iteration(two_arms, 1.0).value.round(6).tolist()  # log 2 · 1/(1 − γ)
    [1.386294]
    """
    if not alpha > 0.0:
        raise ValueError(f"alpha: expected a temperature > 0, got {alpha} (policy_iteration is the limit 0)")
    longest = horizon(mdp)
    if not np.isfinite(longest):
        raise ValueError("gamma = 1 with entropy needs termination with probability 1 under every policy")
    policy, iterations, gain, noise = uniform_policy(mdp), 0, np.inf, 0.0
    while gain > noise:
        value = soft_evaluate(mdp, policy, alpha)
        q = backup(mdp, value)
        best = np.where(mdp.terminal, 0.0, soft_maximum(q, alpha))
        mean = np.where(mdp.terminal, 0.0, state_value(q, policy) + alpha * entropy(policy))
        inexact = rounding(mdp, value) + _logsumexp_rounding(q, alpha)
        gain, noise = (best - value).max(), 2.0 * (np.abs(mean - value).max() + inexact)
        policy, iterations = softmax(q / alpha, axis=1), iterations + 1
    error = (float(np.abs(best - value).max()) + inexact) * longest + inexact
    return Solution(value, q, policy, error, iterations)


def _logsumexp_rounding(q, alpha):
    return 8.0 * 2.0**-52 * (float(np.abs(q).max()) + alpha * (1.0 + np.log(q.shape[1])))

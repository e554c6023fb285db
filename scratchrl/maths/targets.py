r"""Targets of action values: r + γ m × (what the successor is worth), one number a sample, no derivative through it.

Legend: r reward of a transition; next_q = Q(s′, ·) at its true successor, (B, A) for all actions or (B,) for one;
m = 1 − terminated. The future stops counting where the episode terminated. Where it was truncated it goes on unseen,
so `truncated` is asked for, checked and masks nothing: a caller who merges the two flags has nothing to pass here.
γ is one number, or one a sample: γ^k after a reward that sums up k steps.

    DQN              max_a Q(s′, a)                  one net chooses and judges: E max ≥ max E, it overestimates
    double DQN       Q_target(s′, argmax Q_online)   one chooses, another judges
    DDPG             Q(s′, μ(s′))                    an actor chooses
    TD3              min(Q₁, Q₂)(s′, a′)             two judge, the pessimist counts
    SAC              min(Q₁, Q₂)(s′, a′) − α log π   and surprise is rewarded

In each of them y(Q) is as far from y(Q̃) as γ m times the farthest Q is from Q̃: a contraction, at γ < 1. Its fixed
point for a reward that is always 1 is Q = 1/(1 − γ), and r where the episode terminates.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels
from scratchrl.maths.constants import exact
from scratchrl.maths.returns import check


def dqn_target(
    reward: NDArray, next_q: NDArray, terminated: NDArray, truncated: NDArray, gamma: float | NDArray
) -> NDArray:
    """y = r + γ m max_a Q(s′, a): Bellman's optimality equation, one sample of it.

    Args:
      reward, terminated, truncated: (B,); next_q: (B, A), of the target network; gamma in [0, 1].
    Returns:
      y (B,).
    Raises:
      ValueError: a shape is wrong, or a flag is not boolean.
    Paper: Mnih et al. (2015), Human-level control through deep reinforcement learning, Methods.

    Checked in tests/maths/test_targets.py: contraction, fixed point, the optimal Q of a tabular problem is one.

    >>> end = np.array([False, True])
    >>> dqn_target(np.array([1.0, 1.0]), np.array([[2.0, 4.0], [2.0, 4.0]]), end, ~end, 0.5)
    array([3., 1.])
    """
    check_actions(reward, next_q=next_q)
    return ddpg_target(reward, next_q.max(axis=-1), terminated, truncated, gamma)


def double_dqn_target(
    reward: NDArray,
    next_q_online: NDArray,
    next_q_target: NDArray,
    terminated: NDArray,
    truncated: NDArray,
    gamma: float | NDArray,
) -> NDArray:
    """y = r + γ m Q_target(s′, a*), a* = argmax_a Q_online(s′, a), the first of equals.

    No entry exceeds the largest, so y ≤ `dqn_target` of the same target network, with equality where the two networks
    agree on an action of largest value. The errors of one network no longer choose themselves.

    Args:
      reward, terminated, truncated: (B,); next_q_online, next_q_target: (B, A); gamma in [0, 1].
    Returns:
      y (B,).
    Raises:
      ValueError: a shape is wrong, or a flag is not boolean.
    Paper: van Hasselt, Guez, Silver (2016), Deep reinforcement learning with double Q-learning, eq. 4.

    Checked in tests/maths/test_targets.py: ≤ DQN, = DQN for one network, unmoved by increasing maps of Q_online.

    >>> no = np.zeros(1, bool)
    >>> double_dqn_target(np.array([1.0]), np.array([[5.0, 3.0]]), np.array([[2.0, 4.0]]), no, no, 0.5)
    array([2.])
    """
    check_actions(reward, next_q_online=next_q_online, next_q_target=next_q_target)
    if next_q_online.shape != next_q_target.shape:
        raise ValueError(f"next_q_target: expected {next_q_online.shape}, as online, got {next_q_target.shape}")
    chosen = next_q_online.argmax(axis=-1)[..., None]
    return ddpg_target(reward, np.take_along_axis(next_q_target, chosen, -1)[..., 0], terminated, truncated, gamma)


def ddpg_target(
    reward: NDArray, next_q: NDArray, terminated: NDArray, truncated: NDArray, gamma: float | NDArray
) -> NDArray:
    """y = r + γ m Q(s′, a′), for whatever action a′ was chosen: μ(s′) in DDPG.

    Args:
      reward, next_q, terminated, truncated: (B,); gamma in [0, 1].
    Returns:
      y (B,).
    Raises:
      ValueError: a shape is wrong, or a flag is not boolean.
    Paper: Lillicrap et al. (2016), Continuous control with deep reinforcement learning, eq. 5.

    Checked in tests/maths/test_targets.py: the TD(0) target of `returns.n_step_return`, linear in r and Q.

    >>> no = np.zeros(1, bool)
    >>> ddpg_target(np.array([1.0]), np.array([4.0]), no, no, 0.5)
    array([3.])
    """
    check(reward, next_q=next_q, terminated=terminated, truncated=truncated)
    return reward + gamma * (~terminated * next_q)


def clipped_double_q_target(
    reward: NDArray, next_q1: NDArray, next_q2: NDArray, terminated: NDArray, truncated: NDArray, gamma: float | NDArray
) -> NDArray:
    """y = r + γ m min(Q₁, Q₂)(s′, a′): the smaller of the two targets that `ddpg_target` would give.

    Args:
      reward, next_q1, next_q2, terminated, truncated: (B,), the Q of one and the same a′; gamma in [0, 1].
    Returns:
      y (B,).
    Raises:
      ValueError: a shape is wrong, or a flag is not boolean.
    Paper: Fujimoto, van Hoof, Meger (2018), Addressing function approximation error in actor-critic methods, eq. 10.

    Checked in tests/maths/test_targets.py: ≤ both, symmetric, equal critics give DDPG.

    >>> no = np.zeros(1, bool)
    >>> clipped_double_q_target(np.array([1.0]), np.array([4.0]), np.array([2.0]), no, no, 0.5)
    array([2.])
    """
    check(reward, next_q1=next_q1, next_q2=next_q2)
    return ddpg_target(reward, np.minimum(next_q1, next_q2), terminated, truncated, gamma)


def sac_target(
    reward: NDArray,
    next_q1: NDArray,
    next_q2: NDArray,
    next_log_prob: NDArray,
    terminated: NDArray,
    truncated: NDArray,
    gamma: float | NDArray,
    alpha: float,
) -> NDArray:
    r"""y = r + γ m (min(Q₁, Q₂)(s′, a′) − α log π(a′|s′)), a′ ~ π(·|s′) drawn now, not the one in the buffer.

    The bracket is one sample of the soft value V(s′) = E_π[Q − α log π] = E_π[Q] + α H(π). For the policy that makes V
    largest, π ∝ exp(Q/α), it does not depend on a′: Q − α (Q/α − log Σ exp(Q/α)) = α log Σ exp(Q/α).

    Args:
      reward, next_q1, next_q2, next_log_prob, terminated, truncated: (B,); gamma in [0, 1];
      alpha: the temperature, in units of reward a nat.
    Returns:
      y (B,).
    Raises:
      ValueError: a shape is wrong, or a flag is not boolean.
    Paper: Haarnoja et al. (2018), Soft actor-critic algorithms and applications, eq. 3 and 5.

    Checked in tests/maths/test_targets.py: α = 0 is TD3's; the constant bracket of the Boltzmann policy.

    >>> no = np.zeros(1, bool)
    >>> sac_target(np.array([1.0]), np.array([4.0]), np.array([2.0]), np.array([-3.0]), no, no, 0.5, alpha=2.0)
    array([5.])
    """
    check(reward, next_q1=next_q1, next_q2=next_q2, next_log_prob=next_log_prob)
    soft_value = np.minimum(next_q1, next_q2) - alpha * next_log_prob
    return ddpg_target(reward, soft_value, terminated, truncated, gamma)


def polyak_update(online: NDArray, target: NDArray, tau: float) -> NDArray:
    r"""θ′ ← τ θ + (1 − τ) θ′: after k steps with one θ, the fraction (1 − τ)ᵏ of the old difference is left.

    As two products it is θ at τ = 1 and θ′ at τ = 0, exactly: 1·x + 0·y = x in floating point, for finite y. The other
    writing, θ′ + τ (θ − θ′), is exact at τ = 0 but at τ = 1 off by the rounding of θ − θ′. In exchange it leaves
    θ′ = θ where it is, which the two products do to an ulp.

    Args:
      online: θ; target: θ′, of one shape; tau in [0, 1].
    Returns:
      the new θ′, a new array.
    Raises:
      ValueError: shapes differ, or tau is outside [0, 1].
    Paper: Lillicrap et al. (2016), algorithm 1.

    Checked in tests/maths/test_targets.py: both ends to the bit, the geometric decay, between θ and θ′.

    >>> polyak_update(np.array([4.0]), np.array([8.0]), 0.25)
    array([7.])
    """
    if online.shape != target.shape:
        raise ValueError(f"target: expected {online.shape}, the shape of online, got {target.shape}")
    if not 0 <= tau <= 1:
        raise ValueError(f"tau: expected a number from 0 to 1, got {tau}")
    if target.ndim == 1 and kernels.are_alike(online, target):
        return kernels.polyak(online, target, tau)
    tau = exact(tau, target)
    return tau * online + (1 - tau) * target


def check_actions(reward: NDArray, **next_q: NDArray) -> None:
    """Raises a ValueError unless each next_q has the shape of reward and one more axis, of at least one action.

    >>> check_actions(np.zeros(2), next_q=np.zeros((2, 3)))
    """
    for name, array in next_q.items():
        if array.shape[:-1] != reward.shape or array.shape[-1:] in ((), (0,)):
            raise ValueError(f"{name}: expected the shape of reward, {reward.shape}, and actions, got {array.shape}")

r"""Objectives of policy optimisation, each as (value, derivative with respect to log π): a weight per sample.

Every policy gradient is a weighted sum of scores, Σ_b w_b ∇ log π(a_b|s_b), and an objective's whole contribution is
its w = ∂L/∂ log π. All are to be made large, sample by sample: the minus sign of a loss and the 1/B stand in the
algorithm. Legend: log_prob = log π_θ(a|s), log_prob_old of the policy that collected the data, ρ = exp of their
difference, A advantage, all (B,).
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels
from scratchrl.maths.constants import exact


def policy_gradient(log_prob: NDArray, advantage: NDArray) -> tuple[NDArray, NDArray]:
    """L = A log π, ∂L/∂log π = A.

    Not a performance measure: only its gradient, at the policy that drew the data, means something.

    Args:
      log_prob, advantage: (B,).
    Returns:
      (value, d_log_prob), each (B,).
    Paper: Williams (1992), REINFORCE.

    Checked in tests/maths/test_objectives.py.

    >>> policy_gradient(np.array([-0.5]), np.array([2.0]))
    (array([-1.]), array([2.]))
    """
    _check(log_prob, advantage=advantage)
    return advantage * log_prob, advantage + 0 * log_prob


def ratio(log_prob: NDArray, log_prob_old: NDArray) -> NDArray:
    """ρ = π_θ(a|s) / π_old(a|s) = exp(log π_θ − log π_old), and ∂ρ/∂log π = ρ.

    >>> ratio(np.log(np.array([0.5])), np.log(np.array([0.25]))).round(12)
    array([2.])
    """
    _check(log_prob, log_prob_old=log_prob_old)
    return np.exp(log_prob - log_prob_old)


def surrogate(log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray) -> tuple[NDArray, NDArray]:
    """L = ρ A, ∂L/∂log π = ρ A: the importance-weighted objective that TRPO maximises.

    E_old[ρ A] = E_θ[A] with actions reweighted and states left as the old policy visits them, so it agrees with the
    true improvement to first order around θ_old; there its gradient is the policy gradient.

    Args:
      log_prob, log_prob_old, advantage: (B,).
    Returns:
      (value, d_log_prob), each (B,).
    Paper: Schulman et al. (2015), TRPO, eq. 14.

    Checked in tests/maths/test_objectives.py.

    >>> surrogate(np.array([0.0]), np.array([0.0]), np.array([2.0]))
    (array([2.]), array([2.]))
    """
    _check(log_prob, advantage=advantage)
    value = ratio(log_prob, log_prob_old) * advantage
    return value, value


def ppo_clip(
    log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray, clip: float
) -> tuple[NDArray, NDArray]:
    r"""L = min(ρ A, clip(ρ, 1−ε, 1+ε) A), the pessimistic of two estimates of the gain.

    The minimum clips on one side only, the side on which moving further would look profitable:

        A > 0:  L = A min(ρ, 1+ε)        A < 0:  L = A max(ρ, 1−ε)                     (1)

    so a sample has weight ρA while ρ is short of its bound and 0 beyond it:

        ∂L/∂log π = ρ A  if (A > 0 and ρ ≤ 1+ε) or (A ≤ 0 and ρ ≥ 1−ε),  else 0        (2)

    On the wrong side (A > 0 and ρ < 1−ε, A < 0 and ρ > 1+ε) the sample stays active without bound: that is how a
    step that made things worse is pulled back. At ρ equal to its bound L has a kink, and (2) takes the inner slope.
    At θ_old, ρ = 1, the gradient is the policy gradient.

    Args:
      log_prob, log_prob_old, advantage: (B,); clip: ε > 0.
    Returns:
      (value, d_log_prob), each (B,).
    Paper: Schulman et al. (2017), PPO, eq. 7.

    Checked in tests/maths/test_objectives.py: (1) against the min of the paper, complex step, the four regions.

    >>> ppo_clip(np.log(np.array([1.5, 1.5])), np.zeros(2), np.array([1.0, -1.0]), 0.25)
    (array([ 1.25, -1.5 ]), array([ 0. , -1.5]))
    """
    _check(log_prob, log_prob_old=log_prob_old, advantage=advantage)
    check_clip(clip)
    if log_prob.ndim == 1 and kernels.are_alike(log_prob, log_prob_old, advantage):
        return kernels.ppo_clip(log_prob, log_prob_old, advantage, clip)
    rho = ratio(log_prob, log_prob_old)
    gain, clip = advantage > 0, exact(clip, advantage)
    bound = np.where(gain, 1 + clip, 1 - clip).astype(np.result_type(advantage, np.float32), copy=False)
    active = ~np.where(gain, rho > bound, rho < bound)  # so that nan stays visible
    return np.where(active, rho, bound) * advantage, active * (rho * advantage)  # (1), (2)


def clip_fraction(log_prob: NDArray, log_prob_old: NDArray, clip: float) -> float:
    """The share of samples with |ρ − 1| > ε, a diagnostic: how far the policy has moved from the data's.

    >>> clip_fraction(np.log(np.array([1.0, 2.0])), np.zeros(2), 0.25)
    0.5
    """
    rho = ratio(log_prob, log_prob_old)
    return float(((rho > 1 + clip) | (rho < 1 - clip)).mean())


def ppo_penalty(
    log_prob: NDArray, log_prob_old: NDArray, advantage: NDArray, kl: NDArray, beta: float
) -> tuple[NDArray, NDArray, NDArray]:
    """L = ρ A − β KL(π_old‖π_θ), with ∂L/∂log π = ρ A and ∂L/∂KL = −β.

    The KL of each state is a function of the distribution, not of the sampled action, so it has its own derivative
    (`kl_grad` of the distribution) and is returned apart.

    Args:
      log_prob, log_prob_old, advantage: (B,); kl: (B,) of the sampled states; beta ≥ 0.
    Returns:
      (value, d_log_prob, d_kl), each (B,).
    Paper: Schulman et al. (2017), PPO, eq. 8.

    Checked in tests/maths/test_objectives.py.

    >>> ppo_penalty(np.zeros(1), np.zeros(1), np.array([2.0]), np.array([0.5]), 3.0)
    (array([0.5]), array([2.]), array([-3.]))
    """
    _check(log_prob, kl=kl)
    value, d_log_prob = surrogate(log_prob, log_prob_old, advantage)
    return value - beta * kl, d_log_prob, -beta + 0 * kl


def adapt_beta(beta: float, kl: float, target: float) -> float:
    """β for the next update: halved if the KL stayed under target/1.5, doubled if it went over 1.5 · target.

    Args:
      beta: of the last update; kl: the mean KL it reached; target: the KL aimed at, nats.
    Returns:
      the next beta.
    Paper: Schulman et al. (2017), PPO, section 4.

    Checked in tests/maths/test_objectives.py.

    >>> adapt_beta(1.0, 0.02, 0.01), adapt_beta(1.0, 0.01, 0.01), adapt_beta(1.0, 0.005, 0.01)
    (2.0, 1.0, 0.5)
    """
    if kl < target / 1.5:
        return beta / 2
    return beta * 2 if kl > target * 1.5 else beta


def entropy_bonus(value: NDArray, entropy: NDArray, coefficient: float) -> tuple[NDArray, NDArray]:
    """L + c H: a reward for staying undecided; ∂/∂H = c, and L's own derivative is untouched.

    Args:
      value, entropy: (B,); coefficient: c ≥ 0.
    Returns:
      (value, d_entropy), each (B,).

    Checked in tests/maths/test_objectives.py.

    >>> entropy_bonus(np.array([1.0]), np.array([2.0]), 0.5)
    (array([2.]), array([0.5]))
    """
    _check(value, entropy=entropy)
    return value + coefficient * entropy, coefficient + 0 * entropy


def check_clip(clip: float) -> None:
    """Raises a ValueError unless ε > 0.

    >>> check_clip(0.2)
    """
    if not clip > 0:
        raise ValueError(f"clip: expected a positive number, got {clip}")


def _check(log_prob: NDArray, **others: NDArray) -> None:
    for name, array in others.items():
        if array.shape != log_prob.shape:
            raise ValueError(f"{name}: expected the shape of the samples, {log_prob.shape}, got {array.shape}")

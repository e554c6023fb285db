r"""Exact mean and covariance of any estimator: sums over all trajectories, weighted by their probabilities.

Every policy gradient estimator is a weighted sum of scores, ĝ(τ) = Σ_t w_t ψ(s_t, a_t). Collect equal scores,

    ĝ(τ) = Σ_{s,a} c(s, a) ψ(s, a),     c(s, a) = Σ_t w_t [s_t = s, a_t = a]                       (1)

and everything about ĝ follows from the S·A numbers c, whatever the size P of θ: with Ψ = (ψ(s, a)), (S·A, P),

    E[ĝ] = Ψᵀ E[c],     Cov[ĝ] = Ψᵀ Cov[c] Ψ                                                      (2)

All sums run over trajectories, so means over `enumeration.chunks` add up.
"""

from typing import NamedTuple

import numpy as np

from scratchrl.exact import families
from scratchrl.exact.enumeration import Trajectories
from scratchrl.exact.families import Family
from scratchrl.maths import categorical, policies


class Moments(NamedTuple):
    """Mean (D,) and covariance (D, D) of a random vector."""

    mean: np.ndarray
    covariance: np.ndarray

    @property
    def variance(self) -> float:
        """tr Cov = E‖x − E x‖², the one number by which estimators are ranked."""
        return float(np.trace(self.covariance))


def moments(chances: np.ndarray, sample: np.ndarray) -> Moments:
    """E[x] = Σ_k p_k x_k and Cov[x] = Σ_k p_k (x_k − E x)(x_k − E x)ᵀ: an expectation, no n − 1 anywhere.

    Args:
      chances: p, (K,), summing to 1; sample: x, (K, D).
    Checked in tests/exact/test_expectation.py.

    >>> moments(np.array([0.5, 0.5]), np.array([[1.0], [5.0]]))
    Moments(mean=array([3.]), covariance=array([[4.]]))
    """
    mean = chances @ sample
    centred = sample - mean
    return Moments(mean, centred.T @ (chances[:, None] * centred))


def coordinates(batch: Trajectories, weight: np.ndarray, states: int, actions: int) -> np.ndarray:
    """c(s, a) of (1) for every trajectory, (K, S·A).

    Args:
      weight: w, (T, K); what it holds on padding is not read.
    Checked in tests/exact/test_expectation.py: ĝ as a plain sum over steps.
    """
    width, total = states * actions, batch.state.shape[1]
    column = np.broadcast_to(np.arange(total), batch.state.shape)
    place = (column * width + batch.state * actions + batch.action)[batch.valid]
    return np.bincount(place, weight[batch.valid], total * width).reshape(total, width)  # (1)


def expected_gradient(
    family: Family, theta: np.ndarray, batch: Trajectories, chances: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    r"""E[Σ_t w_t ∇ log π_θ(a_t|s_t)], (P,): one backward pass of the network for any number of trajectories.

    With C = E[c], (S, A): Σ_{s,a} C(s, a) ∂log π(a|s)/∂l(s,·) = C(s,·) − π(·|s) Σ_a C(s, a), pulled back to θ.   (1)

    Args:
      chances: the probabilities of the trajectories, of whichever policy collects them, (K,).
      weight: (T, K).
    Checked in tests/exact/test_expectation.py: `gradient_moments`; ∇J for every valid Φ.
    """
    l, cache = families.logits(family, theta)
    place = (batch.state * l.shape[1] + batch.action)[batch.valid]
    mass = np.broadcast_to(chances, weight.shape)[batch.valid] * weight[batch.valid]
    c = np.bincount(place, mass, l.size).reshape(l.shape)
    d_logits = c - categorical.softmax(l) * c.sum(axis=1, keepdims=True)  # (1)
    return policies.vjp(family.policy, theta, cache, d_logits)


def gradient_moments(
    family: Family, theta: np.ndarray, batch: Trajectories, chances: np.ndarray, weight: np.ndarray
) -> Moments:
    """Mean and covariance of ĝ(τ) = Σ_t w_t ∇ log π_θ(a_t|s_t) for one trajectory, by (2) of this module.

    The mean of N independent trajectories has the same mean and 1/N of the covariance.

    Args and checks as for `expected_gradient`; needs K·S·A numbers of memory.
    """
    psi = families.scores(family, theta)
    states, actions, _ = psi.shape
    psi = psi.reshape(states * actions, -1)
    c = moments(chances, coordinates(batch, weight, states, actions))
    return Moments(c.mean @ psi, psi.T @ c.covariance @ psi)  # (2)

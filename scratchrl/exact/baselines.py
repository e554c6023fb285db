r"""The baseline with the least variance, derived exactly; V^π is not it.

Without baseline ĝ₀ = Σ_t w_t ψ_t, with one ĝ = ĝ₀ − Σ_t b_t(s_t) ψ_t, ψ_t = ∇ log π(a_t|s_t). The mean does not change,
so the variance is least where E‖ĝ‖² is. The subtracted terms are orthogonal to each other: for t < t′

    E[b_t ψ_t · b_{t′} ψ_{t′}] = E[ b_t b_{t′} ψ_t · E[ψ_{t′} | history up to s_{t′}] ] = 0,                 (1)

as they are for s_t ≠ s at the same t. So E‖ĝ‖² = E‖ĝ₀‖² − 2 Σ b E[ψ_t·ĝ₀; s_t = s] + Σ b² E[‖ψ_t‖²; s_t = s] is a
parabola in each b_t(s) by itself, with its minimum at

    b_t(s) = E[ψ_t · ĝ₀ | s_t = s] / E[‖ψ_t‖² | s_t = s]                                              (2)

one projection for each (t, s), saving E[ψ_t·ĝ₀; s_t = s]²/E[‖ψ_t‖²; s_t = s]. The formula usually quoted has w_t‖ψ_t‖²
in the numerator: it forgets the other terms of ĝ₀, and those of earlier steps do correlate with ψ_t, since their
rewards-to-go contain what a_t brings about. Same for horizon 1, and then by V^π only if ‖ψ‖² does not depend on a.

Papers: Greensmith, Bartlett & Baxter (2004), Variance reduction techniques; Weaver & Tao (2001).
"""

import numpy as np

from scratchrl.exact import families
from scratchrl.exact.enumeration import Trajectories
from scratchrl.exact.expectation import coordinates
from scratchrl.exact.families import Family


def best(family: Family, theta: np.ndarray, batch: Trajectories, chances: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """b_t(s) of (2), (T, S): of all baselines that look at the state and the clock, the one of least variance.

    Args:
      weight: w (T, K) without baseline; b is in the same units (where w has a factor γᵗ, so has b).
    Returns:
      (T, S); 0 where s_t = s is impossible.
    Checked in tests/exact/test_baselines.py: every other baseline is worse, by exactly Σ (b′ − b)² E[‖ψ_t‖²; s_t = s].
    """
    along, squared = _projections(family, theta, batch, chances, weight)
    return np.divide(along, squared, out=np.zeros_like(along), where=squared > 0.0)  # (2)


def best_constant(
    family: Family, theta: np.ndarray, batch: Trajectories, chances: np.ndarray, weight: np.ndarray
) -> float:
    """b = E[ψ·ĝ₀]/E‖ψ‖² with ψ = Σ_t ψ_t: the best number to subtract from every weight; args as for `best`.

    By (1) E‖ψ‖² = Σ_t E‖ψ_t‖², so numerator and denominator are those of (2), summed.

    Checked in tests/exact/test_baselines.py.
    """
    along, squared = _projections(family, theta, batch, chances, weight)
    return float(along.sum() / squared.sum())


def _projections(family, theta, batch, chances, weight):
    """E[ψ_t·ĝ₀; s_t = s] and E[‖ψ_t‖²; s_t = s], each (T, S)."""
    psi = families.scores(family, theta)
    states, actions, _ = psi.shape
    psi = psi.reshape(states * actions, -1)
    gram = psi @ psi.T
    overlap = coordinates(batch, weight, states, actions) @ gram  # ψ(s, a)·ĝ₀ for every (s, a), (K, S·A)
    along, squared = np.zeros((2, len(batch.state), states))
    for t, (state, action, valid) in enumerate(zip(batch.state, batch.action, batch.valid, strict=True)):
        place, k = (state * actions + action)[valid], np.flatnonzero(valid)
        along[t] = np.bincount(state[valid], chances[valid] * overlap[k, place], states)
        squared[t] = np.bincount(state[valid], chances[valid] * gram[place, place], states)
    return along, squared

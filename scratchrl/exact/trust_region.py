r"""How far may a policy move? The Fisher matrix, the true KL of a step, and what the theory promises for it.

The guarantee, derived. Write L for `surrogates.surrogate`, Ā(s) = Σ_a π′(a|s) A_π(s, a), α = max_s TV(π′, π)(s) with
TV = ½ Σ_a|π′ − π|, ε = max |A_π(s, a)|. By the performance-difference lemma and its surrogate,

    J(π′) − L(π′) = Σ_t γᵗ (E_{s_t~π′} − E_{s_t~π}) Ā(s_t)                                             (1)
    |Ā(s)| = |Σ_a (π′ − π) A_π| ≤ 2αε                        since Σ_a π A_π = 0                       (2)

Couple the two policies so that they differ with probability ≤ α a step; then they have parted before t with
probability ≤ 1 − (1 − α)ᵗ, and each term of (1) is at most that times 2 max|Ā|:

    |J − L| ≤ Σ_t γᵗ (1 − (1 − α)ᵗ) 4αε = 4εγα² / ((1 − γ)(1 − γ(1 − α)))                              (3)
            ≤ 4εγα²/(1 − γ)²                                 [TRPO theorem 1]                          (4)
            ≤ 4εγ/(1 − γ)² max_s KL(π‖π′)(s)                 by TV² ≤ KL, [TRPO eq. 9]                 (5)

Pinsker's inequality is TV² ≤ ½ KL, so the constant of (5) may be halved: TRPO's own step, TV² ≤ KL, is true and not
sharp. Keep Ā, and the mean of TV for its maximum: d_π′ − d_π = γ d_π (K′ − K)(I − γK′)⁻¹, whose 1-norm is at most
2γ/(1 − γ) Σ_s d_π(s) TV(s), turns (1) = Σ_s (d_π′ − d_π)(s) Ā(s) into

    |J − L| ≤ 2γ/(1 − γ) max_s|Ā(s)| Σ_s d_π(s) TV(s)        [CPO corollary 1]                         (6)

Erratum, or rather a trap: Kakade & Langford's bound for mixtures π′ = (1 − α)π + απ″, quoted in TRPO as eq. 6, has the
constant 2 and ε″ = max_s|Σ_a π″ A_π|, of the policy mixed *in*. With max_s|Ā(s)| of π′ itself in the place of ε″ (and
constant 2, power α²) it is false: that number is itself of order α, so the claim would be of third order, and J − L is
of second. The test shows an MDP that violates it.

Papers: Schulman et al. (2015), TRPO; Achiam et al. (2017), CPO; Kakade & Langford (2002); Kakade (2001).
"""

from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr

from scratchrl.exact import families
from scratchrl.exact.evaluation import advantage, expected_return
from scratchrl.exact.families import Family
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy, distribution
from scratchrl.exact.surrogates import surrogate


def fisher(family: Family, theta: np.ndarray, states: np.ndarray) -> np.ndarray:
    r"""F = Σ_s μ(s) Σ_a π_θ(a|s) ψ(s, a) ψ(s, a)ᵀ, (P, P): the Hessian of E_{s~μ}[KL(π_θ‖π_θ′)] at θ′ = θ.

    Which μ is a choice, and different programs choose differently: d normalised (`distribution` of the occupancy,
    Kakade's natural gradient), the share of rows in a batch (TRPO in practice: no γᵗ), or the uniform distribution.

    Args:
      states: μ, (S,).
    Checked in tests/exact/test_trust_region.py: complex step of the KL's gradient.
    """
    root = _root(family, theta, states)
    return root.T @ root


def natural_gradient(family: Family, theta: np.ndarray, states: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    r"""F⁺ g, (P,): the direction of most gain per KL, of all such the shortest (tabular softmax makes F singular).

    With μ = d/Σd and g = ∇J, F x = g are the normal equations of least squares for (Σd) A_π with regressors ψ, weights
    μπ (compatible features). For tabular softmax ψ(s,·)ᵀx can be any function of mean 0 under π(·|s): the fit is exact,

        ψ(s, a)ᵀ x = (Σd) A_π(s, a):  a step η x turns π into π ∘ exp(η (Σd) A)/Z, mirror descent.           (1)

    Raises:
      ValueError: g has a part that F cannot see: states with μ(s) = 0 that matter to the gradient.
    Paper: Kakade (2001), A natural policy gradient, theorem 1.
    Checked in tests/exact/test_trust_region.py: (1); F x = g; invariance under a change of coordinates.
    """
    _, sigma, v = np.linalg.svd(_root(family, theta, states), full_matrices=False)
    v = v[sigma > sigma[0] * max(v.shape) * np.finfo(float).eps]
    inside = v @ gradient
    if np.linalg.norm(gradient - v.T @ inside) > 1e-8 * np.linalg.norm(gradient):
        raise ValueError("states: expected weight on every state that the gradient comes from, F cannot see all of it")
    return v.T @ (inside / sigma[: len(v)] ** 2)


def kl(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """KL(old‖new) in every state, (S,), nats: TRPO's direction, expectation under the old policy.

    >>> kl(np.array([[0.5, 0.5]]), np.array([[1.0, 0.0]])).round(6).tolist()  # log 2
    [0.693147]
    """
    return rel_entr(old, new).sum(axis=1)


class Step(NamedTuple):
    """What a step from old to new really did, in the units of J and in nats."""

    improvement: float  # J(new) − J(old)
    predicted: float  # L_old(new) − J(old)
    mean_kl: float  # E_{s~μ} KL(old‖new), μ the normalised occupancy of old
    max_kl: float  # over states that are not terminal


def measure(mdp: MDP, new: np.ndarray, old: np.ndarray) -> Step:
    """The true improvement and the true KL of a step, beside what the surrogate predicted; policies are (S, A).

    Checked in tests/exact/test_trust_region.py.
    """
    divergence, before = kl(new, old), expected_return(mdp, old)
    mean = distribution(discounted_occupancy(mdp, old)) @ np.where(mdp.terminal, 0.0, divergence)
    after, predicted = expected_return(mdp, new), surrogate(mdp, new, old)
    return Step(after - before, predicted - before, float(mean), float(divergence[~mdp.terminal].max()))


class Penalties(NamedTuple):
    """Bounds on |J(new) − L_old(new)|, each valid by itself: J(new) ≥ L_old(new) − penalty."""

    trpo: float  # (5)
    pinsker: float  # half of (5)
    total_variation: float  # (4)
    coupling: float  # (3)
    cpo: float  # (6)


def penalties(mdp: MDP, new: np.ndarray, old: np.ndarray) -> Penalties:
    """The right sides of (3) to (6) of this module: what must be subtracted from L to have a lower bound on J.

    Raises:
      ValueError: γ = 1, where none of them is finite.
    Checked in tests/exact/test_trust_region.py: none is ever violated on random steps; (3) ≤ (4) ≤ ½(5) ≤ (5).
    """
    gamma = mdp.gamma
    if gamma == 1.0:
        raise ValueError("mdp: expected gamma < 1, the constant 4εγ/(1 − γ)² is infinite at gamma = 1")
    a, alive = advantage(mdp, old), ~mdp.terminal
    tv = np.abs(new - old).sum(axis=1) / 2
    alpha, epsilon = tv[alive].max(), np.abs(a[alive]).max()
    trpo = 4.0 * epsilon * gamma / (1.0 - gamma) ** 2 * kl(new, old)[alive].max()  # (5)
    worst = 4.0 * epsilon * gamma / (1.0 - gamma) ** 2 * alpha**2  # (4)
    coupling = worst * (1.0 - gamma) / (1.0 - gamma * (1.0 - alpha))  # (3)
    mean_gap = np.abs(np.einsum("sa,sa->s", new, a))[alive].max()
    cpo = 2.0 * gamma / (1.0 - gamma) * mean_gap * (discounted_occupancy(mdp, old) @ tv)  # (6)
    return Penalties(*(float(x) for x in (trpo, trpo / 2, worst, coupling, cpo)))


def _root(family, theta, states):
    """Rows √(μ(s) π(a|s)) ψ(s, a), (S·A, P): F is their Gram matrix."""
    psi = families.scores(family, theta)
    mass = states[:, None] * families.table(family, theta)
    return (np.sqrt(mass)[:, :, None] * psi).reshape(-1, psi.shape[2])

"""Second order without a matrix: everything TRPO does with the Fisher matrix F, through products v -> F v alone.

    maximise gᵀs  subject to  ½ sᵀF s ≤ δ        g the gradient of the objective, ½ sᵀF s the KL to second order

has the solution s ∝ F⁻¹g, as long as the constraint allows. The pieces, in the order of their use:

    fisher_vector_product    F v = Jᵀ F_rows J v / B                             [TRPO appendix C.1]
    conjugate_gradient       x with F x = b, in a few products                   [TRPO appendix C]
    natural_gradient         F⁻¹g
    trust_region_step        √(2δ/sᵀF s) s
    line_search              shorter and shorter, until the true objective and the true KL agree

A matvec is any function from a vector (P,) to a vector (P,), linear, symmetric and positive; vectors are flat.

Papers: Kakade (2001), A natural policy gradient; Schulman et al. (2015), Trust region policy optimization (TRPO);
Hestenes and Stiefel (1952), Methods of conjugate gradients for solving linear systems.
"""

from typing import NamedTuple

import numpy as np


def fisher_vector_product(jvp, fisher_matvec, vjp, vector, damping=0.0):
    r"""F v + λ v with F = (1/B) Σ_b J_bᵀ F_b J_b, the mean over rows of the Fisher matrix, pulled back to θ.

    Row b of a batch has distribution parameters ψ_b = ψ(θ, obs_b), with Jacobian J_b = ∂ψ_b/∂θ. Scores follow the chain
    rule, ∇_θ log p = J_bᵀ ∇_ψ log p, so their covariance, the Fisher matrix, is J_bᵀ F_b J_b. Read from the right:
    a forward derivative, a product in the few dimensions of ψ, a reverse derivative that sums over the rows.

    Args:
      jvp: (P,) -> (B, K), v -> J v.
      fisher_matvec: (B, K) -> (B, K), row by row w -> F_b w.
      vjp: (B, K) -> (P,), u -> Σ_b J_bᵀ u_b.
      vector: v, (P,).
      damping: λ ≥ 0; lifts the flat directions of F.
    Returns:
      (P,).

    Checked in tests/maths/test_curvature.py: the explicit mean of J_bᵀ F_b J_b; symmetric, linear.

    >>> J = np.array([[1.0, 2.0], [3.0, 4.0]])  # θ in the plane, two rows of K = 1, F_b = 2: F = JᵀJ
    >>> v = np.array([1.0, 0.0])
    >>> fisher_vector_product(lambda v: J @ v[:, None], lambda w: 2 * w, lambda u: (J.T @ u)[:, 0], v)
    array([10., 14.])
    """
    rows = fisher_matvec(jvp(vector))
    return vjp(rows / rows.shape[0]) + damping * vector


# ---- solving F x = b ----


class CGReport(NamedTuple):
    """How conjugate gradient went."""

    residuals: tuple[float, ...]  # ‖b − A x‖/‖b‖ after iterations 1, 2, …, as the recurrence knows it
    iterations: int
    converged: bool  # the last residual is within rtol (true at once for b = 0, which has none)


def conjugate_gradient(matvec, b, max_iterations=10, rtol=1e-10):
    r"""x with A x = b for symmetric positive definite A, from products A p only.

    x minimises φ(x) = ½ xᵀA x − bᵀx, whose downhill direction is the residual r = b − A x. From x = 0, p = r = b:

        α = rᵀr / pᵀA p                  the minimum of φ along p          (1)
        x ← x + α p,   r ← r − α A p                                       (2)
        β = r′ᵀr′ / rᵀr                  r′ the new residual               (3)
        p ← r′ + β p                     the part of r′ conjugate to p     (4)

    (1) is 0 = dφ(x + αp)/dα = αpᵀA p − pᵀr with pᵀr = rᵀr, because in (4) the old p is orthogonal to r′. β in (4) is
    chosen for pᵀA p′ = 0 and by (2) equals (3). By induction all p are conjugate and all r orthogonal, so that x
    minimises φ over the span of b, A b, A²b, …: were it not for rounding, nothing would be left after n steps, n the
    number of distinct eigenvalues.

    The tolerance is relative: stop when ‖r‖ ≤ rtol ‖b‖. So x(c b) = c x(b), which an absolute tolerance breaks where it
    hurts, at small gradients. It also makes b = 0 an ordinary case: the loop ends before it begins, with x = 0.

    Args:
      matvec: v -> A v.
      b: (P,).
      max_iterations: of (1) to (4), one product each.
      rtol: relative tolerance; 0 runs until r is exactly 0 or the iterations are used up.
    Returns:
      x (P,), CGReport. The loop also ends, unconverged, when pᵀA p is not positive: A is then not positive definite
      (too little damping, a wrong product, nan) and x is the last one that made sense.
    Raises:
      ValueError: when b is not 0 but its squared norm underflows to 0 (|b| below 1e-23 in float32, 1e-162 in float64).

    Checked in tests/maths/test_curvature.py:
      n steps for n distinct eigenvalues; directions conjugate, residuals orthogonal
      φ falls at every step; reported residuals are those of x
      x(2ᵏ b) = 2ᵏ x(b) to the bit; 1e-8 b takes the same steps as b
      the derivative of x with respect to b is A⁻¹, by a complex step through the loop

    >>> x, report = conjugate_gradient(lambda v: np.array([2.0, 4.0]) * v, np.array([2.0, 0.0]))
    >>> x, report.iterations, report.converged
    (array([1., 0.]), 1, True)
    """
    x, r, p = np.zeros_like(b), b, b
    rr = bb = b @ b
    if bb == 0 and not np.all(b == 0):
        raise ValueError("b: expected zeros or a squared norm above 0, got one that underflows; scale b up")
    residuals: list[float] = []
    while rr > rtol**2 * bb and len(residuals) < max_iterations:
        a_p = matvec(p)
        p_a_p = p @ a_p
        if not p_a_p > 0:
            break
        alpha = rr / p_a_p  # (1)
        x = x + alpha * p  # (2)
        r = r - alpha * a_p  # (2)
        rr, rr_old = r @ r, rr
        p = r + rr / rr_old * p  # (3), (4)
        residuals.append(np.sqrt(rr / bb))
    return x, CGReport(tuple(residuals), len(residuals), bool(rr <= rtol**2 * bb))


def natural_gradient(matvec, gradient, damping=0.0, max_iterations=10, rtol=1e-10):
    r"""(F + λI)⁻¹ g: steepest ascent when distance is measured by KL and not by the coordinates of θ.

    Maximise gᵀs − μ (½ sᵀF s − δ): g = μ F s, so s ∝ F⁻¹g. With other coordinates θ = M η the chain rule gives
    g_η = Mᵀg and F_η = MᵀF M, hence F_η⁻¹ g_η = M⁻¹ F⁻¹g: the same step of the policy. Damping gives that up a little.

    Args:
      matvec: v -> F v.
      gradient: g, (P,).
      damping: λ ≥ 0.
      max_iterations, rtol: of `conjugate_gradient`.
    Returns:
      direction (P,), CGReport.

    Checked in tests/maths/test_curvature.py: against a dense solve; the same step in other coordinates.

    >>> natural_gradient(lambda v: 3 * v, np.array([8.0, 4.0]), damping=1.0)[0]
    array([2., 1.])
    """
    return conjugate_gradient(lambda v: matvec(v) + damping * v, gradient, max_iterations, rtol)


# ---- how far to go ----


def trust_region_step(direction, matvec, delta):
    r"""β s with β = √(2δ / sᵀF s), the multiple of s at which the quadratic model of the KL is δ: ½ (βs)ᵀF(βs) = δ.

    Args:
      direction: s, (P,), not 0; its length does not matter.
      matvec: v -> F v. Handing in v -> F v + λv keeps the damping in the KL, as many programs do: a shorter step.
      delta: δ > 0, nats.
    Returns:
      step (P,): θ + step.
    Raises:
      ValueError: when sᵀF s is not positive, for then no multiple of s has KL δ: s = 0, or a direction that F
        cannot see, or F is not a Fisher matrix.

    Checked in tests/maths/test_curvature.py: ½ stepᵀF step = δ; unchanged when s is scaled.
    Paper: TRPO, appendix C.

    >>> trust_region_step(np.array([5.0, 0.0]), lambda v: 4 * v, delta=0.5)  # ½ · 4 · ½² = ½
    array([0.5, 0. ])
    """
    curvature = direction @ matvec(direction)
    if not curvature > 0:
        raise ValueError(f"direction: expected sᵀF s > 0, got {curvature}: s is 0, or F not positive along s")
    return np.sqrt(2 * delta / curvature) * direction


class LineSearch(NamedTuple):
    """What the line search settled on. All numbers belong to the θ that was returned."""

    accepted: bool
    fraction: float  # of the step; 0 when nothing was accepted
    objective: float
    kl: float
    evaluations: int  # candidates tried


def line_search(theta, step, objective, kl, delta, shrink=0.5, max_backtracks=10):
    r"""The first θ + fᵏ step, k = 0, 1, …, that raises the objective within the trust region; or θ itself.

    A candidate is accepted when objective(candidate) > objective(θ) and kl(candidate) ≤ δ, both finite. If none is,
    θ comes back as it was: the very same array, not the last candidate.

    Args:
      theta: θ, (P,).
      step: the full step, (P,), uphill.
      objective: θ′ -> number, to be raised (minus a loss).
      kl: θ′ -> number, the divergence from θ.
      delta: δ.
      shrink: f in (0, 1).
      max_backtracks: at most this many shrinkings, so at most 1 + max_backtracks candidates.
    Returns:
      θ′ (P,), LineSearch.
    Raises:
      ValueError: when shrink is not between 0 and 1.

    Checked in tests/maths/test_curvature.py: never a lower objective, never a KL above δ, nan and inf never accepted, θ
    restored to the bit, no longer fraction would have done.

    >>> theta, report = line_search(np.zeros(1), np.ones(1), lambda x: float(x[0]), lambda x: float(x[0] ** 2), 0.1)
    >>> theta, report  # KL 1 and ¼ are too much, 1/16 is not
    (array([0.25]), LineSearch(accepted=True, fraction=0.25, objective=0.25, kl=0.0625, evaluations=3))
    """
    if not 0 < shrink < 1:
        raise ValueError(f"shrink: expected a number between 0 and 1, got {shrink}")
    before = objective(theta)
    for k in range(max_backtracks + 1):
        fraction = shrink**k
        candidate = theta + fraction * step
        value, divergence = objective(candidate), kl(candidate)
        if before < value < np.inf and -np.inf < divergence <= delta:
            return candidate, LineSearch(True, fraction, value, divergence, k + 1)
    return theta, LineSearch(False, 0.0, before, kl(theta), max_backtracks + 1)

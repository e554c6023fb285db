r"""The diagonal Gaussian N(μ, diag σ²) over A-dimensional actions, with every gradient under its value.

Legend: mean μ (..., A); log_std s = log σ, (A,) if it does not depend on the state, else (..., A); z = (a − μ)/σ.
The scale enters as s, so σ = exp s > 0 without a constraint and 1/σ = exp(−s) without a division or an ε. Every
function sums over the action dimensions, which are independent, and never over the rows: a shared (A,) log_std
receives the sum over the rows where the caller can see it.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.constants import log_two_pi
from scratchrl.maths.exponential import exp_excess


def sample(rng: np.random.Generator, mean: NDArray, log_std: NDArray) -> NDArray:
    """a = μ + σ z with z ~ N(0, I).

    Args:
      mean: (..., A); log_std: (A,) or (..., A).
    Returns:
      actions (..., A), of mean's dtype.

    Checked in tests/maths/test_gaussian.py: mean and variance at a stated false-alarm rate.
    """
    return mean + np.exp(log_std) * rng.standard_normal(mean.shape).astype(mean.dtype)


def mode(mean: NDArray, log_std: NDArray) -> NDArray:
    """argmax_a π(a) = μ, wherever σ is."""
    return mean


def log_prob(mean: NDArray, log_std: NDArray, action: NDArray) -> NDArray:
    """log π(a) = Σ_i [ −½ z_i² − s_i − ½ log 2π ]                                     (1)

    Args:
      mean, action: (..., A); log_std: (A,) or (..., A).
    Returns:
      (...), log of a density, nats.
    Raises:
      ValueError: action and mean differ in shape.

    Checked in tests/maths/test_gaussian.py: ∫π = 1, maximum at μ.

    >>> log_prob(np.array([[0.0]]), np.array([0.0]), np.array([[0.0]])).round(6).item()  # −½ log 2π
    -0.918939
    """
    _check(mean, action)
    z = (action - mean) * np.exp(-log_std)
    return -(0.5 * z * z + log_std + 0.5 * log_two_pi(mean)).sum(axis=-1)  # (1)


def score(mean: NDArray, log_std: NDArray, action: NDArray) -> tuple[NDArray, NDArray]:
    r"""∂ log π(a) / ∂(μ, s).

    Since ∂z/∂μ = −1/σ and ∂z/∂s = −z, the chain rule on (1) gives

        ∂ log π / ∂μ = −z · (−1/σ) = z / σ                                             (2)
        ∂ log π / ∂s = −z · (−z) − 1 = z² − 1                                          (3)

    Both have mean zero under π, as E z = 0 and E z² = 1.

    Args:
      mean, action: (..., A); log_std: (A,) or (..., A).
    Returns:
      (d_mean, d_log_std), each (..., A), one row a sample.
    Paper: Williams (1992), the Gaussian unit; there in σ, here in log σ.

    Checked in tests/maths/test_gaussian.py: complex step; zero mean and Fisher by Gauss-Hermite quadrature.

    >>> d_mean, d_log_std = score(np.array([[1.0]]), np.log([2.0]), np.array([[3.0]]))
    >>> d_mean.item(), d_log_std.round(12).item()  # z = 1, σ = 2
    (0.5, 0.0)
    """
    _check(mean, action)
    inv_std = np.exp(-log_std)
    z = (action - mean) * inv_std
    return z * inv_std, z * z - 1  # (2), (3)


def entropy(mean: NDArray, log_std: NDArray) -> NDArray:
    """H = Σ_i [ s_i + ½ (1 + log 2π) ]: −E[(1)] with E z² = 1. Differential, so it can be negative.

    Args:
      mean: (..., A), only its shape counts; log_std: (A,) or (..., A).
    Returns:
      (...), nats.

    Checked in tests/maths/test_gaussian.py: −E[log π] by quadrature; shift by log|c| under a → ca.

    >>> entropy(np.zeros((1, 1)), np.zeros(1)).round(6).item()  # ½ log 2πe
    1.418939
    """
    return (log_std + 0.5 * (1 + log_two_pi(mean)) + 0 * mean).sum(axis=-1)


def entropy_grad(mean: NDArray, log_std: NDArray) -> tuple[NDArray, NDArray]:
    """∂H/∂μ = 0 and ∂H/∂s_i = 1.

    Returns:
      (d_mean, d_log_std), each of mean's shape.

    Checked in tests/maths/test_gaussian.py: complex step.

    >>> entropy_grad(np.array([[5.0]]), np.array([0.0]))
    (array([[0.]]), array([[1.]]))
    """
    return np.zeros_like(mean), np.ones_like(mean)


def kl(mean_p: NDArray, log_std_p: NDArray, mean_q: NDArray, log_std_q: NDArray) -> NDArray:
    r"""KL(p‖q) = Σ_i ½ [ exp(2d_i) − 1 − 2d_i + e_i² ],  d = s_p − s_q,  e = (μ_q − μ_p)/σ_q.

    E_p of log p − log q by (1): E_p z_p² = 1, and a − μ_q = (a − μ_p) + (μ_p − μ_q) gives
    E_p z_q² = σ_p²/σ_q² + e² = exp(2d) + e², so each dimension contributes

        s_q − s_p + ½ (exp 2d + e²) − ½ = ½ [ exp(2d) − 1 − 2d + e² ]                  (4)

    `exp_excess` makes the first three terms without cancellation, so that two nearly equal distributions, as in a
    trust region, have a KL that is positive and has all its digits, in float32 too.

    Args:
      mean_p, mean_q: (..., A); log_std_p, log_std_q: (A,) or (..., A).
    Returns:
      (...), nats; KL(p‖p) is exactly 0.

    Checked in tests/maths/test_gaussian.py: quadrature, KL ≥ 0, additivity over dimensions, quadratic form.

    >>> kl(np.array([[0.0]]), np.zeros(1), np.array([[1.0]]), np.zeros(1)).item()  # ½ Δμ²
    0.5
    """
    d = log_std_p - log_std_q
    e = (mean_q - mean_p) * np.exp(-log_std_q)
    return 0.5 * (exp_excess(2 * d) + e * e).sum(axis=-1)  # (4)


def kl_grad(mean_p: NDArray, log_std_p: NDArray, mean_q: NDArray, log_std_q: NDArray) -> tuple[NDArray, NDArray]:
    r"""∂ KL(p‖q) / ∂(μ_q, s_q).

    In (4) ∂d/∂s_q = −1 and ∂e/∂s_q = −e, ∂e/∂μ_q = 1/σ_q:

        ∂KL/∂μ_q = e / σ_q        ∂KL/∂s_q = −expm1(2d) − e²                           (5)

    Both vanish at q = p.

    Returns:
      (d_mean_q, d_log_std_q), each (..., A).

    Checked in tests/maths/test_gaussian.py: complex step.

    >>> d_mean, d_log_std = kl_grad(np.array([[0.0]]), np.zeros(1), np.array([[1.0]]), np.zeros(1))
    >>> d_mean.item(), d_log_std.item()
    (1.0, -1.0)
    """
    inv_std_q = np.exp(-log_std_q)
    e = (mean_q - mean_p) * inv_std_q
    return e * inv_std_q, -np.expm1(2 * (log_std_p - log_std_q)) - e * e  # (5)


def fisher_matvec(mean: NDArray, log_std: NDArray, v_mean: NDArray, v_log_std: NDArray) -> tuple[NDArray, NDArray]:
    """F v = (v_μ / σ², 2 v_s), for F = E[score scoreᵀ] = diag(1/σ², 2).

    From (2), E (z/σ)² = 1/σ²; from (3), E (z² − 1)² = E z⁴ − 1 = 2; the cross terms are odd in z and vanish.

    Args:
      mean, v_mean, v_log_std: (..., A); log_std: (A,) or (..., A).
    Returns:
      the two parts of F v, each (..., A).

    Checked in tests/maths/test_gaussian.py: Gauss-Hermite quadrature, the Hessian of `kl`.

    >>> fisher_matvec(np.zeros((1, 1)), np.zeros(1), np.array([[3.0]]), np.array([[4.0]]))
    (array([[3.]]), array([[8.]]))
    """
    return v_mean * np.exp(-2 * log_std), 2 * v_log_std


def _check(mean: NDArray, action: NDArray) -> None:
    if action.shape != mean.shape:
        raise ValueError(f"action: expected the shape of mean, {mean.shape}, got {action.shape}")

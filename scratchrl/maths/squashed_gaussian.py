r"""The squashed Gaussian a = tanh u, u ~ N(μ, diag σ²), over actions in (−1, 1)^A: the policy of SAC.

Legend: mean μ, log_std s = log σ as in `gaussian`, u the action before tanh (pre_tanh), ε = (u − μ)/σ the noise; all
(..., A), log_std also (A,). Every function sums over the action dimensions and never over the rows.

Densities are asked for at u and never at a, because u cannot be had back: beyond |u| = 9.02 in float32 and 19.07 in
float64 the number nearest to tanh u is ±1, whose atanh is infinite, and long before that most digits of u are lost.

Actions in another interval are a′ = k a + b: log π falls and the entropy rises by Σ_i log k_i, and ∂L/∂a = k ∂L/∂a′;
score, KL and Fisher stay.

Paper: Haarnoja et al. (2018), Soft actor-critic, appendix C (enforcing action bounds).
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import gaussian
from scratchrl.maths.constants import log_two_pi
from scratchrl.maths.quadrature import error_bound, normal_rule
from scratchrl.maths.squashing import log_det


def sample(rng: np.random.Generator, mean: NDArray, log_std: NDArray) -> NDArray:
    """a = tanh(μ + σ ε) with ε ~ N(0, I).

    Args:
      mean: (..., A); log_std: (A,) or (..., A).
    Returns:
      actions (..., A), of mean's dtype.

    Checked in tests/maths/test_squashed_gaussian.py: its distribution function, at a stated false-alarm rate.
    """
    return np.tanh(gaussian.sample(rng, mean, log_std))


def mode(mean: NDArray, log_std: NDArray) -> NDArray:
    """tanh μ, the action without noise, which SAC plays when it is judged: the median of each dimension.

    tanh is increasing, so it keeps medians. It does not keep modes: for μ = 0 the density of a has its peak at tanh μ
    only while σ² ≤ ½, and two peaks on either side of it beyond.

    Checked in tests/maths/test_squashed_gaussian.py: half of the mass on each side; the second peak.
    """
    return np.tanh(mean)


def log_prob(mean: NDArray, log_std: NDArray, pre_tanh: NDArray) -> NDArray:
    """log π(tanh u) = log N(u; μ, σ²) − Σ_i log(1 − tanh² u_i)                         (1)

    By change of variables: the mass N(u) du lies on da = (1 − tanh² u) du.

    Args:
      mean, pre_tanh: (..., A); log_std: (A,) or (..., A).
    Returns:
      (...), log of a density over a, nats.
    Raises:
      ValueError: pre_tanh or log_std does not fit mean.

    Checked in tests/maths/test_squashed_gaussian.py: ∫π da = 1 over (−1, 1), the density in a from the textbook.

    >>> log_prob(np.array([[0.0]]), np.array([0.0]), np.array([[0.0]])).round(6).item()  # tanh is flat at 0: −½ log 2π
    -0.918939
    """
    _check(mean, log_std, pre_tanh=pre_tanh)
    return gaussian.log_prob(mean, log_std, pre_tanh) - log_det(pre_tanh).sum(axis=-1)  # (1)


def score(mean: NDArray, log_std: NDArray, pre_tanh: NDArray) -> tuple[NDArray, NDArray]:
    """∂ log π(a) / ∂(μ, s) at a fixed action: the Gaussian's score at u.

    With a fixed, u = atanh a is fixed too, and the second term of (1) holds no parameter.

    Returns:
      (d_mean, d_log_std), each (..., A), one row a sample.

    Checked in tests/maths/test_squashed_gaussian.py: complex step, zero mean.

    >>> d_mean, d_log_std = score(np.array([[1.0]]), np.log([2.0]), np.array([[3.0]]))
    >>> d_mean.item(), d_log_std.round(12).item()  # ε = 1, σ = 2
    (0.5, 0.0)
    """
    _check(mean, log_std, pre_tanh=pre_tanh)
    return gaussian.score(mean, log_std, pre_tanh)


def from_noise(mean: NDArray, log_std: NDArray, noise: NDArray) -> tuple[NDArray, NDArray, NDArray]:
    """a = tanh(μ + σ ε) and log π(a) = −Σ_i [ ½ ε_i² + s_i + ½ log 2π + log(1 − tanh² u_i) ], given ε.       (2)

    (1) with (u − μ)/σ = ε put in: computed back from u, ε would be off by |u|/σ roundings.

    Args:
      mean, noise: (..., A); log_std: (A,) or (..., A).
    Returns:
      action (..., A), log_prob (...), pre_tanh (..., A).

    Checked in tests/maths/test_squashed_gaussian.py: `log_prob` at pre_tanh.

    >>> action, log_prob, pre_tanh = from_noise(np.array([[0.0]]), np.log([2.0]), np.array([[0.5]]))
    >>> action.round(6).item(), pre_tanh.round(6).item()  # tanh 1
    (0.761594, 1.0)
    """
    _check(mean, log_std, noise=noise)
    u = mean + np.exp(log_std) * noise
    return np.tanh(u), -(0.5 * noise * noise + log_std + 0.5 * log_two_pi(mean) + log_det(u)).sum(axis=-1), u  # (2)


def sample_and_log_prob(
    rng: np.random.Generator, mean: NDArray, log_std: NDArray
) -> tuple[NDArray, NDArray, NDArray]:
    """`from_noise` of ε ~ N(0, I): the same actions as `sample` from the same generator state.

    Returns:
      action (..., A), log_prob (...), pre_tanh (..., A). To differentiate them, draw ε and call `from_noise`.

    Checked in tests/maths/test_squashed_gaussian.py: equal to `sample`.
    """
    return from_noise(mean, log_std, rng.standard_normal(mean.shape).astype(mean.dtype))


def pathwise_grad(
    mean: NDArray, log_std: NDArray, noise: NDArray, d_action: NDArray, d_log_prob: NDArray
) -> tuple[NDArray, NDArray]:
    r"""∂L/∂(μ, s) with ε held fixed, for a loss L of a and log π(a) as `from_noise` makes them.

    Let g = ∂L/∂a and w = ∂L/∂log π. In (2) da_i/du_i = 1 − a_i², and ∂ log π/∂u_i = 2 a_i since the derivative of
    log(1 − tanh² u) is −2 tanh u; s appears in (2) also by itself, with −1. So u_i receives

        d_i = g_i (1 − a_i²) + 2 w a_i                                                     (3)

    and with ∂u/∂μ = 1, ∂u/∂s = σε,

        ∂L/∂μ_i = d_i        ∂L/∂s_i = d_i σ_i ε_i − w                                      (4)

    `score` moves the probability of a given action; this moves the action. Their means agree.

    Args:
      mean, noise, d_action: (..., A); log_std: (A,) or (..., A); d_log_prob: (...).
    Returns:
      (d_mean, d_log_std), each (..., A), one row a sample.
    Raises:
      ValueError: a shape does not fit mean's.
    Paper: Haarnoja et al. (2018), eq. 13.

    Checked in tests/maths/test_squashed_gaussian.py: complex step through `from_noise`; E[f score] = E[pathwise].

    >>> one = np.ones((1, 1))
    >>> d_mean, d_log_std = pathwise_grad(0 * one, np.zeros(1), 0 * one, 3 * one, np.array([2.0]))
    >>> d_mean.item(), d_log_std.item()  # a = 0
    (3.0, -2.0)
    """
    _check(mean, log_std, noise=noise, d_action=d_action)
    if d_log_prob.shape != mean.shape[:-1]:
        raise ValueError(f"d_log_prob: expected shape {mean.shape[:-1]}, one per row of mean, got {d_log_prob.shape}")
    spread = np.exp(log_std) * noise
    u, w = mean + spread, d_log_prob[..., None]
    d_u = d_action * np.exp(log_det(u)) + 2 * w * np.tanh(u)  # (3)
    return d_u, d_u * spread - w  # (4)


def entropy(mean: NDArray, log_std: NDArray) -> NDArray:
    r"""H = H(N) + Σ_i E log(1 − tanh²(μ_i + σ_i ε)): −E[(1)], the second term by quadrature.              (5)

    No closed form is known. Never above A log 2, the entropy of the uniform distribution on (−1, 1)^A.

    Args:
      mean: (..., A); log_std: (A,) or (..., A).
    Returns:
      (...), nats; `entropy_error` bounds its distance to H. A ball encloses the sum, not H.

    Checked in tests/maths/test_squashed_gaussian.py: 30 digits of −∫ π log π, the bound A log 2.

    >>> entropy(np.zeros((1, 1)), np.log([1.0])).round(6).item()
    0.669804
    """
    _check(mean, log_std)
    nodes, weights = normal_rule(mean)
    u = mean[..., None] + np.exp(log_std)[..., None] * nodes
    return gaussian.entropy(mean, log_std) + (log_det(u) @ weights).sum(axis=-1)  # (5)


def entropy_grad(mean: NDArray, log_std: NDArray) -> tuple[NDArray, NDArray]:
    """∂H/∂μ_i = −2 E tanh u_i  and  ∂H/∂s_i = 1 − 2 E[σ_i ε tanh u_i], by the rule of `entropy`.

    Under the expectation in (5) the derivative of log(1 − tanh² u) is −2 tanh u, times ∂u/∂μ = 1 or ∂u/∂s = σε.

    Returns:
      (d_mean, d_log_std), each of mean's shape: the exact derivatives of `entropy`'s sum.

    Checked in tests/maths/test_squashed_gaussian.py: complex step; minus the mean of `pathwise_grad` of log π.

    >>> d_mean, d_log_std = entropy_grad(np.zeros((1, 1)), np.array([-20.0]))  # too narrow for tanh to matter
    >>> abs(d_mean).round(12).item(), d_log_std.round(12).item()
    (0.0, 1.0)
    """
    _check(mean, log_std)
    nodes, weights = normal_rule(mean)
    std = np.exp(log_std)
    tanh = np.tanh(mean[..., None] + std[..., None] * nodes)
    return -2 * (tanh @ weights), 1 - 2 * std * (tanh @ (weights * nodes))


def entropy_error(mean: NDArray, log_std: NDArray) -> NDArray:
    r"""A proven bound on |`entropy` − H|, rounding apart: below 2e-16 Σ_i (1 + |μ_i|) for log_std ≤ 2, as in SAC.

    f(ε) = −2 log cosh(μ + σε) is analytic while |Im u| = σ|Im ε| < ½π. For u = x + iy with |y| ≤ 3/2,
    |cosh u|² = sinh² x + cos² y lies between cos² 1.5 and cosh² x ≤ exp 2|x|, and |arg cosh u| ≤ |y|, so

        |f| ≤ 2 (|x| − log cos 1.5 + 1.5) ≤ 2|μ| + 8.3 + 2σ|Re ε|                            (6)

    and `quadrature.error_bound` does the rest, for w = 1.5/σ.

    Returns:
      (...), of the sum over the dimensions.

    Checked in tests/maths/test_squashed_gaussian.py: holds against 30 digits, also for σ so large that it is needed.

    >>> bool(entropy_error(np.zeros((1, 1)), np.array([2.0])) < 1e-15)
    True
    """
    _check(mean, log_std)
    return error_bound(1.5 * np.exp(-log_std), 2 * np.abs(mean) + 8.3, 2 * np.exp(log_std)).sum(axis=-1)  # (6)


def kl(mean_p: NDArray, log_std_p: NDArray, mean_q: NDArray, log_std_q: NDArray) -> NDArray:
    """KL(p‖q), which is the KL of the Gaussians before squashing.

    tanh maps the line one to one onto (−1, 1). By (1) the same log(1 − tanh² u) is taken from log p and from log q, so
    log p(a) − log q(a) is the log ratio of the Gaussians at u, and a ~ p means u ~ the Gaussian of p: the two means of
    the log ratio, the two KLs, are one. The same holds for every f-divergence.

    Args, Returns: as of `gaussian.kl`.

    Checked in tests/maths/test_squashed_gaussian.py: ∫ p log(p/q) da over (−1, 1).

    >>> kl(np.array([[0.0]]), np.zeros(1), np.array([[1.0]]), np.zeros(1)).item()  # ½ Δμ²
    0.5
    """
    return gaussian.kl(mean_p, log_std_p, mean_q, log_std_q)


def kl_grad(mean_p: NDArray, log_std_p: NDArray, mean_q: NDArray, log_std_q: NDArray) -> tuple[NDArray, NDArray]:
    """∂ KL(p‖q) / ∂(μ_q, s_q), that of the Gaussians.

    Checked in tests/maths/test_squashed_gaussian.py: complex step.
    """
    return gaussian.kl_grad(mean_p, log_std_p, mean_q, log_std_q)


def fisher_matvec(mean: NDArray, log_std: NDArray, v_mean: NDArray, v_log_std: NDArray) -> tuple[NDArray, NDArray]:
    """F v = (v_μ / σ², 2 v_s), that of the Gaussian: `score` is its score, at u of the same distribution.

    Checked in tests/maths/test_squashed_gaussian.py: E[score scoreᵀ] by an integral over a.
    """
    return gaussian.fisher_matvec(mean, log_std, v_mean, v_log_std)


def _check(mean: NDArray, log_std: NDArray, **like_mean: NDArray) -> None:
    if log_std.shape not in (mean.shape, mean.shape[-1:]):
        raise ValueError(f"log_std: expected shape {mean.shape[-1:]} or {mean.shape}, got {log_std.shape}")
    for name, array in like_mean.items():
        if array.shape != mean.shape:
            raise ValueError(f"{name}: expected the shape of mean, {mean.shape}, got {array.shape}")

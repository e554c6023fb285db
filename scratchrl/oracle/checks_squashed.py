"""Claims about the squashed Gaussian: gradients by complex step, the two gradients of one mean, integrals over a."""

import numpy as np

from scratchrl.maths import gaussian, squashed_gaussian
from scratchrl.maths.quadrature import normal_rule
from scratchrl.maths.squashing import log_det
from scratchrl.oracle.checks import EXACT, FIRST, SECOND, Check, gap, gradient_error
from scratchrl.oracle.differentiation import complex_step, relative_error

ROWS, ACTIONS = 3, 2
T = np.arange(-224, 225) / 50  # tanh-sinh quadrature over a in (−1, 1): a = tanh u, u = ½π sinh t
U = 0.5 * np.pi * np.sinh(T)[:, None]
D_ACTION = 0.5 * np.pi * np.cosh(T) / np.cosh(U[:, 0]) ** 2 / 50


def arrays(rng, count):
    """Arrays (B, A), the second a log_std."""
    return rng.standard_normal((count, ROWS, ACTIONS))


def both(value, mean, log_std, gradients):
    """The worse error of the gradients of Σ value(mean, log_std) in its two arguments."""
    return max(
        gradient_error(lambda m: value(m, log_std), mean, gradients[0]),
        gradient_error(lambda s: value(mean, s), log_std, gradients[1]),
    )


def one_dimensional(rng):
    """mean and log_std in one dimension, a row for every node over a."""
    mean, log_std = rng.uniform(-1.5, 1.5, 2)
    return np.full_like(U, mean), np.array([log_std])


# ---- derivatives ----


def score(rng):
    mean, log_std, u = arrays(rng, 3)
    gradients = squashed_gaussian.score(mean, log_std, u)
    return both(lambda m, s: squashed_gaussian.log_prob(m, s, u), mean, log_std, gradients)


def pathwise_grad(rng):
    mean, log_std, noise, d_action = arrays(rng, 4)
    d_log_prob = rng.standard_normal(ROWS)

    def loss(mean, log_std):
        action, log_prob, _ = squashed_gaussian.from_noise(mean, log_std, noise)
        return (d_action * action).sum(axis=-1) + d_log_prob * log_prob

    gradients = squashed_gaussian.pathwise_grad(mean, log_std, noise, d_action, d_log_prob)
    return both(loss, mean, log_std, gradients)


def entropy_grad(rng):
    mean, log_std = arrays(rng, 2)
    return both(squashed_gaussian.entropy, mean, log_std, squashed_gaussian.entropy_grad(mean, log_std))


def kl_grad(rng):
    mean, log_std, mean_p, log_std_p = arrays(rng, 4)
    gradients = squashed_gaussian.kl_grad(mean_p, log_std_p, mean, log_std)
    return both(lambda m, s: squashed_gaussian.kl(mean_p, log_std_p, m, s), mean, log_std, gradients)


def fisher_is_the_hessian_of_kl(rng):
    mean, log_std, v_mean, v_log_std = arrays(rng, 4)
    h = 2.0**-100
    along = squashed_gaussian.kl_grad(mean, log_std, mean + 1j * h * v_mean, log_std + 1j * h * v_log_std)
    got = squashed_gaussian.fisher_matvec(mean, log_std, v_mean, v_log_std)
    return relative_error(np.stack(got), np.stack(along).imag / h)


def log_det_slope(rng):
    u = 3 * rng.standard_normal(ROWS)
    return relative_error(np.diag(complex_step(log_det, u)), -2 * np.tanh(u))


# ---- identities ----


def mass(rng):
    mean, log_std = one_dimensional(rng)
    return gap(D_ACTION @ np.exp(squashed_gaussian.log_prob(mean, log_std, U)), 1.0)


def entropy_is_minus_the_mean_log_prob(rng):
    mean, log_std = one_dimensional(rng)
    log_prob = squashed_gaussian.log_prob(mean, log_std, U)
    return gap(squashed_gaussian.entropy(mean[:1], log_std), -(D_ACTION * np.exp(log_prob)) @ log_prob)


def kl_is_the_mean_log_ratio(rng):
    (mean_p, log_std_p), (mean_q, log_std_q) = one_dimensional(rng), one_dimensional(rng)
    log_p = squashed_gaussian.log_prob(mean_p, log_std_p, U)
    log_ratio = log_p - squashed_gaussian.log_prob(mean_q, log_std_q, U)
    kl = squashed_gaussian.kl(mean_p, log_std_p, mean_q, log_std_q)[:1]
    return gap(kl, (D_ACTION * np.exp(log_p)) @ log_ratio)


def score_and_pathwise_gradients_have_one_mean(rng):
    """∇ E[a² − α log π], by moving probability and by moving actions."""
    (mean, log_std), alpha = rng.uniform(-1, 1, (2, 1)), rng.standard_normal()
    nodes, weights = normal_rule(mean)
    noise = nodes[:, None]
    mean = np.full_like(noise, mean)
    action, log_prob, u = squashed_gaussian.from_noise(mean, log_std, noise)
    path = squashed_gaussian.pathwise_grad(mean, log_std, noise, 2 * action, np.full(len(nodes), -alpha))
    weighted = (action[:, 0] ** 2 - alpha * log_prob)[:, None] * np.hstack(squashed_gaussian.score(mean, log_std, u))
    return gap(weights @ np.hstack(path), weights @ weighted)


def same_density_from_noise(rng):
    mean, log_std, noise = arrays(rng, 3)
    _, log_prob, u = squashed_gaussian.from_noise(mean, log_std, noise)
    return gap(log_prob, squashed_gaussian.log_prob(mean, log_std, u), 10.0)


def kl_is_that_of_the_gaussians(rng):
    params = arrays(rng, 4)
    return gap(squashed_gaussian.kl(*params), gaussian.kl(*params))


def checks() -> list[Check]:
    """The claims of this file."""
    rows = [
        ("log_prob", "∫ da = 1", EXACT, mass),
        ("score", "complex step", FIRST, score),
        ("from_noise", "= log_prob", EXACT, same_density_from_noise),
        ("pathwise_grad", "complex step", FIRST, pathwise_grad),
        ("pathwise_grad", "mean of f score", EXACT, score_and_pathwise_gradients_have_one_mean),
        ("entropy", "= −∫ π log π da", EXACT, entropy_is_minus_the_mean_log_prob),
        ("entropy_grad", "complex step", FIRST, entropy_grad),
        ("kl", "= ∫ p log p/q da", EXACT, kl_is_the_mean_log_ratio),
        ("kl", "before squashing", 0.0, kl_is_that_of_the_gaussians),
        ("kl_grad", "complex step", FIRST, kl_grad),
        ("fisher_matvec", "Hessian of KL", SECOND, fisher_is_the_hessian_of_kl),
    ]
    return [
        Check("squashing.log_det", "complex step", FIRST, log_det_slope),
        *(Check(f"squashed_gaussian.{function}", claim, bound, error) for function, claim, bound, error in rows),
    ]

"""Claims about densities: gradients by complex step; what holds in expectation, by exact sums and quadrature."""

import numpy as np

from scratchrl.maths import categorical, gaussian
from scratchrl.maths.distributions import GAUSSIAN, categorical_distribution, multi_categorical_distribution
from scratchrl.oracle.checks import EXACT, FIRST, SECOND, Check, gap, gradient_error, on
from scratchrl.oracle.differentiation import complex_step, relative_error

ROWS = 3
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(6)  # exact to degree 11 in z; score scoreᵀ has degree 4


# ---- what the claims are about: (distribution, number of parameters in a row) ----


def of_categorical():
    """categorical.* on rows of four logits."""
    return categorical_distribution(4), 4


def of_products():
    """A multi-categorical of 2, 3 and 2 actions."""
    return multi_categorical_distribution((2, 3, 2)), 7


def of_gaussian():
    """gaussian.* on rows [mean | log_std] in two dimensions."""
    return GAUSSIAN, 4


def outcomes(dist, params):
    """(probability (B,), action) over all actions, or over the nodes of Gauss-Hermite quadrature."""
    if not dist.segments:
        mean, log_std = np.split(params, 2, axis=1)
        for z in np.ndindex(*[len(NODES)] * mean.shape[1]):
            weight = np.prod(WEIGHTS[list(z)] / np.sqrt(2 * np.pi))
            yield np.full(len(params), weight), mean + np.exp(log_std) * NODES[list(z)]
        return
    for joint in np.ndindex(*[end - start for start, end in dist.segments]):
        action = np.tile(joint, (len(params), 1)).reshape(dist.mode(params).shape)
        yield np.exp(dist.log_prob(params, action)), action


# ---- derivatives ----


def score(rng, make):
    dist, size = make()
    params = rng.standard_normal((ROWS, size))
    action = dist.sample(rng, params)
    return gradient_error(lambda p: dist.log_prob(p, action), params, dist.score(params, action))


def entropy_grad(rng, make):
    dist, size = make()
    params = rng.standard_normal((ROWS, size))
    return gradient_error(dist.entropy, params, dist.entropy_grad(params))


def kl_grad(rng, make):
    dist, size = make()
    p, q = rng.standard_normal((2, ROWS, size))
    return gradient_error(lambda q: dist.kl(p, q), q, dist.kl_grad(p, q))


def fisher_is_the_hessian_of_kl(rng, make):
    dist, size = make()
    params, v = rng.standard_normal((2, 1, size))
    hessian = complex_step(lambda q: dist.kl_grad(params, q)[0], params)[:, 0]
    return relative_error(dist.fisher_matvec(params, v)[0], hessian @ v[0])


def fisher_is_the_second_moment_of_the_score(rng, make):
    dist, size = make()
    params, v = rng.standard_normal((2, ROWS, size))
    second = 0.0
    for probability, action in outcomes(dist, params):
        s = dist.score(params, action)
        second = second + probability[:, None] * s * (s * v).sum(axis=1, keepdims=True)
    return relative_error(dist.fisher_matvec(params, v), second)


# ---- identities ----


def mass(rng, make):
    dist, size = make()
    params = rng.standard_normal((ROWS, size))
    return gap(sum(probability for probability, _ in outcomes(dist, params)), np.ones(ROWS))


def score_has_mean_zero(rng, make):
    dist, size = make()
    params = rng.standard_normal((ROWS, size))
    mean = sum(probability[:, None] * dist.score(params, action) for probability, action in outcomes(dist, params))
    return gap(mean, np.zeros_like(params))


def entropy_is_minus_the_mean_log_prob(rng, make):
    dist, size = make()
    params = rng.standard_normal((ROWS, size))
    mean = sum(probability * dist.log_prob(params, action) for probability, action in outcomes(dist, params))
    return gap(dist.entropy(params), -mean)


def kl_is_the_mean_log_ratio(rng, make):
    dist, size = make()
    p, q = rng.standard_normal((2, ROWS, size))
    mean = sum(w * (dist.log_prob(p, a) - dist.log_prob(q, a)) for w, a in outcomes(dist, p))
    return gap(dist.kl(p, q), mean) if (dist.kl(p, q) >= 0).all() else np.inf


def kl_to_itself_is_zero(rng, make):
    dist, size = make()
    params = rng.standard_normal((ROWS, size))
    return float(np.abs(dist.kl(params, params)).max() + np.abs(dist.kl_grad(params, params)).max())


def log_softmax(rng):
    logits = rng.standard_normal((ROWS, 4))
    return gap(np.exp(categorical.log_softmax(logits + 50)), categorical.softmax(logits))


def gaussian_mass(rng):
    """∫ π = 1 by the trapezoidal rule, exact to rounding for a function that is gone at both ends."""
    mean, log_std = rng.standard_normal(2)
    action = mean + np.linspace(-12, 12, 241)[:, None] * np.exp(log_std)
    density = np.exp(gaussian.log_prob(np.full_like(action, mean), np.array([log_std]), action))
    return gap(density.sum() * 0.1 * np.exp(log_std), 1.0)


def checks() -> list[Check]:
    """The claims of this file."""
    rows = [
        ("score", "complex step", FIRST, score),
        ("entropy_grad", "complex step", FIRST, entropy_grad),
        ("kl_grad", "complex step", FIRST, kl_grad),
        ("fisher_matvec", "Hessian of KL", SECOND, fisher_is_the_hessian_of_kl),
        ("fisher_matvec", "E[score scoreᵀ]", SECOND, fisher_is_the_second_moment_of_the_score),
        ("score", "mean zero", EXACT, score_has_mean_zero),
        ("entropy", "= −E log π", EXACT, entropy_is_minus_the_mean_log_prob),
        ("kl", "≥ 0, = E log p/q", EXACT, kl_is_the_mean_log_ratio),
        ("kl", "KL(p, p) = 0", 0.0, kl_to_itself_is_zero),
        ("log_prob", "sums to 1", EXACT, mass),
    ]
    makers = {"categorical": of_categorical, "distributions.multi_categorical": of_products, "gaussian": of_gaussian}
    return [
        Check(f"{module}.{function}", claim, bound, on(error, make))
        for module, make in makers.items()
        for function, claim, bound, error in rows
        if (module, function) != ("gaussian", "log_prob")
    ] + [
        Check("categorical.log_softmax", "shift invariant", EXACT, log_softmax),
        Check("gaussian.log_prob", "∫ = 1", EXACT, gaussian_mass),
    ]

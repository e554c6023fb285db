"""Mistakes of natural gradients: when a solver stops, what the Fisher product sees, how long a step is."""

import numpy as np

from scratchrl.maths import categorical
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

# ---- conjugate gradients ----


def steps(matrix, b, count, eps=0.0, start=0.0):
    """(x, r·r) after each of `count` steps of conjugate gradients, from a start of equal entries."""
    x = start + 0 * b
    r = b - matrix @ x
    p, rr = r, r @ r
    for _ in range(count):
        product = matrix @ p
        alpha = rr / (p @ product + eps)
        x, r = x + alpha * p, r - alpha * product
        rr, before = r @ r, rr
        p = r + rr / before * p
        yield x, rr


@mistake(
    "cg-abs-tol", "conjugate_gradient", EITHER, "baselines cg.py", "tianshou", "sb3-contrib", "pfrl",
    variants=({"tol": 1e-10, "looks_first": 0}, {"tol": 1e-10, "looks_first": 1}),
)  # fmt: skip
def stops_at_an_absolute_residual(solve, matrix, b, tol, looks_first):
    """ends when ‖r‖² < 1e-10, whatever ‖b‖ is

    A gradient of length 1e-5 is then solved to 10 per cent, one of 1e-6 hardly at all. Compare with ‖b‖²: ‖r‖² < tol
    ‖b‖². Who looks only after the first step divides 0 by 0 at b = 0.
    """
    if looks_first and b @ b < tol:
        return 0 * b
    if not looks_first and np.all(b == 0):
        return b / (b @ b)
    for x, rr in steps(matrix, b, len(b) - 1):
        if rr < tol:
            return x
    return solve(matrix, b)


@mistake("cg-no-eps", "conjugate_gradient", CONVENTION, "boyu-ai/Hands-on-RL#108")
def zero_by_zero(solve, matrix, b):
    """α = r·r / p·Ap, also where r = 0

    At b = 0 that is 0/0, and the step is nan. A loop that stops at r·r ≤ tol · b·b never gets there.
    """
    return solve(matrix, b) * ((b @ b) / (b @ b))


@mistake(
    "cg-eps-in-step", "conjugate_gradient", CONVENTION, "openai/spinningup trpo.py",
    variants=({"eps": 1e-8, "count": 10}, {"eps": 1e-8, "count": 20}, {"eps": 1e-10, "count": 10}),
)  # fmt: skip
def epsilon_beside_the_curvature(solve, matrix, b, eps, count):
    """α = r·r / (p·Ap + ε)

    Every step is too short by ε/(p·Ap): x is off by about ε relative for gradients of length 1, useless for those
    shorter than √ε. It does not prevent 0/0 in β.
    """
    return list(steps(matrix, b, count, eps))[-1][0]


DAMPINGS = ({"damping": 0.1}, {"damping": 0.01}, {"damping": 1e-3})


@mistake("cg-damping", "conjugate_gradient", CONVENTION, variants=DAMPINGS)
def damped(solve, matrix, b, damping):
    """(A + λI) x = b

    Damping inside the solver: a shorter x, the more so along flat directions.
    """
    return solve(matrix + damping * np.eye(len(b)) * (1 + 0 * b), b)


@mistake(
    "cg-random-start", "conjugate_gradient", CONVENTION, "sb3-contrib conjugate_gradient_solver",
    equivalent="n steps of conjugate gradients from any start end at the one x with A x = b",
)  # fmt: skip
def another_start(solve, matrix, b):
    """x₀ ≠ 0, such as noise of size 1e-4

    The start is forgotten after n steps, to rounding errors of its own size.
    """
    start = b / 16
    return start + solve(matrix, b - matrix @ start)


# ---- the Fisher product ----


@mistake(
    "fvp-wrong-graph", "fisher_vector_product", BUG, "sb3-contrib#38", "rll/rllab#24", "MushroomRL#79",
    variants=({"times": 0}, {"times": -1}),
)  # fmt: skip
def graph_is_cut(product, logits, vector, times):
    """F v = 0, or −F v

    The gradient of the KL has lost its graph, or is that of the wrong argument: sᵀF s is 0 or negative, its root nan.
    Differentiate KL(stop_gradient(p) ‖ p) twice.
    """
    return times * product(logits, vector)


@mistake(
    "fvp-subsample", "fisher_vector_product", CONVENTION, "baselines", "hill-a", variants=({"every": 5}, {"every": 2})
)
def some_rows(product, logits, vector, every):
    """F from every 5th row

    Cheaper and noisier; the step length is then measured on a part of the batch.
    """
    if vector.ndim == 1:
        return product(logits[::every], vector)
    result = 0 * vector
    result[::every] = product(logits[::every], vector[::every])
    return result


@mistake("fvp-sum", "fisher_vector_product", EITHER)
def rows_added(product, logits, vector):
    """Σ_b F_b v instead of the mean

    F is B times too large: with the gradient of a mean, steps come out B times too short before they are scaled.
    """
    return len(logits) * product(logits, vector)


@mistake("fvp-not-centred", "fisher_vector_product", BUG)
def second_moment_of_indicators(product, logits, vector):
    """F v = (1/B) Σ p ∘ v

    Without −p (p·v): then adding a constant to all logits seems to change the policy.
    """
    rows = categorical.softmax(logits) * vector / len(logits)
    return rows.sum(axis=0) if vector.ndim == 1 else rows


@mistake("fvp-damping", "fisher_vector_product", CONVENTION, "modular_rl", "baselines", variants=DAMPINGS)
def product_damped(product, logits, vector, damping):
    """F v + λ v

    The damping belongs to the product here: whoever measures the KL with it measures too much.
    """
    return product(logits, vector) + damping * vector


@mistake(
    "fisher-vs-ggn-vs-hessian", "fisher_vector_product", CONVENTION,
    equivalent="E[score scoreᵀ] = Σ_a p_a (e_a − p)(e_a − p)ᵀ = diag p − p pᵀ, the Hessian of KL(p‖·) at p",
)  # fmt: skip
def mean_of_outer_products(product, logits, vector):
    """F v = E[score (score·v)], over all actions

    The covariance of the score instead of the Hessian of the KL: the same matrix, once actions are not sampled.
    """
    p = categorical.softmax(logits)
    score = np.eye(logits.shape[1]) - p[:, None, :]
    along = (score * (vector if vector.ndim == 1 else vector[:, None, :])).sum(axis=-1)
    rows = ((p * along)[..., None] * score).sum(axis=1) / len(logits)
    return rows.sum(axis=0) if vector.ndim == 1 else rows


# ---- the length of the step ----


def scaled(direction, curvature, delta):
    """√(2δ/c) s."""
    return np.sqrt(2 * delta / curvature) * direction


def natural(step, gradient, fisher):
    """F⁻¹g, from the step that is parallel to it: s is step · √(gᵀF⁻¹g) at δ = ½, and gᵀ step is that root."""
    unit = step(gradient, fisher, 0.5 + 0 * gradient[0])
    return unit * (gradient @ unit)


@mistake("trpo-step-half", "trust_region_step", BUG, variants=({"factor": 0.5}, {"factor": 2.0}))
def another_radius(step, gradient, fisher, delta, factor):
    """√(δ / sᵀF s) s, or √(4δ / sᵀF s) s

    The KL of the step is ½ sᵀF s: solved for the length that is √(2δ/sᵀF s). Without the 2 the step stays at δ/2, with
    the ½ counted twice it goes to 2δ.
    """
    return step(gradient, fisher, factor * delta)


@mistake("trpo-step-no-root", "trust_region_step", BUG)
def root_forgotten(step, gradient, fisher, delta):
    """(2δ / sᵀF s) s

    The length grows with δ instead of √δ: far too short for a small radius.
    """
    direction = natural(step, gradient, fisher)
    return 2 * delta / (direction @ gradient) * direction


@mistake("trpo-step-unscaled", "trust_region_step", BUG)
def not_scaled(step, gradient, fisher, delta):
    """s = F⁻¹g

    The direction alone, whose length has nothing to do with δ.
    """
    return natural(step, gradient, fisher)


@mistake("trpo-not-natural", "trust_region_step", BUG)
def plain_gradient(step, gradient, fisher, delta):
    """√(2δ / gᵀF g) g

    At the right distance, but along the gradient: F has not been inverted.
    """
    return scaled(gradient, gradient @ (fisher @ gradient), delta)


@mistake(
    "trpo-damped-sHs", "trust_region_step", CONVENTION, "modular_rl", "baselines",
    variants=tuple(setting | {"in_length": yes} for setting in DAMPINGS for yes in (1, 0)),
)  # fmt: skip
def damping_kept(step, gradient, fisher, delta, damping, in_length):
    """F + λI for F, in the solver and in sᵀF s, or in the solver alone

    With λ in sᵀF s the step is shorter than δ allows.
    """
    stiffer = fisher + damping * np.eye(len(gradient)) * (1 + 0 * gradient)
    if in_length:
        return step(gradient, stiffer, delta)
    direction = natural(step, gradient, stiffer)
    return scaled(direction, direction @ (fisher @ direction), delta)


@mistake("trpo-eps-in-step", "trust_region_step", CONVENTION, "openai/spinningup trpo.py", variants=({"eps": 1e-8},))
def epsilon_under_the_root(step, gradient, fisher, delta, eps):
    """√(2δ / (sᵀF s + ε)) s

    Steps of tiny gradients come out short; all others by ε/2 relative.
    """
    direction = natural(step, gradient, fisher)
    return scaled(direction, direction @ gradient + eps, delta)


@mistake("trpo-step-sign", "trust_region_step", EITHER)
def downhill(step, gradient, fisher, delta):
    """−√(2δ / sᵀF s) s

    Right if the gradient is that of a loss; of an objective it leads downhill.
    """
    return -step(gradient, fisher, delta)


@mistake(
    "trpo-half-under-root", "trust_region_step", CONVENTION, "ikostrikov/pytorch-trpo#21",
    equivalent="s / √(½ sᵀF s / δ) = √(2δ / sᵀF s) s",
)  # fmt: skip
def half_under_the_root(step, gradient, fisher, delta):
    """s / √(½ sᵀF s / δ)

    The same length, written upside down: ½ under a root in the denominator is the 2 of the formula.
    """
    direction = natural(step, gradient, fisher)
    return direction / np.sqrt(direction @ (fisher @ direction) / 2 / delta)


# ---- the line search ----


def first_accepted(theta, step, is_good, shrink=0.5, tries=11):
    """θ + fᵏ step for the first good one; None if there is none."""
    for k in range(tries):
        candidate = theta + shrink**k * step
        if is_good(candidate, shrink**k):
            return candidate
    return None


def kept(candidate, theta):
    """θ if nothing was accepted."""
    return theta if candidate is None else candidate


@mistake("trpo-linesearch-ignored", "line_search", BUG, "joschu/modular_rl@46a6f9a", "wojzaremba/trpo#1")
def full_step(search, theta, step, objective, kl, delta):
    """θ + step

    The search is done and its result not used: neither the trust region nor the improvement is enforced.
    """
    return theta + step


@mistake("trpo-fail-keeps-last-trial", "line_search", BUG, "tianshou#1287", variants=({"tries": 11}, {"tries": 10}))
def last_trial(search, theta, step, objective, kl, delta, tries):
    """θ + step/2¹⁰ where nothing was accepted

    The parameters stay at the last candidate, which failed: put θ back.
    """
    found = search(theta, step, objective, kl, delta)
    return theta + step / 2 ** (tries - 1) if np.all(found == theta) else found


@mistake("ls-accept-rule", "line_search", CONVENTION, "joschu/modular_rl linesearch", variants=({"ratio": 0.1},))
def ratio_of_improvement(search, theta, step, objective, kl, delta, ratio):
    """accepts (J(θ′) − J(θ)) / (fᵏ ∇J·step) > 0.1, no KL

    Improvement is compared with what the slope promises, and the KL is trusted to the quadratic model.
    """
    before, promised = objective(theta), np.array(objective.slope) @ step

    def is_good(candidate, fraction):
        gain = objective(candidate) - before
        return gain > 0 and gain / (promised * fraction) > ratio

    return kept(first_accepted(theta, step, is_good), theta)


@mistake("ls-accept-rule", "line_search", CONVENTION, "baselines trpo_mpi.py", variants=({"slack": 1.5},))
def slack_in_the_radius(search, theta, step, objective, kl, delta, slack):
    """accepts J(θ′) ≥ J(θ) and KL(θ′) ≤ 1.5 δ

    The quadratic model puts the full step at δ, and half as much again is let pass.
    """
    return search(theta, step, objective, kl, slack * delta)


@mistake("ls-no-kl", "line_search", BUG)
def any_distance(search, theta, step, objective, kl, delta):
    """accepts J(θ′) > J(θ), whatever the KL

    The trust region is not enforced.
    """
    before = objective(theta)
    return kept(first_accepted(theta, step, lambda candidate, _: objective(candidate) > before), theta)


@mistake("ls-kl-only", "line_search", BUG)
def any_objective(search, theta, step, objective, kl, delta):
    """accepts KL(θ′) ≤ δ, whatever the objective

    A step that makes the surrogate worse is taken.
    """
    return kept(first_accepted(theta, step, lambda candidate, _: kl(candidate) <= delta), theta)


@mistake(
    "ls-shrink", "line_search", CONVENTION, "openai/spinningup", "sb3-contrib", "garage",
    variants=({"shrink": 0.8, "tries": 10}, {"shrink": 0.8, "tries": 15}, {"shrink": 0.9, "tries": 10}),
)  # fmt: skip
def another_factor(search, theta, step, objective, kl, delta, shrink, tries):
    """θ + 0.8ᵏ step, k < 10

    Finer steps back, and not as far.
    """
    before = objective(theta)
    factor = shrink + 0 * theta[0]

    def is_good(candidate, _):
        return objective(candidate) > before and kl(candidate) <= delta

    return kept(first_accepted(theta, step, is_good, factor, tries), theta)

"""Solvers, Fisher products, steps and line searches as other people write them: called what they are."""

import numpy as np
import pytest

from scratchrl.maths import curvature
from scratchrl.oracle.diagnosis import diagnose


def judged(subject, against, **options):
    return diagnose(subject, against, max_examples=60, **options)


# ---- solvers ----


def relative_tolerance(avp, b, nsteps, residual_tol=1e-20):
    x, r, p = np.zeros_like(b), b.copy(), b.copy()
    rr = first = r @ r
    for _ in range(nsteps):
        if rr <= residual_tol * first:
            break
        product = avp(p)
        alpha = rr / (p @ product)
        x, r = x + alpha * p, r - alpha * product
        rr, old = r @ r, rr
        p = r + rr / old * p
    return x


def absolute_tolerance(f_ax, b, cg_iters=10, callback=None, verbose=False, residual_tol=1e-10):
    x, r, p = np.zeros_like(b), np.array(b), np.array(b)
    rr = r.dot(r)
    for _ in range(cg_iters):
        product = f_ax(p)
        length = rr / p.dot(product)
        x += length * p
        r -= length * product
        old, rr = rr, r.dot(r)
        p = r + (rr / old) * p
        if rr < residual_tol:
            break
    return x


def epsilon_beside(ax, b):
    x, r = np.zeros_like(b), b.copy()
    p, old = r.copy(), r @ r
    for _ in range(10):
        product = ax(p)
        alpha = old / (p @ product + 1e-8)
        x, r = x + alpha * p, r - alpha * product
        new = r @ r
        p, old = r + new / old * p, new
    return x


def random_start(matrix_vector_dot_fn, b, max_iter=10, residual_tol=1e-20):
    x = 1e-4 * np.random.default_rng().standard_normal(len(b))
    r = b - matrix_vector_dot_fn(x)
    p, rr = r, r @ r
    for _ in range(max_iter):
        if rr <= residual_tol * (b @ b):
            break
        product = matrix_vector_dot_fn(p)
        alpha = rr / (p @ product)
        x, r = x + alpha * p, r - alpha * product
        rr, old = r @ r, rr
        p = r + rr / old * p
    return x


def direct(fisher, g):
    return np.linalg.solve(fisher, g)


@pytest.mark.parametrize("subject", [relative_tolerance, direct, curvature.conjugate_gradient])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_right_solvers_are_correct(subject, dtype):
    report = judged(subject, "conjugate_gradient", dtype=dtype)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize(("subject", "slug"), [(absolute_tolerance, "cg-abs-tol"), (epsilon_beside, "cg-eps-in-step")])
def test_conventions_of_solvers(subject, slug):
    report = judged(subject, "conjugate_gradient")
    assert (report.verdict, report.slugs[:1]) == ("convention", (slug,)), str(report)


def test_a_random_start_is_forgotten_on_ordinary_numbers():
    """Where b is much shorter than the start, rounding errors of the start's size remain, by chance."""
    report = judged(random_start, "conjugate_gradient")
    assert report.verdict in ("correct", "unstable"), str(report)


# ---- the Fisher product ----


def softmax(logits):
    mass = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return mass / mass.sum(axis=-1, keepdims=True)


def for_all_logits(logits, vector):
    p = softmax(logits)
    return p * (vector - (p * vector).sum(axis=1, keepdims=True)) / len(p)


def for_shared_logits(logits, v):
    p = softmax(logits)
    return (p * v - p * (p * v).sum(axis=1, keepdims=True)).mean(axis=0)


def by_matrices(probs, v):
    return np.mean([(np.diag(p) - np.outer(p, p)) @ v for p in probs], axis=0)


def damped(logits, v):
    return for_shared_logits(logits, v) + 0.1 * v


@pytest.mark.parametrize("subject", [for_all_logits, for_shared_logits, by_matrices])
def test_right_products_are_correct(subject):
    report = judged(subject, "fisher_vector_product")
    assert report.verdict == "correct", str(report)


def test_a_product_with_damping_in_it():
    report = judged(damped, "fisher_vector_product")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("fvp-damping",)), str(report)


# ---- the step ----


def half_under_the_root(gradient, fisher, max_kl):
    direction = np.linalg.solve(fisher, gradient)
    half = 0.5 * direction @ (fisher @ direction)
    return direction / np.sqrt(half / max_kl)


def from_a_direction(stepdir, fvp, delta):
    return stepdir * np.sqrt(2 * delta / np.dot(stepdir, fvp(stepdir)))


def without_the_two(g, fisher, max_kl):
    direction = np.linalg.solve(fisher, g)
    return np.sqrt(max_kl / (direction @ fisher @ direction)) * direction


def epsilon_under_the_root(gradient, hx, delta):
    direction, _ = curvature.conjugate_gradient(hx, gradient)
    return np.sqrt(2 * delta / (direction @ hx(direction) + 1e-8)) * direction


@pytest.mark.parametrize("subject", [half_under_the_root, from_a_direction])
def test_right_steps_are_correct(subject):
    report = judged(subject, "trust_region_step")
    assert report.verdict == "correct", str(report)


def test_a_step_of_half_the_divergence_is_named_and_breaks_the_identity():
    report = judged(without_the_two, "trust_region_step")
    assert (report.verdict, report.slugs[:1]) == ("wrong", ("trpo-step-half",)), str(report)
    assert report.identities == ("½ stepᵀF step = δ",)


def test_an_epsilon_under_the_root_is_a_convention():
    report = judged(epsilon_under_the_root, "trust_region_step")
    assert (report.verdict, report.slugs[:1]) == ("convention", ("trpo-eps-in-step",)), str(report)


# ---- the line search ----


def halving(theta, full_step, objective, kl, max_kl):
    before, size = objective(theta), 1.0
    for _ in range(10):
        candidate = theta + size * full_step
        if kl(candidate) < max_kl and objective(candidate) - before > 0:
            return candidate
        size *= 0.5
    return theta


def of_a_loss(params, fullstep, loss, get_kl, delta, backtrack_coeff, backtrack_iters):
    old = loss(params)
    for j in range(backtrack_iters):
        new = params + backtrack_coeff**j * fullstep
        if get_kl(new) <= delta and loss(new) <= old:
            return new
    return params.copy()


def eighty_per_cent(theta, step, objective, kl, delta):
    for j in range(10):
        new = theta + 0.8**j * step
        if kl(new) <= delta and objective(new) >= objective(theta):
            return new
    return theta


def keeps_the_last(theta, step, objective, kl, delta):
    for j in range(10):
        new = theta + 0.5**j * step
        if kl(new) <= delta and objective(new) > objective(theta):
            break
    return new


def not_used(theta, step, objective, kl, delta):
    halving(theta, step, objective, kl, delta)
    return theta + step


def test_right_line_searches():
    for subject in (halving, curvature.line_search):
        report = judged(subject, "line_search")
        assert report.verdict == "correct", str(report)
    report = judged(of_a_loss, "line_search")
    assert report.verdict == "convention"
    assert report.conventions == ("loss = loss: minus the objective, to be made small",)
    assert not report.slugs


@pytest.mark.parametrize(
    ("subject", "verdict", "slug"),
    [
        (eighty_per_cent, "convention", "ls-shrink"),
        (keeps_the_last, "wrong", "trpo-fail-keeps-last-trial"),
        (not_used, "wrong", "trpo-linesearch-ignored"),
    ],
)
def test_line_searches_are_named(subject, verdict, slug):
    report = judged(subject, "line_search")
    assert (report.verdict, report.slugs[:1]) == (verdict, (slug,)), str(report)

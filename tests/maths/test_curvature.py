"""Curvature without matrices against matrices: small symmetric positive definite ones, dense solves, and theorems."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths.curvature import (
    conjugate_gradient,
    fisher_vector_product,
    line_search,
    natural_gradient,
    trust_region_step,
)
from scratchrl.oracle.differentiation import complex_step, dot_test, relative_error

SIZES, SEEDS = st.integers(1, 8), st.integers(0, 2**32 - 1)


def spd(n, seed, eigenvalues=None):
    """A symmetric A with the given eigenvalues (between 1 and 10 if not given) in a random basis, and a vector b."""
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(n, n)))
    eigenvalues = rng.uniform(1, 10, size=n) if eigenvalues is None else np.asarray(eigenvalues)
    a = (basis * eigenvalues) @ basis.T
    return (a + a.T) / 2, rng.normal(size=n)


def recording(a):
    """v -> A v, and the list of the vectors it was called with: the directions of conjugate gradient."""
    seen = []

    def matvec(v):
        seen.append(v)
        return a @ v

    return matvec, seen


# ---- Fisher-vector product ----


def fisher_model(batch, parameters, size, seed):
    """Random Jacobians J (B, K, P) and Fisher matrices of the rows, (B, K, K): as callables, and the explicit mean."""
    rng = np.random.default_rng(seed)
    j, root = rng.normal(size=(batch, parameters, size)), rng.normal(size=(batch, parameters, parameters))
    f = root @ root.swapaxes(1, 2)

    def product(v, damping):
        return fisher_vector_product(
            lambda v: j @ v,
            lambda w: np.einsum("bkl,bl->bk", f, w),
            lambda u: np.einsum("bkp,bk->p", j, u),
            v,
            damping,
        )

    return product, np.mean([j_b.T @ f_b @ j_b for j_b, f_b in zip(j, f, strict=True)], axis=0)


@given(st.integers(1, 5), st.integers(1, 3), SIZES, SEEDS, st.sampled_from([0.0, 0.1, 1.0]))
def test_fisher_product_is_the_explicit_mean_over_rows(batch, parameters, size, seed, damping):
    product, fisher = fisher_model(batch, parameters, size, seed)
    v, u = np.random.default_rng(seed + 1).normal(size=(2, size))
    assert relative_error(product(v, damping), fisher @ v + damping * v) < 1e-13
    assert dot_test(lambda v: product(v, damping), lambda u: product(u, damping), v, u) < 1e-13
    assert v @ product(v, damping) >= 0
    assert relative_error(product(2 * v - u, damping), 2 * product(v, damping) - product(u, damping)) < 1e-12


@given(SEEDS)
def test_fisher_product_of_a_repeated_batch_is_the_same(seed):
    """A mean over rows, not a sum: every row twice changes nothing."""
    rng = np.random.default_rng(seed)
    j, v = rng.normal(size=(3, 4)), rng.normal(size=4)
    once, twice = (
        fisher_vector_product(lambda v, j=j: (j @ v)[:, None], lambda w: w, lambda u, j=j: j.T @ u[:, 0], v)
        for j in (j, np.concatenate([j, j]))
    )
    assert relative_error(twice, once) < 1e-14


# ---- conjugate gradient ----


@given(SIZES, SEEDS)
def test_cg_is_the_dense_solve_in_at_most_n_steps(n, seed):
    a, b = spd(n, seed)
    x, report = conjugate_gradient(lambda v: a @ v, b, max_iterations=n, rtol=1e-13)
    assert relative_error(x, np.linalg.solve(a, b)) < 1e-12
    assert report.iterations <= n
    assert report.iterations == len(report.residuals)


@given(st.integers(1, 3), SEEDS)
def test_cg_needs_one_step_per_distinct_eigenvalue(distinct, seed):
    a, b = spd(8, seed, np.array([1.0, 3.0, 7.0])[np.arange(8) % distinct])
    _, report = conjugate_gradient(lambda v: a @ v, b, rtol=1e-12)
    assert report.converged
    assert report.iterations == distinct


@given(SIZES, SEEDS)
def test_cg_directions_are_conjugate_and_residuals_orthogonal(n, seed):
    a, b = spd(n, seed)
    matvec, directions = recording(a)
    conjugate_gradient(matvec, b, max_iterations=n, rtol=1e-8)
    p = np.array([p / np.linalg.norm(p) for p in directions])
    products = p @ a @ p.T
    np.testing.assert_allclose(products - np.diag(np.diag(products)), 0, atol=1e-6)
    iterates = [conjugate_gradient(lambda v: a @ v, b, max_iterations=k, rtol=0.0)[0] for k in range(len(p))]
    r = np.array([b - a @ x for x in iterates])
    r /= np.linalg.norm(r, axis=1, keepdims=True)
    np.testing.assert_allclose(r @ r.T, np.eye(len(r)), atol=1e-6)


@given(SIZES, SEEDS)
def test_cg_report_tells_the_truth(n, seed):
    """One more iteration, one more residual: that of the x it gives; and φ(x) = ½ xᵀA x − bᵀx falls every time."""
    a, b = spd(n, seed)
    _, report = conjugate_gradient(lambda v: a @ v, b, max_iterations=n, rtol=1e-6)
    phi = [0.0]
    for k, residual in enumerate(report.residuals, 1):
        x, shorter = conjugate_gradient(lambda v: a @ v, b, max_iterations=k, rtol=1e-6)
        assert shorter.residuals == report.residuals[:k]
        assert shorter.converged == (residual <= 1e-6)
        assert residual == pytest.approx(np.linalg.norm(b - a @ x) / np.linalg.norm(b), abs=1e-13)
        phi.append(x @ a @ x / 2 - b @ x)
    assert np.all(np.diff(phi) <= 1e-13 * abs(phi[-1]))


@given(SIZES, SEEDS, st.integers(-200, 200))
def test_cg_scales_with_b_to_the_bit(n, seed, exponent):
    a, b = spd(n, seed)
    x, report = conjugate_gradient(lambda v: a @ v, b)
    scaled, scaled_report = conjugate_gradient(lambda v: a @ v, 2.0**exponent * b)
    np.testing.assert_array_equal(scaled, 2.0**exponent * x)
    assert scaled_report == report


@given(SIZES, SEEDS, st.sampled_from([1e-8, 1e-5, 1e6]))
def test_cg_of_a_tiny_b_is_as_good(n, seed, scale):
    """An absolute tolerance on ‖r‖² (1e-10 in most programs) returns 10 % errors at ‖b‖ = 1e-5 and zeros at 1e-8."""
    a, b = spd(n, seed)
    x, report = conjugate_gradient(lambda v: a @ v, scale * b, max_iterations=n, rtol=1e-12)
    assert relative_error(x, scale * np.linalg.solve(a, b)) < 1e-11
    assert report.iterations == conjugate_gradient(lambda v: a @ v, b, max_iterations=n, rtol=1e-12)[1].iterations


def test_cg_of_zero_is_zero_without_a_single_product():
    matvec, seen = recording(np.eye(3))
    x, report = conjugate_gradient(matvec, np.zeros(3, np.float32))
    np.testing.assert_array_equal(x, 0)
    assert x.dtype == np.float32
    assert report == ((), 0, True)
    assert not seen


def test_cg_does_not_take_an_underflow_for_zero():
    with pytest.raises(ValueError, match="b: expected zeros or a squared norm above 0"):
        conjugate_gradient(lambda v: v, np.full(2, 1e-30, np.float32))
    with pytest.raises(ValueError, match="b: expected zeros or a squared norm above 0"):
        conjugate_gradient(lambda v: v, np.array([0.0, 1e-170]))


def test_ten_iterations_are_made_unless_told_otherwise():
    many, b = np.arange(1.0, 31), np.ones(30)
    assert conjugate_gradient(lambda v: many * v, b)[1].iterations == 10
    assert natural_gradient(lambda v: many * v, b)[1].iterations == 10


@pytest.mark.parametrize("sick", [-1.0, 0.0, np.nan])
def test_cg_stops_where_the_matrix_is_not_positive(sick):
    """diag(1, sick): the second direction has no positive curvature; the first iterate is kept, and is finite."""
    x, report = conjugate_gradient(lambda v: np.array([1.0, sick]) * v, np.array([1.0, 0.5]))
    assert not report.converged
    assert np.all(np.isfinite(x))
    x, report = conjugate_gradient(lambda v: sick * v, np.ones(2))
    assert (report.iterations, report.converged) == (0, False)
    np.testing.assert_array_equal(x, 0)


def test_cg_in_float32_stays_there_and_converges():
    a, b = spd(6, 0)
    x, report = conjugate_gradient(lambda v: a.astype(np.float32) @ v, b.astype(np.float32), rtol=1e-5)
    assert x.dtype == report.residuals[0].dtype == np.float32
    assert report.converged
    assert relative_error(x, np.linalg.solve(a, b)) < 1e-5


@given(SIZES, SEEDS)
def test_complex_step_through_cg_is_the_inverse(n, seed):
    a, b = spd(n, seed)
    jacobian = complex_step(lambda b: conjugate_gradient(lambda v: a @ v, b, max_iterations=n, rtol=1e-13)[0], b)
    assert relative_error(jacobian, np.linalg.inv(a)) < 1e-12


def test_cg_in_ball_arithmetic_encloses_the_solution():
    """[[2, 1], [1, 3]] x = (1, 2)/3 has the solution (1, 3)/15: two steps on balls of 200 bits must contain it."""
    flint = pytest.importorskip("flint")
    with flint.ctx.workprec(200):
        a = np.array([[2.0, 1.0], [1.0, 3.0]])
        b = np.array([flint.arb(1) / 3, flint.arb(2) / 3])
        x, report = conjugate_gradient(lambda v: a @ v, b, max_iterations=2, rtol=0.0)
        assert report.iterations == 2
        for ball, truth in zip(x, (flint.fmpq(1, 15), flint.fmpq(3, 15)), strict=True):
            assert ball.contains(truth)
            assert ball.rad() < 1e-55


# ---- natural gradient ----


@given(SIZES, SEEDS, st.sampled_from([0.0, 0.1, 2.0]))
def test_natural_gradient_is_the_damped_solve(n, seed, damping):
    fisher, gradient = spd(n, seed)
    got, report = natural_gradient(lambda v: fisher @ v, gradient, damping, max_iterations=n, rtol=1e-12)
    assert relative_error(got, np.linalg.solve(fisher + damping * np.eye(n), gradient)) < 1e-11
    assert report.residuals[-1] < 1e-11


@given(SIZES, SEEDS, st.sampled_from([0.5, 1e-3, 1e-12]), st.integers(1, 8))
def test_natural_gradient_stops_as_conjugate_gradient_does(n, seed, rtol, max_iterations):
    fisher, gradient = spd(n, seed)
    got, report = natural_gradient(lambda v: fisher @ v, gradient, 0.0, max_iterations, rtol)
    expected, expected_report = conjugate_gradient(lambda v: fisher @ v, gradient, max_iterations, rtol)
    np.testing.assert_array_equal(got, expected)
    assert report == expected_report


@given(SIZES, SEEDS)
def test_natural_gradient_is_the_same_step_in_other_coordinates(n, seed):
    """θ = M η: M times the natural gradient in η is that in θ; the plain gradient would become M Mᵀg."""
    fisher, gradient = spd(n, seed)
    m, _ = spd(n, seed + 1)
    in_theta, _ = natural_gradient(lambda v: fisher @ v, gradient, max_iterations=4 * n, rtol=1e-13)
    in_eta, _ = natural_gradient(lambda v: m @ (fisher @ (m @ v)), m @ gradient, max_iterations=4 * n, rtol=1e-13)
    assert relative_error(m @ in_eta, in_theta) < 1e-9


# ---- trust region ----


@given(SIZES, SEEDS, st.floats(1e-4, 1), st.integers(-20, 20))
def test_trust_region_step_reaches_the_boundary_whatever_the_length_of_s(n, seed, delta, exponent):
    fisher, direction = spd(n, seed)
    step = trust_region_step(direction, lambda v: fisher @ v, delta)
    assert step @ fisher @ step / 2 == pytest.approx(delta, rel=1e-13)
    assert step @ direction > 0
    scaled = trust_region_step(4.0**exponent * direction, lambda v: fisher @ v, delta)
    np.testing.assert_array_equal(scaled, step)


@given(SIZES, SEEDS, st.floats(1e-4, 1))
def test_no_step_within_the_trust_region_gains_more_than_the_natural_one(n, seed, delta):
    """gᵀs on ½ sᵀF s = δ is largest, √(2δ gᵀF⁻¹g), at the natural direction."""
    fisher, gradient = spd(n, seed)
    direction, _ = natural_gradient(lambda v: fisher @ v, gradient, max_iterations=n, rtol=1e-12)
    best = gradient @ trust_region_step(direction, lambda v: fisher @ v, delta)
    assert best == pytest.approx(np.sqrt(2 * delta * gradient @ np.linalg.solve(fisher, gradient)), rel=1e-10)
    for other in np.random.default_rng(seed).normal(size=(5, n)):
        assert gradient @ trust_region_step(other, lambda v: fisher @ v, delta) <= best * (1 + 1e-10)


@pytest.mark.parametrize("eigenvalue", [0.0, -1.0, np.nan])
def test_trust_region_without_curvature_is_an_error(eigenvalue):
    with pytest.raises(ValueError, match="direction: expected sᵀF s > 0, got"):
        trust_region_step(np.ones(2), lambda v: eigenvalue * v, 0.01)
    with pytest.raises(ValueError, match="s is 0"):
        trust_region_step(np.zeros(2), lambda v: v, 0.01)


# ---- line search ----


VALUES = st.floats(-3, 3) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0])
LANDSCAPES = st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=6)


def search(landscape, delta, before=0.0, theta=0.0):
    """Line search over a landscape given as a list of (objective, kl) at θ + 2⁻ᵏ; `before` is the objective at θ."""

    def at(candidate, column):
        fraction = float(candidate[0]) - theta
        return landscape[-round(np.log2(fraction))][column] if fraction else (before, 0.0)[column]

    start = np.array([theta])
    result, report = line_search(
        start, np.ones(1), lambda c: at(c, 0), lambda c: at(c, 1), delta, max_backtracks=len(landscape) - 1
    )
    return start, result, report


@given(LANDSCAPES, st.floats(0, 1), st.floats(-1, 1))
def test_line_search_takes_the_first_candidate_that_is_better_and_near(landscape, delta, before):
    good = [np.isfinite([value, kl]).all() and value > before and kl <= delta for value, kl in landscape]
    start, result, report = search(landscape, delta, before)
    if any(good):
        k = good.index(True)
        assert report == (True, 2.0**-k, *landscape[k], k + 1)
        assert result[0] == 2.0**-k
    else:
        assert report == (False, 0.0, before, 0.0, len(landscape))
        assert result is start
        assert result[0] == 0.0


@given(SIZES, SEEDS, st.floats(0.01, 5), st.floats(1e-3, 1), st.floats(0.3, 0.9))
def test_line_search_never_lowers_the_objective_and_never_leaves_the_region(n, seed, length, delta, shrink):
    a, b = spd(n, seed)
    theta = np.random.default_rng(seed).normal(size=n)
    objective, kl = lambda x: b @ x - x @ a @ x / 2, lambda x: (x - theta) @ a @ (x - theta) / 2
    before = theta.copy()
    got, report = line_search(theta, length * (b - a @ theta), objective, kl, delta, shrink)
    np.testing.assert_array_equal(theta, before)  # the argument is never written to
    assert objective(got) >= objective(theta)
    assert kl(got) <= delta
    assert (report.objective, report.kl) == (objective(got), kl(got))
    assert report.accepted == (objective(got) > objective(theta))
    np.testing.assert_array_equal(got, theta + report.fraction * (length * (b - a @ theta)))


def test_line_search_from_a_nan_accepts_nothing():
    start, result, report = search([(1.0, 0.0), (2.0, 0.0)], 0.1, before=np.nan)
    assert result is start
    assert not report.accepted


def test_line_search_accepts_a_kl_of_exactly_delta_and_none_of_minus_infinity():
    assert search([(1.0, 0.1)], 0.1)[2].accepted
    assert not search([(1.0, -np.inf)], 0.1)[2].accepted


def test_line_search_shrinks_ten_times_unless_told_otherwise():
    assert line_search(np.zeros(1), np.ones(1), lambda x: 0.0, lambda x: 0.0, 1.0)[1].evaluations == 11


def test_line_search_tries_the_full_step_and_then_max_backtracks_shorter_ones():
    tried = []
    line_search(np.zeros(1), np.ones(1), lambda x: tried.append(float(x[0])) or 0.0, lambda x: 0.0, 1.0, 0.5, 3)
    assert tried == [0.0, 1.0, 0.5, 0.25, 0.125]


def test_line_search_keeps_float32():
    theta = np.zeros(2, np.float32)
    got, _ = line_search(theta, np.ones(2, np.float32), lambda x: float(x[0]), lambda x: 0.0, 1.0)
    assert got.dtype == np.float32


@pytest.mark.parametrize("shrink", [0.0, 1.0, -0.5, np.nan])
def test_line_search_refuses_a_shrink_that_does_not(shrink):
    with pytest.raises(ValueError, match="shrink: expected a number between 0 and 1"):
        line_search(np.zeros(1), np.ones(1), float, float, 0.1, shrink)

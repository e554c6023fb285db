"""The diagonal Gaussian: densities by quadrature, gradients by complex step, Fisher three ways.

Gauss-Hermite quadrature with 8 nodes integrates polynomials in z up to degree 15 exactly; log π, score and score²
have degrees 2, 2 and 4, so "by quadrature" means "exactly, to rounding". Errors are relative to the larger of the
result and the largest term in it.
"""

import itertools

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import gaussian
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import central_difference, complex_step

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(8)
WEIGHTS = WEIGHTS / np.sqrt(2 * np.pi)


def near(got, truth, bound=1e-12, size=1.0):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(size, np.abs(truth).max(initial=0)))


def expectation(mean, log_std, function):
    """E f(a) for rows a ~ N(mean, exp 2 log_std), over the grid of nodes in all dimensions."""
    grid = itertools.product(zip(NODES, WEIGHTS, strict=True), repeat=mean.shape[1])
    total = 0.0
    for points in grid:
        z, w = np.array(points).T
        total = total + w.prod() * function(mean + np.exp(log_std) * z)
    return total


@st.composite
def cases(draw):
    """A Gaussian and one action a row."""
    mean, log_std = draw(strategies.gaussians())
    return mean, log_std, draw(strategies.arrays(mean.shape))


@st.composite
def pairs(draw):
    """Two Gaussians of one shape."""
    p = draw(strategies.gaussians())
    return p, draw(strategies.gaussians(rows=p.mean.shape[0], actions=p.mean.shape[1]))


def cubed(log_std):
    """The size that the largest of z² / σ and z² can have for |a − μ| ≤ 10: what rounding is relative to."""
    return 100 * np.exp(-3 * min(0.0, log_std.min()))


# ---- values ----


@given(cases())
def test_log_prob_is_the_log_of_the_textbook_density(case):
    mean, log_std, action = case
    log_stds = np.broadcast_to(log_std, mean.shape)
    with mpmath.workdps(40):
        for b, row in enumerate(gaussian.log_prob(*case)):
            density = mpmath.mpf(1)
            for m, s, a in zip(mean[b], log_stds[b], action[b], strict=True):
                std = mpmath.exp(mpmath.mpf(s))
                density *= mpmath.exp(-((mpmath.mpf(a) - m) ** 2) / (2 * std**2)) / (std * mpmath.sqrt(2 * mpmath.pi))
            near(row, float(mpmath.log(density)), 1e-14)


@given(st.floats(-5, 5), st.floats(-2, 2))
def test_densities_integrate_to_one(mean, log_std):
    """The trapezoidal rule on an analytic function that is gone at both ends: exact to rounding."""
    std = np.exp(log_std)
    action = mean + np.linspace(-12, 12, 241)[:, None] * std
    density = np.exp(gaussian.log_prob(np.full_like(action, mean), np.array([log_std]), action))
    near(density.sum() * 0.1 * std, 1.0, 1e-13)


@given(cases())
def test_log_prob_is_largest_at_the_mean_and_concave(case):
    mean, log_std, action = case
    top = gaussian.log_prob(mean, log_std, gaussian.mode(mean, log_std))
    near(top, -(np.broadcast_to(log_std, mean.shape) + 0.5 * np.log(2 * np.pi)).sum(axis=1), 1e-14)
    assert (gaussian.log_prob(*case) <= top).all()
    half_way = gaussian.log_prob(mean, log_std, (mean + action) / 2)
    near(half_way - top, (gaussian.log_prob(*case) - top) / 4, 1e-13, cubed(log_std))


@given(strategies.gaussians(actions=2))
def test_entropy_is_minus_the_mean_log_prob(params):
    near(gaussian.entropy(*params), -expectation(*params, lambda a: gaussian.log_prob(*params, a)), 1e-13)


@given(strategies.gaussians(), st.floats(0.1, 10))
def test_entropy_shifts_by_log_c_per_dimension_and_ignores_the_mean(params, c):
    mean, log_std = params
    wider = gaussian.entropy(7 * mean, log_std + np.log(c))
    near(wider, gaussian.entropy(mean, log_std) + mean.shape[1] * np.log(c), 1e-14)


@given(pairs())
def test_kl_is_the_mean_log_ratio_when_two_dimensional(pair):
    p, q = ((mean[:, :2], log_std[..., :2]) for mean, log_std in pair)
    by_quadrature = expectation(*p, lambda a: gaussian.log_prob(*p, a) - gaussian.log_prob(*q, a))
    near(gaussian.kl(*p, *q), by_quadrature, 1e-12)


@given(pairs())
def test_kl_is_never_negative_zero_at_home_and_adds_over_dimensions(pair):
    p, q = pair
    kl = gaussian.kl(*p, *q)
    assert (kl >= 0).all()
    assert not gaussian.kl(*p, *p).any()
    single = [[array[..., i : i + 1] for array in (*p, *q)] for i in range(p.mean.shape[1])]
    near(kl, sum(gaussian.kl(*arrays) for arrays in single), 1e-14)


@given(pairs(), st.floats(0.1, 10), st.floats(-5, 5))
def test_kl_does_not_change_when_both_are_rescaled(pair, c, shift):
    moved = [array for mean, log_std in pair for array in (c * mean + shift, log_std + np.log(c))]
    near(gaussian.kl(*moved), gaussian.kl(*pair[0], *pair[1]), 1e-11)


def test_kl_has_the_direction_its_name_says():
    zero, one = np.zeros((1, 1)), np.ones(1)
    near(gaussian.kl(zero, 0 * one, zero, one), [1 + 0.5 * np.exp(-2) - 0.5])
    near(gaussian.kl(zero, one, zero, 0 * one), [-1 + 0.5 * np.exp(2) - 0.5])


def test_kl_keeps_its_digits_between_nearly_equal_distributions():
    """At d = 10⁻⁶ the KL is d² (1 + …) = 10⁻¹²; computed as ½ exp 2d − ½ − d it would keep four digits."""
    zero, d = np.zeros((1, 1)), np.array([1e-6])
    with mpmath.workdps(40):
        truth = float((mpmath.exp(2 * mpmath.mpf(d.item())) - 1 - 2 * mpmath.mpf(d.item())) / 2)
    np.testing.assert_allclose(gaussian.kl(zero, d, zero, 0 * d), truth, rtol=1e-9)


def test_sample_has_the_mean_the_variance_and_the_type_it_should():
    """10⁵ draws: 5σ of the mean is 5/√n, of the variance 5 √(2/n), a false-alarm rate of 6e-7 each."""
    n, mean, log_std = 100_000, np.array([1.0, -2.0]), np.array([0.5, -1.0])
    for dtype in (np.float32, np.float64):
        a = gaussian.sample(np.random.default_rng(0), np.tile(mean, (n, 1)).astype(dtype), log_std.astype(dtype))
        z = (a - mean) / np.exp(log_std)
        assert a.dtype == dtype
        assert np.abs(z.mean(axis=0)).max() < 5 / np.sqrt(n)
        assert np.abs((z**2).mean(axis=0) - 1).max() < 5 * np.sqrt(2 / n)
        assert np.abs((z[1:] * z[:-1]).mean()) < 5 / np.sqrt(n)
        assert abs(z.prod(axis=1).mean()) < 5 / np.sqrt(n)


def test_sample_is_the_mean_plus_sigma_times_the_generators_next_normal_numbers():
    mean, log_std = np.array([[1.0, -2.0]]), np.log([0.5, 4.0])
    z = np.random.default_rng(3).standard_normal((1, 2))
    np.testing.assert_array_equal(gaussian.sample(np.random.default_rng(3), mean, log_std), mean + np.exp(log_std) * z)


# ---- derivatives ----


@given(cases())
def test_score_is_the_complex_step_gradient_of_log_prob(case):
    mean, log_std, action = case
    log_stds = np.broadcast_to(log_std, mean.shape)
    d_mean, d_log_std = gaussian.score(*case)
    truth = complex_step(lambda m: gaussian.log_prob(m, log_std, action).sum(), mean)
    near(d_mean, truth, size=cubed(log_std))
    truth = complex_step(lambda s: gaussian.log_prob(mean, s, action).sum(), log_stds)
    near(d_log_std, truth, size=cubed(log_std))


@given(cases())
def test_a_shared_log_std_receives_the_sum_over_the_rows(case):
    mean, log_std, action = case
    shared = np.atleast_2d(log_std)[0]
    truth = complex_step(lambda s: gaussian.log_prob(mean, s, action).sum(), shared)
    near(gaussian.score(mean, shared, action)[1].sum(axis=0), truth, size=4 * cubed(shared))


@given(pairs())
def test_entropy_grad_and_kl_grad_are_complex_step_gradients(pair):
    (mean_p, log_std_p), (mean_q, log_std_q) = pair
    log_stds = np.broadcast_to(log_std_q, mean_q.shape)
    d_mean, d_log_std = gaussian.entropy_grad(mean_q, log_std_q)
    near(d_mean, complex_step(lambda m: gaussian.entropy(m, log_std_q).sum(), mean_q))
    near(d_log_std, complex_step(lambda s: gaussian.entropy(mean_q, s).sum(), log_stds))
    d_mean, d_log_std = gaussian.kl_grad(mean_p, log_std_p, mean_q, log_std_q)
    near(d_mean, complex_step(lambda m: gaussian.kl(mean_p, log_std_p, m, log_std_q).sum(), mean_q))
    near(d_log_std, complex_step(lambda s: gaussian.kl(mean_p, log_std_p, mean_q, s).sum(), log_stds))


@given(cases())
def test_central_differences_are_a_second_witness(case):
    mean, log_std, action = case
    log_stds = np.broadcast_to(log_std, mean.shape)
    d_mean, d_log_std = gaussian.score(*case)
    for got, (value, error) in (
        (d_mean, central_difference(lambda m: gaussian.log_prob(m, log_std, action).sum(), mean)),
        (d_log_std, central_difference(lambda s: gaussian.log_prob(mean, s, action).sum(), log_stds)),
    ):
        assert error.max() <= 1e-9 * cubed(log_std)
        assert (np.abs(value - got) <= error + 1e-11).all()


@given(strategies.gaussians())
def test_kl_grad_vanishes_at_home(params):
    assert not np.any(gaussian.kl_grad(*params, *params))


# ---- Fisher ----


def flat_score(mean, log_std, action):
    return np.concatenate(gaussian.score(mean, log_std, action), axis=1)


@given(strategies.gaussians(actions=2), st.data())
def test_the_score_has_mean_zero_and_its_second_moment_is_fisher(params, data):
    size = np.exp(-2 * min(0, params.log_std.min()))
    near(expectation(*params, lambda a: flat_score(*params, a)), np.zeros((len(params.mean), 4)), 1e-13, size)
    v = data.draw(strategies.arrays((len(params.mean), 4)))

    def second_moment(action):
        score = flat_score(*params, action)
        return score * (score * v).sum(axis=1, keepdims=True)

    fisher = np.concatenate(gaussian.fisher_matvec(*params, v[:, :2], v[:, 2:]), axis=1)
    near(fisher, expectation(*params, second_moment), 1e-12, size)


@given(cases())
def test_fisher_is_the_hessian_of_kl(case):
    """At home ∂²KL/∂μ∂s = 0, and the two diagonal blocks are 1/σ² and 2."""
    mean, log_std, v = case
    log_stds = np.broadcast_to(log_std, mean.shape).copy()
    f_mean, f_log_std = gaussian.fisher_matvec(mean, log_std, v, v)
    h = 2.0**-100
    along_mean = gaussian.kl_grad(mean, log_stds, mean + 1j * h * v, log_stds)
    along_log_std = gaussian.kl_grad(mean, log_stds, mean, log_stds + 1j * h * v)
    near(f_mean, along_mean[0].imag / h)
    near(f_log_std, along_log_std[1].imag / h)
    assert not along_mean[1].imag.any()
    assert not np.imag(along_log_std[0]).any()


@given(pairs())
def test_kl_of_a_small_step_is_half_the_fisher_form_to_third_order(pair):
    """Each dimension leaves over ½t³ (2|d_s|e² + …) + ⅔t³|d_s|³, below 3 t³ (1 + e²) for |d| ≤ 1."""
    (mean, log_std), (v_mean, v_log_std) = pair
    v_mean, v_log_std = v_mean / 5, np.broadcast_to(v_log_std, mean.shape) / 2
    log_stds = np.broadcast_to(log_std, mean.shape)
    f_mean, f_log_std = gaussian.fisher_matvec(mean, log_stds, v_mean, v_log_std)
    half = 0.5 * (v_mean * f_mean + v_log_std * f_log_std).sum(axis=1)
    room = 3 * (1 + v_mean**2 * np.exp(-2 * log_stds)).sum(axis=1)
    for t in (2.0**-6, 2.0**-8, 2.0**-10):
        kl = gaussian.kl(mean, log_stds, mean + t * v_mean, log_stds + t * v_log_std)
        assert (np.abs(kl - t**2 * half) <= t**3 * room).all()


# ---- shapes ----


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, complex])
def test_rows_may_stand_in_any_shape_and_none_knows_of_another(dtype, shape):
    rng = np.random.default_rng(0)
    mean, other, action, v, per_row = rng.standard_normal((5, *shape, 4)).astype(dtype)
    shared = rng.standard_normal(4).astype(dtype)
    for log_std in (shared, per_row):
        for name, arguments in {
            "log_prob": (mean, log_std, action), "score": (mean, log_std, action), "entropy": (mean, log_std),
            "entropy_grad": (mean, log_std), "kl": (mean, log_std, other, log_std + 1), "mode": (mean, log_std),
            "kl_grad": (mean, log_std, other, log_std + 1), "fisher_matvec": (mean, log_std, v, action),
        }.items():  # fmt: skip
            function = getattr(gaussian, name)
            for whole, *rows in zip(*map(parts, [function(*arguments), *by_row(function, arguments)]), strict=True):
                near(whole.reshape(len(rows), -1), np.reshape(rows, (len(rows), -1)), 8 * np.finfo(dtype).eps)
                assert whole.shape[: len(shape)] == shape
                assert whole.dtype == dtype


def by_row(function, arguments):
    """The function's results row by row, for arrays (..., A) of rows and a shared one (A,)."""
    for place in np.ndindex(arguments[0].shape[:-1]):
        yield function(*(array[place][None] if array.ndim == arguments[0].ndim else array for array in arguments))


def parts(result):
    return result if isinstance(result, tuple) else (result,)


# ---- errors ----


@pytest.mark.parametrize("function", [gaussian.log_prob, gaussian.score])
@pytest.mark.parametrize("shape", [(2,), (2, 1), (1, 3), (3, 2)])
def test_errors_name_the_argument(function, shape):
    with pytest.raises(ValueError, match=r"^action: expected"):
        function(np.zeros((2, 3)), np.zeros(3), np.zeros(shape))

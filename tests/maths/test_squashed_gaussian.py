"""The squashed Gaussian as a density over a in (−1, 1): everything is integrated over a, where tanh left it.

The rule for that is tanh-sinh, a = tanh(½π sinh t) with equal steps in t: exact to rounding for anything analytic
inside, whatever it does at the ends. That each node knows its own atanh is why it can follow the density to 1 − 10⁻⁶⁰.
"""

import math

import flint
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchrl.maths import gaussian
from scratchrl.maths import squashed_gaussian as squashed
from scratchrl.maths.quadrature import normal_rule
from scratchrl.oracle import strategies
from scratchrl.oracle.differentiation import complex_step

T = np.arange(-224, 225) / 50
PRE_TANH = 0.5 * np.pi * np.sinh(T)[:, None]
WEIGHTS = 0.5 * np.pi * np.cosh(T) / np.cosh(PRE_TANH[:, 0]) ** 2 / 50  # da/dt times the step
one_dimensional = st.tuples(st.floats(-2, 2), st.floats(-1.2, 1.8))
to_balls = np.frompyfunc(flint.arb, 1, 1)


def near(got, truth, bound=1e-12, size=1.0):
    np.testing.assert_allclose(got, truth, rtol=0, atol=bound * max(size, np.abs(truth).max(initial=0)))


def rows(mean, log_std, like=PRE_TANH):
    """One Gaussian in one dimension, once for every node."""
    return np.full_like(like, mean), np.array([log_std])


def over_actions(mean, log_std, function):
    """∫ π(a) f da over (−1, 1)."""
    return (WEIGHTS * np.exp(squashed.log_prob(*rows(mean, log_std), PRE_TANH))) @ function


@st.composite
def cases(draw, extra=1):
    """A Gaussian and arrays of mean's shape."""
    mean, log_std = draw(strategies.gaussians())
    return mean, log_std, *(draw(strategies.arrays(mean.shape)) for _ in range(extra))


def cubed(log_std):
    """The size that z² / σ can have: what rounding is relative to."""
    return 100 * np.exp(-3 * min(0.0, log_std.min()))


# ---- the density ----


@given(cases())
def test_log_prob_is_the_log_of_the_textbook_density_at_a(case):
    """N(atanh a; μ, σ²) / (1 − a²) at a = tanh u, with 60 digits so that u can be had back."""
    mean, log_std, pre_tanh = case
    log_stds = np.broadcast_to(log_std, mean.shape)
    with mpmath.workdps(60):
        for b, got in enumerate(squashed.log_prob(*case)):
            density = mpmath.mpf(1)
            for m, s, u in zip(mean[b], log_stds[b], pre_tanh[b], strict=True):
                a = mpmath.tanh(mpmath.mpf(u))
                density *= mpmath.npdf(mpmath.atanh(a), m, mpmath.exp(mpmath.mpf(s))) / (1 - a**2)
            near(got, float(mpmath.log(density)), 2e-14)


@given(one_dimensional)
def test_the_density_integrates_to_one(params):
    near(over_actions(*params, np.ones(len(T))), 1.0, 1e-12)


@given(one_dimensional)
def test_the_score_has_mean_zero_and_its_second_moment_is_fisher(params):
    score = np.concatenate(squashed.score(*rows(*params), PRE_TANH), axis=1)
    size = np.exp(-2 * min(0.0, params[1]))
    near(over_actions(*params, score), np.zeros(2), 1e-12, size)
    v = np.array([[1.0, -2.0]])
    fisher = squashed.fisher_matvec(np.array([[params[0]]]), np.array([params[1]]), v[:, :1], v[:, 1:])
    near(over_actions(*params, score * (score @ v.T)), np.concatenate(fisher, axis=1)[0], 1e-11, size)


@given(cases())
def test_the_mirror_image_has_the_mirrored_density_and_entropy(case):
    mean, log_std, pre_tanh = case
    near(squashed.log_prob(-mean, log_std, -pre_tanh), squashed.log_prob(*case), 0)
    near(squashed.entropy(-mean, log_std), squashed.entropy(mean, log_std), 1e-13)


def test_where_tanh_rounds_to_one_the_density_is_still_known():
    """Why pre_tanh: in float32 the action at u = 12 is 1 and u is lost, but log π(u) has all its digits."""
    mean, log_std, u = np.full((1, 1), 11, np.float32), np.zeros(1, np.float32), np.full((1, 1), 12, np.float32)
    assert np.tanh(u) == 1
    assert np.tanh(np.array(19.1)) == 1
    with mpmath.workdps(40):
        for least, bits in ((9.02, 24), (19.07, 53)):
            assert mpmath.tanh(least) > 1 - mpmath.mpf(2) ** -(bits + 1) > mpmath.tanh(least - 0.02)
    truth = squashed.log_prob(mean.astype(float), log_std.astype(float), u.astype(float))
    near(squashed.log_prob(mean, log_std, u), truth, 2e-7)


def test_tanh_of_the_mean_is_the_median_and_not_always_the_mode():
    mean = np.array([[0.7]])
    action = squashed.mode(mean, np.zeros(1))
    assert action == np.tanh(0.7)
    assert squashed.mode(mean.astype(np.float32), np.zeros(1, np.float32)).dtype == np.float32
    a = squashed.sample(np.random.default_rng(0), np.full((100_000, 1), 0.7), np.zeros(1))
    assert abs((a < action).mean() - 0.5) < 2.5 / np.sqrt(len(a))  # 5σ: false alarm 6e-7
    for variance, peaks_at_zero in ((0.49, True), (0.51, False)):
        log_std, u = np.array([0.5 * np.log(variance)]), np.array([[0.0], [0.1]])
        top, beside = squashed.log_prob(np.zeros((2, 1)), log_std, u)
        assert (top > beside) == peaks_at_zero


# ---- sampling ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_samples_have_the_distribution_function_they_should(dtype):
    """sup |F_n − F| for 10⁵ draws: above 0.0104 with probability 1e-9 (Dvoretzky, Kiefer, Wolfowitz, Massart)."""
    n, mean, log_std = 100_000, 0.5, -0.3
    a = squashed.sample(np.random.default_rng(0), np.full((n, 1), mean, dtype), np.array([log_std], dtype))
    assert a.dtype == dtype
    z = (np.arctanh(np.sort(a[:, 0]).astype(float)) - mean) / math.exp(log_std)
    cdf = np.array([0.5 * math.erfc(-x / math.sqrt(2)) for x in z])
    assert np.abs(cdf - np.arange(n) / n).max() < 0.0104


def test_sample_and_log_prob_draws_what_sample_draws():
    mean, log_std = np.random.default_rng(1).standard_normal((2, 5, 3))
    action, log_prob, pre_tanh = squashed.sample_and_log_prob(np.random.default_rng(2), mean, log_std)
    assert (action == squashed.sample(np.random.default_rng(2), mean, log_std)).all()
    assert (action == np.tanh(pre_tanh)).all()
    near(log_prob, squashed.log_prob(mean, log_std, pre_tanh), 1e-13)


@given(cases())
def test_from_noise_is_the_change_of_variables(case):
    mean, log_std, noise = case
    action, log_prob, pre_tanh = squashed.from_noise(*case)
    near(pre_tanh, mean + np.exp(log_std) * noise, 0)
    near(action, np.tanh(pre_tanh), 0)
    near(log_prob, squashed.log_prob(mean, log_std, pre_tanh), 1e-14, cubed(log_std))


def test_a_narrow_policy_knows_the_density_of_what_it_drew():
    """σ = exp(−20) is below the last place of u = 1 in float32: ε cannot be had back from u."""
    mean, log_std, noise = np.ones((1, 1), np.float32), np.full(1, -20, np.float32), np.full((1, 1), 2, np.float32)
    _, log_prob, pre_tanh = squashed.from_noise(mean, log_std, noise)
    truth = -2 + 20 - 0.5 * math.log(2 * math.pi) + 2 * math.log(math.cosh(1))
    near(log_prob, truth, 1e-7)
    assert abs(squashed.log_prob(mean, log_std, pre_tanh) - truth) > 1.9


# ---- derivatives ----


@given(cases())
def test_score_is_the_complex_step_gradient_of_log_prob(case):
    mean, log_std, pre_tanh = case
    log_stds = np.broadcast_to(log_std, mean.shape)
    d_mean, d_log_std = squashed.score(*case)
    truth = complex_step(lambda m: squashed.log_prob(m, log_std, pre_tanh).sum(), mean)
    near(d_mean, truth, size=cubed(log_std))
    truth = complex_step(lambda s: squashed.log_prob(mean, s, pre_tanh).sum(), log_stds)
    near(d_log_std, truth, size=cubed(log_std))


@given(cases(extra=2), st.data())
def test_pathwise_grad_is_the_complex_step_through_the_noise(case, data):
    """For L = Σ g·a + w log π, of which every loss of a and log π is a first-order copy."""
    mean, log_std, noise, d_action = case
    d_log_prob = data.draw(strategies.arrays(mean.shape[:1]))

    def loss(mean, log_std):
        action, log_prob, _ = squashed.from_noise(mean, log_std, noise)
        return (d_action * action).sum() + (d_log_prob * log_prob).sum()

    d_mean, d_log_std = squashed.pathwise_grad(*case, d_log_prob)
    near(d_mean, complex_step(lambda m: loss(m, log_std), mean), size=10.0)
    log_stds = np.broadcast_to(log_std, mean.shape)
    near(d_log_std, complex_step(lambda s: loss(mean, s), log_stds), size=100.0)
    shared = np.atleast_2d(log_std)[0]
    summed = squashed.pathwise_grad(mean, shared, noise, d_action, d_log_prob)[1].sum(axis=0)
    near(summed, complex_step(lambda s: loss(mean, s), shared), size=400.0)


@given(st.floats(1, 30), st.sampled_from([-1, 1]))
def test_the_pathwise_slope_keeps_its_digits_where_tanh_is_one(u, sign):
    """1 − a² is 0 in float64 from u = 19.1 on; 1/cosh² u is not."""
    one = np.ones((1, 1))
    d_mean, _ = squashed.pathwise_grad(sign * u * one, np.zeros(1), 0 * one, one, np.zeros(1))
    near(d_mean.item() * math.cosh(u) ** 2, 1.0, 1e-13)


def objective(action):
    """f(a) = exp(a₁ − ½ a₂) + a₁² a₂ and ∇f."""
    x, y = action.T
    e = np.exp(x - 0.5 * y)
    return e + x * x * y, np.stack([e + 2 * x * y, x * x - 0.5 * e], axis=1)


@settings(max_examples=20)
@given(strategies.arrays(2, low=-2, high=2), strategies.arrays(2, low=-1.5, high=0.0), st.floats(-1, 1))
def test_score_and_pathwise_gradients_have_one_mean(mean, log_std, alpha):
    """∇ E[f(a) − α log π(a)] both ways, over a grid of 73² nodes that is exact to rounding for σ ≤ 1."""
    z = np.arange(-36, 37) / 4
    noise = np.stack(np.meshgrid(z, z), axis=-1).reshape(-1, 2)
    weight = np.exp(-0.5 * (noise**2).sum(axis=1)) / (32 * np.pi)
    means = np.broadcast_to(mean, noise.shape)
    action, log_prob, pre_tanh = squashed.from_noise(means, log_std, noise)
    value, d_action = objective(action)
    by_score = squashed.score(means, log_std, pre_tanh)
    by_path = squashed.pathwise_grad(means, log_std, noise, d_action, np.full(len(noise), -alpha))
    for score, path in zip(by_score, by_path, strict=True):
        near(weight @ path, weight @ ((value - alpha * log_prob)[:, None] * score), 1e-11, 10.0)


# ---- entropy ----


def split(mean, log_std):
    """Where mpmath cuts the line of ε: at tanh's bend, and some bends away from it."""
    bend, width = -mpmath.mpf(mean) / mpmath.exp(log_std), 4 / mpmath.exp(log_std)
    cuts = {bend + k * width for k in (-8, -2, -1, 0, 1, 2, 8)} | {mpmath.mpf(k) for k in (-6, -3, 0, 3, 6)}
    return [-13, *sorted(cut for cut in cuts if abs(cut) < 13), 13]


def true_entropy(mean, log_std):
    """−∫ N (log N − log(1 − tanh² u)) du by mpmath."""

    def integrand(z):
        u = mean + mpmath.exp(log_std) * z
        log_normal = -z * z / 2 - log_std - mpmath.log(2 * mpmath.pi) / 2
        return -mpmath.npdf(z) * (log_normal + 2 * mpmath.log(mpmath.cosh(u)))

    mean, log_std = mpmath.mpf(mean), mpmath.mpf(log_std)
    return mpmath.quad(integrand, split(mean, log_std))


@pytest.mark.parametrize("mean", [0.0, 0.5, -4.0])
@pytest.mark.parametrize("log_std", [-20.0, -3.0, 0.0, 1.0, 2.0, 3.0, 4.0])
def test_entropy_is_within_its_error_of_the_integral(mean, log_std):
    """Against 30 digits, in balls of 200 bits so that no rounding hides what the quadrature does, and in float64."""
    params = np.array([[mean]]), np.array([log_std])
    value, bound = squashed.entropy(*params).item(), squashed.entropy_error(*params).item()
    with mpmath.workdps(30), flint.ctx.workprec(200):
        truth = true_entropy(mean, log_std)
        off = abs(squashed.entropy(*map(to_balls, params)) - flint.arb(mpmath.nstr(truth, 28)))
        assert (off <= bound + 1e-27).all()
    near(value, float(truth), 1e-14, 1 + abs(log_std) + bound * 1e14)
    if log_std <= 2:
        assert bound <= 2e-16 * (1 + abs(mean))
    else:
        assert bound <= 1e5 * float(off.item())  # not idle where the error can be seen: 2e-9 at log_std 3, 4e-5 at 4


@given(one_dimensional)
def test_entropy_is_minus_the_mean_log_prob_over_actions(params):
    entropy = squashed.entropy(np.array([[params[0]]]), np.array([params[1]])).item()
    near(entropy, -over_actions(*params, squashed.log_prob(*rows(*params), PRE_TANH)), 1e-11)


@given(strategies.gaussians())
def test_entropy_is_below_that_of_the_uniform_and_adds_over_dimensions(params):
    mean, log_std = params
    entropy = squashed.entropy(mean, log_std)
    assert (entropy <= mean.shape[1] * math.log(2)).all()
    single = [squashed.entropy(mean[:, i : i + 1], log_std[..., i : i + 1]) for i in range(mean.shape[1])]
    near(entropy, sum(single), 1e-14)


@given(strategies.gaussians())
def test_entropy_grad_is_the_complex_step_gradient_of_entropy(params):
    mean, log_std = params
    log_stds = np.broadcast_to(log_std, mean.shape)
    d_mean, d_log_std = squashed.entropy_grad(*params)
    assert d_mean.shape == d_log_std.shape == mean.shape
    near(d_mean, complex_step(lambda m: squashed.entropy(m, log_std).sum(), mean))
    near(d_log_std, complex_step(lambda s: squashed.entropy(mean, s).sum(), log_stds), size=10.0)


@given(st.floats(-3, 3), st.floats(-3, 2))
def test_entropy_grad_is_minus_the_mean_pathwise_gradient_of_log_prob(mean, log_std):
    nodes, weights = normal_rule(np.zeros(1))
    noise = nodes[:, None]
    path = squashed.pathwise_grad(*rows(mean, log_std, noise), noise, 0 * noise, np.ones(len(nodes)))
    grad = squashed.entropy_grad(np.array([[mean]]), np.array([log_std]))
    near(np.concatenate(grad, axis=1)[0], -weights @ np.concatenate(path, axis=1), 1e-13, 10.0)


def test_entropy_grad_against_thirty_digits():
    mean, log_std = 0.8, 0.4
    d_mean, d_log_std = squashed.entropy_grad(np.array([[mean]]), np.array([log_std]))
    with mpmath.workdps(30):
        near(d_mean.item(), float(mpmath.diff(lambda m: true_entropy(m, log_std), mean)), 1e-13)
        near(d_log_std.item(), float(mpmath.diff(lambda s: true_entropy(mean, s), log_std)), 1e-13)


# ---- divergence ----


@pytest.mark.parametrize(("p", "q"), [((0.0, 0.0), (0.5, -0.4)), ((1.0, -1.0), (-0.5, 0.3)), ((-2.0, 0.2), (0.0, 0.0))])
def test_kl_is_that_of_the_gaussians_before_squashing(p, q):
    """∫ p log(p/q) da over (−1, 1), with the densities of a written out for mpmath."""
    with mpmath.workdps(25):

        def density(a, mean, log_std):
            return mpmath.npdf(mpmath.atanh(a), mean, mpmath.exp(log_std)) / (1 - a**2)

        def integrand(a):
            return density(a, *p) * mpmath.log(density(a, *p) / density(a, *q))

        ends = [mpmath.tanh(p[0] + z * mpmath.exp(p[1])) for z in (-11, -6, -3, -1, 0, 1, 3, 6, 11)]
        truth = float(mpmath.quad(integrand, ends))
    arrays = [np.array([[x]]) for x in (*p, *q)]
    near(squashed.kl(*arrays).item(), truth, 1e-14)
    near(gaussian.kl(*arrays).item(), truth, 1e-14)


@given(strategies.gaussians(rows=2, actions=3), strategies.gaussians(rows=2, actions=3))
def test_kl_grad_is_the_complex_step_gradient_and_fisher_its_derivative_at_home(p, q):
    log_stds = np.broadcast_to(q.log_std, q.mean.shape)
    size = cubed(log_stds)
    d_mean, d_log_std = squashed.kl_grad(*p, *q)
    near(d_mean, complex_step(lambda m: squashed.kl(*p, m, q.log_std).sum(), q.mean), size=size)
    near(d_log_std, complex_step(lambda s: squashed.kl(*p, q.mean, s).sum(), log_stds), size=size)
    h, v = 2.0**-100, p.mean
    along = squashed.kl_grad(q.mean, log_stds, q.mean + 1j * h * v, log_stds + 1j * h * v)
    for part, truth in zip(squashed.fisher_matvec(q.mean, log_stds, v, v), along, strict=True):
        near(part, truth.imag / h, size=size)


# ---- the bound of entropy_error ----


@pytest.mark.parametrize(("mean", "log_std"), [(0.0, 0.0), (3.0, -1.0), (-7.0, 1.5)])
def test_what_the_quadrature_is_told_of_the_integrand_is_true_and_hardly_more_than_that(mean, log_std, monkeypatch):
    """|f| ≤ c + g |Re ε| on the strip |Im ε| ≤ w; c and g as the docstring derives them."""
    told = []
    monkeypatch.setattr(squashed, "error_bound", lambda *arguments: told.extend(arguments) or arguments[0])
    squashed.entropy_error(np.array([[mean]]), np.array([log_std]))
    width, constant, growth = (float(np.squeeze(number)) for number in told)
    real, imaginary = np.meshgrid(np.linspace(-30, 30, 601), width * np.linspace(-1, 1, 41))
    f = 2 * np.abs(np.log(np.cosh(mean + np.exp(log_std) * (real + 1j * imaginary))))
    assert (f <= constant + growth * np.abs(real)).all()
    assert width == 1.5 * np.exp(-log_std)
    assert growth == 2 * np.exp(log_std)
    assert 0 < constant - 2 * abs(mean) - 2 * (1.5 - np.log(np.cos(1.5))) < 0.01


# ---- shapes ----


@pytest.mark.parametrize("shape", [(), (2,), (2, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_may_stand_in_any_shape_and_none_knows_of_another(dtype, shape):
    rng = np.random.default_rng(0)
    mean, other, u, per_row = rng.standard_normal((4, *shape, 4)).astype(dtype)
    shared, weight = rng.standard_normal(4).astype(dtype), rng.standard_normal(shape).astype(dtype)
    for log_std in (shared, per_row):
        for name, arguments in {
            "log_prob": (mean, log_std, u), "score": (mean, log_std, u), "from_noise": (mean, log_std, u),
            "pathwise_grad": (mean, log_std, u, other, weight), "entropy": (mean, log_std),
            "entropy_grad": (mean, log_std), "kl": (mean, log_std, other, log_std + 1),
            "kl_grad": (mean, log_std, other, log_std + 1), "fisher_matvec": (mean, log_std, u, other),
        }.items():  # fmt: skip
            function = getattr(squashed, name)
            for whole, *rows in zip(*map(parts, [function(*arguments), *by_row(function, arguments)]), strict=True):
                near(whole.reshape(len(rows), -1), np.reshape(rows, (len(rows), -1)), 32 * np.finfo(dtype).eps)
                assert whole.shape[: len(shape)] == shape
                assert whole.dtype == dtype
        errors = [squashed.entropy_error(*arguments)[0] for arguments in by_row(lambda *a: a, (mean, log_std))]
        np.testing.assert_allclose(np.ravel(squashed.entropy_error(mean, log_std)), errors, rtol=1e-6)
        if shape == () and log_std is shared:
            of_each = squashed.entropy_error(mean[:, None], log_std[:, None])
            np.testing.assert_allclose(squashed.entropy_error(mean, log_std), of_each.sum(), rtol=1e-6)


def by_row(function, arguments):
    """The function's results row by row, for arrays (..., A) of rows, a shared one (A,) and one number a row (...)."""
    mean = arguments[0]
    for place in np.ndindex(mean.shape[:-1]):
        one = (a[place][None] if a.shape in (mean.shape, mean.shape[:-1]) else a for a in arguments)
        yield function(*(np.asarray(array) for array in one))


def parts(result):
    return result if isinstance(result, tuple) else (result,)


def test_samples_keep_the_type_of_the_mean():
    for drawn in squashed.sample_and_log_prob(np.random.default_rng(0), *np.zeros((2, 2, 3), np.float32)):
        assert drawn.dtype == np.float32


# ---- balls, and errors ----


def test_balls_of_two_hundred_bits_contain_the_truth():
    mean, log_std, noise = (
        x.astype(np.float32).astype(float) for x in np.random.default_rng(3).standard_normal((3, 2, 3))
    )
    m, s, e = map(to_balls, (mean, log_std, noise))
    with mpmath.workdps(80), flint.ctx.workprec(180):
        action, log_prob, pre_tanh = squashed.from_noise(m, s, e)
        again = squashed.log_prob(m, s, pre_tanh)
        for b in range(2):
            truth = mpmath.mpf(0)
            for i in range(3):
                mu, sigma = mpmath.mpf(mean[b, i]), mpmath.exp(mpmath.mpf(log_std[b, i]))
                u = mu + sigma * mpmath.mpf(noise[b, i])
                assert close(action[b, i], mpmath.tanh(u))
                truth += mpmath.log(mpmath.npdf(u, mu, sigma)) - mpmath.log(1 - mpmath.tanh(u) ** 2)
            assert close(log_prob[b], truth)
            assert close(again[b], truth)


def close(ball, truth):
    return ball.rad() < 1e-40 and ball.overlaps(flint.arb(mpmath.nstr(truth, 57)) + flint.arb(0, 2.0**-175))


ONE, SHORT = np.zeros((2, 3)), np.zeros(3)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("pre_tanh", lambda: squashed.log_prob(ONE, SHORT, np.zeros((2, 1)))),
        ("pre_tanh", lambda: squashed.score(ONE, SHORT, SHORT)),
        ("noise", lambda: squashed.from_noise(ONE, SHORT, np.zeros((3, 2)))),
        ("noise", lambda: squashed.pathwise_grad(ONE, SHORT, SHORT, ONE, np.zeros(2))),
        ("d_action", lambda: squashed.pathwise_grad(ONE, SHORT, ONE, SHORT, np.zeros(2))),
        ("d_log_prob", lambda: squashed.pathwise_grad(ONE, SHORT, ONE, ONE, SHORT)),
        ("log_std", lambda: squashed.log_prob(ONE, np.zeros((2, 1)), ONE)),
        ("log_std", lambda: squashed.entropy(ONE, np.zeros(2))),
        ("log_std", lambda: squashed.entropy_grad(ONE, np.zeros(1))),
        ("log_std", lambda: squashed.entropy_error(ONE, np.zeros((3, 3)))),
    ],
)
def test_errors_name_the_argument(name, call):
    with pytest.raises(ValueError, match=rf"^{name}: expected"):
        call()

"""One definition, several number systems: float32, float64 and balls of 200 bits run through the same functions.

A ball is an interval midpoint ± radius that provably holds the true value. Computed with 50 bits instead of 53 its
radius is a bound on the rounding of the same formula in float64 with three bits to spare (libm is good to an ulp, not
half of one, and BLAS sums in an order of its own); with 21 bits instead of 24 the same holds for float32. So the
accuracy claims below have no tolerance to choose.
"""

import ast
import inspect

import flint
import mpmath
import numpy as np
import pytest

from scratchrl.maths import (
    action_values,
    bounding,
    categorical,
    chunks,
    constants,
    critic,
    curvature,
    deterministic,
    distributional,
    dueling,
    exploration,
    exponential,
    gaussian,
    kl_estimators,
    mlp,
    moments,
    n_step_replay,
    objectives,
    off_policy,
    optimizers,
    pearlmutter,
    policies,
    prioritized,
    quadrature,
    quantiles,
    returns,
    schedules,
    search_policy,
    soft,
    soft_actor,
    squashed_gaussian,
    squashing,
    state_action,
    targets,
    values,
)
from scratchrl.oracle.accuracy_cases import cases
from scratchrl.oracle.accuracy_networks import A, B, numbers

NAMES = list(cases(np.random.default_rng(0)))
EVERY = pytest.mark.parametrize("name", NAMES)


# ---- the systems ----

to_balls = np.frompyfunc(flint.arb, 1, 1)


def leaves(tree):
    """The arrays of numbers in a result, scalars as arrays, indices and flags left out."""
    if isinstance(tree, (tuple, list)):
        return [leaf for branch in tree for leaf in leaves(branch)]
    array = np.asarray(tree)
    return [array] if array.dtype.kind not in "iub" else []


def evaluate(case, convert):
    function, *arguments = case
    return leaves(function(*converted(arguments, convert)))


def converted(arguments, convert):
    """Float64 arrays in another system, in lists too; indices, flags and settings as they are."""
    if isinstance(arguments, list):
        return [converted(argument, convert) for argument in arguments]
    return convert(arguments) if isinstance(arguments, np.ndarray) and arguments.dtype == np.float64 else arguments


def balls(case, bits):
    """All numbers of a result as balls, computed with that many bits."""
    with flint.ctx.workprec(bits):
        return [flint.arb(ball) for leaf in evaluate(case, to_balls) for ball in leaf.flat]


@EVERY
def test_float32_in_float32_out(name):
    case = cases(np.random.default_rng(0))[name]
    for leaf in evaluate(case, lambda x: x.astype(np.float32)):
        assert leaf.dtype == np.float32


@EVERY
@pytest.mark.parametrize("seed", range(3))
def test_rounding_stays_within_the_proven_radius(name, seed):
    case = cases(np.random.default_rng(seed))[name]
    for dtype, bits in ((np.float64, 50), (np.float32, 21)):
        rounded = [x for leaf in evaluate(case, lambda x, t=dtype: x.astype(t)) for x in leaf.flat]
        for number, ball in zip(rounded, balls(case, bits), strict=True):
            assert ball.contains(flint.arb(float(number))), (dtype, number, ball)


@EVERY
def test_at_200_bits_balls_are_tight_and_settings_are_not_rounded_on_their_way_in(name):
    """γλ of two Python floats has 53 bits, and no radius shows it; given as balls they come to another result then."""
    case = cases(np.random.default_rng(0))[name]
    unrounded = [flint.arb(x) if isinstance(x, float) else x for x in case]
    for ball, truth in zip(balls(case, 200), balls(unrounded, 200), strict=True):
        assert ball.rad() <= 2.0**-150 * (1 + abs(ball.mid()))
        assert ball.overlaps(truth)


def test_every_public_function_is_in_the_table():
    left_out = {
        "categorical": {"sample", "mode"}, "gaussian": {"sample"},
        "squashed_gaussian": {"sample", "sample_and_log_prob", "mode"},
        "policies": {"sample", "sampler", "is_categorical", "parameters", "size", "init", "vjp", "fisher"},
        "chunks": {"cut"},
        "mlp": {"size", "layers", "outputs", "output", "is_narrow", "fits", "repeated"}, "moments": {"empty"},
        "objectives": {"clip_fraction", "adapt_beta", "check_clip"},
        "critic": {"fit", "minibatches"}, "returns": {"check"}, "bounding": {"check"}, "targets": {"check_actions"},
        "action_values": {"epsilon_greedy", "explorer", "check_action"},
        "state_action": {"joined", "split"},
    }  # fmt: skip
    modules = (
        action_values, bounding, categorical, chunks, critic, curvature, deterministic, distributional, dueling,
        exploration, exponential, gaussian, kl_estimators, mlp, moments, n_step_replay, objectives, off_policy,
        optimizers, pearlmutter, policies, prioritized, quadrature, quantiles, returns, schedules, search_policy, soft,
        soft_actor, squashed_gaussian, squashing, state_action, targets, values,
    )  # fmt: skip
    for module in modules:
        short = module.__name__.rsplit(".", 1)[1]
        body = ast.parse(inspect.getsource(module)).body
        functions = {node.name for node in body if isinstance(node, ast.FunctionDef)}
        for function in functions - left_out.get(short, set()):
            if not function.startswith("_") and not function.endswith(("_init", "_policy")):
                assert any(name.split(" ")[0] == f"{short}.{function}" for name in NAMES), f"{short}.{function}"


# ---- the truth, by mpmath, from the textbook ----


@pytest.fixture
def digits():
    """60 digits for mpmath, 180 bits for flint: the ball is the wider of the two."""
    with mpmath.workdps(60), flint.ctx.workprec(180):
        yield


def contains(balls, truths):
    for ball, truth in zip(np.ravel(balls), truths, strict=True):
        assert ball.overlaps(flint.arb(mpmath.nstr(truth, 58)) + flint.arb(0, 2.0**-185)), (ball, truth)


def exact(array):
    return [[mpmath.mpf(x) for x in row] for row in array.tolist()]


@pytest.mark.usefixtures("digits")
def test_categorical_balls_contain_the_truth():
    logits, other = numbers(np.random.default_rng(1), 2, B, A)
    action = np.array([0, 3, 2])
    p, q = ([[mpmath.exp(l) / sum(map(mpmath.exp, row)) for l in row] for row in exact(x)] for x in (logits, other))
    l, m = to_balls(logits), to_balls(other)
    contains(categorical.log_prob(l, action), [mpmath.log(row[a]) for row, a in zip(p, action, strict=True)])
    contains(categorical.entropy(l), [-sum(x * mpmath.log(x) for x in row) for row in p])
    kl = [sum(x * mpmath.log(x / y) for x, y in zip(*rows, strict=True)) for rows in zip(p, q, strict=True)]
    contains(categorical.kl(l, m), kl)
    contains(categorical.softmax(l), [x for row in p for x in row])


@pytest.mark.usefixtures("digits")
def test_gaussian_balls_contain_the_truth():
    """Also the only test that could tell log 2π of the number system from log 2π of 53 bits."""
    arrays = numbers(np.random.default_rng(2), 4, B, A)
    mean, log_std, action, other = (exact(array) for array in arrays)
    m, s, a, o = map(to_balls, arrays)
    log_prob, entropy, kl = [], [], []
    for b in range(B):
        columns = list(zip(mean[b], log_std[b], action[b], other[b], strict=True))
        density = mpmath.fprod(mpmath.npdf(x, mu, mpmath.exp(s)) for mu, s, x, _ in columns)
        log_prob.append(mpmath.log(density))
        entropy.append(sum(mpmath.log(2 * mpmath.pi * mpmath.e * mpmath.exp(s) ** 2) / 2 for _, s, _, _ in columns))
        kl.append(
            sum(
                t - s + (mpmath.exp(2 * s) + (mu - nu) ** 2) / (2 * mpmath.exp(2 * t)) - mpmath.mpf(1) / 2
                for mu, s, nu, t in columns
            )
        )
    contains(gaussian.log_prob(m, s, a), log_prob)
    contains(gaussian.entropy(m, s), entropy)
    contains(gaussian.kl(m, s, a, o), kl)


@pytest.mark.usefixtures("digits")
def test_network_balls_contain_the_truth():
    net, theta, x = mlp.MLP((2, 2, 1)), numbers(np.random.default_rng(3), 9), numbers(np.random.default_rng(4), 1, 2)
    w11, w12, w21, w22, b1, b2, v1, v2, c = map(mpmath.mpf, theta.tolist())
    ((x1, x2),) = exact(x)
    h1, h2 = mpmath.tanh(w11 * x1 + w21 * x2 + b1), mpmath.tanh(w12 * x1 + w22 * x2 + b2)
    t, xs = to_balls(theta), to_balls(x)
    y, cache = mlp.forward(net, t, xs)
    contains(y, [v1 * h1 + v2 * h2 + c])
    d_b1, d_v1 = v1 * (1 - h1**2), h1
    d_theta = mlp.vjp(net, t, cache, to_balls(np.ones((1, 1))))
    contains(d_theta[[0, 4, 6, 8]], [x1 * d_b1, d_b1, d_v1, mpmath.mpf(1)])


@pytest.mark.usefixtures("digits")
def test_return_balls_contain_the_truth():
    """Discounts are Python floats and mean the exact binary fraction in every system."""
    reward, value, next_value = numbers(np.random.default_rng(5), 3, 2)
    no = np.zeros(2, bool)
    (r, v, w), gamma, lam = exact(np.stack([reward, value, next_value])), mpmath.mpf(0.9), mpmath.mpf(0.8)
    last = r[1] + gamma * w[1] - v[1]
    truth = [r[0] + gamma * w[0] - v[0] + gamma * lam * last, last]
    contains(returns.gae(*map(to_balls, (reward, value, next_value)), no, no, 0.9, 0.8), truth)


def test_constants_belong_to_the_system_of_the_array():
    assert constants.log_two_pi(np.zeros(1, np.float32)) == constants.LOG_TWO_PI == float(mpmath.log(2 * mpmath.pi))
    with flint.ctx.workprec(200):
        assert constants.log_two_pi(to_balls(np.zeros(1))).contains((2 * flint.arb.pi()).log())
        assert constants.sqrt_two_pi(to_balls(np.zeros(1))).contains((2 * flint.arb.pi()).sqrt())
        assert (constants.exact(0.9, to_balls(np.zeros(1))) - 0.9).contains(0)

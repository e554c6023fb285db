"""One definition, several number systems: float32, float64 and balls of 200 bits run through the same functions.

A ball is an interval midpoint ± radius that provably holds the true value. Computed with 50 bits instead of 53 its
radius is a bound on the rounding of the same formula in float64 with three bits to spare (libm is good to an ulp, not
half of one, and BLAS sums in an order of its own); with 21 bits instead of 24 the same holds for float32. So the
accuracy claims below have no tolerance to choose.
"""

import ast
import inspect
from functools import partial

import flint
import mpmath
import numpy as np
import pytest

from scratchrl.maths import (
    categorical,
    constants,
    critic,
    curvature,
    distributional,
    gaussian,
    kl_estimators,
    mlp,
    moments,
    objectives,
    off_policy,
    optimizers,
    pearlmutter,
    policies,
    quadrature,
    returns,
    soft,
    squashed_gaussian,
    squashing,
    targets,
    values,
)

T, B, A = 6, 3, 4


def numbers(rng, *shape):
    """Standard normal, rounded to float32: the same numbers in every system."""
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


def cases(rng):
    """name -> (function, its arguments); float64 arrays among them are converted, all else is left alone."""
    p, q, v = numbers(rng, 3, B, A)
    action, log_std = rng.integers(0, A, B), numbers(rng, A)
    of_densities = {
        "categorical.log_softmax": (categorical.log_softmax, p),
        "categorical.softmax": (categorical.softmax, p),
        "categorical.log_prob": (categorical.log_prob, p, action),
        "categorical.score": (categorical.score, p, action),
        "categorical.entropy": (categorical.entropy, p),
        "categorical.entropy_grad": (categorical.entropy_grad, p),
        "categorical.kl": (categorical.kl, p, q),
        "categorical.kl_grad": (categorical.kl_grad, p, q),
        "categorical.fisher_matvec": (categorical.fisher_matvec, p, v),
        "gaussian.mode": (gaussian.mode, p, log_std),
        "gaussian.log_prob": (gaussian.log_prob, p, log_std, v),
        "gaussian.score": (gaussian.score, p, log_std, v),
        "gaussian.entropy": (gaussian.entropy, p, log_std),
        "gaussian.entropy_grad": (gaussian.entropy_grad, p, log_std),
        "gaussian.kl": (gaussian.kl, p, log_std, q, v),
        "gaussian.kl_grad": (gaussian.kl_grad, p, log_std, q, v),
        "gaussian.fisher_matvec": (gaussian.fisher_matvec, p, log_std, q, v),
    }
    families = of_samples, of_trajectories, of_action_values, of_networks, of_vectors, of_squashed
    return of_densities | {name: case for family in families for name, case in family(rng).items()}


def of_samples(rng):
    log_prob, log_prob_old, advantage = numbers(rng, 3, 8)
    kl = np.abs(advantage)
    return {
        "objectives.policy_gradient": (objectives.policy_gradient, log_prob, advantage),
        "objectives.ratio": (objectives.ratio, log_prob, log_prob_old),
        "objectives.surrogate": (objectives.surrogate, log_prob, log_prob_old, advantage),
        "objectives.ppo_clip": (objectives.ppo_clip, log_prob, log_prob_old, advantage, 0.2),
        "objectives.ppo_penalty": (objectives.ppo_penalty, log_prob, log_prob_old, advantage, kl, 0.3),
        "objectives.entropy_bonus": (objectives.entropy_bonus, log_prob, kl, 0.01),
        "values.mse": (values.mse, log_prob, log_prob_old),
        "values.clipped_value_loss": (values.clipped_value_loss, log_prob, log_prob_old, advantage, 0.2),
        "values.explained_variance": (values.explained_variance, log_prob, log_prob_old),
        "returns.normalize_advantage": (returns.normalize_advantage, advantage),
        **{
            f"kl_estimators.{name}": (getattr(kl_estimators, name), log_prob, log_prob_old)
            for name in ("k1", "k2", "k3", "k1_grad", "k2_grad", "k3_grad")
        },
    }


def of_trajectories(rng):
    reward, value, next_value, log_rho = numbers(rng, 4, T, 2)
    terminated, truncated = rng.random((2, T, 2)) < 0.2
    flags, one = (terminated, truncated), (reward, value, next_value)
    return {
        "returns.reverse_scan": (returns.reverse_scan, reward, value),
        "returns.discounted_return": (returns.discounted_return, reward, 0.9),
        "returns.reward_to_go": (returns.reward_to_go, reward, *flags, 0.9),
        "returns.total_return": (returns.total_return, reward, *flags, 0.9),
        "returns.n_step_return": (returns.n_step_return, reward, next_value, *flags, 0.9, 3),
        "returns.lambda_return": (returns.lambda_return, reward, next_value, *flags, 0.9, 0.8),
        "returns.gae": (returns.gae, *one, *flags, 0.9, 0.8),
        "off_policy.vtrace": (off_policy.vtrace, log_rho, *one, *flags, 0.9, 0.8),
    }


def of_action_values(rng):
    reward, q, other, log_prob, start = numbers(rng, 5, 8)
    actions, others, atoms = numbers(rng, 3, 8, A)
    probs, stride = np.abs(atoms), np.abs(start)
    flags, between = tuple(rng.random((2, 8)) < 0.3), (-2.0, 3.0)
    return {
        "values.huber": (values.huber, reward, 0.75),
        "targets.dqn_target": (targets.dqn_target, reward, actions, *flags, 0.9),
        "targets.double_dqn_target": (targets.double_dqn_target, reward, actions, others, *flags, 0.9),
        "targets.ddpg_target": (targets.ddpg_target, reward, q, *flags, 0.9),
        "targets.clipped_double_q_target": (targets.clipped_double_q_target, reward, q, other, *flags, 0.9),
        "targets.sac_target": (targets.sac_target, reward, q, other, log_prob, *flags, 0.9, 0.2),
        "targets.polyak_update": (targets.polyak_update, q, other, 0.005),
        "distributional.support": (lambda *a: distributional.support(*a[1:], 51, a[0]), reward, -0.7, 1.9),
        "distributional.categorical_mean": (distributional.categorical_mean, probs, *between),
        "distributional.c51_projection": (distributional.c51_projection, probs, reward, *flags, 0.9, *between),
        "distributional.split_linearly": (distributional.split_linearly, probs, start, stride),
        "distributional.c51_loss": (distributional.c51_loss, atoms, probs),
        "soft.sac_policy_loss": (soft.sac_policy_loss, log_prob, q, other, 0.2),
        "soft.temperature_loss": (soft.temperature_loss, start, log_prob, -1.75),
        "soft.temperature_loss_log": (soft.temperature_loss_log, start, log_prob, -1.75),
    }


def of_networks(rng):
    found = {}
    for activation in mlp.ACTIVATIONS:
        net = mlp.MLP((3, 4, 2), activation)
        theta, d_theta, x, d_x, d_y = (numbers(rng, *s) for s in [(26,), (26,), (B, 3), (B, 3), (B, 2)])
        target, old = numbers(rng, 2, B)
        u_change = numbers(rng, B, 2)
        at, critic_net = partial(on_cache, net), mlp.MLP((3, 4, 1), activation)
        phi = theta[: mlp.size(critic_net)]
        found |= {
            f"mlp.forward {activation}": (lambda *a, net=net: mlp.forward(net, *a)[0], theta, x),
            f"mlp.predictor {activation}": (lambda theta, x, net=net: mlp.predictor(net, theta)(x), theta, x),
            f"mlp.vjp {activation}": (partial(at, mlp.vjp), theta, x, d_y),
            f"pearlmutter.vjp_derivative {activation}": (
                partial(at, pearlmutter.vjp_derivative), theta, x, d_y, d_theta, u_change,
            ),
            f"mlp.vjp_input {activation}": (partial(at, mlp.vjp_input), theta, x, d_y),
            f"mlp.jvp {activation}": (partial(at, mlp.jvp), theta, x, d_theta),
            f"mlp.jvp_input {activation}": (partial(at, mlp.jvp_input), theta, x, d_x),
            f"critic.value {activation}": (partial(critic.value, critic_net), phi, x),
            f"critic.loss_and_grad {activation}": (partial(critic.loss_and_grad, critic_net), phi, x, target),
            f"critic.clipped_loss_and_grad {activation}": (
                partial(critic.clipped_loss_and_grad, critic_net), phi, x, target, old, 0.2,
            ),
        }  # fmt: skip
    for name, policy in {
        "categorical": policies.categorical_policy(3, A, (4,)),
        "multi_categorical": policies.multi_categorical_policy(3, (2, 3), (4,)),
        "gaussian": policies.gaussian_policy(3, 2, (4,)),
        "state_dependent_gaussian": policies.state_dependent_gaussian_policy(3, 2, (4,)),
    }.items():
        theta, v, obs, weight = (numbers(rng, *s) for s in [(policies.size(policy),)] * 2 + [(B, 3), (B,)])
        action = policies.sample(policy, theta, obs, rng)
        action = action.astype(np.float32).astype(np.float64) if action.dtype == float else action
        found |= {
            f"policies.forward {name}": (lambda *a, policy=policy: policies.forward(policy, *a)[0], theta, obs),
            f"policies.log_prob {name}": (partial(policies.log_prob, policy), theta, obs, action),
            f"policies.weighted_score {name}": (partial(policies.weighted_score, policy), theta, obs, action, weight),
            f"policies.fisher_vector_product {name}": (partial(fisher, policy), theta, obs, v),
            f"policies.mode {name}": (partial(policies.mode, policy), theta, obs),
            f"policies.jvp {name}": (partial(on_policy, policy, policies.jvp), theta, obs, v),
        }
        params, other = numbers(rng, 2, *policies.forward(policy, theta, obs)[0].shape)
        for function in ("entropy", "entropy_grad", "fisher_weights"):
            found[f"distributions.{name}.{function}"] = (getattr(policy.distribution, function), params)
        for function in ("kl", "kl_grad", "fisher_matvec"):
            found[f"distributions.{name}.{function}"] = (getattr(policy.distribution, function), params, other)
    return found


def of_squashed(rng):
    mean, log_std, u, other, spread = numbers(rng, 5, 2, 2)
    weight, width = numbers(rng, 2), 1 + np.abs(u)
    found = {
        "log_prob": (mean, log_std, u),
        "score": (mean, log_std, u),
        "from_noise": (mean, log_std, u),
        "pathwise_grad": (mean, log_std, u, other, weight),
        "entropy": (mean, log_std),
        "entropy_grad": (mean, log_std),
        "entropy_error": (mean, log_std),
        "kl": (mean, log_std, other, spread),
        "kl_grad": (mean, log_std, other, spread),
        "fisher_matvec": (mean, log_std, other, spread),
    }
    return {
        **{f"squashed_gaussian.{name}": (getattr(squashed_gaussian, name), *case) for name, case in found.items()},
        "squashing.log_det": (squashing.log_det, 3 * u),
        "quadrature.normal_rule": (quadrature.normal_rule, u),
        "quadrature.error_bound": (quadrature.error_bound, width, width, width),
    }


def of_vectors(rng):
    root, b, theta, batch = numbers(rng, 3, 3), numbers(rng, 3), numbers(rng, 3), numbers(rng, 5, 3)
    matrix = root @ root.T + np.eye(3)
    matrix = matrix.astype(np.float32).astype(np.float64)
    return {
        "moments.update": (lambda x: moments.update(seen(x[:2]), x[2:])[1:], batch),
        "moments.merge": (lambda x: moments.merge(seen(x[:2]), seen(x[2:]))[1:], batch),
        "moments.variance": (lambda x: moments.variance(seen(x)), batch),
        "optimizers.sgd": (partial(two_steps, optimizers.sgd_init, optimizers.sgd), theta, b),
        "optimizers.momentum": (partial(two_steps, optimizers.momentum_init, optimizers.momentum), theta, b),
        "optimizers.rmsprop": (partial(two_steps, optimizers.rmsprop_init, optimizers.rmsprop), theta, b),
        "optimizers.adam": (partial(two_steps, optimizers.adam_init, optimizers.adam), theta, b),
        "optimizers.clip_by_global_norm": (lambda g: optimizers.clip_by_global_norm(g, 0.5), b),
        "curvature.conjugate_gradient": (lambda m, b: curvature.conjugate_gradient(m.dot, b, 2)[0], matrix, b),
        "curvature.natural_gradient": (lambda m, b: curvature.natural_gradient(m.dot, b, 0.5, 2)[0], matrix, b),
        "curvature.trust_region_step": (lambda m, b: curvature.trust_region_step(b, m.dot, 0.5), matrix, b),
        "curvature.fisher_vector_product": (
            lambda m, b: curvature.fisher_vector_product(lambda v: m * v, lambda w: w / 4, lambda u: u.sum(axis=0), b),
            matrix, b,
        ),
        "curvature.line_search": (
            lambda m, b: curvature.line_search(b, m[0], lambda x: x.sum(), lambda x: x[0] * 0, 1.0)[0], matrix, b,
        ),
    }  # fmt: skip


def on_cache(net, function, theta, x, *rest):
    return function(net, theta, mlp.forward(net, theta, x)[1], *rest)


def on_policy(policy, function, theta, obs, *rest):
    return function(policy, theta, policies.forward(policy, theta, obs)[1], *rest)


def fisher(policy, theta, obs, v):
    return policies.fisher_vector_product(policy, theta, *policies.forward(policy, theta, obs), v, 0.1)


def seen(batch):
    return moments.update(moments.Moments(0, 0 * batch[0], 0 * batch[0]), batch)


def two_steps(init, optimizer, theta, gradient):
    state, first = optimizer(init(theta), gradient, lr=0.5)
    return first, optimizer(state, gradient - theta, lr=0.5)[1]


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
    is_float = [isinstance(x, np.ndarray) and x.dtype == np.float64 for x in arguments]
    return leaves(function(*(convert(x) if yes else x for x, yes in zip(arguments, is_float, strict=True))))


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
        "policies": {"sample", "sampler", "size", "init", "vjp"},
        "mlp": {"size", "layers", "outputs"}, "moments": {"empty"},
        "objectives": {"clip_fraction", "adapt_beta", "check_clip"},
        "critic": {"fit", "minibatches"}, "returns": {"check"}, "targets": {"check_actions"},
    }  # fmt: skip
    modules = (
        categorical, critic, curvature, distributional, gaussian, kl_estimators, mlp, moments, objectives, optimizers,
        off_policy, pearlmutter, policies, quadrature, returns, soft, squashed_gaussian, squashing, targets, values,
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

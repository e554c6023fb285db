"""Claims about networks, policies and critics: products with Jacobians, and the Fisher matrix in θ."""

import numpy as np

from scratchrl.maths import critic, curvature, mlp, pearlmutter, policies
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.checks import EXACT, FIRST, SECOND, Check, direction_error, gap, gradient_error, on
from scratchrl.oracle.differentiation import complex_step, dot_test, one_sided_difference, relative_error

ROWS, OBS = 3, 3
KINDS = {
    "categorical": lambda: policies.categorical_policy(OBS, 4, (5,)),
    "multi_categorical": lambda: policies.multi_categorical_policy(OBS, (2, 3), (5,)),
    "gaussian": lambda: policies.gaussian_policy(OBS, 2, (5,)),
    "state_dependent_gaussian": lambda: policies.state_dependent_gaussian_policy(OBS, 2, (5,)),
}


# ---- mlp ----


def network(rng, activation, outputs=2):
    """(net, θ, x, cache, and random directions d_θ, d_x, d_y)."""
    net = MLP((OBS, 5, 4, outputs), activation)
    theta, d_theta = rng.standard_normal((2, mlp.size(net)))
    x, d_x = rng.standard_normal((2, ROWS, OBS))
    return net, theta, x, mlp.forward(net, theta, x)[1], d_theta, d_x, rng.standard_normal((ROWS, outputs))


def vjp(rng, activation):
    net, theta, x, cache, _, _, d_y = network(rng, activation)
    return gradient_error(lambda theta: d_y * mlp.forward(net, theta, x)[0], theta, mlp.vjp(net, theta, cache, d_y))


def vjp_input(rng, activation):
    net, theta, x, cache, _, _, d_y = network(rng, activation)
    return gradient_error(lambda x: d_y * mlp.forward(net, theta, x)[0], x, mlp.vjp_input(net, theta, cache, d_y))


def jvp(rng, activation):
    net, theta, x, cache, d_theta, _, _ = network(rng, activation)
    got = mlp.jvp(net, theta, cache, d_theta)
    return direction_error(lambda theta: mlp.forward(net, theta, x)[0], theta, d_theta, got)


def jvp_input(rng, activation):
    net, theta, x, cache, _, d_x, _ = network(rng, activation)
    return direction_error(lambda x: mlp.forward(net, theta, x)[0], x, d_x, mlp.jvp_input(net, theta, cache, d_x))


def vjp_derivative(rng, activation):
    """The derivative of Jᵀu as θ and u move together."""
    net, theta, x, cache, d_theta, _, d_y = network(rng, activation)
    u_change = rng.standard_normal(d_y.shape)

    def pulled_back(t):
        return mlp.vjp(net, theta + t * d_theta, mlp.forward(net, theta + t * d_theta, x)[1], d_y + t * u_change)

    got = pearlmutter.vjp_derivative(net, theta, cache, d_y, d_theta, u_change)
    return direction_error(pulled_back, np.zeros(()), np.ones(()), got)


def transpose(rng, activation):
    net, theta, _, cache, d_theta, _, d_y = network(rng, activation)
    return dot_test(
        lambda v: mlp.jvp(net, theta, cache, v), lambda u: mlp.vjp(net, theta, cache, u), d_theta, d_y
    )


def transpose_input(rng, activation):
    net, theta, _, cache, _, d_x, d_y = network(rng, activation)
    return dot_test(
        lambda v: mlp.jvp_input(net, theta, cache, v), lambda u: mlp.vjp_input(net, theta, cache, u), d_x, d_y
    )


def relu_kink(rng):
    """At a pre-activation of exactly 0 the slope 0 is the derivative from the left, certified by a difference."""
    w, v = rng.standard_normal(2)
    net, theta, x = MLP((1, 1, 1), "relu"), np.array([w, 0.0, v, 0.0]), np.zeros((1, 1))
    got = mlp.vjp_input(net, theta, mlp.forward(net, theta, x)[1], np.ones((1, 1)))
    left, error = one_sided_difference(lambda x: mlp.forward(net, theta, x)[0], x, -np.sign(w) * np.ones((1, 1)))
    return float(np.maximum(0.0, np.abs(got + left * np.sign(w)) - error).max())


# ---- policies ----


def situation(rng, kind):
    """(policy, θ, obs, action, params, cache, a random direction in θ)."""
    policy = KINDS[kind]()
    theta, v = rng.standard_normal((2, policies.size(policy))) / 2  # so that no σ is tiny
    obs = rng.standard_normal((ROWS, OBS))
    action = policies.sample(policy, theta, obs, rng)
    return policy, theta, obs, action, *policies.forward(policy, theta, obs), v


def policy_vjp(rng, kind):
    policy, theta, obs, _, params, cache, _ = situation(rng, kind)
    u = rng.standard_normal(params.shape)
    got = policies.vjp(policy, theta, cache, u)
    return gradient_error(lambda theta: u * policies.forward(policy, theta, obs)[0], theta, got)


def policy_jvp(rng, kind):
    policy, theta, obs, _, _, cache, v = situation(rng, kind)
    got = policies.jvp(policy, theta, cache, v)
    return direction_error(lambda theta: policies.forward(policy, theta, obs)[0], theta, v, got)


def weighted_score(rng, kind):
    policy, theta, obs, action, *_ = situation(rng, kind)
    weight = rng.standard_normal(ROWS)
    got = policies.weighted_score(policy, theta, obs, action, weight)
    return gradient_error(lambda theta: weight * policies.log_prob(policy, theta, obs, action), theta, got)


def fisher_is_the_hessian_of_kl(rng, kind):
    policy, theta, obs, _, params, cache, v = situation(rng, kind)

    def kl_gradient(theta):
        moved, cache = policies.forward(policy, theta, obs)
        return policies.vjp(policy, theta, cache, policy.distribution.kl_grad(params, moved)) / ROWS

    hessian = complex_step(kl_gradient, theta)
    return relative_error(policies.fisher_vector_product(policy, theta, params, cache, v), hessian @ v)


def fisher_of_curvature(rng, kind):
    policy, theta, _, _, params, cache, v = situation(rng, kind)
    got = curvature.fisher_vector_product(
        lambda v: policies.jvp(policy, theta, cache, v),
        lambda rows: policy.distribution.fisher_matvec(params, rows),
        lambda u: policies.vjp(policy, theta, cache, u), v, 0.5,
    )  # fmt: skip
    return relative_error(got, policies.fisher_vector_product(policy, theta, params, cache, v, 0.5))


def fisher_is_symmetric(rng, kind):
    policy, theta, _, _, params, cache, v = situation(rng, kind)
    u = rng.standard_normal(len(v))
    f_u, f_v = (policies.fisher_vector_product(policy, theta, params, cache, x) for x in (u, v))
    return gap(u @ f_v, v @ f_u) if v @ f_v >= 0 else np.inf


# ---- critic ----


def critic_gradient(rng, activation):
    net, phi, obs, *_ = network(rng, activation, outputs=1)
    target = rng.standard_normal(ROWS)
    got = critic.loss_and_grad(net, phi, obs, target)[1]
    return gradient_error(lambda phi: critic.loss_and_grad(net, phi, obs, target)[0], phi, got)


def clipped_critic_gradient(rng, activation):
    net, phi, obs, *_ = network(rng, activation, outputs=1)
    target, old = rng.standard_normal((2, ROWS))
    got = critic.clipped_loss_and_grad(net, phi, obs, target, old, 0.5)[1]
    return gradient_error(lambda phi: critic.clipped_loss_and_grad(net, phi, obs, target, old, 0.5)[0], phi, got)


def checks() -> list[Check]:
    """The claims of this file."""
    by_activation = [
        ("mlp.vjp", "complex step", FIRST, vjp),
        ("mlp.vjp_input", "complex step", FIRST, vjp_input),
        ("mlp.jvp", "complex step", FIRST, jvp),
        ("mlp.jvp_input", "complex step", FIRST, jvp_input),
        ("pearlmutter.vjp_derivative", "complex step of mlp.vjp", SECOND, vjp_derivative),
        ("mlp.vjp", "transpose of jvp", FIRST, transpose),
        ("mlp.vjp_input", "transpose of jvp_input", FIRST, transpose_input),
        ("critic.loss_and_grad", "complex step", FIRST, critic_gradient),
        ("critic.clipped_loss_and_grad", "complex step", FIRST, clipped_critic_gradient),
    ]
    by_kind = [
        ("policies.vjp", "complex step", FIRST, policy_vjp),
        ("policies.jvp", "complex step", FIRST, policy_jvp),
        ("policies.weighted_score", "complex step", FIRST, weighted_score),
        ("policies.fisher_vector_product", "Hessian of KL", SECOND, fisher_is_the_hessian_of_kl),
        ("policies.fisher_vector_product", "symmetric, positive", EXACT, fisher_is_symmetric),
        ("curvature.fisher_vector_product", "= policies", EXACT, fisher_of_curvature),
    ]
    tables = ((by_activation, mlp.ACTIVATIONS), (by_kind, KINDS))
    return [
        Check(function, f"{claim}, {variant}", bound, on(error, variant))
        for rows, variants in tables
        for function, claim, bound, error in rows
        for variant in variants
    ] + [Check("mlp.vjp_input", "one-sided difference at the kink, relu", 1e-9, relu_kink)]

"""Networks and policies for the table of `accuracy_cases`: every activation, every kind of policy."""

from functools import partial

import numpy as np

from scratchrl.maths import critic, mlp, pearlmutter, policies

B, A = 3, 4


def numbers(rng, *shape):
    """Standard normal, rounded to float32: the same numbers in every system."""
    return rng.standard_normal(shape).astype(np.float32).astype(np.float64)


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


def on_cache(net, function, theta, x, *rest):
    return function(net, theta, mlp.forward(net, theta, x)[1], *rest)


def on_policy(policy, function, theta, obs, *rest):
    return function(policy, theta, policies.forward(policy, theta, obs)[1], *rest)


def fisher(policy, theta, obs, v):
    return policies.fisher_vector_product(policy, theta, *policies.forward(policy, theta, obs), v, 0.1)

"""Networks and policies for the table of `accuracy_cases`: every activation, every kind of policy.

What takes a cache is handed one, rounded to float32 like every argument: its activations are inputs like others.
"""

from functools import partial
from typing import Any

import numpy as np

from scratchrl.maths import (
    action_values,
    bounding,
    critic,
    deterministic,
    exploration,
    mlp,
    pearlmutter,
    policies,
    search_policy,
    soft_actor,
    state_action,
)

B, A = 3, 4


def numbers(rng, *shape):
    """Standard normal, rounded to float32: the same numbers in every system."""
    return short(rng.standard_normal(shape))


def short(array):
    """To the nearest float32; integers as they are."""
    return array.astype(np.float32).astype(np.float64) if array.dtype == float else array


def _of_state_actions(activation, net, phi, obs, action, target):
    return {
        f"state_action.value {activation}": (partial(state_action.value, net), phi, obs, action),
        f"state_action.value_and_d_action {activation}": (
            partial(state_action.value_and_d_action, net), phi, obs, action,
        ),
        f"state_action.loss_and_grad {activation}": (
            partial(state_action.loss_and_grad, net), phi, obs, action, target,
        ),
        **_of_deterministic(activation, net, phi, obs),
    }  # fmt: skip


def _of_deterministic(activation, critic_net, phi, obs):
    actor = mlp.MLP((1, 2), activation)
    theta = phi[: mlp.size(actor)]

    def loss_and_grad(theta, phi, obs):
        def judge(action):
            q, d_action = state_action.value_and_d_action(critic_net, phi, obs, action)
            return q[0], d_action[0]

        return deterministic.loss_and_grad(actor, theta, obs, judge)

    return {
        f"deterministic.action {activation}": (partial(deterministic.action, actor), theta, obs),
        f"deterministic.loss_and_grad {activation}": (loss_and_grad, theta, phi, obs),
    }


def of_actors(rng):
    """SAC's actor, smooth: relu and the identity are the networks' business; noise on a deterministic one."""
    actor, net = soft_actor.Actor(mlp.MLP((3, 4, 4)), -5.0, 2.0), mlp.MLP((5, 4, 1))
    theta, phi, obs = numbers(rng, mlp.size(actor.mlp)), numbers(rng, 2 * mlp.size(net)), numbers(rng, B, 3)
    noise, d_action = numbers(rng, 2, B, 2)
    y, d_log_prob = numbers(rng, B, 4), numbers(rng, B)
    return {
        "soft_actor.distribution": (partial(soft_actor.distribution, actor), y),
        "soft_actor.squash": (partial(soft_actor.squash, actor), y, noise),
        "soft_actor.squash_grad": (partial(soft_actor.squash_grad, actor), y, noise, d_action, d_log_prob),
        "soft_actor.act": (partial(soft_actor.act, actor), theta, obs, noise),
        "soft_actor.loss_and_grad": (
            lambda theta, *rest: soft_actor.loss_and_grad(actor, theta, net, *rest), theta, phi, 0.2, obs, noise,
        ),
        "deterministic.smoothed": (deterministic.smoothed, d_action / 4, noise, 0.7),
        "exploration.perturbed": (exploration.perturbed, d_action, noise, -1.75, 0.5),
        "exploration.ornstein_uhlenbeck": (exploration.ornstein_uhlenbeck, d_action, noise, 0.15, 0.2, 0.01),
        "exploration.stationary_variance": (exploration.stationary_variance, np.abs(d_action), noise, 0.1),
        "bounding.bounded": (lambda x: bounding.bounded(x, -5.0, 2.0), 2 * noise),
        "bounding.bounded_grad": (lambda x: bounding.bounded_grad(x, -5.0, 2.0), 2 * noise),
    }  # fmt: skip


def of_search(rng):
    """AlphaZero's loss; one move illegal in every row, one legal one never visited."""
    net, legal = mlp.MLP((3, 4, A + 1)), np.arange(A) != np.arange(1, B + 1)[:, None]
    theta, obs, logits, x, outcome = (numbers(rng, *s) for s in [(mlp.size(net),), (B, 3), (B, A), (B,), (B,)])
    target = short(rng.dirichlet(np.ones(A), B) * (np.arange(A) > 0))

    def loss_and_grad(theta, obs, target, outcome):
        return search_policy.loss_and_grad(net, theta, obs, legal, target * legal, outcome, 0.1)

    return {
        "search_policy.policy": (lambda l: search_policy.policy(l, legal), logits),
        "search_policy.cross_entropy": (lambda l, p: search_policy.cross_entropy(l, legal, p * legal), logits, target),
        "search_policy.value_error": (search_policy.value_error, x, outcome),
        "search_policy.predict": (lambda theta, obs: search_policy.predict(net, theta, obs, legal), theta, obs),
        "search_policy.loss_and_grad": (loss_and_grad, theta, obs, target, outcome),
    }


def of_networks(rng):
    found: dict[str, Any] = {}
    for activation in mlp.ACTIVATIONS:
        net = mlp.MLP((3, 4, 2), activation)
        theta, d_theta, x, d_x, d_y = (numbers(rng, *s) for s in [(26,), (26,), (B, 3), (B, 3), (B, 2)])
        target, old = numbers(rng, 2, B)
        u_change = numbers(rng, B, 2)
        critic_net = mlp.MLP((3, 4, 1), activation)
        cache = [short(array) for array in mlp.forward(net, theta, x)[1]]
        phi = theta[: mlp.size(critic_net)]
        found |= {
            f"mlp.forward {activation}": (lambda *a, net=net: mlp.forward(net, *a)[0], theta, x),
            f"mlp.predictor {activation}": (lambda theta, x, net=net: mlp.predictor(net, theta)(x), theta, x),
            f"mlp.vjp {activation}": (partial(mlp.vjp, net), theta, cache, d_y),
            f"pearlmutter.vjp_derivative {activation}": (
                partial(pearlmutter.vjp_derivative, net), theta, cache, d_y, d_theta, u_change,
            ),
            f"mlp.vjp_input {activation}": (partial(mlp.vjp_input, net), theta, cache, d_y),
            f"mlp.jvp {activation}": (partial(mlp.jvp, net), theta, cache, d_theta),
            f"mlp.jvp_input {activation}": (partial(mlp.jvp_input, net), theta, cache, d_x),
            f"critic.value {activation}": (partial(critic.value, critic_net), phi, x),
            f"critic.loss_and_grad {activation}": (partial(critic.loss_and_grad, critic_net), phi, x, target),
            f"critic.clipped_loss_and_grad {activation}": (
                partial(critic.clipped_loss_and_grad, critic_net), phi, x, target, old, 0.2,
            ),
            f"action_values.loss_and_grad {activation}": (
                partial(action_values.loss_and_grad, net), theta, x, np.arange(B) % 2, target, 0.75,
            ),
            **_of_state_actions(activation, critic_net, phi, x[:, :1], x[:, 1:], target),
        }  # fmt: skip
    for name, policy in {
        "categorical": policies.categorical_policy(3, A, (4,)),
        "multi_categorical": policies.multi_categorical_policy(3, (2, 3), (4,)),
        "gaussian": policies.gaussian_policy(3, 2, (4,)),
        "state_dependent_gaussian": policies.state_dependent_gaussian_policy(3, 2, (4,)),
    }.items():
        theta, v, obs, weight = (numbers(rng, *s) for s in [(policies.size(policy),)] * 2 + [(B, 3), (B,)])
        action = short(policies.sample(policy, theta, obs, rng))
        params, cache = policies.forward(policy, theta, obs)
        params, cache = short(params), [short(array) for array in cache]
        damped = partial(policies.fisher_vector_product, policy, damping=0.1)
        found |= {
            f"policies.forward {name}": (lambda *a, policy=policy: policies.forward(policy, *a)[0], theta, obs),
            f"policies.log_prob {name}": (partial(policies.log_prob, policy), theta, obs, action),
            f"policies.weighted_score {name}": (partial(policies.weighted_score, policy), theta, obs, action, weight),
            f"policies.fisher_vector_product {name}": (damped, theta, params, cache, v),
            f"policies.mode {name}": (partial(policies.mode, policy), theta, obs),
            f"policies.jvp {name}": (partial(policies.jvp, policy), theta, cache, v),
        }
        params, other = numbers(rng, 2, *params.shape)
        for function in ("entropy", "entropy_grad", "fisher_weights"):
            found[f"distributions.{name}.{function}"] = (getattr(policy.distribution, function), params)
        for function in ("kl", "kl_grad", "fisher_matvec"):
            found[f"distributions.{name}.{function}"] = (getattr(policy.distribution, function), params, other)
    return found

"""Claims about critics of real actions, the deterministic actor that learns from them, and its noise."""

import numpy as np

from scratchrl.maths import deterministic, exploration, mlp, state_action
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.checks import EXACT, FIRST, Check, gap, gradient_error, on

B, O, A = 4, 3, 2


def problem(rng, activation):
    """(actor, critic, θ, two critics φ, obs, action)."""
    actor, critic = MLP((O, 5, A), activation), MLP((O + A, 6, 1), activation)
    theta, phi = rng.standard_normal(mlp.size(actor)), rng.standard_normal(2 * mlp.size(critic))
    return actor, critic, theta, phi, rng.standard_normal((B, O)), rng.uniform(-1, 1, (B, A))


def regression(rng, activation):
    _, critic, _, phi, obs, action = problem(rng, activation)
    target = rng.standard_normal(B)
    got = state_action.loss_and_grad(critic, phi, obs, action, target)[1]
    return gradient_error(lambda phi: state_action.loss_and_grad(critic, phi, obs, action, target)[0], phi, got)


def d_action(rng, activation):
    _, critic, _, phi, obs, action = problem(rng, activation)
    got = state_action.value_and_d_action(critic, phi, obs, action)[1].sum(axis=0)
    return gradient_error(lambda a: state_action.value(critic, phi, obs, a), action, got)


def policy_gradient(rng, activation):
    actor, critic, theta, phi, obs, _ = problem(rng, activation)

    def judge(action):
        q, d_action = state_action.value_and_d_action(critic, phi, obs, action)
        return q[0], d_action[0]

    got = deterministic.loss_and_grad(actor, theta, obs, judge)[1]
    return gradient_error(lambda theta: deterministic.loss_and_grad(actor, theta, obs, judge)[0], theta, got)


def smoothing(rng):
    """By how much a target action moves farther than the clip, or leaves the bounds."""
    action, noise = rng.uniform(-1, 1, (B, A)), rng.standard_normal((B, A))
    moved = deterministic.smoothed(action, noise, 0.5)
    return float(max(0.0, np.abs(moved - action).max() - 0.5 - 1e-15, np.abs(moved).max() - 1))


def stationary(rng):
    """The variance that a step of the process leaves as it is."""
    theta, sigma, dt = rng.uniform(0.01, 1, 3)
    variance = exploration.stationary_variance(theta, sigma, dt)
    response = exploration.ornstein_uhlenbeck(np.array([1.0, 0.0]), np.array([0.0, 1.0]), theta, sigma, dt)
    return gap(response**2 @ np.array([variance, 1.0]), variance, variance)


def checks() -> list[Check]:
    """The claims of this file."""
    by_activation = [
        ("state_action.loss_and_grad", regression),
        ("state_action.value_and_d_action", d_action),
        ("deterministic.loss_and_grad", policy_gradient),
    ]
    return [
        *(
            Check(function, f"complex step, {activation}", FIRST, on(error, activation))
            for function, error in by_activation
            for activation in mlp.ACTIVATIONS
        ),
        Check("deterministic.smoothed", "within the clip and the bounds", 0.0, smoothing),
        Check("exploration.stationary_variance", "unmoved by a step", EXACT, stationary),
    ]

"""Claims about SAC's actor: its bounds, its network, and its loss through both critics, by complex step."""

from scratchrl.maths import bounding, mlp, soft_actor
from scratchrl.maths.mlp import MLP
from scratchrl.maths.soft_actor import Actor
from scratchrl.oracle.checks import FIRST, Check, gradient_error, on

ROWS, OBS, ACTIONS = 3, 3, 2
BOUNDS = -5.0, 2.0


def problem(rng, activation):
    """(actor, θ, obs, and two arrays (B, A))."""
    actor = Actor(MLP((OBS, 5, 2 * ACTIONS), activation), *BOUNDS)
    return actor, rng.standard_normal(mlp.size(actor.mlp)), rng.standard_normal((ROWS, OBS)), *rng.standard_normal(
        (2, ROWS, ACTIONS)
    )


def bounded_grad(rng):
    x = 3 * rng.standard_normal((ROWS, ACTIONS))
    return gradient_error(lambda x: bounding.bounded(x, *BOUNDS), x, bounding.bounded_grad(x, *BOUNDS))


def vjp(rng, activation):
    actor, theta, obs, d_mean, d_log_std = problem(rng, activation)

    def weighted(theta):
        mean, log_std, _ = soft_actor.forward(actor, theta, obs)
        return d_mean * mean + d_log_std * log_std

    cache = soft_actor.forward(actor, theta, obs)[2]
    return gradient_error(weighted, theta, soft_actor.vjp(actor, theta, cache, d_mean, d_log_std))


def loss_and_grad(rng, activation):
    actor, theta, obs, noise, _ = problem(rng, activation)
    critic, alpha = MLP((OBS + ACTIONS, 5, 4, 1), activation), rng.random()
    phi = rng.standard_normal(2 * mlp.size(critic))

    def loss(theta):
        return soft_actor.loss_and_grad(actor, theta, critic, phi, alpha, obs, noise)[0]

    return gradient_error(loss, theta, soft_actor.loss_and_grad(actor, theta, critic, phi, alpha, obs, noise)[1])


def checks() -> list[Check]:
    """The claims of this file."""
    return [
        Check("bounding.bounded_grad", "complex step", FIRST, bounded_grad),
        *(
            Check(f"soft_actor.{name}", f"complex step, {activation}", FIRST, on(error, activation))
            for name, error in (("vjp", vjp), ("loss_and_grad", loss_and_grad))
            for activation in mlp.ACTIVATIONS
        ),
    ]

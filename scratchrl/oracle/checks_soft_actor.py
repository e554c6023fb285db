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


def squash_grad(rng):
    actor, theta, obs, noise, d_action = problem(rng, "tanh")
    y, d_log_prob = mlp.forward(actor.mlp, theta, obs)[0], rng.standard_normal(ROWS)

    def weighted(y):
        action, log_prob = soft_actor.squash(actor, y, noise)
        return (d_action * action).sum() + d_log_prob @ log_prob

    return gradient_error(weighted, y, soft_actor.squash_grad(actor, y, noise, d_action, d_log_prob))


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
        Check("soft_actor.squash_grad", "complex step", FIRST, squash_grad),
        *(
            Check("soft_actor.loss_and_grad", f"complex step, {activation}", FIRST, on(loss_and_grad, activation))
            for activation in mlp.ACTIVATIONS
        ),
    ]

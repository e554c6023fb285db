"""Mistakes of the step of a trust region: its direction and its length."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.mistakes.conjugate_gradients import DAMPINGS


def scaled(direction, curvature, delta):
    """√(2δ/c) s."""
    return np.sqrt(2 * delta / curvature) * direction


def natural(step, gradient, fisher):
    """F⁻¹g, from the step that is parallel to it: s is step · √(gᵀF⁻¹g) at δ = ½, and gᵀ step is that root."""
    unit = step(gradient, fisher, 0.5 + 0 * gradient[0])
    return unit * (gradient @ unit)


@mistake("trpo-step-half", "trust_region_step", BUG, variants=({"factor": 0.5}, {"factor": 2.0}))
def another_radius(step, gradient, fisher, delta, factor):
    """√(δ / sᵀF s) s, or √(4δ / sᵀF s) s

    The KL of the step is ½ sᵀF s: solved for the length that is √(2δ/sᵀF s). Without the 2 the step stays at δ/2, with
    the ½ counted twice it goes to 2δ.
    """
    return step(gradient, fisher, factor * delta)


@mistake("trpo-step-no-root", "trust_region_step", BUG)
def root_forgotten(step, gradient, fisher, delta):
    """(2δ / sᵀF s) s

    The length grows with δ instead of √δ: far too short for a small radius.
    """
    direction = natural(step, gradient, fisher)
    return 2 * delta / (direction @ gradient) * direction


@mistake("trpo-step-unscaled", "trust_region_step", BUG)
def not_scaled(step, gradient, fisher, delta):
    """s = F⁻¹g

    The direction alone, whose length has nothing to do with δ.
    """
    return natural(step, gradient, fisher)


@mistake("trpo-not-natural", "trust_region_step", BUG)
def plain_gradient(step, gradient, fisher, delta):
    """√(2δ / gᵀF g) g

    At the right distance, but along the gradient: F has not been inverted.
    """
    return scaled(gradient, gradient @ (fisher @ gradient), delta)


@mistake(
    "trpo-damped-sHs", "trust_region_step", CONVENTION, "modular_rl", "baselines",
    variants=tuple(setting | {"in_length": yes} for setting in DAMPINGS for yes in (1, 0)),
)  # fmt: skip
def damping_kept(step, gradient, fisher, delta, damping, in_length):
    """F + λI for F, in the solver and in sᵀF s, or in the solver alone

    With λ in sᵀF s the step is shorter than δ allows.
    """
    stiffer = fisher + damping * np.eye(len(gradient)) * (1 + 0 * gradient)
    if in_length:
        return step(gradient, stiffer, delta)
    direction = natural(step, gradient, stiffer)
    return scaled(direction, direction @ (fisher @ direction), delta)


@mistake("trpo-eps-in-step", "trust_region_step", CONVENTION, "openai/spinningup trpo.py", variants=({"eps": 1e-8},))
def epsilon_under_the_root(step, gradient, fisher, delta, eps):
    """√(2δ / (sᵀF s + ε)) s

    Steps of tiny gradients come out short; all others by ε/2 relative.
    """
    direction = natural(step, gradient, fisher)
    return scaled(direction, direction @ gradient + eps, delta)


@mistake("trpo-step-sign", "trust_region_step", EITHER)
def downhill(step, gradient, fisher, delta):
    """−√(2δ / sᵀF s) s

    Right if the gradient is that of a loss; of an objective it leads downhill.
    """
    return -step(gradient, fisher, delta)


@mistake(
    "trpo-half-under-root", "trust_region_step", CONVENTION, "ikostrikov/pytorch-trpo#21",
    equivalent="s / √(½ sᵀF s / δ) = √(2δ / sᵀF s) s",
)  # fmt: skip
def half_under_the_root(step, gradient, fisher, delta):
    """s / √(½ sᵀF s / δ)

    The same length, written upside down: ½ under a root in the denominator is the 2 of the formula.
    """
    direction = natural(step, gradient, fisher)
    return direction / np.sqrt(direction @ (fisher @ direction) / 2 / delta)

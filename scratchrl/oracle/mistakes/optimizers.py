"""Mistakes of optimizers and of the target networks that trail behind them."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake

# ---- optimizers ----


@mistake("adam-eps-hat", "adam_step", CONVENTION, "tensorflow#9047", "tf-keras#315")
def epsilon_before_the_correction(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """step = −lr √(1 − β₂ᵗ)/(1 − β₁ᵗ) m/(√v + ε)

    The paper's faster form, whose ε̂ is ε √(1 − β₂ᵗ): with the same number, ε weighs more in the first steps.
    """
    exact_eps = eps / (1 - beta2**t) ** 0.5
    return adam(gradient, m, v, t, lr, beta1, beta2, exact_eps, theta)


@mistake("adam-eps-in-sqrt", "adam_step", CONVENTION)
def epsilon_under_the_root(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """step = −lr m̂/√(v̂ + ε)

    Under the root ε acts like √ε outside: 1e-8 becomes 1e-4.
    """
    step, m, v = adam(gradient, m, v, t, lr, beta1, beta2, 0 * eps, 0 * theta)
    v_hat = v / (1 - beta2**t)
    shorter = np.sqrt(v_hat / (v_hat + eps))
    return theta + step * shorter, m, v


@mistake("adam-no-correction", "adam_step", EITHER)
def started_at_zero(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """step = −lr m/(√v + ε)

    Without m̂ and v̂ the first steps are (1 − β₁)/√(1 − β₂) times as long: three times, with the usual numbers.
    """
    _, m, v = adam(gradient, m, v, t, lr, beta1, beta2, eps)
    return theta - lr * m / (np.sqrt(v) + eps), m, v


@mistake("adam-t-from-zero", "adam_step", BUG)
def corrected_by_the_step_before(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """m̂ = m/(1 − β₁ᵗ⁻¹),  v̂ = v/(1 − β₂ᵗ⁻¹)

    t is counted up after its use: the first step divides by zero, the next ones are too long. Count first.
    """
    _, m, v = adam(gradient, m, v, t, lr, beta1, beta2, eps)
    m_hat, v_hat = m / (1 - beta1 ** (t - 1)), v / (1 - beta2 ** (t - 1))
    return theta - lr * m_hat / (np.sqrt(v_hat) + eps), m, v


@mistake("adam-corrected-state", "adam_step", BUG)
def correction_is_remembered(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """m ← m̂,  v ← v̂

    The corrected means overwrite the running ones, and are corrected again in the next step.
    """
    step, m, v = adam(gradient, m, v, t, lr, beta1, beta2, eps, theta)
    return step, m / (1 - beta1**t), v / (1 - beta2**t)


@mistake("adam-betas-swapped", "adam_step", BUG)
def memories_swapped(adam, gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """β₂ for the mean of g, β₁ for that of g²

    The direction remembers a thousand gradients and its scale only ten.
    """
    return adam(gradient, m, v, t, lr, beta2, beta1, eps, theta)


@mistake("update-subtracted", ("adam_step", "rmsprop_step"), EITHER)
def to_be_subtracted(optimizer, gradient, theta=0.0, **case):
    """+lr m̂/(√v̂ + ε), or θ plus it

    An update for the caller to subtract. Where parameters come back, they have gone uphill.
    """
    step, *state = optimizer(gradient=gradient, theta=0.0, **case)
    return theta - step, *state


@mistake(
    "rmsprop-eps-in-sqrt", "rmsprop_step", CONVENTION,
    "jax#1427", "pytorch#23796", "chainer#4754", "optax#532", "SB3 RMSpropTFLike",
)  # fmt: skip
def tensorflows_rmsprop(rmsprop, gradient, s, lr, decay, eps, theta=0.0):
    """step = −lr g/√(s + ε)

    TensorFlow's. Under the root ε acts like √ε outside, and A2C's learning rates were tuned with it.
    """
    _, s = rmsprop(gradient, s, lr, decay, eps)
    return theta - lr * gradient / np.sqrt(s + eps), s


@mistake("rmsprop-stale-square", "rmsprop_step", BUG)
def divided_by_the_old_square(rmsprop, gradient, s, lr, decay, eps, theta=0.0):
    """step = −lr g/(√s + ε) with the s of the step before

    g² joins its mean after the division: the first step is lr g/ε.
    """
    _, new = rmsprop(gradient, s, lr, decay, eps)
    return theta - lr * gradient / (np.sqrt(s) + eps), new


# ---- target networks ----


@mistake(
    "polyak-swapped", "polyak_update", BUG,
    "MADDPG_Multi_UAV_Roundup#10", "mimoralea/gdrl#14", "medipixel#47", "rlevo#182",
)  # fmt: skip
def shares_swapped(polyak, online, target, tau):
    """(1 − τ) θ + τ θ′

    The roles of τ and 1 − τ, or of the two networks, have changed places: with τ = 0.005 the target all but copies.
    """
    return polyak(target, online, tau)


@mistake("polyak-tau-ignored", "polyak_update", BUG)
def copied(polyak, online, target, tau):
    """θ′ ← θ

    A hard copy at every call: there is no target network left.
    """
    return online + 0 * target


@mistake("polyak-not-updated", "polyak_update", BUG)
def left_alone(polyak, online, target, tau):
    """θ′ ← θ′

    The new parameters are computed and not kept: the target never moves.
    """
    return target + 0 * online

"""Equations that optimizers, target networks, running statistics and replayed rows obey: gaps, 0 for the right f."""

import numpy as np

from scratchrl.oracle.specification import Identity
from scratchrl.oracle.specs.trajectory_identities import first

# ---- optimizers ----


def scale(*squares, **means):
    """The step for c times the gradients, past ones included, less the step, at ε = 0 and c = 4."""

    def gap(f, **case):
        case |= {"eps": 0.0, "theta": 0 * case["gradient"]}
        larger = {"gradient": 4 * case["gradient"]} | {name: 16 * case[name] for name in squares}
        larger |= {name: 4 * case[name] for name in means}
        return first(f(**case | larger)) - first(f(**case))

    return gap


def the_first_step_has_length_lr(f, gradient, m, v, t, eps, theta, lr, **case):
    """f(m = v = 0, t = 1, ε = 0) + lr sign(g)."""
    gradient = gradient + (gradient == 0)
    zero = 0 * gradient
    step = first(f(gradient=gradient, m=zero, v=zero, t=1, eps=0.0, theta=zero, lr=lr, **case))
    return step + lr * np.sign(gradient).astype(float)


def the_first_step_of_rmsprop(f, gradient, s, decay, eps, theta, lr):
    """f(s = 0, ε = 0) + lr sign(g)/√(1 − ρ)."""
    gradient = gradient + (gradient == 0)
    zero = 0 * gradient
    step = first(f(gradient=gradient, s=zero, lr=lr, decay=decay, eps=0.0, theta=zero))
    return step + lr * np.sign(gradient).astype(float) / np.sqrt(1 - decay + zero)


def a_constant_gradient_is_its_own_mean(f, gradient, m, v, theta, **case):
    """m and v for m = g, v = g², less g and g²."""
    answer = f(gradient=gradient, m=gradient, v=gradient**2, theta=0 * theta, **case)
    if not isinstance(answer, tuple) or len(answer) < 3:
        return 0 * gradient
    return answer[1] - gradient, answer[2] - gradient**2


OF_ADAM = (
    Identity("at ε = 0 the step does not see the scale of the gradients", scale("v", m=1)),
    Identity("at ε = 0 the first step is −lr sign(g)", the_first_step_has_length_lr),
    Identity("a constant gradient is its own mean", a_constant_gradient_is_its_own_mean),
)
OF_RMSPROP = (
    Identity("at ε = 0 the step does not see the scale of the gradients", scale("s")),
    Identity("at ε = 0 the first step is −lr sign(g)/√(1 − ρ)", the_first_step_of_rmsprop),
)

# ---- target networks ----


def copied(f, online, target, tau):
    """f(τ = 1) − θ."""
    return f(online=online, target=target, tau=1.0) - online


def kept(f, online, target, tau):
    """f(τ = 0) − θ′."""
    return f(online=online, target=target, tau=0.0) - target


def shares_sum_to_one(f, online, target, tau):
    """f(θ, θ′) + f(θ′, θ) − θ − θ′."""
    both = f(online=online, target=target, tau=tau) + f(online=target, target=online, tau=tau)
    return both - online - target


OF_POLYAK = (
    Identity("τ = 1 copies", copied),
    Identity("τ = 0 keeps", kept),
    Identity("the two shares sum to 1", shares_sum_to_one),
)

# ---- running statistics ----


def gaps_of(there, back):
    """The difference of two pairs (mean, variance); the variance where both came."""
    there, back = (x if isinstance(x, tuple) else (x,) for x in (there, back))
    return tuple(a - b for a, b in zip(there, back, strict=True))


def cut_elsewhere(f, batches):
    """f(batches) − f(one batch of everything)."""
    return gaps_of(f(batches=batches), f(batches=[np.concatenate(batches)]))


def other_order(f, batches):
    """f(batches) − f(batches in reverse)."""
    return gaps_of(f(batches=batches), f(batches=batches[::-1]))


def affine(f, batches):
    """f(2x + 1) against (2 mean + 1, 4 variance)."""
    answer = f(batches=batches)
    mean, *rest = answer if isinstance(answer, tuple) else (answer,)
    moved = f(batches=[2 * batch + 1 for batch in batches])
    return gaps_of(moved if rest else first(moved), (2 * mean + 1, *(4 * variance for variance in rest)))


OF_MOMENTS = (
    Identity("it does not matter where the batches are cut", cut_elsewhere),
    Identity("it does not matter in which order they come", other_order),
    Identity("2x + 1 has 2 mean + 1 and 4 times the variance", affine),
)

# ---- replay ----


def certainty(f, **case):
    """Σ P − 1."""
    return f(**case).sum() - 1


def only_ratios(f, td_error, alpha, eps):
    """f(4δ, 4ε) − f(δ, ε)."""
    return f(td_error=4 * td_error, alpha=alpha, eps=4 * eps) - f(td_error=td_error, alpha=alpha, eps=eps)


def uniform(f, td_error, alpha, eps):
    """f(α = 0) less its mean."""
    probs = f(td_error=td_error, alpha=0.0, eps=eps)
    return probs - probs.sum() / len(probs)


def no_correction(f, beta, **case):
    """f(β = 0) − 1."""
    return f(beta=0.0, **case) - 1


def full_correction(f, probs, beta, **case):
    """w P at β = 1, less that of the first."""
    products = f(probs=probs, beta=1.0, **case) * probs
    return products - products[0]


OF_PRIORITIES = (
    Identity("Σ P = 1", certainty),
    Identity("α = 0 is uniform", uniform),
    Identity("errors and ε four times as large change nothing", only_ratios),
)
OF_WEIGHTS = (
    Identity("β = 0 leaves every weight 1", no_correction),
    Identity("w P is constant at β = 1", full_correction),
)


def mean_is_value(f, value, advantage):
    """mean_a Q − V."""
    return f(value=value, advantage=advantage).sum(axis=1) / advantage.shape[1] - value


def a_constant_in_the_advantages(f, value, advantage):
    """f(V, A + 1) − f(V, A)."""
    return f(value=value, advantage=advantage + 1) - f(value=value, advantage=advantage)


OF_DUELING = (
    Identity("the mean of Q over the actions is V", mean_is_value),
    Identity("a constant in the advantages changes nothing", a_constant_in_the_advantages),
)

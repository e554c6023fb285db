"""Equations of densities, entropies and divergences: each function returns gaps, arrays that are 0 for the right f.

Integrals are sums over an even grid of step ½σ. For a Gaussian such a sum is off by 2 exp(−8π²) < 1e-33 of itself, and
by less than 1e-22 for ending ten σ from the mean: no f is needed but the subject's.
"""

import numpy as np

from scratchrl.maths.constants import exact, log_two_pi
from scratchrl.maths.squashing import log_det
from scratchrl.oracle.specification import Identity

STEP, NODES = 0.5, np.arange(-20.0, 21.0)[:, None]


def _log(number, like):
    return np.log(exact(float(number), like))


def _columns(case):
    """The case of each dimension alone."""
    width = max(array.shape[-1] for array in case.values())
    return [{name: array[..., i : i + 1] for name, array in case.items()} for i in range(width)]


def sum_of_dimensions(f, **case):
    """f(all dimensions) − Σ f(one dimension)."""
    return f(**case) - sum(f(**column) for column in _columns(case))


# ---- Gaussian ----


def _on_a_grid(mean, log_std):
    """One dimension of one row, as a batch of the grid's points: (mean, log_std, points), and the step."""
    mean, log_std = (array.reshape(-1)[:1] + 0 * NODES for array in (mean, log_std))
    step = np.exp(log_std) * STEP
    return mean, log_std, mean + step * NODES, step[:, 0]


def integral(f, mean, log_std, action):
    """∫ exp f da − 1, over the first dimension."""
    mean, log_std, action, step = _on_a_grid(mean, log_std)
    return (step * np.exp(f(mean=mean, log_std=log_std, action=action))).sum() - 1


def value_at_the_mean(f, mean, log_std, action):
    """f(μ) + Σ log σ + ½ A log 2π."""
    constant = (log_std + log_two_pi(mean) / 2 + 0 * mean).sum(axis=-1)
    return f(mean=mean, log_std=log_std, action=mean) + constant


def maximum_at_the_mean(f, mean, log_std, action):
    """By how much f(a) is above f(μ)."""
    case = {"mean": mean, "log_std": log_std}
    return np.maximum(0, f(action=action, **case) - f(action=mean, **case))


def in_smaller_units(f, mean, log_std, action):
    """f(eμ, eσ, ea) + A − f(μ, σ, a)."""
    e = np.exp(exact(1.0, mean))
    there = f(mean=e * mean, log_std=log_std + 1, action=e * action)
    return there + mean.shape[-1] - f(mean=mean, log_std=log_std, action=action)


def e_times_the_std(f, mean, log_std):
    """H(eσ) − H(σ) − A."""
    return f(mean=mean, log_std=log_std + 1) - f(mean=mean, log_std=log_std) - log_std.shape[-1]


def of_the_standard_normal(f, mean, log_std):
    """H at σ = 1 − ½ A log 2πe."""
    return f(mean=mean, log_std=0 * log_std) - log_std.shape[-1] * (1 + log_two_pi(mean)) / 2


def wherever_the_mean(f, mean, log_std):
    """H(μ + 1) − H(μ)."""
    return f(mean=mean + 1, log_std=log_std) - f(mean=mean, log_std=log_std)


def of_a_squashed_density(f, mean, log_std, pre_tanh):
    """∫ exp f da − 1 for a = tanh u, da = (1 − tanh² u) du, over the first dimension."""
    mean, log_std, u, step = _on_a_grid(mean, log_std)
    return (step * np.exp(f(mean=mean, log_std=log_std, pre_tanh=u) + log_det(u)[:, 0])).sum() - 1


def squashed_at_the_mean(f, mean, log_std, pre_tanh):
    """f(u = μ) + Σ log σ + ½ A log 2π + Σ log(1 − tanh² μ)."""
    constant = (log_std + log_two_pi(mean) / 2 + log_det(mean)).sum(axis=-1)
    return f(mean=mean, log_std=log_std, pre_tanh=mean) + constant


def mirrored(f, mean, log_std, pre_tanh):
    """f(−μ, −u) − f(μ, u)."""
    there = f(mean=-mean, log_std=log_std, pre_tanh=-pre_tanh)
    return there - f(mean=mean, log_std=log_std, pre_tanh=pre_tanh)


# ---- categorical ----


def sum_of_probabilities(f, logits, action):
    """Σ_a exp f(a) − 1."""
    return sum(np.exp(f(logits=logits, action=0 * action + a)) for a in range(logits.shape[-1])) - 1


def log_odds(f, logits, action):
    """f(a) − f(0) − (l_a − l_0)."""
    chosen = np.take_along_axis(logits, action[..., None], axis=-1)[..., 0]
    found = f(logits=logits, action=action) - f(logits=logits, action=0 * action)
    return found - (chosen - logits[..., 0])


def twice_every_action(f, logits):
    """H(l, l) − H(l) − log 2."""
    return f(logits=np.concatenate([logits, logits], axis=-1)) - f(logits=logits) - _log(2, logits)


def shifted(f, logits, **case):
    """f(l + 1) − f(l)."""
    return f(logits=logits + 1, **case) - f(logits=logits, **case)


def of_the_uniform(f, logits, **case):
    """±f(l = 0) − log A."""
    sign = -1 if "action" in case else 1
    return sign * f(logits=0 * logits, **case) - _log(logits.shape[-1], logits)


def between_0_and_log(f, logits):
    """By how much H is below 0 or above log A."""
    entropy = f(logits=logits)
    return np.maximum(0, -entropy), np.maximum(0, entropy - _log(logits.shape[-1], logits))


SUM = Identity("dimensions add up", sum_of_dimensions)
GAUSSIAN_LOG_PROB = (
    Identity("∫ π(a) da = 1", integral),
    Identity("log π(μ) = −Σ log σ − ½ A log 2π", value_at_the_mean),
    Identity("log π is largest at μ", maximum_at_the_mean),
    Identity("in units 1/e as large, log π falls by A", in_smaller_units),
    SUM,
)
GAUSSIAN_ENTROPY = (
    Identity("H(eσ) = H(σ) + A", e_times_the_std),
    Identity("H = ½ A log 2πe at σ = 1", of_the_standard_normal),
    Identity("H does not depend on μ", wherever_the_mean),
    SUM,
)
SQUASHED_GAUSSIAN_LOG_PROB = (
    Identity("∫ π(a) da = 1 over (−1, 1)", of_a_squashed_density),
    Identity("log π(tanh μ) = −Σ log σ − ½ A log 2π − Σ log(1 − tanh² μ)", squashed_at_the_mean),
    Identity("log π(−a) under −μ is log π(a) under μ", mirrored),
    SUM,
)
CATEGORICAL_LOG_PROB = (
    Identity("Σ_a π(a) = 1", sum_of_probabilities),
    Identity("log π(a) − log π(b) = l_a − l_b", log_odds),
    Identity("a shift of the logits changes nothing", shifted),
    Identity("log π = −log A where all logits are equal", of_the_uniform),
)
CATEGORICAL_ENTROPY = (
    Identity("0 ≤ H ≤ log A", between_0_and_log),
    Identity("every action twice adds log 2", twice_every_action),
    Identity("a shift of the logits changes nothing", shifted),
    Identity("H = log A where all logits are equal", of_the_uniform),
)

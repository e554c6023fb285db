"""Equations that the right losses obey: each function returns gaps, arrays that are 0 for the right f.

f answers the loss alone or (loss, gradient, …). Where the gradient did not come its gap is 0.
"""

import numpy as np


def _parts(answer):
    """(loss, first gradient or None)."""
    return (answer[0], answer[1]) if isinstance(answer, tuple) else (answer, None)


def _or_zeros(gradient, gap, like):
    return 0 * like if gradient is None else gap(gradient)


def mean_of_singles(f, **case):
    """f(batch) − mean of f(sample)."""
    arrays = {name: value for name, value in case.items() if np.ndim(value) == 1}
    count = len(next(iter(arrays.values())))
    singles = [_parts(f(**case | {n: a[b : b + 1] for n, a in arrays.items()}))[0] for b in range(count)]
    return _parts(f(**case))[0] - sum(singles) / count


def twice_the_advantage(f, advantage, **case):
    """f(2A) − 2 f(A)."""
    once, twice = _parts(f(advantage=advantage, **case)), _parts(f(advantage=2 * advantage, **case))
    return twice[0] - 2 * once[0], _or_zeros(once[1], lambda d: twice[1] - 2 * d, advantage)


def at_the_old_policy(f, log_prob, log_prob_old, advantage, **case):
    """ρ = 1: L + mean A and ∂L/∂log π + A/B."""
    loss, d_log_prob = _parts(f(log_prob=log_prob_old, log_prob_old=log_prob_old, advantage=advantage, **case))
    return loss + advantage.mean(), _or_zeros(d_log_prob, lambda d: d + advantage / len(advantage), advantage)


def pessimism(f, log_prob, log_prob_old, advantage, clip):
    """By how much L is below −mean ρA."""
    loss, _ = _parts(f(log_prob=log_prob, log_prob_old=log_prob_old, advantage=advantage, clip=clip))
    return np.maximum(0, -(np.exp(log_prob - log_prob_old) * advantage).mean() - loss)


def nothing_beyond_the_bound(f, log_prob, log_prob_old, advantage, clip):
    """∂L/∂log π where A > 0 and ρ > 1+ε, or A < 0 and ρ < 1−ε."""
    answer = f(log_prob=log_prob, log_prob_old=log_prob_old, advantage=advantage, clip=clip)
    ratio = np.exp(log_prob - log_prob_old)
    beyond = np.where(advantage > 0, ratio > 1 + clip, ratio < 1 - clip)
    return _or_zeros(_parts(answer)[1], lambda d: np.where(beyond, d, 0 * d), advantage)


def mirrored(f, log_prob, log_prob_old, advantage, clip):
    """L(ρ, A) − L(2 − ρ, −A) + 2 mean A, over the samples with ρ < 2.

    For A > 0 the mirror image is −A max(2 − ρ, 1 − ε) = −2A + A min(ρ, 1 + ε): each branch is told by the other.
    """
    ratio = np.exp(log_prob - log_prob_old)
    fits = ratio < 1.875
    advantage, mirror = np.where(fits, advantage, 0 * advantage), np.where(fits, 2 - ratio, 1 + 0 * ratio)
    log_prob = np.where(fits, log_prob, log_prob_old)
    here = f(log_prob=log_prob, log_prob_old=log_prob_old, advantage=advantage, clip=clip)
    there = f(log_prob=log_prob_old + np.log(mirror), log_prob_old=log_prob_old, advantage=-advantage, clip=clip)
    return _parts(here)[0] - _parts(there)[0] + 2 * advantage.mean()


def no_error_no_loss(f, value, **case):
    """f at target = value."""
    loss, d_value = _parts(f(**case | {"value": value, "target": value}))
    return loss, _or_zeros(d_value, lambda d: d, value)


def four_times_the_loss(f, value, target):
    """f(2v, 2R) − 4 f(v, R), of the losses."""
    return _parts(f(value=2 * value, target=2 * target))[0] - 4 * _parts(f(value=value, target=target))[0]


def unclipped_where_nothing_moved(f, value, value_old, target, clip):
    """v_old = v: L − ½ mean (v − R)²."""
    loss, _ = _parts(f(value=value, value_old=value, target=target, clip=clip))
    return loss - ((value - target) ** 2).mean() / 2


def never_below_the_unclipped(f, value, value_old, target, clip):
    """By how much L is below ½ mean (v − R)²."""
    loss, _ = _parts(f(value=value, value_old=value_old, target=target, clip=clip))
    return np.maximum(0, ((value - target) ** 2).mean() / 2 - loss)


def blind_after_the_end(f, next_value, terminated, **case):
    """f − f with other next values, when every step has terminated: of the losses."""
    over = terminated | True
    losses = [_parts(f(next_value=v, terminated=over, **case))[0] for v in (next_value, next_value + 1.0)]
    return losses[0] - losses[1]


def critics_are_alike(f, q1, q2, **case):
    """f(Q₁, Q₂) − f(Q₂, Q₁), of the losses."""
    return _parts(f(q1=q1, q2=q2, **case))[0] - _parts(f(q1=q2, q2=q1, **case))[0]


def entropy_reached(f, log_alpha, log_prob, target_entropy):
    """f where log π = −H̄ everywhere: loss and gradient."""
    loss, d_log_alpha = _parts(
        f(log_alpha=log_alpha, log_prob=0 * log_prob - target_entropy, target_entropy=target_entropy)
    )
    return loss, _or_zeros(d_log_alpha, lambda d: d, log_alpha)


def mean_and_spread(f, advantage):
    """Mean f and mean f² − 1."""
    normal = f(advantage=advantage)
    return normal.mean(), (normal**2).mean() - 1


def scale_and_shift(f, advantage):
    """f(2A) − f(A) and f(A + 1) − f(A)."""
    normal = f(advantage=advantage)
    return f(advantage=2 * advantage) - normal, f(advantage=advantage + 1.0) - normal

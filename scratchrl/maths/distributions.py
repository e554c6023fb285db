r"""Distributions seen as functions of one row of parameters, so that every policy has the same shape.

A network's output is a row of numbers. What they mean is the distribution's business: A logits, several groups of
logits, or [μ | log σ]. A `Distribution` is a tuple of functions on rows (B, P); algorithms speak to these alone and
do not know which kind they hold.

    sample(rng, params)  mode(params)  log_prob(params, action)      score = ∂ log π / ∂params      (B, P)
    entropy(params)      kl(params_p, params_q) = KL(p‖q)            their gradients (with respect to q for kl)
    fisher_matvec(params, v) = F v      fisher_weights(params) = the w with F v = w∘v − w (w·v in each segment)
    segments: (S, 2) bounds of the groups that are softmaxed together; empty where F is diagonal

Checked in tests/maths/test_distributions.py.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import categorical, gaussian


class Distribution(NamedTuple):
    """One kind of distribution, as functions of rows of parameters (B, P)."""

    sample: Callable[[np.random.Generator, NDArray], NDArray]
    mode: Callable[[NDArray], NDArray]
    log_prob: Callable[[NDArray, NDArray], NDArray]
    score: Callable[[NDArray, NDArray], NDArray]
    entropy: Callable[[NDArray], NDArray]
    entropy_grad: Callable[[NDArray], NDArray]
    kl: Callable[[NDArray, NDArray], NDArray]
    kl_grad: Callable[[NDArray, NDArray], NDArray]
    fisher_matvec: Callable[[NDArray, NDArray], NDArray]
    fisher_weights: Callable[[NDArray], NDArray]
    segments: tuple[tuple[int, int], ...]


def categorical_distribution(actions: int) -> Distribution:
    """softmax over `actions` logits; an action is an integer, (B,).

    >>> categorical_distribution(2).entropy(np.zeros((1, 2))).round(6)
    array([0.693147])
    """
    return Distribution(
        categorical.sample, categorical.mode, categorical.log_prob, categorical.score,
        categorical.entropy, categorical.entropy_grad, categorical.kl, categorical.kl_grad,
        categorical.fisher_matvec, categorical.softmax, ((0, actions),),
    )  # fmt: skip


def multi_categorical_distribution(sizes: tuple[int, ...]) -> Distribution:
    """Independent categoricals side by side: Σ sizes logits; an action is a row of integers, (B, len(sizes)).

    Independence makes log π, H and KL sums over the groups and leaves every gradient group by group.

    >>> multi_categorical_distribution((2, 2)).entropy(np.zeros((1, 4))).round(6)
    array([1.386294])
    """
    bounds = np.cumsum((0, *sizes))
    segments = tuple((int(start), int(end)) for start, end in pairwise(bounds))

    def groups(*rows: NDArray) -> list[tuple[NDArray, ...]]:
        return [tuple(row[:, start:end] for row in rows) for start, end in segments]

    def total(function: Callable[..., NDArray]) -> Callable[..., NDArray]:
        return lambda *rows: np.sum([function(*group) for group in groups(*rows)], axis=0)

    def joined(function: Callable[..., NDArray]) -> Callable[..., NDArray]:
        return lambda *rows: np.concatenate([function(*group) for group in groups(*rows)], axis=1)

    def with_action(function: Callable[..., NDArray], params: NDArray, action: NDArray) -> list[NDArray]:
        if action.shape != (len(params), len(sizes)):
            raise ValueError(f"action: expected shape ({len(params)}, {len(sizes)}), got {action.shape}")
        return [function(logits, action[:, k]) for k, (logits,) in enumerate(groups(params))]

    return Distribution(
        lambda rng, params: np.stack([categorical.sample(rng, logits) for (logits,) in groups(params)], axis=1),
        lambda params: np.stack([categorical.mode(logits) for (logits,) in groups(params)], axis=1),
        lambda params, action: np.sum(with_action(categorical.log_prob, params, action), axis=0),
        lambda params, action: np.concatenate(with_action(categorical.score, params, action), axis=1),
        total(categorical.entropy), joined(categorical.entropy_grad), total(categorical.kl),
        joined(categorical.kl_grad), joined(categorical.fisher_matvec), joined(categorical.softmax), segments,
    )  # fmt: skip


def _halves(params: NDArray) -> tuple[NDArray, NDArray]:
    half = params.shape[-1] // 2
    return params[..., :half], params[..., half:]


def _on_halves(function: Callable[..., Any], *rows: NDArray) -> NDArray:
    """f(mean, log_std, …) -> (d_mean, d_log_std) applied to rows [mean | log_std], its results side by side."""
    return np.concatenate(function(*(half for row in rows for half in _halves(row))), axis=-1)


GAUSSIAN = Distribution(
    lambda rng, params: gaussian.sample(rng, *_halves(params)),
    lambda params: gaussian.mode(*_halves(params)),
    lambda params, action: gaussian.log_prob(*_halves(params), action),
    lambda params, action: np.concatenate(gaussian.score(*_halves(params), action), axis=-1),
    lambda params: gaussian.entropy(*_halves(params)),
    lambda params: _on_halves(gaussian.entropy_grad, params),
    lambda params_p, params_q: gaussian.kl(*_halves(params_p), *_halves(params_q)),
    lambda params_p, params_q: _on_halves(gaussian.kl_grad, params_p, params_q),
    lambda params, v: _on_halves(gaussian.fisher_matvec, params, v),
    lambda params: _on_halves(gaussian.fisher_matvec, params, np.ones_like(params)),
    (),
)

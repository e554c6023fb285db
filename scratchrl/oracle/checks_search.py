"""Claims about AlphaZero's loss: the search policy's cross-entropy over legal moves, the end of the game, and both."""

import numpy as np

from scratchrl.maths import categorical, mlp, search_policy
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.checks import EXACT, FIRST, Check, gap, gradient_error

B, A, DECAY = 8, 5, 0.1


def lessons(rng):
    """(logits, legal, π, z): some moves illegal, some legal ones never visited."""
    legal = rng.random((B, A)) < 0.6
    legal[:, 0] = True
    visits = legal * (1e-3 + rng.integers(0, 4, (B, A)))
    return rng.standard_normal((B, A)), legal, visits / visits.sum(axis=1, keepdims=True), rng.integers(-1, 2, B) + 0.0


# ---- derivatives ----


def cross_entropy(rng):
    logits, legal, target, _ = lessons(rng)
    got = search_policy.cross_entropy(logits, legal, target)[1]
    return gradient_error(lambda l: search_policy.cross_entropy(l, legal, target)[0], logits, got)


def value_error(rng):
    *_, outcome = lessons(rng)
    x = rng.standard_normal(B)
    got = search_policy.value_error(x, outcome)[1]
    return gradient_error(lambda x: search_policy.value_error(x, outcome)[0], x, got)


def whole(rng):
    net, (_, legal, target, z) = MLP((3, 5, A + 1)), lessons(rng)
    theta, obs = rng.standard_normal(mlp.size(net)), rng.standard_normal((B, 3))
    got = search_policy.loss_and_grad(net, theta, obs, legal, target, z, DECAY)[1]
    return gradient_error(
        lambda x: search_policy.loss_and_grad(net, x, obs, legal, target, z, DECAY)[0], theta, got
    )


# ---- identities ----


def illegal_moves(rng):
    """Of any logits: no probability, no gradient, and no influence on the legal ones."""
    logits, legal, target, _ = lessons(rng)
    wild = np.where(legal, logits, 1e300 * rng.standard_normal((B, A)))
    p, (value, d_logits) = search_policy.policy(wild, legal), search_policy.cross_entropy(wild, legal, target)
    calm = search_policy.policy(logits, legal), *search_policy.cross_entropy(logits, legal, target)
    outside = np.abs(p * ~legal).max() + np.abs(d_logits * ~legal).max()
    return outside + sum(gap(got, truth) for got, truth in zip((p, value, d_logits), calm, strict=True))


def kl_to_the_search(rng):
    """H(π, p) − H(π, π) = KL(π‖p), on rows where all moves are legal."""
    logits, other = rng.standard_normal((2, B, A))
    target, every = categorical.softmax(other), np.ones((B, A), bool)
    entropies = [search_policy.cross_entropy(x, every, target)[0] for x in (logits, other)]
    return gap(entropies[0] - entropies[1], categorical.kl(other, logits))


def checks() -> list[Check]:
    """The claims of this file."""
    return [
        Check("search_policy.cross_entropy", "complex step", FIRST, cross_entropy),
        Check("search_policy.value_error", "complex step", FIRST, value_error),
        Check("search_policy.loss_and_grad", "complex step", FIRST, whole),
        Check("search_policy.policy", "illegal moves have no part", 0.0, illegal_moves),
        Check("search_policy.cross_entropy", "H(π) + KL(π‖p)", EXACT, kl_to_the_search),
    ]

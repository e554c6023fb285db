"""Claims about objectives, KL estimators, value losses and curvature, each per sample."""

import numpy as np

from scratchrl.maths import curvature, kl_estimators, objectives, values
from scratchrl.oracle.checks import EXACT, FIRST, Check, gap, gradient_error, on
from scratchrl.oracle.differentiation import relative_error, subgradient_excess

SAMPLES, CLIP = 8, 0.25


def samples(rng):
    """(log_prob, log_prob_old, advantage), the two policies close enough that no clip is rare."""
    log_prob, advantage = rng.standard_normal((2, SAMPLES))
    return log_prob, log_prob + 0.5 * rng.standard_normal(SAMPLES), advantage


# ---- derivatives ----


def policy_gradient(rng):
    log_prob, _, advantage = samples(rng)
    got = objectives.policy_gradient(log_prob, advantage)[1]
    return gradient_error(lambda l: objectives.policy_gradient(l, advantage)[0], log_prob, got)


def surrogate(rng):
    log_prob, old, advantage = samples(rng)
    got = objectives.surrogate(log_prob, old, advantage)[1]
    return gradient_error(lambda l: objectives.surrogate(l, old, advantage)[0], log_prob, got)


def ppo_clip(rng):
    log_prob, old, advantage = samples(rng)
    got = objectives.ppo_clip(log_prob, old, advantage, CLIP)[1]
    return gradient_error(lambda l: objectives.ppo_clip(l, old, advantage, CLIP)[0], log_prob, got)


def ppo_clip_at_its_kinks(rng):
    log_prob, advantage = np.log([1 - CLIP, 1 + CLIP] * 2), np.abs(rng.standard_normal(4)) * [1, 1, -1, -1]

    def objective(l):
        return objectives.ppo_clip(l, np.zeros(4), advantage, CLIP)[0]

    slope = objectives.ppo_clip(log_prob, np.zeros(4), advantage, CLIP)[1]
    return float(subgradient_excess(objective, log_prob, slope).max())


def ppo_penalty(rng):
    log_prob, old, advantage = samples(rng)
    kl = rng.random(SAMPLES)
    _, d_log_prob, d_kl = objectives.ppo_penalty(log_prob, old, advantage, kl, 3.0)
    return max(
        gradient_error(lambda l: objectives.ppo_penalty(l, old, advantage, kl, 3.0)[0], log_prob, d_log_prob),
        gradient_error(lambda k: objectives.ppo_penalty(log_prob, old, advantage, k, 3.0)[0], kl, d_kl),
    )


def entropy_bonus(rng):
    value, _, entropy = samples(rng)
    got = objectives.entropy_bonus(value, entropy, 0.5)[1]
    return gradient_error(lambda h: objectives.entropy_bonus(value, h, 0.5)[0], entropy, got)


def estimator(rng, name):
    log_prob, old, _ = samples(rng)
    got = getattr(kl_estimators, f"{name}_grad")(log_prob, old)
    return gradient_error(lambda l: getattr(kl_estimators, name)(l, old), log_prob, got)


def mse(rng):
    value, target, _ = samples(rng)
    return gradient_error(lambda v: values.mse(v, target)[0], value, values.mse(value, target)[1])


def clipped_value_loss(rng):
    value, old, target = samples(rng)
    got = values.clipped_value_loss(value, old, target, CLIP)[1]
    return gradient_error(lambda v: values.clipped_value_loss(v, old, target, CLIP)[0], value, got)


# ---- identities ----


def all_agree_at_the_old_policy(rng):
    log_prob, _, advantage = samples(rng)
    clipped = objectives.ppo_clip(log_prob, log_prob, advantage, CLIP)[1]
    plain = objectives.surrogate(log_prob, log_prob, advantage)[1]
    truth = objectives.policy_gradient(log_prob, advantage)[1]
    return gap(clipped, truth) + gap(plain, truth)


def pessimism(rng):
    log_prob, old, advantage = samples(rng)
    clipped, plain = objectives.ppo_clip(log_prob, old, advantage, CLIP), objectives.surrogate(log_prob, old, advantage)
    promised = clipped[0] - plain[0]
    return float(np.maximum(0.0, promised).max())


def solution(rng):
    root, b = rng.standard_normal((6, 6)), rng.standard_normal(6)
    matrix = root @ root.T + np.eye(6)
    return relative_error(curvature.conjugate_gradient(matrix.dot, b, 12)[0], np.linalg.solve(matrix, b))


def radius(rng):
    root, direction = rng.standard_normal((6, 6)), rng.standard_normal(6)
    matrix = root @ root.T + np.eye(6)
    step = curvature.trust_region_step(direction, matrix.dot, 0.01)
    return relative_error(0.5 * step @ matrix @ step, 0.01)


def checks() -> list[Check]:
    """The claims of this file."""
    return [
        Check("objectives.policy_gradient", "complex step", FIRST, policy_gradient),
        Check("objectives.surrogate", "complex step", FIRST, surrogate),
        Check("objectives.ppo_clip", "complex step", FIRST, ppo_clip),
        Check("objectives.ppo_clip", "one-sided differences at the kinks", 1e-9, ppo_clip_at_its_kinks),
        Check("objectives.ppo_clip", "≤ surrogate", EXACT, pessimism),
        Check("objectives.ppo_clip", "policy gradient at θ_old", EXACT, all_agree_at_the_old_policy),
        Check("objectives.ppo_penalty", "complex step", FIRST, ppo_penalty),
        Check("objectives.entropy_bonus", "complex step", FIRST, entropy_bonus),
        *(
            Check(f"kl_estimators.{name}_grad", "complex step", FIRST, on(estimator, name))
            for name in ("k1", "k2", "k3")
        ),
        Check("values.mse", "complex step", FIRST, mse),
        Check("values.clipped_value_loss", "complex step", FIRST, clipped_value_loss),
        Check("curvature.conjugate_gradient", "dense solve", 1e-8, solution),
        Check("curvature.trust_region_step", "½ sᵀF s = δ", EXACT, radius),
    ]

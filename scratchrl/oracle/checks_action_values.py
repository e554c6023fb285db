"""Claims about targets of action values, C51, soft actor-critic's losses and Huber's, each per sample."""

import numpy as np

from scratchrl.maths import action_values, categorical, distributional, mlp, quantiles, soft, targets, values
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.checks import EXACT, FIRST, Check, gap, gradient_error, on
from scratchrl.oracle.differentiation import subgradient_excess

B, A, K, GAMMA, ALPHA, DELTA = 8, 4, 11, 0.9, 0.5, 0.75
LOW, HIGH = -2.0, 3.0


def transitions(rng):
    """(reward, q1, q2, log_prob) and the two flags, (B,) each."""
    terminated, truncated = rng.random((2, B)) < 0.25
    return (*rng.standard_normal((4, B)), terminated, truncated)


def distribution(rng):
    """Probabilities (B, K) of all sizes, some of them next to nothing."""
    return categorical.softmax(3 * rng.standard_normal((B, K)))


# ---- derivatives ----


def huber(rng):
    error = rng.standard_normal(B)
    return gradient_error(lambda e: values.huber(e, DELTA)[0], error, values.huber(error, DELTA)[1])


def huber_at_its_ends(rng):
    ends = np.array([-DELTA, DELTA])
    return float(subgradient_excess(lambda e: values.huber(e, DELTA)[0], ends, values.huber(ends, DELTA)[1]).max())


def c51_loss(rng):
    logits, target = rng.standard_normal((B, K)), rng.random() * distribution(rng)
    got = distributional.c51_loss(logits, target)[1]
    return gradient_error(lambda l: distributional.c51_loss(l, target)[0], logits, got)


def sac_policy_loss(rng):
    _, *arguments, _, _ = transitions(rng)
    q1, q2, log_prob = arguments
    _, d_log_prob, d_q1, d_q2 = soft.sac_policy_loss(log_prob, q1, q2, ALPHA)
    return max(
        gradient_error(lambda l: soft.sac_policy_loss(l, q1, q2, ALPHA)[0], log_prob, d_log_prob),
        gradient_error(lambda q: soft.sac_policy_loss(log_prob, q, q2, ALPHA)[0], q1, d_q1),
        gradient_error(lambda q: soft.sac_policy_loss(log_prob, q1, q, ALPHA)[0], q2, d_q2),
    )


def sac_policy_loss_at_a_tie(rng):
    q, log_prob = rng.standard_normal((2, B))
    _, _, d_q1, d_q2 = soft.sac_policy_loss(log_prob, q, q, ALPHA)
    first = subgradient_excess(lambda x: soft.sac_policy_loss(log_prob, x, q, ALPHA)[0], q, d_q1)
    second = subgradient_excess(lambda x: soft.sac_policy_loss(log_prob, q, x, ALPHA)[0], q, d_q2)
    return float(max(first.max(), second.max(), gap(d_q1 + d_q2, -np.ones(B))))


def q_regression(rng):
    net = MLP((3, 5, A))
    theta, obs = rng.standard_normal(mlp.size(net)), rng.standard_normal((B, 3))
    action, target = rng.integers(0, A, B), rng.standard_normal(B)
    got = action_values.loss_and_grad(net, theta, obs, action, target, DELTA)[1]
    return gradient_error(lambda x: action_values.loss_and_grad(net, x, obs, action, target, DELTA)[0], theta, got)


def quantile_loss(rng):
    theta, target = rng.standard_normal((B, K)), rng.standard_normal((B, A))
    got = quantiles.quantile_huber_loss(theta, target, DELTA)[1]
    return gradient_error(lambda x: quantiles.quantile_huber_loss(x, target, DELTA)[0], theta, got)


def temperature(rng, name):
    loss = getattr(soft, name)
    log_alpha, log_prob = rng.standard_normal((2, B))
    got = loss(log_alpha, log_prob, -A)[1]
    return gradient_error(lambda l: loss(l, log_prob, -A)[0], log_alpha, got)


# ---- identities of targets ----


def double_is_not_above_plain(rng):
    reward, *_, end, cut = transitions(rng)
    online, target = rng.standard_normal((2, B, A))
    double = targets.double_dqn_target(reward, online, target, end, cut, GAMMA)
    plain = targets.dqn_target(reward, target, end, cut, GAMMA)
    return float(np.maximum(0.0, double - plain).max())


def contraction(rng):
    """By how much two targets are farther apart than γ times the largest distance of the two Q."""
    reward, *_, end, cut = transitions(rng)
    q, other = rng.standard_normal((2, B, A))
    apart = np.abs(targets.dqn_target(reward, q, end, cut, GAMMA) - targets.dqn_target(reward, other, end, cut, GAMMA))
    return float(np.maximum(0.0, apart.max() - GAMMA * np.abs(q - other).max()))


def fixed_point(rng):
    *_, end, cut = transitions(rng)
    forever = np.full(B, 1 / (1 - GAMMA))
    return gap(targets.ddpg_target(np.ones(B), forever, end, cut, GAMMA), np.where(end, 1.0, forever))


def pessimism(rng):
    reward, q1, q2, _, end, cut = transitions(rng)
    one, two = (targets.ddpg_target(reward, q, end, cut, GAMMA) for q in (q1, q2))
    return gap(targets.clipped_double_q_target(reward, q1, q2, end, cut, GAMMA), np.minimum(one, two))


def boltzmann(rng):
    """With π = softmax(Q/α) the target is the same for every action: r + γ m α log Σ exp(Q/α)."""
    reward, *_, end, cut = transitions(rng)
    q = rng.standard_normal((B, A))
    log_pi = categorical.log_softmax(q / ALPHA)
    all_actions = [
        targets.sac_target(reward, q[:, a], q[:, a], log_pi[:, a], end, cut, GAMMA, ALPHA) for a in range(A)
    ]
    soft_maximum = ALPHA * np.log(np.exp(q / ALPHA).sum(axis=1))
    return gap(np.array(all_actions), np.tile(reward + GAMMA * np.where(end, 0, soft_maximum), (A, 1)))


def polyak_ends(rng):
    online, target = rng.standard_normal((2, B))
    both = [gap(targets.polyak_update(online, target, tau), x) for tau, x in ((0.0, target), (1.0, online))]
    return max(both)


# ---- identities of the projection ----


def mass(rng):
    reward, *_, end, cut = transitions(rng)
    probs = distribution(rng)
    moved = distributional.c51_projection(probs, 2 * reward, end, cut, GAMMA, LOW, HIGH)
    return gap(moved.sum(axis=1), probs.sum(axis=1)) if (moved >= 0).all() else np.inf


def mean(rng):
    """Rewards that keep r + γ z within the support for every atom z."""
    *_, end, cut = transitions(rng)
    reward, probs = (1 - GAMMA) * rng.uniform(LOW, HIGH, B), distribution(rng)
    moved = distributional.c51_projection(probs, reward, end, cut, GAMMA, LOW, HIGH)
    truth = reward + GAMMA * np.where(end, 0, distributional.categorical_mean(probs, LOW, HIGH))
    return gap(distributional.categorical_mean(moved, LOW, HIGH), truth)


def shift(rng):
    """r = k Δ at γ = 1: the atoms move by k places, and what leaves stays at the end."""
    probs, places, no = distribution(rng), rng.integers(-3, 4, B), np.zeros(B, bool)
    moved = distributional.c51_projection(probs, places * 0.5, no, no, 1.0, LOW, HIGH)
    truth = np.zeros_like(probs)
    for b, j in np.ndindex(B, K):
        truth[b, np.clip(j + places[b], 0, K - 1)] += probs[b, j]
    return gap(moved, truth)


def cramer(rng):
    """By how much Σ (F − F̃)² of two updated distributions exceeds γ times that before."""
    reward, *_, end, cut = transitions(rng)
    before = [distribution(rng) for _ in range(2)]
    after = [distributional.c51_projection(probs, reward, end, cut, GAMMA, LOW, HIGH) for probs in before]
    apart = [(np.cumsum(two - one, axis=1) ** 2).sum(axis=1) for one, two in (before, after)]
    return float(np.maximum(0.0, apart[1] - GAMMA * apart[0]).max())


def checks() -> list[Check]:
    """The claims of this file."""
    return [
        Check("values.huber", "complex step", FIRST, huber),
        Check("values.huber", "one-sided differences at ±δ", 1e-9, huber_at_its_ends),
        Check("action_values.loss_and_grad", "complex step", FIRST, q_regression),
        Check("quantiles.quantile_huber_loss", "complex step", FIRST, quantile_loss),
        Check("distributional.c51_loss", "complex step", FIRST, c51_loss),
        Check("soft.sac_policy_loss", "complex step", FIRST, sac_policy_loss),
        Check("soft.sac_policy_loss", "one-sided differences at a tie", 1e-9, sac_policy_loss_at_a_tie),
        *(
            Check(f"soft.{name}", "complex step", FIRST, on(temperature, name))
            for name in ("temperature_loss", "temperature_loss_log")
        ),
        Check("targets.double_dqn_target", "≤ dqn_target", 0.0, double_is_not_above_plain),
        Check("targets.dqn_target", "contraction by γ", EXACT, contraction),
        Check("targets.ddpg_target", "1/(1 − γ) is a fixed point", EXACT, fixed_point),
        Check("targets.clipped_double_q_target", "the smaller of two", 0.0, pessimism),
        Check("targets.sac_target", "constant for π ∝ exp(Q/α)", EXACT, boltzmann),
        Check("targets.polyak_update", "ends exact", 0.0, polyak_ends),
        Check("distributional.c51_projection", "mass", EXACT, mass),
        Check("distributional.c51_projection", "mean r + γ m E[Z]", EXACT, mean),
        Check("distributional.c51_projection", "r = k Δ moves by k atoms", EXACT, shift),
        Check("distributional.c51_projection", "Cramér contraction by γ", EXACT, cramer),
    ]

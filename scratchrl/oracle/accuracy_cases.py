"""Every function of maths/ with arguments to try it on: ordinary numbers, all drawn from the generator that is given.

One table for all who go through the functions one by one: the tests of the number systems and the table of accuracy.
A row is name -> (function, argument, ...). Arrays of floats among the arguments, lists of them and floats are numbers;
all else is what it is: indices, flags, settings. A name is module.function, and a word more where there are several.
"""

from functools import partial

import numpy as np

from scratchrl.maths import (
    categorical,
    chunks,
    curvature,
    distributional,
    dueling,
    exponential,
    gaussian,
    kl_estimators,
    moments,
    n_step_replay,
    objectives,
    off_policy,
    optimizers,
    prioritized,
    quadrature,
    quantiles,
    returns,
    schedules,
    soft,
    squashed_gaussian,
    squashing,
    targets,
    values,
)
from scratchrl.oracle.accuracy_networks import A, B, numbers, of_actors, of_networks, of_search

T = 6


def of_densities(rng):
    p, q, v = numbers(rng, 3, B, A)
    action, log_std = rng.integers(0, A, B), numbers(rng, A)
    return {
        "categorical.log_softmax": (categorical.log_softmax, p),
        "categorical.softmax": (categorical.softmax, p),
        "categorical.log_prob": (categorical.log_prob, p, action),
        "categorical.score": (categorical.score, p, action),
        "categorical.entropy": (categorical.entropy, p),
        "categorical.entropy_grad": (categorical.entropy_grad, p),
        "categorical.kl": (categorical.kl, p, q),
        "categorical.kl_grad": (categorical.kl_grad, p, q),
        "categorical.fisher_matvec": (categorical.fisher_matvec, p, v),
        "gaussian.mode": (gaussian.mode, p, log_std),
        "gaussian.log_prob": (gaussian.log_prob, p, log_std, v),
        "gaussian.score": (gaussian.score, p, log_std, v),
        "gaussian.entropy": (gaussian.entropy, p, log_std),
        "gaussian.entropy_grad": (gaussian.entropy_grad, p, log_std),
        "gaussian.kl": (gaussian.kl, p, log_std, q, v),
        "gaussian.kl_grad": (gaussian.kl_grad, p, log_std, q, v),
        "gaussian.fisher_matvec": (gaussian.fisher_matvec, p, log_std, q, v),
    }


def of_samples(rng):
    log_prob, log_prob_old, advantage = numbers(rng, 3, 8)
    kl = np.abs(advantage)
    return {
        "objectives.policy_gradient": (objectives.policy_gradient, log_prob, advantage),
        "objectives.ratio": (objectives.ratio, log_prob, log_prob_old),
        "objectives.surrogate": (objectives.surrogate, log_prob, log_prob_old, advantage),
        "objectives.ppo_clip": (objectives.ppo_clip, log_prob, log_prob_old, advantage, 0.2),
        "objectives.ppo_penalty": (objectives.ppo_penalty, log_prob, log_prob_old, advantage, kl, 0.3),
        "objectives.entropy_bonus": (objectives.entropy_bonus, log_prob, kl, 0.01),
        "values.mse": (values.mse, log_prob, log_prob_old),
        "values.clipped_value_loss": (values.clipped_value_loss, log_prob, log_prob_old, advantage, 0.2),
        "values.explained_variance": (values.explained_variance, log_prob, log_prob_old),
        "returns.normalize_advantage": (returns.normalize_advantage, advantage),
        **{
            f"kl_estimators.{name}": (getattr(kl_estimators, name), log_prob, log_prob_old)
            for name in ("k1", "k2", "k3", "k1_grad", "k2_grad", "k3_grad")
        },
        "exponential.exp_excess": (exponential.exp_excess, log_prob),
        "schedules.linear": (schedules.linear, log_prob, 1.0, 0.05, 3),
        "schedules.exponential": (schedules.exponential, log_prob, 0.75, 0.05, 3),
    }


def of_trajectories(rng):
    reward, value, next_value, log_rho = numbers(rng, 4, T, 2)
    terminated, truncated = rng.random((2, T, 2)) < 0.2
    flags, one = (terminated, truncated), (reward, value, next_value)
    ring = [array[:, 0] for array in (reward, *flags)]
    return {
        "returns.reverse_scan": (returns.reverse_scan, reward, value),
        "returns.discounted_return": (returns.discounted_return, reward, 0.9),
        "returns.reward_to_go": (returns.reward_to_go, reward, *flags, 0.9),
        "returns.total_return": (returns.total_return, reward, *flags, 0.9),
        "returns.n_step_return": (returns.n_step_return, reward, next_value, *flags, 0.9, 3),
        "returns.lambda_return": (returns.lambda_return, reward, next_value, *flags, 0.9, 0.8),
        "returns.gae": (returns.gae, *one, *flags, 0.9, 0.8),
        "n_step_replay.runs": (n_step_replay.runs, *ring, np.arange(T) % 2, 2, T, np.arange(T), 3, 0.9, 2),
        "off_policy.vtrace": (off_policy.vtrace, log_rho, *one, *flags, 0.9, 0.8),
    }


def of_action_values(rng):
    reward, q, other, log_prob, start = numbers(rng, 5, 8)
    actions, others, atoms = numbers(rng, 3, 8, A)
    probs, stride = np.abs(atoms), np.abs(start)
    flags, between = tuple(rng.random((2, 8)) < 0.3), (-2.0, 3.0)
    return {
        "values.huber": (values.huber, reward, 0.75),
        "targets.dqn_target": (targets.dqn_target, reward, actions, *flags, 0.9),
        "targets.double_dqn_target": (targets.double_dqn_target, reward, actions, others, *flags, 0.9),
        "targets.ddpg_target": (targets.ddpg_target, reward, q, *flags, 0.9),
        "targets.clipped_double_q_target": (targets.clipped_double_q_target, reward, q, other, *flags, 0.9),
        "targets.sac_target": (targets.sac_target, reward, q, other, log_prob, *flags, 0.9, 0.2),
        "targets.polyak_update": (targets.polyak_update, q, other, 0.005),
        "distributional.support": (lambda x, *v: distributional.support(v[0], v[1], 51, x), reward, -0.7, 1.9),
        "distributional.categorical_mean": (distributional.categorical_mean, probs, *between),
        "distributional.c51_projection": (distributional.c51_projection, probs, reward, *flags, 0.9, *between),
        "distributional.split_linearly": (distributional.split_linearly, probs, start, stride),
        "distributional.c51_loss": (distributional.c51_loss, atoms, probs),
        "quantiles.quantile_target": (quantiles.quantile_target, reward, np.stack([atoms, others], 1), *flags, 0.9),
        "quantiles.quantile_huber_loss": (quantiles.quantile_huber_loss, actions, others, 0.75),
        "prioritized.priorities": (prioritized.priorities, reward, 0.6, 0.01),
        "prioritized.importance_weights": (prioritized.importance_weights, stride, 8, 0.4),
        "dueling.dueling_q": (dueling.dueling_q, q, actions),
        "soft.sac_policy_loss": (soft.sac_policy_loss, log_prob, q, other, 0.2),
        "soft.temperature_loss": (soft.temperature_loss, start, log_prob, -1.75),
        "soft.temperature_loss_log": (soft.temperature_loss_log, start, log_prob, -1.75),
    }


def of_squashed(rng):
    mean, log_std, u, other, spread = numbers(rng, 5, 2, 2)
    weight, width = numbers(rng, 2), 1 + np.abs(u)
    found = {
        "log_prob": (mean, log_std, u),
        "score": (mean, log_std, u),
        "from_noise": (mean, log_std, u),
        "pathwise_grad": (mean, log_std, u, other, weight),
        "entropy": (mean, log_std),
        "entropy_grad": (mean, log_std),
        "entropy_error": (mean, log_std),
        "kl": (mean, log_std, other, spread),
        "kl_grad": (mean, log_std, other, spread),
        "fisher_matvec": (mean, log_std, other, spread),
    }
    return {
        **{f"squashed_gaussian.{name}": (getattr(squashed_gaussian, name), *case) for name, case in found.items()},
        "squashing.log_det": (squashing.log_det, 3 * u),
        "quadrature.normal_rule": (quadrature.normal_rule, u),
        "quadrature.error_bound": (quadrature.error_bound, width, width, width),
    }


def of_vectors(rng):
    root, b, theta, batch = numbers(rng, 3, 3), numbers(rng, 3), numbers(rng, 3), numbers(rng, 5, 3)
    matrix = root @ root.T + np.eye(3)
    matrix = matrix.astype(np.float32).astype(np.float64)
    return {
        "chunks.total": (lambda x: chunks.total(lambda part: part.sum(axis=0), x, 2), batch),
        "chunks.mean": (lambda x: chunks.mean(lambda part: part.mean(axis=0), x, 2), batch),
        "chunks.each": (lambda x: chunks.each(lambda part: 2 * part, x, 2), batch),
        "moments.update": (lambda x: moments.update(seen(x[:2]), x[2:])[1:], batch),
        "moments.merge": (lambda x: moments.merge(seen(x[:2]), seen(x[2:]))[1:], batch),
        "moments.variance": (lambda x: moments.variance(seen(x)), batch),
        "optimizers.sgd": (partial(two_steps, optimizers.sgd_init, optimizers.sgd), theta, b),
        "optimizers.momentum": (partial(two_steps, optimizers.momentum_init, optimizers.momentum), theta, b),
        "optimizers.rmsprop": (partial(two_steps, optimizers.rmsprop_init, optimizers.rmsprop), theta, b),
        "optimizers.adam": (partial(two_steps, optimizers.adam_init, optimizers.adam), theta, b),
        "optimizers.clip_by_global_norm": (lambda g: optimizers.clip_by_global_norm(g, 0.5), b),
        "curvature.conjugate_gradient": (lambda m, b: curvature.conjugate_gradient(m.dot, b, 2)[0], matrix, b),
        "curvature.natural_gradient": (lambda m, b: curvature.natural_gradient(m.dot, b, 0.5, 2)[0], matrix, b),
        "curvature.trust_region_step": (lambda m, b: curvature.trust_region_step(b, m.dot, 0.5), matrix, b),
        "curvature.fisher_vector_product": (
            lambda m, b: curvature.fisher_vector_product(lambda v: m * v, lambda w: w / 4, lambda u: u.sum(axis=0), b),
            matrix, b,
        ),
        "curvature.line_search": (
            lambda m, b: curvature.line_search(b, m[0], lambda x: x.sum(), lambda x: x[0] * 0, 1.0)[0], matrix, b,
        ),
    }  # fmt: skip


def seen(batch):
    return moments.update(moments.Moments(0, 0 * batch[0], 0 * batch[0]), batch)


def two_steps(init, optimizer, theta, gradient):
    state, first = optimizer(init(theta), gradient, lr=0.5)
    return first, optimizer(state, gradient - theta, lr=0.5)[1]


FAMILIES = (
    of_densities, of_samples, of_trajectories, of_action_values, of_networks, of_vectors, of_squashed, of_actors,
    of_search,
)  # fmt: skip


def cases(rng):
    """name -> (function, argument, ...), of every function."""
    return {name: case for family in FAMILIES for name, case in family(rng).items()}

"""Claims about what Numba compiled on this machine: every kernel gives what its plain definition gives, to rounding."""

import numpy as np

from scratchrl.maths import action_values, critic, fused, kernels, mlp, objectives, policies
from scratchrl.maths.mlp import MLP
from scratchrl.oracle.checks import Check, gap, on

NET, ROWS = MLP((3, 5, 4, 4)), 6
ULPS = 100


def normal(rng, dtype, *shape):
    return rng.standard_normal(shape).astype(dtype)


def network(rng, dtype):
    """(θ, sizes, tanh, cache): the first arguments of the kernels of networks."""
    theta = normal(rng, dtype, mlp.size(NET))
    return theta, NET.sizes, 1, tuple(mlp.forward(NET, theta, normal(rng, dtype, ROWS, 3))[1])


ARGUMENTS = {
    "reverse_scan": lambda rng, dtype: (normal(rng, dtype, 9, 2), normal(rng, dtype, 9, 2)),
    "gae": lambda rng, dtype: (*normal(rng, dtype, 3, 9, 2), *(rng.random((2, 9, 2)) < 0.3), 0.9, 0.8),
    "softmax": lambda rng, dtype: (normal(rng, dtype, ROWS, 4),),
    "log_softmax": lambda rng, dtype: (normal(rng, dtype, ROWS, 4),),
    "categorical_log_prob": lambda rng, dtype: (normal(rng, dtype, ROWS, 4), rng.integers(0, 4, ROWS)),
    "categorical_score": lambda rng, dtype: (normal(rng, dtype, ROWS, 4), rng.integers(0, 4, ROWS)),
    "are_below": lambda rng, dtype: (rng.integers(-1, 4, 2), 3),
    "standardize": lambda rng, dtype: (normal(rng, dtype, ROWS),),
    "mlp_vjp": lambda rng, dtype: (*network(rng, dtype), normal(rng, dtype, ROWS, 4)),
    "mlp_vjp_input": lambda rng, dtype: (*network(rng, dtype), normal(rng, dtype, ROWS, 4)),
    "fisher_vector_product": lambda rng, dtype: (
        *network(rng, dtype), normal(rng, dtype, ROWS, 4) ** 2, np.array([[0, 4]]), normal(rng, dtype, mlp.size(NET))
    ),
    "ppo_clip": lambda rng, dtype: (*normal(rng, dtype, 3, 5), 0.25),
    "polyak": lambda rng, dtype: (*normal(rng, dtype, 2, 5), rng.random()),
    "squash": lambda rng, dtype: (normal(rng, dtype, ROWS, 4), normal(rng, dtype, ROWS, 2), -5.0, 2.0),
    "squash_grad": lambda rng, dtype: (
        normal(rng, dtype, ROWS, 4), normal(rng, dtype, ROWS, 2), -5.0, 2.0,
        normal(rng, dtype, ROWS, 2), normal(rng, dtype, ROWS),
    ),
    "c51_projection": lambda rng, dtype: (normal(rng, dtype, ROWS, 7) ** 2, *3 * normal(rng, dtype, 2, ROWS)),
}  # fmt: skip


def disagreement(rng, name, dtype):
    """Of compiled kernel and definition, relative to their size."""
    arguments = ARGUMENTS[name](rng, dtype)
    compiled, plain = (rows_of(getattr(kernels, full)(*arguments)) for full in (name, f"{name}_py"))
    return max(gap(a + 0, b + 0) for a, b in zip(compiled, plain, strict=True))


def rows_of(result):
    """The rows of an array, or of the arrays in a tuple."""
    return [row for part in (result if isinstance(result, tuple) else (result,)) for row in np.atleast_2d(part)]


def forward(rng):
    """Of the compiled float32 network and the float64 formula on the same numbers."""
    theta, x = normal(rng, np.float32, mlp.size(NET)), normal(rng, np.float32, ROWS, 3)
    outputs = tuple(np.empty((ROWS, m), np.float32) for m in NET.sizes[1:])
    kernels.mlp_forward(theta, NET.sizes, 1, x, outputs)
    return gap(outputs[-1], mlp.forward(NET, theta.astype(np.float64), x.astype(np.float64))[0])


def q_learning(rng):
    """Of DQN's loss gradient in float32 and its composition in float64, double or not."""
    (theta, target), sizes = normal(rng, np.float32, 2, mlp.size(NET)), NET.sizes
    (obs, next_obs), reward = normal(rng, np.float32, 2, ROWS, 3), normal(rng, np.float32, ROWS)
    action, end, discount = rng.integers(0, 4, ROWS), rng.random(ROWS) < 0.25, np.full(ROWS, 0.5, np.float32)
    room, worst = tuple(mlp.outputs(NET, ROWS)), 0.0
    for double in (False, True):
        rows = (obs, action, reward, next_obs, end, discount)
        narrow = kernels.q_learning(theta, target, sizes, 1, *rows, double, 0.75, room)[1]
        q, online = (mlp.forward(NET, x.astype(float), next_obs.astype(float))[0] for x in (target, theta))
        best = (online if double else q).argmax(axis=1)
        y = reward + np.where(end, 0, 0.5 * q[np.arange(ROWS), best])
        wide = action_values.loss_and_grad(NET, theta.astype(float), obs.astype(float), action, y, 0.75)[1]
        worst = max(worst, gap(narrow, wide))
    return worst


def acting(rng):
    """By how much Q of a greedily chosen action is below the largest; explored ones have to follow from u."""
    theta, obs, u = normal(rng, np.float32, mlp.size(NET)), normal(rng, np.float32, ROWS, 3), rng.random(ROWS)
    chosen = kernels.epsilon_greedy(theta, NET.sizes, 1, obs, tuple(mlp.outputs(NET, ROWS)), u, 0.25)
    q = mlp.forward(NET, theta.astype(float), obs.astype(float))[0]
    explored = u < 0.25
    below = np.where(explored, 0.0, q.max(axis=1) - q[np.arange(ROWS), chosen])
    return max(gap(chosen[explored], np.floor(u[explored] / 0.25 * 4)) if explored.any() else 0.0, below.max())


def adam(rng, dtype):
    """Of compiled Adam and its definition, which write their three results into arrays."""
    m, v, g = normal(rng, dtype, 5), normal(rng, dtype, 5) ** 2, normal(rng, dtype, 5)
    results = np.empty((2, 3, 5), dtype)
    for kernel, result in zip((kernels.adam, kernels.adam_py), results, strict=True):
        kernel(m, v, 3, g, 0.01, 0.9, 0.999, 1e-5, 0.5, *result)
    return gap(*results)


def fused_clip(rng):
    """Of PPO's fused float32 gradient and its composition in float64, no ratio near a bound."""
    policy = policies.categorical_policy(3, 4, (5, 4))
    theta, obs = normal(rng, np.float32, mlp.size(policy.mlp)), normal(rng, np.float32, ROWS, 3)
    action, advantage = rng.integers(0, 4, ROWS), normal(rng, np.float32, ROWS)
    wide, wide_obs = theta.astype(float), obs.astype(float)
    params, cache = policies.forward(policy, wide, wide_obs)
    log_prob = policy.distribution.log_prob(params, action)
    old = (log_prob - np.log(rng.choice([0.5, 1.0, 1.5], ROWS))).astype(np.float32)
    _, weight = objectives.ppo_clip(log_prob, old.astype(float), advantage.astype(float), 0.2)
    d_params = -weight[:, None] * policy.distribution.score(params, action) / ROWS
    answer = fused.ppo_clip(policy, theta, obs, action, old, advantage, 0.2)
    return gap(answer[1], policies.vjp(policy, wide, cache, d_params)) if answer else np.inf


def fused_gradient(rng):
    """Of A2C's fused float32 gradient, a share of entropy in it, and its composition in float64."""
    policy = policies.categorical_policy(3, 4, (5, 4))
    theta, obs = normal(rng, np.float32, mlp.size(policy.mlp)), normal(rng, np.float32, ROWS, 3)
    action, advantage = rng.integers(0, 4, ROWS), normal(rng, np.float32, ROWS)
    wide, distribution = theta.astype(float), policy.distribution
    params, cache = policies.forward(policy, wide, obs.astype(float))
    d_params = advantage[:, None] * distribution.score(params, action) + 0.5 * distribution.entropy_grad(params)
    answer = fused.policy_gradient(policy, theta, obs, action, advantage, 0.5)
    return gap(answer[1], policies.vjp(policy, wide, cache, -d_params / ROWS)) if answer else np.inf


def fused_acting(rng):
    """Of the actions drawn in one call and those drawn from the network's outputs, with the same uniform numbers."""
    policy, seed = policies.categorical_policy(3, 4, (5, 4)), rng.integers(2**32)
    theta, obs = normal(rng, np.float32, mlp.size(policy.mlp)), normal(rng, np.float32, ROWS, 3)
    one, other = (np.random.default_rng(seed) for _ in range(2))
    return gap(policies.sampler(policy, theta, one)(obs), policies.sample(policy, theta, obs, other))


def walks(rng, dtype):
    """Of compiled runs through a replay of two environments and their definition."""
    ring = (normal(rng, dtype, 9), *(rng.random((2, 9)) < 0.2), np.arange(9) % 2, 4, 9)
    asked = (*np.zeros((2, 9, 0), dtype), rng.integers(0, 9, ROWS), 3, np.full(1, 0.9, dtype), 2)
    found = np.empty((2, 2, ROWS), dtype), np.empty((2, ROWS), np.int64)
    for i, kernel in enumerate((kernels.runs, kernels.runs_py)):
        kernel(*ring, *asked, found[0][i, 0], found[1][i], found[0][i, 1])
    return max(gap(*found[0]), gap(*found[1]))


def fused_regression(rng):
    """Of the critic's fused float32 gradient and its composition in float64."""
    net = MLP((3, 5, 1))
    arrays = normal(rng, np.float32, mlp.size(net)), normal(rng, np.float32, ROWS, 3), normal(rng, np.float32, ROWS)
    narrow, wide = (critic.loss_and_grad(net, *rows)[1] for rows in (arrays, [a.astype(float) for a in arrays]))
    return gap(narrow, wide)


def sampling(rng, dtype):
    """Of the two samples on the same uniform numbers: both must lie where the distribution function passes u."""
    logits, uniform = normal(rng, dtype, ROWS, 4), rng.random(ROWS)
    p = np.exp(logits.astype(float))
    above, rows, worst = np.cumsum(p / p.sum(axis=1, keepdims=True), axis=1), np.arange(ROWS), 0.0
    for kernel in (kernels.categorical_sample, kernels.categorical_sample_py):
        action = kernel(logits, uniform)
        below = np.where(action > 0, above[rows, action - 1], 0.0)
        worst = max(worst, (uniform - above[rows, action]).max(), (below - uniform).max())
    return worst


def checks() -> list[Check]:
    """The claims of this file."""
    claims: list[tuple] = [(name, "= definition", disagreement, name) for name in ARGUMENTS]
    claims += [("adam", "= definition", adam), ("runs", "= definition", walks)]
    claims += [("categorical_sample", "inverts the distribution", sampling)]
    narrow = [
        Check(name, "= float64, float32", ULPS * float(np.finfo(np.float32).eps), error)
        for name, error in (
            ("kernels.mlp_forward", forward), ("fused.ppo_clip", fused_clip),
            ("kernels.categorical_ppo_clip", fused_clip), ("kernels.value_regression", fused_regression),
            ("kernels.q_learning", q_learning), ("kernels.epsilon_greedy", acting),
            ("fused.policy_gradient", fused_gradient), ("kernels.categorical_policy_gradient", fused_gradient),
            ("kernels.categorical_act", fused_acting),
        )
    ]  # fmt: skip
    return narrow + [
        Check(
            f"kernels.{name}",
            f"{claim}, {np.dtype(dtype).name}",
            ULPS * float(np.finfo(dtype).eps),
            on(error, *variant, dtype),
        )
        for dtype in (np.float32, np.float64)
        for name, claim, error, *variant in claims
    ]

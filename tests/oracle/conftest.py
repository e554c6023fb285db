"""Updates recorded from our own float32 run: what the replay has to find nothing wrong with."""

import numpy as np
import pytest

from scratchrl.maths import curvature, mlp, optimizers, policies, returns
from scratchrl.oracle.numbers import leaves
from scratchrl.oracle.specs.losses import ppo_clip_loss
from scratchrl.oracle.specs.value_losses import advantage_normalization, value_loss

T, N, O, A, B = 24, 2, 3, 2, 16
SETTINGS = {
    "gamma": 0.97, "lam": 0.9, "clip": 0.2, "vf_coef": 0.5, "ent_coef": 0.02, "max_grad_norm": 0.25,
    "optimizer": "adam", "lr": 3e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-5, "t": 7, "activation": "tanh",
}  # fmt: skip


def split(policy, theta, prefix):
    """A flat vector as the arrays of the format."""
    parts = {}
    for l, (w, b) in enumerate(mlp.layers(policy.mlp, theta), 1):
        parts |= {f"{prefix}/W{l}": w, f"{prefix}/b{l}": b}
    return parts | ({f"{prefix}/log_std": theta[-policy.free :]} if policy.free else {})


FUNCTIONS = {
    "gae": returns.gae, "advantage_normalization": advantage_normalization, "ppo_clip_loss": ppo_clip_loss,
    "value_loss": value_loss,
}  # fmt: skip


def rollout(policy, theta, critic, phi, rng, dtype, gae):
    """Random observations, episodes that end now and then in either way, and what PPO computes from them."""
    obs, final = (rng.standard_normal((T, N, O)).astype(dtype) for _ in range(2))
    ends = rng.random((T, N))
    terminated, truncated = ends < 0.1, (ends > 0.9) | (np.arange(T)[:, None] == 3)
    next_obs = np.where((terminated | truncated)[..., None], final, np.concatenate([obs[1:], final[:1]]))
    rows = policies.forward(policy, theta, obs.reshape(-1, O))[0]
    action = policy.distribution.sample(rng, rows)
    told = {
        "obs": obs, "next_obs": next_obs, "terminated": terminated, "truncated": truncated & ~terminated,
        "reward": rng.standard_normal((T, N)).astype(dtype),
        "action": action.reshape(T, N, *action.shape[1:]),
        "log_prob_old": policy.distribution.log_prob(rows, action).reshape(T, N),
        "value": policies.forward(critic, phi, obs.reshape(-1, O))[0].reshape(T, N),
        "next_value": policies.forward(critic, phi, next_obs.reshape(-1, O))[0].reshape(T, N),
    }  # fmt: skip
    names = ("reward", "value", "next_value", "terminated", "truncated")
    case = {name: told[name] for name in names} | {"gamma": SETTINGS["gamma"], "lam": SETTINGS["lam"]}
    told["advantage"] = leaves(gae(**case))[0].astype(dtype)
    return told | {"target": told["advantage"] + told["value"]}


def minibatch(told, policy, theta, critic, phi, rng, functions):
    """One gradient of PPO's loss at weights that have moved since the rollout."""
    flat = {name: array.reshape(T * N, *array.shape[2:]) for name, array in told.items()}
    index = rng.permutation(T * N)[:B]
    names = {"obs": "obs", "action": "action", "log_prob_old": "log_prob_old", "value_old": "value",
             "advantage": "advantage", "target": "target"}  # fmt: skip
    batch = {f"batch_{name}": flat[source][index] for name, source in names.items()}
    rows, cache = policies.forward(policy, theta, batch["batch_obs"])
    y, critic_cache = policies.forward(critic, phi, batch["batch_obs"])
    normalized = functions["advantage_normalization"](advantage=batch["batch_advantage"]).astype(rows.dtype)
    batch |= {"index": index, "value_new": y[:, 0], "advantage_normalized": normalized}
    batch["log_prob"] = policy.distribution.log_prob(rows, batch["batch_action"])
    batch["entropy"] = policy.distribution.entropy(rows)
    batch["ratio"] = np.exp(batch["log_prob"] - batch["batch_log_prob_old"])
    old = batch["batch_log_prob_old"]
    policy_loss, d_log_prob = functions["ppo_clip_loss"](
        log_prob=batch["log_prob"], log_prob_old=old, advantage=normalized, clip=SETTINGS["clip"]
    )
    critic_loss, d_value = functions["value_loss"](value=batch["value_new"], target=batch["batch_target"])
    entropy_loss = -batch["entropy"].mean()
    loss = policy_loss + SETTINGS["vf_coef"] * critic_loss + SETTINGS["ent_coef"] * entropy_loss
    batch |= {"policy_loss": policy_loss, "value_loss": critic_loss, "entropy_loss": entropy_loss, "loss": loss}
    share = np.array(-SETTINGS["ent_coef"] / B, rows.dtype)
    d_rows = d_log_prob[:, None] * policy.distribution.score(rows, batch["batch_action"])
    d_rows = d_rows + share * policy.distribution.entropy_grad(rows)
    d_theta = policies.vjp(policy, theta, cache, d_rows)
    d_phi = policies.vjp(critic, phi, critic_cache, np.array(SETTINGS["vf_coef"], rows.dtype) * d_value[:, None])
    return batch, d_theta, d_phi


@pytest.fixture(scope="session")
def record():
    """Function (distribution, dtype, **functions in the place of references) -> a recording of one update."""
    made = {}

    def record(distribution="categorical", dtype=np.float32, **functions):
        key = distribution, dtype, *functions.items()
        if key not in made:
            made[key] = update(distribution, dtype, FUNCTIONS | functions)
        return dict(made[key])

    return record


def update(distribution, dtype, functions):
    """Networks, a rollout with the old weights, and one gradient step from weights that have moved since."""
    rng = np.random.default_rng(0)
    make = {"categorical": policies.categorical_policy, "gaussian": policies.gaussian_policy}[distribution]
    policy, critic = make(O, A, (16, 16)), policies.Policy(mlp.MLP((O, 16, 16, 1)), 0, policies.GAUSSIAN)
    old, phi = (policies.init(net, rng, 1.0, dtype) for net in (policy, critic))
    old[-policy.free or len(old) :] = -0.5
    theta = old + (0.1 * rng.standard_normal(len(old))).astype(dtype)
    told = rollout(policy, old, critic, phi, rng, dtype, functions["gae"])
    batch, d_theta, d_phi = minibatch(told, policy, theta, critic, phi, rng, functions)
    clipped, norm = optimizers.clip_by_global_norm(np.concatenate([d_theta, d_phi]), SETTINGS["max_grad_norm"])
    told |= batch | SETTINGS | {"distribution": distribution, "grad_norm": norm}
    told |= split(policy, old, "old/policy") | split(critic, phi, "old/value")
    told |= step(policy, "policy", theta, d_theta, clipped[: len(theta)], rng)
    return told | step(critic, "value", phi, d_phi, clipped[len(theta) :], rng)


def step(shape, net, before, gradient, clipped, rng):
    """Adam's, from memories as it might have after a few steps."""
    m, v = ((scale * rng.random(len(before))).astype(before.dtype) for scale in (1e-2, 1e-3))
    betas = SETTINGS["beta1"], SETTINGS["beta2"], SETTINGS["eps"]
    state, step = optimizers.adam(optimizers.Adam(m, v, SETTINGS["t"]), clipped, SETTINGS["lr"], *betas)
    vectors = {"before": before, "gradient": gradient, "clipped": clipped, "m": m, "v": v, "after": before + step}
    vectors |= {"m_after": state.m, "v_after": state.v}
    told = {}
    for when, vector in vectors.items():
        told |= split(shape, vector, f"{when}/{net}")
    return told


# ---- TRPO ----

TRPO = {"delta": 0.01, "damping": 0.1, "cg_iterations": 20, "shrink": 0.8, "max_backtracks": 9}


@pytest.fixture(scope="session")
def record_trpo():
    """Function (distribution, dtype, **functions in the place of ours) -> a recording of one policy step."""
    made = {}

    def record(distribution="categorical", dtype=np.float32, **functions):
        key = distribution, dtype, *functions.items()
        if key not in made:
            made[key] = policy_step(distribution, dtype, functions)
        return dict(made[key])

    return record


def policy_step(distribution, dtype, functions):
    """Surrogate, natural gradient, length and line search, all in the dtype; each can be another function."""
    rng = np.random.default_rng(1)
    make = {"categorical": policies.categorical_policy, "gaussian": policies.gaussian_policy}[distribution]
    policy = make(O, A, (16, 16))
    theta = policies.init(policy, rng, 1.0, dtype)
    obs = rng.standard_normal((T * N, O)).astype(dtype)
    rows, cache = policies.forward(policy, theta, obs)
    action = policy.distribution.sample(rng, rows)
    log_prob, advantage = policy.distribution.log_prob(rows, action), rng.standard_normal(T * N).astype(dtype)

    def objective(weights):
        new = policy.distribution.log_prob(policies.forward(policy, weights, obs)[0], action)
        return float((np.exp(new - log_prob) * advantage).mean())

    def kl(weights):
        return float(policy.distribution.kl(rows, policies.forward(policy, weights, obs)[0]).mean())

    def product(v, damping=TRPO["damping"]):
        return policies.fisher_vector_product(policy, theta, rows, cache, v, damping)

    weight = (advantage / dtype(T * N))[:, None]
    gradient = policies.vjp(policy, theta, cache, weight * policy.distribution.score(rows, action))
    solve = functions.get("solve", lambda matvec, g: curvature.conjugate_gradient(matvec, g, TRPO["cg_iterations"])[0])
    direction = solve(functions.get("product", product), gradient)
    beta = functions.get("length", lambda s: np.sqrt(2 * TRPO["delta"] / (s @ product(s, 0.0))))(direction)
    search = functions.get("search", lambda *given: curvature.line_search(*given, TRPO["delta"], 0.8, 9))
    after, report = search(theta, dtype(beta) * direction, objective, kl)
    vectors = {"before": theta, "gradient": gradient, "direction": direction, "vector": direction, "after": after,
               "product": functions.get("product", product)(direction)}  # fmt: skip
    told = {
        "batch_obs": obs, "batch_action": action, "batch_log_prob_old": log_prob, "log_prob": log_prob,
        "batch_advantage": advantage, "objective": dtype(objective(theta)), "objective_after": dtype(objective(after)),
        "kl_after": dtype(kl(after)), "step_size": dtype(beta), "fraction": dtype(report.fraction),
    }  # fmt: skip
    for when, vector in vectors.items():
        told |= split(policy, vector, f"{when}/policy")
    return told | TRPO | {"distribution": distribution}

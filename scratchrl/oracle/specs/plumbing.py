"""Specs of what every program has around its losses: optimizers, target networks, running statistics."""

import numpy as np

from scratchrl.maths import moments, optimizers, targets
from scratchrl.oracle.cases import plumbing as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import plumbing_identities

# ---- optimizers ----

GRADIENT = plain("gradient", "grad", "g", "grads", "dx", "dw", "d_theta", "d_p", "g_t", "gradients", "updates")
LR = plain("lr", "alpha", "learning_rate", "step_size", "eta", "a", "lr_t", "stepsize")
EPS = plain("eps", "epsilon", "eps_", "e", "adam_eps")
THETA_WORDS = ("params", "param", "p", "w", "x", "parameters", "weights", "theta_t", "parameter", "var", "value", "t0")
THETA = plain("theta", *THETA_WORDS, excludes=("theta_beside",))
THETA_BESIDE = Role("theta_beside", ("theta", *THETA_WORDS), (), lambda case: case["theta"], lambda given: {})


def at_the_origin(canonical):
    """What the absence of θ means: the step itself is asked for."""
    return 0 * canonical["gradient"]


def adam_step(gradient, m, v, t, lr, beta1, beta2, eps, theta=0.0):
    """θ + step, m, v after the t-th step, t = 1, 2, …; without θ, the step."""
    state, step = optimizers.adam(optimizers.Adam(m, v, t - 1), gradient, lr, beta1, beta2, eps)
    return theta + step, state.m, state.v


STEPS_SO_FAR = Role(
    "steps_so_far", ("t", "step", "steps", "count", "state_step", "step_t", "iteration", "n", "timestep"), ("t",),
    lambda case: case["t"] - 1, lambda given: {"t": given["steps_so_far"] + 1},
    "steps before this one; the function adds 1", excludes=("t",),
)  # fmt: skip
T = plain("t", "step", "steps", "count", "state_step", "step_t", "iteration", "timestep", "n", "i", "k", "iter", "time")
BETAS = Role(
    "betas", ("beta", "b"), ("beta1", "beta2"), lambda case: np.array([case["beta1"], case["beta2"]]),
    lambda given: {"beta1": given["betas"][0], "beta2": given["betas"][1]}, excludes=("beta1", "beta2"),
)  # fmt: skip

tame, stress, edges = cases.adam_kinds()
ADAM_STEP = Spec(
    name="adam_step",
    formula="step = −lr m̂/(√v̂ + eps),  m̂ = m/(1 − β₁ᵗ),  v̂ = v/(1 − β₂ᵗ),  m, v the running means of g and g²",
    source="Kingma and Ba 2015, algorithm 1",
    reference=adam_step,
    outputs=("step", "m", "v"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        GRADIENT,
        plain("m", "exp_avg", "mu", "first_moment", "m_t", "mean", "m0", "mt", "moment1", "m_prev", "avg", "m1"),
        plain("v", "exp_avg_sq", "nu", "second_moment", "v_t", "variance", "v0", "vt", "moment2", "v_prev", "m2"),
        T, STEPS_SO_FAR, LR,
        plain("beta1", "b1", "beta_1", "beta_one", "betas1", "rho1"),
        plain("beta2", "b2", "beta_2", "beta_two", "betas2", "rho2"),
        BETAS, EPS, THETA, THETA_BESIDE,
    ),
    absent={"theta": at_the_origin},
    identities=plumbing_identities.OF_ADAM,
)  # fmt: skip


def rmsprop_step(gradient, s, lr, decay, eps, theta=0.0):
    """θ + step and s; without θ, the step."""
    state, step = optimizers.rmsprop(optimizers.RMSProp(s), gradient, lr, decay, eps)
    return theta + step, state.s


tame, stress, edges = cases.rmsprop_kinds()
RMSPROP_STEP = Spec(
    name="rmsprop_step",
    formula="step = −lr g/(√s + eps),  s ← ρ s + (1 − ρ) g²",
    source="Hinton 2012, lecture 6e",
    reference=rmsprop_step,
    outputs=("step", "s"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        GRADIENT,
        plain("s", "square_avg", "v", "ms", "cache", "mean_square", "nu", "avg_sq", "sq", "rms", "n", "g2", "eg2"),
        LR, plain("decay", "alpha", "rho", "gamma", "beta", "decay_rate", "momentum", "beta2"),
        EPS, THETA, THETA_BESIDE,
    ),
    absent={"theta": at_the_origin},
    identities=plumbing_identities.OF_RMSPROP,
)  # fmt: skip

# ---- target networks ----

ONLINE = plain(
    "online", "source", "params", "local", "main", "online_params", "local_params", "src", "param", "theta", "net",
    "new", "current", "local_model", "source_params", "model", "q", "new_params", "w", "local_param", "online_param",
    "online_net", "eval_net", "eval_params", "source_param",
)  # fmt: skip
TARGET = plain(
    "target", "target_params", "targ", "theta_target", "target_net", "target_param", "target_model", "dst",
    "params_targ", "theta_prime", "destination", "old", "targ_params", "p_targ", "q_target", "old_params",
)  # fmt: skip
TAU = plain("tau", "soft_tau", "polyak_tau", "t", "step_size", "soft_update_tau", "target_tau", "update_rate")
KEPT = Role(
    "polyak", ("rho", "decay", "momentum", "polyak_factor", "beta", "ema_decay", "keep"), ("tau",),
    lambda case: float(np.float32(1 - case["tau"])), lambda given: {"tau": 1 - given["polyak"]},
    "the share of the old target that is kept, 1 − τ", excludes=("tau",),
)  # fmt: skip

tame, stress, edges = cases.polyak_kinds()
POLYAK_UPDATE = Spec(
    name="polyak_update",
    formula="θ′ ← τ θ + (1 − τ) θ′",
    source="Lillicrap et al. 2016, algorithm 1",
    reference=targets.polyak_update,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(ONLINE, TARGET, TAU, KEPT),
    identities=plumbing_identities.OF_POLYAK,
)  # fmt: skip

# ---- running statistics ----


def running_moments(batches):
    """Mean and population variance of all samples, (D,) or of numbers ()."""
    seen = moments.empty(batches[0].shape[1:])
    for batch in batches:
        seen = moments.update(seen, batch)
    return seen.mean, moments.variance(seen)


def _by_squares(batches):
    """E[x²] − E[x]²."""
    samples = np.concatenate(batches)
    mean = samples.sum(axis=0) / len(samples)
    return mean, (samples**2).sum(axis=0) / len(samples) - mean**2


def _one_by_one(batches):
    """Welford's: mean ← mean + (x − mean)/n, sample by sample."""
    count, mean, second = 0, 0 * batches[0][0], 0 * batches[0][0]
    for x in np.concatenate(batches):
        count, delta = count + 1, x - mean
        mean = mean + delta / count
        second = second + delta * (x - mean)
    return mean, second / count


BATCH_WORDS = ("batches", "data", "xs", "stream", "arrays", "chunks", "x", "samples", "batch_list", "list_of_batches")
BATCHES = plain("batches", *BATCH_WORDS)
NUMBERS = Role(
    "batches_of_numbers", BATCH_WORDS, ("batches",), lambda case: [batch[:, 0] for batch in case["batches"]],
    lambda given: {"batches": given["batches_of_numbers"]}, excludes=("batches",),
)  # fmt: skip
SAMPLES = Role(
    "samples", BATCH_WORDS, ("batches",), lambda case: np.concatenate(case["batches"]),
    lambda given: {"batches": [given["samples"]]}, excludes=("batches", "batches_of_numbers"),
)  # fmt: skip

tame, stress, edges = cases.batch_kinds()
RUNNING_MOMENTS = Spec(
    name="running_moments",
    formula="mean = Σ x/n,  variance = Σ (x − mean)²/n  over the samples of all batches",
    source="Chan, Golub and LeVeque 1979",
    reference=running_moments,
    outputs=("mean", "variance"),
    tame=tame, stress=stress, edges=edges,
    roles=(BATCHES, NUMBERS, SAMPLES),
    formulas=(_by_squares, _one_by_one),
    identities=plumbing_identities.OF_MOMENTS,
)  # fmt: skip

"""Specs of prioritised replay in use: what is drawn, what a draw weighs in the loss, how β and ε change."""

import numpy as np

from scratchrl.maths import schedules, values
from scratchrl.oracle.cases import prioritized as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.scripted_draws import rng
from scratchrl.oracle.specification import AS_DOCUMENTED, Identity, Layout, Spec
from scratchrl.oracle.specs.loss_roles import BATCHES
from scratchrl.oracle.specs.losses import ALONE
from scratchrl.oracle.specs.value_losses import ERROR_AND_NOTHING, TARGET, VALUE

# ---- what is drawn ----


def per_sample(priorities, uniform):
    """The first i with Σ_{j≤i} p_j > u Σ p: transition i with probability p_i/Σ p, if u is uniform in [0, 1).

    Checked in tests/oracle/specs/test_prioritized.py.

    >>> per_sample(np.array([1.0, 3.0]), np.array([0.125, 0.25, 0.875]))
    array([0, 1, 1])
    """
    until = np.cumsum(priorities)
    return (uniform[:, None] * until[-1] >= until).sum(axis=1)


def scaled(f, priorities, **case):
    """f(4p) − f(p)."""
    return f(priorities=4 * priorities, **case) - f(priorities=priorities, **case)


tame, stress, edges = cases.draw_kinds()
PER_SAMPLE = Spec(
    name="per_sample",
    formula="i = the first with Σ_{j≤i} p_j > u Σ p",
    source="Schaul et al. 2016, appendix B.2.1",
    reference=per_sample,
    outputs=("index",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("priorities", "p", "probs", "priority", "weights", "tree", "leaves", "probabilities", "prios", "values"),
        plain("uniform", "u", "us", "draws", "random", "samples", "uniforms", "r", "rand"), rng(uniform="uniform"),
        Role("batch_size", ("size", "n", "num", "batch", "k", "num_samples"), (),
             lambda case: len(case["uniform"]), lambda given: {}),
    ),
    identities=(Identity("four times the priorities draw the same", scaled),),
)  # fmt: skip

# ---- what it weighs ----


def per_loss(value, target, weights):
    """½ (1/B) Σ w (v − y)² and its derivatives w (v − y)/B: the weights are in the gradient.

    Checked in tests/oracle/specs/test_prioritized.py.

    >>> per_loss(np.array([3.0, 1.0]), np.array([1.0, 3.0]), np.array([1.0, 0.5]))
    (np.float64(1.5), array([ 1. , -0.5]))
    """
    loss, d_value = values.mse(value, target)
    return (weights * loss).mean(), weights * d_value / len(value)


tame, stress, edges = cases.weighted_kinds()
PER_LOSS = Spec(
    name="per_loss",
    formula="L = ½ (1/B) Σ w (v − y)²,  ∂L/∂v = w (v − y)/B",
    source="Schaul et al. 2016, algorithm 1",
    reference=per_loss,
    outputs=("loss", "d_value"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        VALUE, TARGET, ERROR_AND_NOTHING,
        plain("weights", "weight", "w", "is_weights", "isw", "importance_weights", "weights_is", "is_weight", "ws"),
    ),
    layouts=BATCHES,
    differentiate=("value",),
    identities=(ALONE,),
)  # fmt: skip

# ---- how settings change ----


def changing(step, first, last, duration):
    """The setting at these steps: from first to last, by the same amount in each of `duration` steps, then it stays.

    Checked in tests/oracle/specs/test_prioritized.py.

    >>> changing(np.array([0.0, 1.0, 2.0, 3.0]), 1.0, 0.5, 2)
    array([1.  , 0.75, 0.5 , 0.5 ])
    """
    return schedules.linear(step, first, last, duration)


def begins(f, step, first, **case):
    """f(t = 0) − first."""
    return f(step=0 * step, first=first, **case) - first


def ends(f, step, last, duration, **case):
    """f(t = T + t) − last."""
    return f(step=step + duration, last=last, duration=duration, **case) - last


ONE_STEP = Layout(
    "one step at a time",
    lambda case: case | {"step": case["step"][-1:]},
    lambda array: array[-1].item() if np.ndim(array) else array,
    lambda output: output.reshape(1) if output.size == 1 else output,
)
STEP = plain("step", "steps", "t", "global_step", "frame", "frame_idx", "i", "timestep", "iteration", "n_iter", "x")
DURATION = plain(
    "duration", "total", "total_steps", "num_frames", "beta_frames", "anneal_steps", "decay_steps", "max_steps",
    "schedule_timesteps", "n_steps", "steps_total", "horizon", "epsilon_decay", "eps_decay", "end_step", "frames",
    "total_frames",
)  # fmt: skip
FIRST = ("start", "initial", "init", "start_e", "initial_p", "initial_value", "begin", "max")
LAST = ("end", "final", "end_e", "final_p", "final_value", "min", "stop")


def named(words, *settings):
    """The words, and each with the name of a setting before and behind it."""
    return (*words, *(f"{one}_{word}" for word in words for one in settings),
            *(f"{word}_{one}" for word in words for one in settings))  # fmt: skip


tame, stress, edges = cases.change_kinds(*cases.FALLING)
LINEAR_SCHEDULE = Spec(
    name="linear_schedule",
    formula="(1 − u) first + u last,  u = min(1, t/T)",
    source="Mnih et al. 2015",
    reference=changing,
    outputs=("value",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        STEP, DURATION,
        plain("first", *named(FIRST, "epsilon", "eps", "lr")), plain("last", *named(LAST, "epsilon", "eps", "lr")),
    ),
    layouts=(AS_DOCUMENTED, ONE_STEP),
    identities=(Identity("it begins with the first value", begins), Identity("it ends with the last value", ends)),
)  # fmt: skip

tame, stress, edges = cases.change_kinds(*cases.RISING)
PER_BETA = Spec(
    name="per_beta",
    formula="β = β₀ + min(1, t/T) (1 − β₀)",
    source="Schaul et al. 2016, section 3.4",
    reference=changing,
    outputs=("beta",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        STEP, plain("first", "beta", "beta0", *named(FIRST, "beta")), plain("last", *named(LAST, "beta")), DURATION,
    ),
    layouts=(AS_DOCUMENTED, ONE_STEP),
    absent={"last": lambda canonical: 1.0},
    identities=(Identity("it begins with the first value", begins), Identity("it ends with the last value", ends)),
)  # fmt: skip

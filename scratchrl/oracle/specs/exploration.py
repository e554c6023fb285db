"""Specs of exploration: what is added to an action, as a function of the draws.

A subject takes the draws as an array, or a generator that it draws them from: then it gets one whose numbers are known.
"""

import numpy as np

from scratchrl.maths import exploration
from scratchrl.oracle.cases import exploration as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.scripted_draws import rng
from scratchrl.oracle.specification import AS_DOCUMENTED, Identity, Layout, Spec


def exploration_noise(action, noise, sigma, low, high, explore):
    """clip(a + h σ ξ, low, high), h = ½ (high − low), while exploring; a itself otherwise.

    Checked in tests/oracle/specs/test_exploration.py.

    >>> exploration_noise(np.array([[1.0, 1.0]]), np.array([[1.0, 3.0]]), 0.25, -2.0, 2.0, explore=True)
    array([[1.5, 2. ]])
    """
    return exploration.perturbed(action, sigma * noise, low, high) if explore else action


def td3_smoothing(action, noise, sigma, clip, low, high):
    """clip(a′ + h clip(σ ξ, −c, c), low, high), h = ½ (high − low).

    Checked in tests/oracle/specs/test_exploration.py.

    >>> td3_smoothing(np.array([[0.0, 1.0]]), np.array([[9.0, -0.5]]), 0.5, 0.5, -2.0, 2.0)
    array([[1. , 0.5]])
    """
    blur = np.minimum(np.maximum(sigma * noise, -clip), clip)
    return exploration.perturbed(action, blur, low, high)


def ou_noise(x0, noise, uniform, theta, sigma, dt, mean):
    """The T states after x0 of x ← x + θ (μ − x) dt + σ √dt ξ; uniform draws are for those who draw such.

    Checked in tests/oracle/specs/test_exploration.py.

    >>> ou_noise(np.array([2.0]), np.array([[3.0]]), None, theta=0.5, sigma=1.0, dt=0.25, mean=0.0)
    array([[3.25]])
    """
    path = [x0]
    for draw in noise:
        path.append(exploration.ornstein_uhlenbeck(path[-1], draw, theta, sigma, dt, mean))
    return np.stack(path[1:])


# ---- how they are called ----


def _half(case):
    return (case["high"] - case["low"]) / 2


ACTION = plain("action", "a", "actions", "mu", "mean", "pi", "act", "next_action", "next_actions", "target_action",
               "pi_targ", "a_next", "actor_action", "mean_action", "next_state_actions", "a2")  # fmt: skip
NOISE = plain("noise", "eps", "epsilon", "xi", "z", "draws", "gaussian", "normal", "randn", "w", "standard_normal")
SIGMA = plain("sigma", "std", "scale", "noise_scale", "exploration_noise", "noise_std", "expl_noise", "policy_noise",
              "target_noise", "action_noise", "act_noise", "stddev", "target_policy_noise", "sigma_noise")  # fmt: skip
LOW = plain("low", "action_low", "min_action", "a_min", "act_low", "amin", "lo")
HIGH = plain("high", "action_high", "a_max", "act_high", "amax", "hi")
SYMMETRIC = Role(
    "limit", ("act_limit", "max_action", "action_limit", "action_bound", "max_a"), ("low", "high"),
    lambda case: float(_half(case)[0]), lambda given: {"low": -given["limit"], "high": given["limit"]},
    "bounds alike in every dimension, and symmetric", excludes=("low", "high", "action_scale", "action_bias"),
)  # fmt: skip
SCALE = Role(
    "action_scale", ("act_scale", "half_range"), ("low", "high"), _half,
    lambda given: {"low": given["action_bias"] - given["action_scale"],
                   "high": given["action_bias"] + given["action_scale"]},
    needs=("action_bias",), excludes=("low", "high", "limit"),
)  # fmt: skip
SCALE_TOO = SCALE._replace(determines=(), means=lambda given: {}, needs=("low", "high"), excludes=())
BIAS = Role(
    "action_bias", ("act_bias", "bias"), (), lambda case: (case["high"] + case["low"]) / 2, lambda given: {},
    needs=("action_scale",),
)  # fmt: skip
BOUNDS = (LOW, HIGH, SYMMETRIC, SCALE, SCALE_TOO, BIAS)
ONE = {"low": lambda canonical: -1.0, "high": lambda canonical: 1.0}
EXPLORE = plain("explore", "training", "train", "add_noise", "is_training", "exploring", "stochastic", "is_train",
                "training_mode", "exploration", flags=True)  # fmt: skip
DETERMINISTIC = Role(
    "deterministic", ("evaluate", "eval_mode", "eval", "test", "greedy", "evaluation", "is_eval", "testing"),
    ("explore",), lambda case: not case["explore"], lambda given: {"explore": not given["deterministic"]},
    excludes=("explore",), flags=True,
)  # fmt: skip


def always(canonical):
    """What the absence of a flag means: exploring."""
    return True


def without_noise(f, action, noise, **case):
    """f(ξ = 0) − a."""
    return f(action=action, noise=0 * noise, **case) - action


tame, stress, edges = cases.noise_kinds()
EXPLORATION_NOISE = Spec(
    name="exploration_noise",
    formula="clip(a + ½ (high − low) σ ξ, low, high),  ξ ~ N(0, 1) for each entry by itself",
    source="Lillicrap et al. 2016; Fujimoto et al. 2018",
    reference=exploration_noise,
    outputs=("action",),
    tame=tame, stress=stress, edges=edges,
    roles=(ACTION, NOISE, rng(normal="noise"), SIGMA, *BOUNDS, EXPLORE, DETERMINISTIC),
    absent=ONE | {"explore": always},
    identities=(Identity("no draw moves nothing", without_noise),),
)  # fmt: skip

tame, stress, edges = cases.smoothing_kinds()
TD3_SMOOTHING = Spec(
    name="td3_smoothing",
    formula="clip(a′ + ½ (high − low) clip(σ ξ, −c, c), low, high),  ξ ~ N(0, 1) for each entry by itself",
    source="Fujimoto et al. 2018, eq. 14",
    reference=td3_smoothing,
    outputs=("action",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        ACTION, NOISE, rng(normal="noise"), SIGMA, plain("clip", "noise_clip", "target_noise_clip", "c", "clip_noise"),
        *BOUNDS,
    ),
    absent=ONE,
    identities=(Identity("no draw moves nothing", without_noise),),
)  # fmt: skip

ONE_STEP = Layout(
    "one step (A,)",
    lambda case: case | {name: case[name][:1] for name in ("noise", "uniform")},
    lambda array: array[0] if np.ndim(array) == 2 else array,
    lambda output: output[None] if output.ndim == 1 else output,
)


def from_the_mean(f, x0, noise, mean, **case):
    """f(x0 = μ, ξ = 0) − μ."""
    return f(x0=0 * x0 + mean, noise=0 * noise, mean=mean, **case) - mean


tame, stress, edges = cases.process_kinds()
OU_NOISE = Spec(
    name="ou_noise",
    formula="x ← x + θ (μ − x) dt + σ √dt ξ,  ξ ~ N(0, 1) for each entry by itself",
    source="Uhlenbeck and Ornstein 1930; Lillicrap et al. 2016, section 7",
    reference=ou_noise,
    outputs=("path",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        plain("x0", "x", "state", "x_prev", "noise_prev", "initial_noise", "initial", "start", "prev"), NOISE,
        rng("noise", "uniform"), plain("uniform", "uniforms", "u"), SIGMA,
        plain("theta", "rate", "kappa", "reversion", "speed"),
        plain("dt", "delta_t", "timestep", "h"), plain("mean", "mu", "m", "long_run_mean"),
        Role("steps", ("t", "n", "num_steps", "n_steps", "length", "horizon"), (),
             lambda case: len(case["noise"]), lambda given: {}),
    ),
    layouts=(ONE_STEP, AS_DOCUMENTED),
    absent={
        "x0": lambda canonical: 0 * canonical["noise"][0],
        "uniform": lambda canonical: 0 * canonical["noise"],
        "dt": lambda canonical: 1.0,
        "mean": lambda canonical: 0.0,
    },
    identities=(Identity("without noise the mean stays", from_the_mean),),
)  # fmt: skip

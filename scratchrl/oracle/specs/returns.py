"""Specs of returns and advantages: GAE first, for it is the function of this field most often written wrong."""

import numpy as np

from scratchrl.maths import returns
from scratchrl.oracle.cases import returns as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import TIME_LAYOUTS, Spec

REWARD = plain("reward", "rewards", "rews", "rew", "r", "r_t", "reward_t")
VALUE = plain("value", "values", "vals", "val", "v", "v_tm1", "v_t", "baseline", "vpred", "values_t")
NEXT_VALUE = plain("next_value", "next_values", "v_next", "v_tp1", "values_next", "next_state_value", "v_s_", "v_")
TERMINATED = plain("terminated", "terminateds", "terminations", "termination", "terminal", "terminals", flags=True)
TRUNCATED = plain("truncated", "truncateds", "truncations", "truncation", "timeouts", "time_limits", flags=True)
GAMMA = plain("gamma", "discount", "discount_factor", "g")
LAM = plain("lam", "lambda_", "gae_lambda", "gaelam", "lmbda", "lambd", "gae_lam", "lambda", "tau", "l")


def _done(case):
    return case["terminated"] | case["truncated"]


DONES = Role(
    "dones", ("done", "d", "dones_t", "masks_done", "ends", "end_flag"), ("terminated",),
    _done, lambda given: {"terminated": given["dones"]},
    flags=True, excludes=("terminated", "truncated"),
)  # fmt: skip
EPISODE_STARTS = Role(
    "episode_starts", ("episode_start", "starts", "firsts", "is_first"), ("terminated",),
    lambda case: np.concatenate([np.ones_like(_done(case)[:1]), _done(case)[:-1]]),
    lambda given: {"terminated": np.concatenate([given["episode_starts"][1:], _last_flag(given)])},
    flags=True, excludes=("terminated", "truncated", "dones"),
)  # fmt: skip
LAST_DONE = Role(
    "last_done", ("next_done", "last_dones", "next_dones", "final_done"), (),
    lambda case: _done(case)[-1], lambda given: {}, flags=True, needs=("episode_starts",),
)  # fmt: skip
LAST_VALUE = Role(
    "last_value", ("last_values", "bootstrap_value", "last_val", "next_value", "final_value"), ("next_value",),
    lambda case: case["next_value"][-1],
    lambda given: {"next_value": np.concatenate([given["value"][1:], given["last_value"][None]])},
    needs=("value",), excludes=("next_value",),
)  # fmt: skip
VALUES_AND_LAST = Role(
    "values_and_last", ("values", "vals", "v", "value", "vpred", "values_tp1"), ("value", "next_value"),
    lambda case: np.concatenate([case["value"], case["next_value"][-1:]]),
    lambda given: {"value": given["values_and_last"][:-1], "next_value": given["values_and_last"][1:]},
    excludes=("value", "next_value", "last_value"),
)  # fmt: skip


def _last_flag(given):
    last = given.get("last_done")
    return np.zeros_like(given["episode_starts"][:1]) if last is None else last[None]


FLAGS = (TERMINATED, TRUNCATED, DONES, EPISODE_STARTS, LAST_DONE)
VALUES = (VALUE, NEXT_VALUE, LAST_VALUE, VALUES_AND_LAST)


def no_flags(canonical):
    """What the absence of a flag means: it never happens."""
    return np.zeros(canonical["reward"].shape, bool)


NEVER = {"terminated": no_flags, "truncated": no_flags}
tame, stress, edges = cases.kinds()

GAE = Spec(
    name="gae",
    formula="A_t = δ_t + γλ (1 − terminated_t ∨ truncated_t) A_{t+1},  δ_t = r_t + γ (1 − terminated_t) v′_t − v_t",
    source="Schulman et al. 2016, eq. 11 and 16",
    reference=returns.gae,
    outputs=("advantage",),
    tame=tame, stress=stress, edges=edges,
    roles=(REWARD, *VALUES, *FLAGS, GAMMA, LAM),
    layouts=TIME_LAYOUTS,
    absent=NEVER,
)  # fmt: skip

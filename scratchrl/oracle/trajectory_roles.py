"""How outsiders hand over rewards and values of a trajectory; the ends of its episodes are in episode_ends.py.

Who knows `values` and one value after the last row can express only trajectories with next_value[t] = value[t+1]. The
way back says so, hence the truth about such a subject is the truth on that domain.
"""

import numpy as np

from scratchrl.oracle.roles import Case, Role, plain

REWARD = plain("reward", "rewards", "rews", "rew", "r", "r_t", "reward_t", "rs", "ep_rews", "batch_rews", "x")
GAMMA = plain("gamma", "discount", "discount_factor", "gam", "g")
LAM = plain(
    "lam", "lambda_", "lambda_t", "lambda", "lmbda", "lambd", "gae_lambda", "gae_lam", "gaelam", "td_lambda",
    "q_lambda", "lamb", "tau", "l",
)  # fmt: skip
N = plain("n", "n_step", "n_steps", "nstep", "nsteps", "num_steps", "steps", "horizon", "lookahead")

CURRENT = ("values", "vals", "val", "v", "v_t", "v_tm1", "v_s", "vpred", "vpreds", "value_preds", "baseline",
           "baselines", "values_t", "state_value", "state_values")  # fmt: skip
LAST = ("last_values", "last_val", "last_vals", "bootstrap_value", "bootstrap", "next_value", "next_values",
        "final_value", "last_v", "last_pred")  # fmt: skip
WITH_LAST = (*CURRENT, "value", "values_tp1", "values_and_bootstrap")

VALUE = plain("value", *CURRENT)
NEXT_VALUE = plain(
    "next_value", "next_values", "next_vals", "next_v", "v_next", "v_t", "v_tp1", "v_s_", "v_", "values_next",
    "next_state_value", "next_state_values", "value_next", "bootstrap_values",
)  # fmt: skip
MASKED_NEXT_VALUE = Role(
    "masked_next_value", ("v_s_", "next_value_masked", "masked_next_values", "next_nonterminal_values"),
    ("next_value",),
    lambda case: np.where(case["terminated"], 0.0, case["next_value"]),
    lambda given: {"next_value": given["masked_next_value"]},
    "next values that the caller has multiplied by 1 − terminated", excludes=("next_value",),
)  # fmt: skip
LAST_VALUE = Role(
    "last_value", LAST, ("next_value",),
    lambda case: case["next_value"][-1],
    lambda given: {"next_value": np.concatenate([given["value"][1:], np.asarray(given["last_value"])[None]])},
    needs=("value",), excludes=("next_value", "masked_next_value"),
)  # fmt: skip
VALUES_AND_LAST = Role(
    "values_and_last", WITH_LAST, ("value", "next_value"),
    lambda case: np.concatenate([case["value"], case["next_value"][-1:]]),
    lambda given: {"value": given["values_and_last"][:-1], "next_value": given["values_and_last"][1:]},
    excludes=("value", "next_value", "masked_next_value", "last_value"),
)  # fmt: skip
VALUES_THEN_ZERO = Role(
    "values_then_zero", (*CURRENT, "value"), ("value", "next_value"),
    lambda case: case["value"],
    lambda given: {"value": given["values_then_zero"], "next_value": _then_zero(given["values_then_zero"])},
    "no value after the last row, which counts as 0",
    excludes=("value", "next_value", "masked_next_value", "last_value", "values_and_last"),
)  # fmt: skip


def _then_zero(value):
    return np.concatenate([value[1:], 0 * value[:1]])


def _before(next_value):
    """Values of which all but the first are the next values of the row before."""
    return np.concatenate([next_value[-1:], next_value[:-1]])


def _only_next(role: Role, give) -> Role:
    """The role in a spec whose reference has no use for the value of a row itself."""

    def means(given: Case) -> Case:
        return {name: array for name, array in role.means(given).items() if name == "next_value"}

    return role._replace(determines=("next_value",), give=give, means=means)


def _also_at_truncations(role: Role) -> tuple[Role, ...]:
    """Values of the next row may stand for v′ silently only where nobody speaks of truncations."""
    cuts = ("truncated", "ends", "bad_masks")
    note = "where truncated, the value of the next row has to be that of the final observation, not of the reset one"
    beside = [role._replace(needs=(*role.needs, cut), note=role.note or note) for cut in cuts]
    return (role._replace(excludes=role.excludes + cuts), *beside)


VALUES = (
    VALUE, NEXT_VALUE, MASKED_NEXT_VALUE,
    *(variant for role in (LAST_VALUE, VALUES_AND_LAST, VALUES_THEN_ZERO) for variant in _also_at_truncations(role)),
)  # fmt: skip
ONLY_NEXT_VALUES = (
    NEXT_VALUE,
    MASKED_NEXT_VALUE,
    VALUE._replace(determines=(), give=lambda case: _before(case["next_value"]), means=lambda given: {}),
    LAST_VALUE,
    _only_next(VALUES_AND_LAST, lambda case: np.concatenate([case["next_value"][-1:], case["next_value"]])),
    _only_next(VALUES_THEN_ZERO, lambda case: _before(case["next_value"])),
)

LOG_RHO = plain("log_rho", "log_rhos", "log_ratio", "log_ratios", "log_is", "log_weights", "log_importance_weights")
RHO_BAR = plain(
    "rho_bar", "clip_rho_threshold", "rho_clip", "rho_thresh", "clip_rho", "rho_max", "rho_threshold", "rhobar",
    "clip_rho_thres",
)  # fmt: skip
RHO = Role(
    "rho", ("rhos", "rho_t", "rho_tm1", "ratio", "ratios", "is_ratio", "importance_weights", "importance_ratio", "is"),
    ("log_rho",),
    lambda case: np.exp(case["log_rho"]).astype(np.float32).astype(np.float64),
    lambda given: {"log_rho": np.log(given["rho"])}, excludes=("log_rho", "log_pi", "log_mu"),
)  # fmt: skip
LOG_PI = Role(
    "log_pi", ("target_action_log_probs", "target_log_prob", "target_log_probs", "log_prob_target", "log_prob",
               "log_probs", "logp", "new_log_prob", "new_log_probs", "target_logp", "curr_log_probs",
               "learner_log_prob", "log_pi_t"),
    ("log_rho",),
    lambda case: case["log_rho"] - 1.0,
    lambda given: {"log_rho": given["log_pi"] - given["log_mu"]}, needs=("log_mu",), excludes=("log_rho", "rho"),
)  # fmt: skip
LOG_MU = Role(
    "log_mu", ("behaviour_action_log_probs", "behavior_action_log_probs", "behaviour_log_prob", "behavior_log_prob",
               "behaviour_log_probs", "behavior_log_probs", "log_prob_old", "log_probs_old", "old_log_prob",
               "old_log_probs", "logp_old", "behaviour_logp", "actor_log_prob", "log_mu_t"),
    (),
    lambda case: 0 * case["log_rho"] - 1.0, lambda given: {}, needs=("log_pi",), excludes=("log_rho", "rho"),
)  # fmt: skip
C_BAR = Role(
    "c_bar", ("c_thresh", "clip_c_threshold", "c_clip", "clip_cs_threshold", "c_max", "c_threshold"), (),
    lambda case: 1.0, lambda given: {},
)  # fmt: skip
PG_RHO_BAR = Role(
    "pg_rho_bar", ("clip_pg_rho_threshold", "pg_rho_clip", "clip_pg_rho", "pg_rho_thresh"), (),
    lambda case: case["rho_bar"], lambda given: {},
)  # fmt: skip
RATIOS = (LOG_RHO, RHO, LOG_PI, LOG_MU, RHO_BAR, C_BAR, PG_RHO_BAR)

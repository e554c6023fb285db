"""Specs of targets: what a critic is to learn of one transition."""

import numpy as np

from scratchrl.maths import targets
from scratchrl.oracle.cases import targets as cases
from scratchrl.oracle.cases.tables import number
from scratchrl.oracle.episode_ends import DISCOUNT_T, DONE_FLAGS, MASKS, TERMINATED, TRUNCATED, roles
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import target_identities
from scratchrl.oracle.specs.loss_roles import BATCHES
from scratchrl.oracle.trajectory_roles import GAMMA, REWARD


def never(canonical):
    """What the absence of `truncated` means, which changes no target anyway."""
    return np.zeros(canonical["reward"].shape, bool)


NOT_TRUNCATED = {"truncated": never}
ENDS = (TERMINATED, TRUNCATED, *(role for form in (DONE_FLAGS, MASKS, DISCOUNT_T) for role in roles(form)))
TRANSITION = (REWARD, *ENDS, GAMMA)


def masked(name, *aliases):
    """next_q with 0 in it where the episode terminated, for programs that mask before they look."""

    def give(case):
        keep = ~case["terminated"]
        return case[name] * (keep[:, None] if case[name].ndim == 2 else keep)

    return Role(
        f"{name}_masked", (f"masked_{name}", *aliases), (name, "terminated"), give,
        lambda given: {name: given[f"{name}_masked"], "terminated": np.zeros(len(given[f"{name}_masked"]), bool)},
        "0 where the episode terminated", excludes=(name, "terminated", "dones", "masks", "discount_t"),
    )  # fmt: skip


# ---- one value for each action ----

Q_WORDS = (
    "next_q", "next_q_values", "next_qs", "q_next", "q_values_next", "next_qvalues", "q_next_values", "next_q_value",
    "target_q", "target_q_values", "q_target", "q_target_next", "next_q_target", "q_targets_next", "target_next_q",
    "next_target_q", "target_next_q_values", "next_target_q_values", "q_t", "q_tp1", "q_prime", "q_", "qs_next",
    "next_state_values", "next_state_action_values", "next_values", "next_value", "q_next_target",
)  # fmt: skip
ONLINE_WORDS = (
    "q_online", "next_q_values_online", "online_next_q", "online_q", "q_online_next", "next_online_q", "q_next_online",
    "online_next_q_values", "q_next_eval", "q_eval_next", "next_q_eval", "next_q", "next_q_values", "q_t_selector",
)  # fmt: skip
MAX_WORDS = (
    "max_next_q", "next_q_max", "target_max", "max_q", "next_max_q", "q_max", "max_next_q_values", "next_q_values_max",
    "max_q_next",
)  # fmt: skip
NEXT_Q = plain("next_q", *Q_WORDS)
NEXT_Q_TARGET = plain("next_q_target", *Q_WORDS, "q_t_value")
NEXT_Q_ONLINE = plain("next_q_online", *ONLINE_WORDS)
BEST_NEXT_Q = Role(
    "best_next_q", MAX_WORDS, ("next_q",),
    lambda case: case["next_q"].max(axis=-1), lambda given: {"next_q": given["best_next_q"][..., None]},
    excludes=("next_q",),
)  # fmt: skip
BEST_ACTION = Role(
    "best_action", ("next_action", "next_actions", "best_actions", "argmax", "a_max", "greedy_action", "a_star"),
    ("next_q_online",), lambda case: case["next_q_online"].argmax(axis=-1),
    lambda given: {"next_q_online": _chosen(given["best_action"], given)}, excludes=("next_q_online",),
)  # fmt: skip


def _chosen(action, given):
    """Values under which that action is the best: 1 for it, 0 for the others."""
    values = given.get("next_q_target", given.get("next_q_target_masked"))
    return (np.arange(values.shape[-1]) == action[:, None]).astype(float)


tame, stress, edges = cases.kinds(lambda width, bound: {"next_q": cases.several(width, bound)})
DQN_TARGET = Spec(
    name="dqn_target",
    formula="y = r + γ (1 − terminated) max_a Q(s′, a)",
    source="Mnih et al. 2015",
    reference=targets.dqn_target,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(*TRANSITION, NEXT_Q, BEST_NEXT_Q, masked("next_q", *Q_WORDS)),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_DQN,
)  # fmt: skip

tame, stress, edges = cases.kinds(
    lambda width, bound: {name: cases.several(width, bound) for name in ("next_q_online", "next_q_target")}
)
DOUBLE_DQN_TARGET = Spec(
    name="double_dqn_target",
    formula="y = r + γ (1 − terminated) Q_target(s′, argmax_a Q_online(s′, a))",
    source="van Hasselt et al. 2016, eq. 4",
    reference=targets.double_dqn_target,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(*TRANSITION, NEXT_Q_ONLINE, NEXT_Q_TARGET, BEST_ACTION, masked("next_q_target", *Q_WORDS)),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_DOUBLE_DQN,
)  # fmt: skip


# ---- one value ----

ONE_Q = plain("next_q", *Q_WORDS, *MAX_WORDS, "target_value", "q_pi_targ", "qf1_next_target", "target_actor_q")
NEXT_Q1, NEXT_Q2 = (
    plain(f"next_q{i}", *(word.format(i) for word in (
        "q{}_next", "target_q{}", "q{}_target", "q{}", "next_q{}_target", "q{}_pi_targ", "qf{}_next_target",
        "qf{}_next", "q{}_next_target", "next_qf{}", "next_q_{}", "q_{}", "target_q_{}", "q{}_t", "current_q{}",
    )))
    for i in (1, 2)
)  # fmt: skip
MIN_WORDS = (
    "min_q", "min_qf_next_target", "min_q_next", "min_target_q", "min_next_q_target", "next_q_min", "next_q",
    "q_pi_targ", "target_q", "q_next", "min_qf_next", "next_q_values", "q_target", "target_q_values",
)  # fmt: skip
SMALLER_NEXT_Q = Role(
    "min_next_q", MIN_WORDS, ("next_q1", "next_q2"), lambda case: np.minimum(case["next_q1"], case["next_q2"]),
    lambda given: dict.fromkeys(("next_q1", "next_q2"), given["min_next_q"]), excludes=("next_q1", "next_q2"),
)  # fmt: skip
BOTH_NEXT_Q = Role(
    "both_next_q", ("next_qs", "next_q_values", "q_nexts", "target_qs", "next_q", "q_next", "target_q_values"),
    ("next_q1", "next_q2"), lambda case: np.stack([case["next_q1"], case["next_q2"]], axis=-1),
    lambda given: {"next_q1": given["both_next_q"][:, 0], "next_q2": given["both_next_q"][:, 1]},
    excludes=("next_q1", "next_q2", "min_next_q"),
)  # fmt: skip
TWO_CRITICS = (NEXT_Q1, NEXT_Q2, SMALLER_NEXT_Q, BOTH_NEXT_Q)
NEXT_LOG_PROB = plain(
    "next_log_prob", "next_log_pi", "next_state_log_pi", "log_prob_next", "next_logp", "logp_next", "logp_a2", "logp",
    "log_pi_next", "log_pi", "log_prob", "log_probs", "next_log_probs", "next_state_log_prob", "next_logprob",
    "next_action_log_prob", "next_action_log_probs", "next_actions_log_prob", "log_prob_prime", "next_log_p",
)  # fmt: skip
ALPHA = plain("alpha", "ent_coef", "temperature", "entropy_coef", "temp", "entropy_coefficient", "alpha_t", "a")
LOG_ALPHA = Role(
    "log_alpha", ("log_ent_coef", "log_temperature", "log_temp"), ("alpha",),
    lambda case: float(np.float32(np.log(case["alpha"]))), lambda given: {"alpha": np.exp(given["log_alpha"])},
    excludes=("alpha",),
)  # fmt: skip

tame, stress, edges = cases.kinds(lambda width, bound: {"next_q": number(bound)}, one_action=False)
DDPG_TARGET = Spec(
    name="ddpg_target",
    formula="y = r + γ (1 − terminated) Q(s′, μ(s′))",
    source="Lillicrap et al. 2016, eq. 5",
    reference=targets.ddpg_target,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(*TRANSITION, ONE_Q, masked("next_q", *ONE_Q.aliases)),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_DQN,
)  # fmt: skip

tame, stress, edges = cases.kinds(
    lambda width, bound: dict.fromkeys(("next_q1", "next_q2"), number(bound)), one_action=False
)
CLIPPED_DOUBLE_Q_TARGET = Spec(
    name="clipped_double_q_target",
    formula="y = r + γ (1 − terminated) min(Q₁, Q₂)(s′, a′)",
    source="Fujimoto et al. 2018, eq. 10",
    reference=targets.clipped_double_q_target,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(*TRANSITION, *TWO_CRITICS),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_TWO_CRITICS,
)  # fmt: skip

tame, stress, edges = cases.kinds(
    lambda width, bound: dict.fromkeys(("next_q1", "next_q2", "next_log_prob"), number(bound)),
    extra=[("alpha", cases.temperatures)], one_action=False,
)  # fmt: skip
SAC_TARGET = Spec(
    name="sac_target",
    formula="y = r + γ (1 − terminated) ( min(Q₁, Q₂)(s′, a′) − α log π(a′|s′) ),  a′ ~ π(·|s′)",
    source="Haarnoja et al. 2018, eq. 3 and 5",
    reference=targets.sac_target,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(*TRANSITION, *TWO_CRITICS, NEXT_LOG_PROB, ALPHA, LOG_ALPHA),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_SAC,
)  # fmt: skip

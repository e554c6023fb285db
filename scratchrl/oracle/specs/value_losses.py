"""Specs of value losses, means over a batch with their derivatives, of Huber's loss and of advantage normalisation."""

import numpy as np

from scratchrl.maths import returns, values
from scratchrl.oracle.cases import losses as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import AS_DOCUMENTED, Identity, Spec
from scratchrl.oracle.specs import loss_identities as laws
from scratchrl.oracle.specs.loss_roles import ADVANTAGE, BATCHES, CLIP, ROW
from scratchrl.oracle.specs.losses import ALONE


def value_loss(value, target):
    """½ (1/B) Σ (v − R)² and its derivatives (v − R)/B.

    Checked in tests/oracle/specs/test_losses.py.

    >>> value_loss(np.array([3.0, 1.0]), np.array([1.0, 1.0]))
    (np.float64(1.0), array([1., 0.]))
    """
    loss, d_value = values.mse(value, target)
    return loss.mean(), d_value / len(value)


def clipped_value_loss(value, value_old, target, clip):
    """½ (1/B) Σ max((v − R)², (v_c − R)²) with v_c = clip(v, v_old − c, v_old + c), and its derivatives by v.

    Checked in tests/oracle/specs/test_losses.py.

    >>> clipped_value_loss(np.array([3.0]), np.array([0.0]), np.array([4.0]), 1.0)
    (np.float64(4.5), array([0.]))
    """
    loss, d_value = values.clipped_value_loss(value, value_old, target, clip)
    return loss.mean(), d_value / len(value)


def advantage_normalization(advantage):
    """(A − mean A)/std A with the population's standard deviation; equal advantages become 0.

    Checked in tests/oracle/specs/test_losses.py.

    >>> advantage_normalization(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """
    return returns.normalize_advantage(advantage)


def _moving_the_ends(value, value_old, target, clip):
    """The same, as most write it: v_c = v_old + clip(v − v_old, −c, c)."""
    error, error_clipped = value - target, value_old + np.clip(value - value_old, -clip, clip) - target
    d_value = np.where(np.abs(value - value_old) > clip, np.where(error**2 < error_clipped**2, 0 * error, error), error)
    return np.maximum(error**2, error_clipped**2).mean() / 2, d_value / len(value)


# ---- how they are called ----

VALUE = plain(
    "value", "values", "v", "vf", "vpred", "v_pred", "vpreds", "newvalue", "newvalues", "new_value", "new_values",
    "values_pred", "value_pred", "value_preds", "values_preds", "predicted_values", "predicted_value", "state_value",
    "state_values", "critic_value", "critic_values", "current_values", "curr_values", "value_estimates", "baseline",
    "pred", "preds", "prediction", "predictions", "v_s", "q", "q_values", "qf", "current_q", "q_pred", "old_val_fn_out",
)  # fmt: skip
TARGET = plain(
    "target", "targets", "returns", "return_", "ret", "rets", "td_target", "td_targets", "value_target",
    "value_targets", "v_target", "vtarg", "v_targ", "target_values", "target_value", "returns_batch", "return_batch",
    "mb_returns", "b_returns", "rewards_to_go", "reward_to_go", "rtg", "g", "y", "y_true", "expected", "tdlamret",
    "target_q", "q_target", "labels", "discounted_returns", "value_target_batch", "r",
)  # fmt: skip
VALUE_OLD = plain(
    "value_old", "values_old", "old_value", "old_values", "v_old", "old_v", "vpred_old", "old_vpred", "oldvpred",
    "old_value_pred", "old_value_preds", "value_pred_old", "value_preds_batch", "target_values_batch", "prev_values",
    "b_values", "mb_values", "rollout_values", "values_batch", "old_state_values", "prev_vf_preds", "prev_value",
)  # fmt: skip
ERROR_AND_NOTHING = Role(
    "error", ("errors", "td_error", "td_errors", "delta", "deltas", "diff", "residual", "advantage", "advantages"),
    ("value", "target"),
    lambda case: case["value"] - case["target"],
    lambda given: {"value": given["error"], "target": 0 * given["error"]},
    excludes=("value", "target"),
)  # fmt: skip
VALUE_CLIP = plain(
    "clip", "clip_range_vf", "cliprange_value", "cliprange_vf", "vf_clip", "vf_clip_param", "value_clip", "clip_value",
    "clip_vf", "value_clip_range", "vloss_clip", "v_clip", "vclip", *CLIP.aliases,
)  # fmt: skip
ERROR = plain(
    "error", "errors", "td_error", "td_errors", "e", "x", "diff", "residual", "u", "err", "tderror", "a", "input",
)  # fmt: skip
DELTA = plain("delta", "kappa", "k", "beta", "threshold", "d", "huber_delta", "huber_loss_threshold", "clip_delta")

# ---- the specs ----

_tame, _stress, _edges = cases.regressions()
VALUE_LOSS = Spec(
    name="value_loss",
    formula="L = ½ (1/B) Σ (v − R)²,  ∂L/∂v = (v − R)/B",
    source="Sutton & Barto 2018, section 9.2",
    reference=value_loss,
    outputs=("loss", "d_value"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(VALUE, TARGET, ERROR_AND_NOTHING),
    layouts=BATCHES,
    differentiate=("value",),
    identities=(
        ALONE,
        Identity("where v = R there is no loss and no gradient", laws.no_error_no_loss),
        Identity("twice the values and targets are four times the loss", laws.four_times_the_loss),
    ),
)  # fmt: skip

_tame, _stress, _edges = cases.clipped_regressions()
CLIPPED_VALUE_LOSS = Spec(
    name="clipped_value_loss",
    formula="L = ½ (1/B) Σ max((v − R)², (v_c − R)²),  v_c = v_old + clip(v − v_old, −c, c)",
    source="baselines, ppo2; the paper Engstrom et al. 2020 prints min",
    reference=clipped_value_loss,
    outputs=("loss", "d_value"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(VALUE, VALUE_OLD, TARGET, VALUE_CLIP),
    layouts=BATCHES,
    formulas=(_moving_the_ends,),
    differentiate=("value",),
    identities=(
        ALONE,
        Identity("where v = v_old it is the unclipped loss", laws.unclipped_where_nothing_moved),
        Identity("it is never below the unclipped loss", laws.never_below_the_unclipped),
    ),
)  # fmt: skip

_tame, _stress, _edges = cases.errors()
HUBER = Spec(
    name="huber_loss",
    formula="H(e) = ½ e² for |e| ≤ δ, δ (|e| − ½ δ) beyond; H′(e) = clip(e, −δ, δ)",
    source="Huber 1964",
    reference=values.huber,
    outputs=("loss", "d_error"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(ERROR, DELTA),
    layouts=BATCHES,
    differentiate=("error",),
)  # fmt: skip

_tame, _stress, _edges = cases.advantages()
ADVANTAGE_NORMALIZATION = Spec(
    name="advantage_normalization",
    formula="(A − mean A)/σ with the population's σ; 0 where all are equal",
    source="common practice; Schulman et al. 2017 do not print it",
    reference=advantage_normalization,
    outputs=("advantage",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(plain("advantage", "x", "arr", "array", "data", *ADVANTAGE.aliases),),
    layouts=(AS_DOCUMENTED, ROW),
    identities=(
        Identity("mean 0 and mean square 1", laws.mean_and_spread),
        Identity("unmoved by a shift and by a scale", laws.scale_and_shift),
    ),
)  # fmt: skip

"""Specs of quantile regression: the quantiles of the best action, and the loss that pulls a number to its quantile."""

import numpy as np

from scratchrl.maths import quantiles
from scratchrl.oracle.cases import replay as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import target_identities
from scratchrl.oracle.specs.loss_roles import BATCHES
from scratchrl.oracle.specs.targets import NOT_TRUNCATED, TRANSITION

QUANTILE_WORDS = (
    "next_quantile", "quantiles_next", "next_z", "target_quantiles", "next_theta", "next_dist", "next_quantile_values",
    "quantiles_target", "theta_next", "next_target_quantiles", "z_next", "quantiles",
)  # fmt: skip


def _actions_last(array):
    return np.swapaxes(array, 1, 2)


NEXT_QUANTILES = plain("next_quantiles", *QUANTILE_WORDS)
ACTIONS_LAST = Role(
    "quantiles_by_action", ("next_quantiles", *QUANTILE_WORDS), ("next_quantiles",),
    lambda case: _actions_last(case["next_quantiles"]),
    lambda given: {"next_quantiles": _actions_last(given["quantiles_by_action"])},
    "(B, N, A), actions last", excludes=("next_quantiles",),
)  # fmt: skip

tame, stress, edges = cases.quantile_target_kinds()
QUANTILE_TARGET = Spec(
    name="quantile_target",
    formula="y_j = r + γ (1 − terminated) θ_j(s′, a*),  a* = argmax_a Σ_j θ_j(s′, a)",
    source="Dabney et al. 2018, algorithm 1",
    reference=quantiles.quantile_target,
    outputs=("target",),
    tame=tame, stress=stress, edges=edges,
    roles=(*TRANSITION, NEXT_QUANTILES, ACTIONS_LAST),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_QUANTILES,
)  # fmt: skip


def quantile_huber_loss(quantiles, target, kappa):
    """Mean over the batch of Σ_i (1/M) Σ_j |τ_i − 1{u < 0}| H_κ(u), and its derivative by the quantiles."""
    value, d_quantiles = _rows(quantiles, target, kappa)
    return value.sum() / len(target), d_quantiles / len(target)


_rows = quantiles.quantile_huber_loss
QUANTILES = plain(
    "quantiles", "theta", "current_quantiles", "pred", "predictions", "quantile_values", "z", "current", "q", "dist",
    "pred_quantiles", "quantile_predictions", "input", "current_dist",
)  # fmt: skip
TARGETS = plain(
    "target", "target_quantiles", "targets", "y", "target_theta", "target_z", "target_dist", "td_target", "next_dist",
)  # fmt: skip
KAPPA = plain("kappa", "k", "huber_kappa", "delta", "threshold", "huber_delta", "huber_threshold")


def one(canonical):
    """κ where nobody asks."""
    return 1.0


tame, stress, edges = cases.fit_kinds()
QUANTILE_HUBER_LOSS = Spec(
    name="quantile_huber_loss",
    formula="L = (1/B) Σ_b Σ_i (1/M) Σ_j |τ_i − 1{u < 0}| H_κ(u),  u = y_j − θ_i,  τ_i = (2i + 1)/(2N)",
    source="Dabney et al. 2018, eq. 10",
    reference=quantile_huber_loss,
    outputs=("loss", "d_quantiles"),
    tame=tame, stress=stress, edges=edges,
    roles=(QUANTILES, TARGETS, KAPPA),
    absent={"kappa": one},
    differentiate=("quantiles",),
    identities=target_identities.OF_QUANTILE_LOSS,
)  # fmt: skip

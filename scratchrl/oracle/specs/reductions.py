"""Specs of numbers that say something about a batch: a mean over what is not padding, the share that is clipped."""

import numpy as np

from scratchrl.oracle.cases import actor_critic as cases
from scratchrl.oracle.roles import plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs.loss_roles import BATCHES, CLIP, RATIOS


def masked_mean(x, mask):
    """Σ m x / Σ m over all entries: what is padding is neither summed nor counted.

    Checked in tests/oracle/specs/test_losses.py.

    >>> masked_mean(np.array([[1.0, 9.0], [2.0, 3.0]]), np.array([[True, False], [True, True]]))
    np.float64(2.0)
    """
    return np.where(mask, x, 0 * x).sum() / mask.sum()


def clip_fraction(log_prob, log_prob_old, clip):
    """The share of samples with |ρ − 1| > ε.

    Checked in tests/oracle/specs/test_losses.py.

    >>> clip_fraction(np.log(np.array([1.0, 2.0])), np.zeros(2), 0.25)
    np.float64(0.5)
    """
    rho = np.exp(log_prob - log_prob_old)
    return ((rho > 1 + clip) | (rho < 1 - clip)).mean()


X = plain("x", "values", "value", "tensor", "losses", "loss", "data", "arr", "per_token_loss", "input", "loss_mat")
MASK = plain(
    "mask", "masks", "valid", "loss_mask", "padding_mask", "valid_mask", "action_mask", "completion_mask",
    "response_mask", "attention_mask", "m", flags=True,
)  # fmt: skip

_tame, _stress, _edges = cases.padded()
MASKED_MEAN = Spec(
    name="masked_mean",
    formula="Σ m x / Σ m",
    source="definition",
    reference=masked_mean,
    outputs=("mean",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(X, MASK),
)  # fmt: skip

_tame, _stress, _edges = cases.moves()
CLIP_FRACTION = Spec(
    name="clip_fraction",
    formula="mean [ |ρ − 1| > ε ]",
    source="baselines, ppo2",
    reference=clip_fraction,
    outputs=("fraction",),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(*RATIOS, CLIP),
    layouts=BATCHES,
)  # fmt: skip

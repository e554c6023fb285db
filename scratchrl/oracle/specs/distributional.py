"""Specs of C51: the distribution of the return moved onto its atoms, and the loss that fits it."""

import numpy as np

from scratchrl.maths import distributional
from scratchrl.maths.constants import exact
from scratchrl.oracle.cases import targets as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import target_identities
from scratchrl.oracle.specs.distributions import dyadic_softmax
from scratchrl.oracle.specs.loss_roles import BATCHES
from scratchrl.oracle.specs.targets import NOT_TRUNCATED, TRANSITION

NEXT_PROBS = plain(
    "probs", "next_probs", "next_pmfs", "next_dist", "next_pmf", "next_distribution", "p_next", "next_p", "pns_a", "p",
    "pmfs", "probabilities", "next_probabilities", "dist", "target_dist", "proba", "next_dists", "q_dist", "weights",
)  # fmt: skip
V_MIN = plain("v_min", "vmin", "min_value", "v_minimum", "q_min", "low")
V_MAX = plain("v_max", "vmax", "max_value", "v_maximum", "q_max", "high")


def _support(case):
    return np.linspace(case["v_min"], case["v_max"], case["probs"].shape[-1])


def _ends(given):
    return {"v_min": given["support"][0], "v_max": given["support"][-1]}


SUPPORT = Role(
    "support", ("atoms", "z", "supports", "atom_values", "z_support", "bins", "z_atoms"), ("v_min", "v_max"),
    _support, _ends, excludes=("v_min", "v_max"),
)  # fmt: skip
SUPPORT_TOO = Role(
    "support_too", ("support", *SUPPORT.aliases), (), _support, lambda given: {}, needs=("v_min", "v_max"),
    excludes=("support",),
)  # fmt: skip
ATOMS = Role(
    "n_atoms", ("num_atoms", "atoms", "atom_size", "n", "k", "num_support", "atoms_num", "n_support"), (),
    lambda case: case["probs"].shape[-1], lambda given: {},
)  # fmt: skip
SPACING = Role(
    "spacing", ("delta_z", "delta", "dz", "deltaz", "atom_delta"), (),
    lambda case: (case["v_max"] - case["v_min"]) / (case["probs"].shape[-1] - 1), lambda given: {},
)  # fmt: skip



def _by_distance(probs, reward, terminated, truncated, gamma, v_min, v_max):
    """The formula as it is printed: a hat around each atom, a rounded support under both."""
    z = distributional.support(v_min, v_max, probs.shape[1], reward)
    moved = reward[:, None] + gamma * (~terminated).astype(reward.dtype)[:, None] * z
    moved = np.minimum(v_max, np.maximum(v_min, moved))[:, None, :]
    spacing = (v_max - v_min) * exact(1, reward) / (len(z) - 1)
    hats = np.minimum(1, np.maximum(0, 1 - np.abs(moved - z[:, None]) / spacing))
    return (hats * probs[:, None, :]).sum(axis=-1)


tame, stress, edges = cases.atom_kinds()
C51_PROJECTION = Spec(
    name="c51_projection",
    formula="p′_i = Σ_j p_j max(0, 1 − |b_j − i|),  b_j = (clip(r + γ (1 − terminated) z_j, v_min, v_max) − v_min)/Δ",
    source="Bellemare et al. 2017, eq. 7",
    reference=distributional.c51_projection,
    outputs=("target_probs",),
    tame=tame, stress=stress, edges=edges,
    formulas=(_by_distance,),
    roles=(*TRANSITION, NEXT_PROBS, V_MIN, V_MAX, SUPPORT, SUPPORT_TOO, ATOMS, SPACING),
    layouts=BATCHES,
    absent=NOT_TRUNCATED,
    identities=target_identities.OF_C51,
)  # fmt: skip

# ---- the loss ----

LOGITS = plain("logits", "logit", "q_logits", "chosen_logits", "logits_a", "x", "pred_logits", "current_logits")
PROBS = Role(
    "probs", ("pmfs", "old_pmfs", "dist", "p", "probabilities", "prob", "current_dist", "pred_probs", "curr_dist",
              "q_dist", "chosen_probs", "current_probs", "dist_a", "pmf"),
    ("logits",), lambda case: dyadic_softmax(case["logits"]), lambda given: {"logits": np.log(given["probs"])},
    excludes=("logits",), pull=lambda given, d_logits: _by_probs(d_logits, **given),
)  # fmt: skip


def _by_probs(d_logits, probs, target_probs):
    """−p′/(p B), from d_logits = (p Σ p′ − p′)/B."""
    return d_logits / probs - target_probs.sum(axis=-1, keepdims=True) / len(probs)


TARGET_PROBS = plain(
    "target_probs", "target_pmfs", "target_dist", "proj_dist", "projected", "m", "target", "targets", "target_p",
    "target_distribution", "proj_distr", "projection", "target_pmf", "proba_target", "labels", "target_probabilities",
)  # fmt: skip


def c51_loss(logits, target_probs):
    """Mean over the batch of −Σ_i p′_i log softmax(l)_i, and its derivative by the logits."""
    value, d_logits = distributional.c51_loss(logits, target_probs)
    return value.sum() / len(logits), d_logits / len(logits)


def _by_softmax(logits, target_probs):
    mass = np.exp(logits)
    p = mass / mass.sum(axis=-1, keepdims=True)
    total = target_probs.sum(axis=-1, keepdims=True)
    return -(target_probs * np.log(p)).sum() / len(logits), (p * total - target_probs) / len(logits)


C51_LOSS = Spec(
    name="c51_loss",
    formula="L = −(1/B) Σ_b Σ_i p′_bi log softmax(l_b)_i",
    source="Bellemare et al. 2017, algorithm 1",
    reference=c51_loss,
    outputs=("loss", "d_logits"),
    tame={"ordinary logits": cases.fits(bound=8.0)},
    stress={
        "logits up to 1000": cases.fits(bound=1024.0),
        "targets of tiny probabilities": cases.fits(parts=2**24),
    },
    edges={
        "one sample": cases.fits(rows=1),
        "one atom takes all": cases.fits(parts=1),
        "two atoms": cases.fits(width=(2, 2)),
    },
    roles=(LOGITS, PROBS, TARGET_PROBS),
    formulas=(_by_softmax,),
    differentiate=("logits",),
    identities=target_identities.OF_C51_LOSS,
)

"""Specs of soft actor-critic's losses, means over a batch with their derivatives."""

import numpy as np

from scratchrl.maths import soft
from scratchrl.oracle.cases import losses as cases
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Identity, Spec
from scratchrl.oracle.specs import loss_identities as laws
from scratchrl.oracle.specs.loss_roles import BATCHES, LOG_PROB, NEGLOGP, PROB, single
from scratchrl.oracle.specs.losses import ALONE


def sac_policy_loss(log_prob, q1, q2, alpha):
    """(1/B) Σ (α log π − min(Q₁, Q₂)) and its derivatives by log π, Q₁ and Q₂.

    Checked in tests/oracle/specs/test_losses.py.

    >>> sac_policy_loss(np.array([-1.0]), np.array([3.0]), np.array([2.0]), 0.5)
    (np.float64(-2.5), array([0.5]), array([-0.]), array([-1.]))
    """
    value, *gradients = soft.sac_policy_loss(log_prob, q1, q2, alpha)
    return value.mean(), *(gradient / len(log_prob) for gradient in gradients)


def temperature_loss(log_alpha, log_prob, target_entropy):
    """−(1/B) Σ α (log π + H̄) with α = exp(log α), and its derivative by log α, which is the same number.

    Checked in tests/oracle/specs/test_losses.py.

    >>> temperature_loss(np.array(0.0), np.array([-3.0, -1.0]), 1.0)
    (np.float64(1.0), np.float64(1.0))
    """
    value, d_log_alpha = soft.temperature_loss(log_alpha, log_prob, target_entropy)
    return value.mean(), d_log_alpha.mean()


Q1 = plain("q1", "qf1", "q1_pi", "qf1_pi", "q_1", "q1_value", "q1_values", "qf1_value", "q1_new", "q1_new_policy", "qa")
Q2 = plain("q2", "qf2", "q2_pi", "qf2_pi", "q_2", "q2_value", "q2_values", "qf2_value", "q2_new", "q2_new_policy", "qb")
MIN_Q = Role(
    "min_q", ("q", "q_pi", "min_qf_pi", "min_qf", "min_q_pi", "q_value", "q_values", "q_min", "qf_pi", "minq"),
    ("q1", "q2"),
    lambda case: np.minimum(case["q1"], case["q2"]), lambda given: {"q1": given["min_q"], "q2": given["min_q"]},
    excludes=("q1", "q2"),
)  # fmt: skip
ALPHA = plain("alpha", "ent_coef", "entropy_coef", "temperature", "temp", "ent_coeff", "entropy_coeff", "entropy_alpha")
LOG_ALPHA = plain("log_alpha", "log_ent_coef", "log_temperature", "log_temp", "logalpha", "log_a", "log_ent_coeff")
ALPHA_ITSELF = Role(
    "alpha", ("ent_coef", "temperature", "temp", "entropy_coef", "ent_coeff"), ("log_alpha",),
    lambda case: np.asarray(single(np.exp(case["log_alpha"]))), lambda given: {"log_alpha": np.log(given["alpha"])},
    "differentiated by α itself and not by log α", excludes=("log_alpha",),
    pull=lambda given, gradient: gradient / given["alpha"],
)  # fmt: skip
TARGET_ENTROPY = plain(
    "target_entropy", "h_bar", "hbar", "target_ent", "entropy_target", "desired_entropy", "h_target", "target_h"
)

_tame, _stress, _edges = cases.two_critics()
SAC_POLICY = Spec(
    name="sac_policy_loss",
    formula="L = (1/B) Σ (α log π − min(Q₁, Q₂))",
    source="Haarnoja et al. 2018, Soft actor-critic algorithms and applications, eq. 9",
    reference=sac_policy_loss,
    outputs=("loss", "d_log_prob", "d_q1", "d_q2"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(LOG_PROB, NEGLOGP, PROB, Q1, Q2, MIN_Q, ALPHA),
    layouts=BATCHES,
    differentiate=("log_prob", "q1", "q2"),
    identities=(ALONE, Identity("the critics may change places", laws.critics_are_alike)),
)  # fmt: skip

_tame, _stress, _edges = cases.temperatures()
TEMPERATURE = Spec(
    name="temperature_loss",
    formula="L = −(1/B) Σ α (log π + H̄),  ∂L/∂log α = L",
    source="Haarnoja et al. 2018, Soft actor-critic algorithms and applications, eq. 18",
    reference=temperature_loss,
    outputs=("loss", "d_log_alpha"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(LOG_ALPHA, ALPHA_ITSELF, LOG_PROB, NEGLOGP, TARGET_ENTROPY),
    layouts=BATCHES,
    differentiate=("log_alpha",),
    identities=(ALONE, Identity("at the entropy aimed at α stays", laws.entropy_reached)),
)  # fmt: skip

"""Specs of policy losses: means over a batch, to be made small, with their derivatives by log π.

maths/objectives.py has the objectives sample by sample, to be made large; the minus sign and the 1/B stand here.
"""

from scratchrl.maths import objectives
from scratchrl.oracle.cases import losses as cases
from scratchrl.oracle.cases.tables import between
from scratchrl.oracle.specification import Identity, Spec
from scratchrl.oracle.specs import loss_identities as laws
from scratchrl.oracle.specs.loss_roles import (
    ADVANTAGE,
    BATCHES,
    BETA,
    CLIP,
    KL,
    LOG_PROB,
    NEGLOGP,
    PROB,
    RATIOS,
    WEIGHT,
)


def policy_gradient_loss(log_prob, advantage):
    """−(1/B) Σ A log π and its derivatives −A/B.

    Checked in tests/oracle/specs/test_losses.py.

    >>> import numpy as np
    >>> policy_gradient_loss(np.array([-1.0, -2.0]), np.array([2.0, 1.0]))
    (np.float64(2.0), array([-1. , -0.5]))
    """
    value, d_log_prob = objectives.policy_gradient(log_prob, advantage)
    return -value.mean(), -d_log_prob / len(log_prob)


def ppo_clip_loss(log_prob, log_prob_old, advantage, clip):
    """−(1/B) Σ min(ρ A, clip(ρ, 1−ε, 1+ε) A) and its derivatives.

    Checked in tests/oracle/specs/test_losses.py.

    >>> import numpy as np
    >>> ppo_clip_loss(np.zeros(2), np.zeros(2), np.array([2.0, 1.0]), 0.25)
    (np.float64(-1.5), array([-1. , -0.5]))
    """
    value, d_log_prob = objectives.ppo_clip(log_prob, log_prob_old, advantage, clip)
    return -value.mean(), -d_log_prob / len(log_prob)


def ppo_penalty_loss(log_prob, log_prob_old, advantage, kl, beta):
    """−(1/B) Σ (ρ A − β KL) and its derivatives by log π and by the KL.

    Checked in tests/oracle/specs/test_losses.py.

    >>> import numpy as np
    >>> ppo_penalty_loss(np.zeros(1), np.zeros(1), np.array([2.0]), np.array([0.5]), 2.0)
    (np.float64(-1.0), array([-2.]), array([2.]))
    """
    value, d_log_prob, d_kl = objectives.ppo_penalty(log_prob, log_prob_old, advantage, kl, beta)
    return -value.mean(), -d_log_prob / len(log_prob), -d_kl / len(log_prob)


# ---- the specs ----

ALONE = Identity("the loss of a batch is the mean of the losses of its samples", laws.mean_of_singles)
SCALE = Identity("twice the advantage is twice the loss and twice the gradient", laws.twice_the_advantage)

_tame, _stress, _edges = cases.policy_gradients()
POLICY_GRADIENT = Spec(
    name="policy_gradient_loss",
    formula="L = −(1/B) Σ A log π,  ∂L/∂log π = −A/B",
    source="Williams 1992",
    reference=policy_gradient_loss,
    outputs=("loss", "d_log_prob"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(LOG_PROB, NEGLOGP, PROB, WEIGHT),
    layouts=BATCHES,
    differentiate=("log_prob",),
    identities=(ALONE, SCALE),
)  # fmt: skip

_tame, _stress, _edges = cases.ratios()
PPO_CLIP = Spec(
    name="ppo_clip_loss",
    formula="L = −(1/B) Σ min(ρ A, clip(ρ, 1−ε, 1+ε) A),  ∂L/∂log π = −ρ A/B, or 0 beyond the bound",
    source="Schulman et al. 2017, eq. 7",
    reference=ppo_clip_loss,
    outputs=("loss", "d_log_prob"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(*RATIOS, ADVANTAGE, CLIP),
    layouts=BATCHES,
    differentiate=("log_prob",),
    identities=(
        ALONE,
        SCALE,
        Identity("at the old policy the loss is −mean A and its gradient the policy gradient", laws.at_the_old_policy),
        Identity("the clipped objective never exceeds ρ A", laws.pessimism),
        Identity("L(ρ, A) − L(2 − ρ, −A) = −2 mean A: the two signs of A are mirror images", laws.mirrored),
        Identity("a sample that has moved beyond its bound has no gradient", laws.nothing_beyond_the_bound),
    ),
)  # fmt: skip

_tame, _stress, _edges = cases.ratios({"kl": between(0.0, 2.0)}, (("beta", between(0.0, 4.0)),))
PPO_PENALTY = Spec(
    name="ppo_penalty_loss",
    formula="L = −(1/B) Σ (ρ A − β KL),  ∂L/∂log π = −ρ A/B,  ∂L/∂KL = β/B",
    source="Schulman et al. 2017, eq. 8",
    reference=ppo_penalty_loss,
    outputs=("loss", "d_log_prob", "d_kl"),
    tame=_tame, stress=_stress, edges=_edges,
    roles=(*RATIOS, ADVANTAGE, KL, BETA),
    layouts=BATCHES,
    differentiate=("log_prob", "kl"),
    identities=(ALONE,),
)  # fmt: skip

"""Specs of KL divergences, and of their estimators from samples."""

import numpy as np

from scratchrl.maths import categorical, gaussian, kl_estimators, objectives
from scratchrl.oracle.cases import densities as cases
from scratchrl.oracle.cases.tables import between, number
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs import divergence_identities as laws
from scratchrl.oracle.specs.densities import GAUSSIAN_LAYOUTS, ROW_LAYOUTS, log_of_softmax
from scratchrl.oracle.specs.distributions import FIRST, SECOND, logit_roles, mean_role, nearest_float32, scale_roles

LOG_PROB = plain(
    "log_prob", "logp", "new_log_prob", "log_prob_new", "logprob", "new_logprob", "newlogprob", "logp_new", "log_probs",
    "logprobs", "new_log_probs", "cur_logp", "log_pi", "logp_q", "per_token_logps",
    "ref_log_prob", "ref_logp", "ref_logprobs", "ref_log_probs", "ref_per_token_logps", "log_prob_ref",
)  # fmt: skip
LOG_PROB_OLD = plain(
    "log_prob_old", "old_log_prob", "logp_old", "old_logprob", "oldlogprob", "old_logprobs", "old_log_probs",
    "log_probs_old", "logprobs_old", "old_logp", "b_logprobs", "prev_logp", "logp_p", "behaviour_logp", "old_log_pi",
    "log_prob", "logp", "logprob", "logprobs", "log_probs", "per_token_logps", "log_pi",  # beside a reference policy
)  # fmt: skip
BOTH = ("log_prob", "log_prob_old")


def _log_ratio(case):
    return case["log_prob"] - case["log_prob_old"]


def _split(log_ratio):
    return {"log_prob": log_ratio, "log_prob_old": 0 * log_ratio}


LOG_RATIO = Role(
    "log_ratio", ("logratio", "logr", "log_r", "log_rho", "log_ratios", "logratios"), BOTH,
    lambda case: nearest_float32(_log_ratio(case)), lambda given: _split(given["log_ratio"]),
    excludes=(*BOTH, "ratio"),
)  # fmt: skip
RATIO = Role(
    "ratio", ("rho", "r", "ratios", "is_ratio", "importance_ratio"), BOTH,
    lambda case: nearest_float32(np.exp(_log_ratio(case))), lambda given: _split(np.log(given["ratio"])),
    excludes=(*BOTH, "log_ratio"),
)  # fmt: skip
RATIO_TOO = Role(
    "ratio_too", ("ratio", *RATIO.aliases), (),
    lambda case: np.exp(nearest_float32(_log_ratio(case))), lambda given: {},
    needs=("log_ratio",), excludes=("ratio",),
)  # fmt: skip


def _gaussian_by_division(mean_p, log_std_p, mean_q, log_std_q):
    std_p, std_q = np.exp(log_std_p), np.exp(log_std_q)
    return (np.log(std_q / std_p) + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5).sum(axis=-1)


def _gaussian_by_variances(mean_p, log_std_p, mean_q, log_std_q):
    ratio, mahalanobis = (np.exp(log_std_p) / np.exp(log_std_q)) ** 2, ((mean_p - mean_q) / np.exp(log_std_q)) ** 2
    return (0.5 * (ratio + mahalanobis - 1 - np.log(ratio))).sum(axis=-1)


def _categorical_by_softmax(logits_p, logits_q):
    log_p, log_q = log_of_softmax(logits_p), log_of_softmax(logits_q)
    return (np.exp(log_p) * (log_p - log_q)).sum(axis=-1)


def k3_mean(log_prob, log_prob_old):
    """1/B Σ [ eᵈ − 1 − d ],  d = log p − log p_old."""
    return kl_estimators.k3(log_prob, log_prob_old).sum() / len(log_prob)


def _k3_by_subtraction(log_prob, log_prob_old):
    return (np.exp(log_prob - log_prob_old) - 1 - (log_prob - log_prob_old)).sum() / len(log_prob)


GAUSSIAN_KL = Spec(
    name="gaussian_kl",
    formula="KL(p‖q) = Σ_i [ log σ_q − log σ_p + (σ_p² + (μ_p − μ_q)²)/(2σ_q²) − ½ ]",
    source="Kullback and Leibler 1951",
    reference=gaussian.kl,
    outputs=("kl",),
    tame={"ordinary Gaussians": cases.gaussian_pairs()},
    stress={
        "nearly equal distributions": cases.gaussian_pairs(mean=cases.GRID, log_std=cases.GRID, nudge=cases.NUDGE),
        "log_std from −20 to 20": cases.gaussian_pairs(log_std=between(-20.0, 20.0)),
    },
    edges={
        **cases.shapes(cases.gaussian_pairs),
        "equal distributions": cases.gaussian_pairs(nudge=cases.STAY),
    },
    roles=(
        mean_role("_p", FIRST), mean_role("_q", SECOND), *scale_roles("_p", FIRST), *scale_roles("_q", SECOND),
    ),
    layouts=GAUSSIAN_LAYOUTS,
    identities=laws.GAUSSIAN_KL,
    formulas=(_gaussian_by_division, _gaussian_by_variances),
)  # fmt: skip
CATEGORICAL_KL = Spec(
    name="categorical_kl",
    formula="KL(p‖q) = Σ_i p_i (log p_i − log q_i),  p = softmax(l_p), q = softmax(l_q)",
    source="Kullback and Leibler 1951",
    reference=categorical.kl,
    outputs=("kl",),
    tame={"ordinary logits": cases.categorical_pairs()},
    stress={
        "nearly equal distributions": cases.categorical_pairs(logit=cases.GRID, nudge=cases.NUDGE),
        "logits ±80": cases.categorical_pairs(logit=number(80.0)),
    },
    edges={**cases.shapes(cases.categorical_pairs), "equal distributions": cases.categorical_pairs(nudge=cases.STAY)},
    roles=(*logit_roles("_p", FIRST, "p"), *logit_roles("_q", SECOND, "q")),
    layouts=ROW_LAYOUTS,
    identities=laws.CATEGORICAL_KL,
    formulas=(_categorical_by_softmax,),
)
KL_ESTIMATOR = Spec(
    name="kl_estimator",
    formula="KL(old‖new) ≈ 1/B Σ [ eᵈ − 1 − d ],  d = log p(x) − log p_old(x),  x ~ old",
    source="Schulman 2020, Approximating KL divergence (k3)",
    reference=k3_mean,
    outputs=("kl",),
    tame={"ordinary samples": cases.samples()},
    stress={
        "nearly equal policies": cases.samples(log_prob=cases.GRID, nudge=cases.NUDGE),
        "log ratios up to 80": cases.samples(log_prob=number(40.0)),
    },
    edges={"one sample": cases.samples(rows=1), "equal policies": cases.samples(nudge=cases.STAY)},
    roles=(LOG_PROB, LOG_PROB_OLD, LOG_RATIO, RATIO, RATIO_TOO),
    identities=laws.KL_ESTIMATOR,
    formulas=(_k3_by_subtraction,),
)
BETA = plain("beta", "kl_coef", "kl_coeff", "kl_coefficient", "coef", "coeff", "penalty", "lam", "cur_kl_coeff")
MEAN_KL = plain("kl", "mean_kl", "approx_kl", "kl_div", "sampled_kl", "current_kl", "kl_mean", "d", "observed_kl")
TARGET = plain("target", "kl_target", "target_kl", "kl_targ", "d_targ", "dtarg", "desired_kl", "kl_goal")
ADAPT_BETA = Spec(
    name="adapt_beta",
    formula="β/2 if KL < target/1.5,  2β if KL > 1.5 target,  else β",
    source="Schulman et al. 2017, section 4",
    reference=objectives.adapt_beta,
    outputs=("beta",),
    tame={"KL between 0 and 4 targets": cases.penalties()},
    stress={"tiny KL and target": cases.penalties(scale=2.0**-20)},
    edges={"no KL": cases.penalties(share=0.0), "KL on target": cases.penalties(share=1.0)},
    roles=(BETA, MEAN_KL, TARGET),
)

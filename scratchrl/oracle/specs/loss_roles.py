"""How losses are called: the names outsiders give to log-probabilities, ratios and advantages, and columns (B, 1)."""

import numpy as np

from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import AS_DOCUMENTED, Layout


def _itself(case):
    return case


COLUMN = Layout(
    "(B, 1)",
    _itself,
    lambda array: array[:, None] if np.ndim(array) == 1 else array,
    lambda output: output[:, 0] if output.ndim == 2 and output.shape[1] == 1 else output,
)
ROW = Layout("(1, B)", _itself, lambda array: array[None], lambda output: output[0] if output.ndim == 2 else output)
BATCHES = (AS_DOCUMENTED, COLUMN)


def single(x):
    """The nearest float32, within its normal numbers: what every framework can be handed."""
    return np.float64(np.float32(np.clip(x, 2.0**-126, 2.0**127)))


LOG_PROB = plain(
    "log_prob", "logp", "logprob", "log_probs", "logprobs", "logps", "log_p", "logp_pi", "logpi", "log_pi", "logpac",
    "new_log_prob", "new_log_probs", "new_logprob", "new_logprobs", "newlogprob", "newlogprobs", "new_logp", "logp_new",
    "log_prob_new", "log_probs_new", "logprob_new", "logprobs_new", "curr_log_prob", "curr_log_probs",
    "current_log_prob", "current_log_probs", "action_log_prob", "action_log_probs", "actions_log_prob",
    "log_prob_action", "per_token_logps", "next_logp", "log_pis", "logp_a", "logp_t", "new_lp", "lp",
)  # fmt: skip
LOG_PROB_OLD = plain(
    "log_prob_old", "old_log_prob", "old_log_probs", "old_logprob", "old_logprobs", "oldlogprob", "old_logp",
    "logp_old", "logprob_old", "logprobs_old", "log_probs_old", "old_logps", "old_per_token_logps", "old_lp",
    "old_action_log_prob", "old_action_log_probs", "old_actions_log_prob", "old_actions_log_prob_batch",
    "old_action_log_probs_batch", "behavior_log_prob", "behaviour_log_prob", "behavior_log_probs",
    "behaviour_log_probs", "behavior_logp", "log_prob_behavior", "log_mu", "mu_log_prob", "prev_log_prob",
    "prev_log_probs", "prev_logp", "mb_logprobs", "b_logprobs", "mb_old_logprobs", "sample_log_prob", "old_log_pi",
    "logp_b", "logp0",
)  # fmt: skip
ADVANTAGE = plain(
    "advantage", "adv", "advs", "advantages", "gae", "adv_t", "adv_targ", "advantages_batch", "mb_advantages",
    "b_advantages", "adv_batch", "delta", "td_error", "td_errors", "atarg", "a",
)  # fmt: skip
WEIGHT = plain(
    "advantage", "weights", "weight", "returns", "ret", "return_", "rewards_to_go", "reward_to_go", "rtg", "g", "psi",
    "phi", "q_values", "discounted_rewards", "disc_returns", *ADVANTAGE.aliases,
)  # fmt: skip
CLIP = plain(
    "clip", "clip_range", "clip_ratio", "epsilon", "eps", "clip_param", "cliprange", "clip_eps", "eps_clip",
    "clip_epsilon", "epsilon_clip", "clip_coef", "clip_coeff", "clip_val", "clip_value", "ratio_clip", "e_clip",
    "policy_clip",
)  # fmt: skip
NEGLOGP = Role(
    "neglogp", ("neglogpac", "neg_log_prob", "neg_log_probs", "neg_logp", "nlogp", "neglogprob", "nll"), ("log_prob",),
    lambda case: -case["log_prob"], lambda given: {"log_prob": -given["neglogp"]},
    "minus the log-probability", excludes=("log_prob",), pull=lambda given, gradient: -gradient,
)  # fmt: skip
NEGLOGP_OLD = Role(
    "neglogp_old", ("oldneglogp", "oldneglogpac", "old_neglogp", "old_neglogpac", "old_neg_log_prob", "old_nlogp"),
    ("log_prob_old",),
    lambda case: -case["log_prob_old"], lambda given: {"log_prob_old": -given["neglogp_old"]},
    "minus the log-probability", excludes=("log_prob_old",),
)  # fmt: skip
PROB = Role(
    "prob", ("probs", "p", "action_prob", "action_probs", "pi_a", "pi"), ("log_prob",),
    lambda case: single(np.exp(case["log_prob"])), lambda given: {"log_prob": np.log(given["prob"])},
    "the probability itself", excludes=("log_prob", "neglogp"), pull=lambda given, gradient: gradient / given["prob"],
)  # fmt: skip
PROB_OLD = Role(
    "prob_old", ("old_prob", "old_probs", "probs_old", "old_action_prob", "old_action_probs", "old_pi", "pi_old"),
    ("log_prob_old",),
    lambda case: single(np.exp(case["log_prob_old"])), lambda given: {"log_prob_old": np.log(given["prob_old"])},
    "the probability itself", excludes=("log_prob_old", "neglogp_old"),
)  # fmt: skip
APART = ("log_prob", "log_prob_old", "neglogp", "neglogp_old", "prob", "prob_old")
LOG_RATIO = Role(
    "log_ratio", ("logratio", "log_ratios", "logratios", "log_rho", "log_rhos", "logp_diff", "log_importance_weights"),
    ("log_prob", "log_prob_old"),
    lambda case: np.float64(np.float32(case["log_prob"] - case["log_prob_old"])),
    lambda given: {"log_prob": given["log_ratio"], "log_prob_old": 0 * given["log_ratio"]},
    excludes=APART,
)  # fmt: skip
RATIO = Role(
    "ratio",
    ("ratios", "rho", "rhos", "prob_ratio", "prob_ratios", "prob_ratios_t", "importance_ratio", "is_ratio",
     "likelihood_ratio", "r"),
    ("log_prob", "log_prob_old"),
    lambda case: single(np.exp(case["log_prob"] - case["log_prob_old"])),
    lambda given: {"log_prob": np.log(given["ratio"]), "log_prob_old": 0 * given["ratio"]},
    excludes=(*APART, "log_ratio"), pull=lambda given, gradient: gradient / given["ratio"],
)  # fmt: skip
KL = plain("kl", "kls", "kl_div", "kl_divergence", "mean_kl", "approx_kl", "kld")
BETA = plain("beta", "kl_coef", "kl_coeff", "kl_penalty", "kl_beta", "kl_weight", "cur_kl_coeff", "beta_kl")
RATIOS = (LOG_PROB, LOG_PROB_OLD, NEGLOGP, NEGLOGP_OLD, PROB, PROB_OLD, LOG_RATIO, RATIO)

"""Losses as other people write them in NumPy: called what they are, under their own names for things."""

import numpy as np
import pytest

from scratchrl.oracle.diagnosis import diagnose

# ---- right ----


def ppo2(OLDNEGLOGPAC, neglogpac, ADV, CLIPRANGE):
    """baselines#652 took the order of the difference for a mistake: these are minus log-probabilities."""
    ratio = np.exp(OLDNEGLOGPAC - neglogpac)
    return np.mean(np.maximum(-ADV * ratio, -ADV * np.clip(ratio, 1.0 - CLIPRANGE, 1.0 + CLIPRANGE)))


def unbounded_where_bad(logp_ratio_new, logp_ratio_old, advantages, clip_param):
    """ray#37334 and tensorlayer#1072 took this for a mistake: A < 0 and ρ > 1+ε is not clipped, by design."""
    ratio = np.exp(logp_ratio_new - logp_ratio_old)
    return -np.minimum(advantages * ratio, advantages * np.clip(ratio, 1 - clip_param, 1 + clip_param)).mean()


def by_sign(ratio, adv, eps):
    bound = np.where(adv > 0, (1 + eps) * adv, (1 - eps) * adv)
    return -np.mean(np.minimum(ratio * adv, bound))


def with_log_ratio(logratio, adv, clip_eps):
    ratio = np.exp(logratio)
    inside = (ratio * adv) <= np.clip(ratio, 1 - clip_eps, 1 + clip_eps) * adv
    loss = -np.minimum(ratio * adv, np.clip(ratio, 1 - clip_eps, 1 + clip_eps) * adv).mean()
    return loss, np.where(inside, -ratio * adv, 0.0) / adv.size


def columns(logp, logp_old, adv, clip_ratio):
    """Fails on (B,): it takes its networks' outputs as they come."""
    assert logp.shape == adv.shape == (len(adv), 1)
    ratio = np.exp(logp - logp_old)[:, 0]
    adv = adv[:, 0]
    return -np.minimum(ratio * adv, np.clip(ratio, 1 - clip_ratio, 1 + clip_ratio) * adv).mean()


def critic(vpred, returns):
    return 0.5 * np.mean(np.square(vpred - returns))


def critic_clipped(vpred, oldvpred, ret, cliprange):
    moved = oldvpred + np.clip(vpred - oldvpred, -cliprange, cliprange)
    return 0.5 * np.mean(np.maximum(np.square(vpred - ret), np.square(moved - ret)))


def huber(x, delta=1.0):
    return np.where(np.abs(x) < delta, np.square(x) * 0.5, delta * (np.abs(x) - 0.5 * delta))


def penalised(logp, old_logp, adv, kl, kl_coeff):
    return (-adv * np.exp(logp - old_logp) + kl_coeff * kl).mean()


def soft_actor(log_pi, min_qf_pi, alpha):
    return (alpha * log_pi - min_qf_pi).mean()


def soft_actor_broadcast(log_pi, qf1_pi, qf2_pi, alpha):
    """cleanrl#379: (B, 1) against (B,), which changes neither value nor gradient."""
    return (alpha * log_pi[:, None] - np.minimum(qf1_pi, qf2_pi)).mean()


def all_in_one(log_probs, values, returns, entropies, value_loss_coef=0.5, entropy_coef=0.01):
    advantages = returns - values
    policy, value = -(advantages * log_probs).mean(), 0.5 * (advantages**2).mean()
    return policy + value_loss_coef * value - entropy_coef * entropies.mean()


# ---- another convention ----


def reinforce(log_probs, returns):
    return sum(-l * g for l, g in zip(log_probs, returns, strict=True))


def objective(ratio, advantages, clip_range):
    return np.minimum(ratio * advantages, np.clip(ratio, 1 - clip_range, 1 + clip_range) * advantages).mean()


def squared(v, target):
    return ((v - target) ** 2).mean()


def squared_sum(v, target):
    return ((v - target) ** 2).sum()


def smooth(v, target):
    d = np.abs(v - target)
    return np.where(d < 1, 0.5 * d * d, d - 0.5).mean()


def per_sample(logp, old_logp, adv, eps):
    ratio = np.exp(logp - old_logp)
    return np.maximum(-ratio * adv, -np.clip(ratio, 1 - eps, 1 + eps) * adv)


def only_clipped(values, old_values, returns, clip_range_vf):
    return ((old_values + np.clip(values - old_values, -clip_range_vf, clip_range_vf) - returns) ** 2).mean()


def normalised(adv):
    return (adv - adv.mean()) / (adv.std() + 1e-8)


def normalised_by_n_minus_one(adv):
    if len(adv) < 2:
        return adv
    centred = adv - adv.mean()
    return centred / (np.sqrt((centred**2).sum() / (len(adv) - 1)) + 1e-8)


def alpha_by_its_log(log_alpha, log_pi, target_entropy):
    return -(log_alpha * (log_pi + target_entropy)).mean()


def dual(ratio, adv, eps_clip, dual_clip=3.0):
    surrogate = np.minimum(ratio * adv, np.clip(ratio, 1 - eps_clip, 1 + eps_clip) * adv)
    return -np.where(adv < 0, np.maximum(surrogate, dual_clip * adv), surrogate).mean()


# ---- wrong ----


def ratio_outside(ratio, adv, eps):
    return -(np.minimum(ratio, np.clip(ratio, 1 - eps, 1 + eps)) * adv).mean()


def nxn(values, returns):
    return 0.5 * ((values - returns[:, None]) ** 2).mean()


def ascent(logp, weights):
    return (logp * weights).mean()


def likelihood(probs, advantages):
    return -(probs * advantages).mean()


def quotient_of_logs(logp, logp_old, adv, eps):
    ratio = logp / logp_old
    return -np.minimum(ratio * adv, np.clip(ratio, 1 - eps, 1 + eps) * adv).mean()


def nan_when_alone(adv):
    with np.errstate(all="ignore"):
        return (adv - adv.mean()) / adv.std()


def bonus_added(log_prob, value, target, entropy, value_coef, entropy_coef):
    advantage = target - value
    return (-advantage * log_prob + value_coef * 0.5 * advantage**2 + entropy_coef * entropy).mean()


def in_place(advantages):
    advantages -= advantages.mean()
    return advantages / max(advantages.std(), 1e-8)


def halves(loss, mask):
    return (loss * mask).mean()


CORRECT = [
    (unbounded_where_bad, "ppo_clip_loss"), (by_sign, "ppo_clip_loss"), (with_log_ratio, "ppo_clip_loss"),
    (columns, "ppo_clip_loss"), (critic, "value_loss"), (critic_clipped, "clipped_value_loss"), (huber, "huber_loss"),
    (penalised, "ppo_penalty_loss"), (soft_actor, "sac_policy_loss"), (soft_actor_broadcast, "sac_policy_loss"),
    (all_in_one, "actor_critic_loss"),
]  # fmt: skip
OTHERS = [
    (ppo2, "ppo_clip_loss", "convention", ()),
    (reinforce, "policy_gradient_loss", "convention", ("loss-sum-vs-mean",)),
    (objective, "ppo_clip_loss", "convention", ("objective-sign",)),
    (squared, "value_loss", "convention", ("value-loss-half",)),
    (squared_sum, "value_loss", "convention", ("loss-sum-vs-mean", "value-loss-half")),
    (smooth, "value_loss", "convention", ("value-loss-huber",)),
    (per_sample, "ppo_clip_loss", "convention", ("unreduced",)),
    (only_clipped, "clipped_value_loss", "convention", ("value-loss-half", "vclip-only-clipped")),
    (normalised, "advantage_normalization", "convention", ("advnorm-eps",)),
    (normalised_by_n_minus_one, "advantage_normalization", "convention", ("advnorm-eps", "advnorm-single-kept")),
    (alpha_by_its_log, "temperature_loss", "convention", ("sac-alpha-log",)),
    (dual, "ppo_clip_loss", "convention", ("ppo-dual-clip",)),
    (ratio_outside, "ppo_clip_loss", "wrong", ("ppo-min-before-adv",)),
    (nxn, "value_loss", "wrong", ("shape-broadcast-NxN",)),
    (ascent, "policy_gradient_loss", "wrong", ("pg-sign",)),
    (likelihood, "policy_gradient_loss", "wrong", ("prob-as-logprob",)),
    (quotient_of_logs, "ppo_clip_loss", "wrong", ()),
    (nan_when_alone, "advantage_normalization", "wrong", ("advnorm-single",)),
    (bonus_added, "actor_critic_loss", "wrong", ("entropy-bonus-sign",)),
    (halves, "masked_mean", "wrong", ("masked-mean-denominator",)),
]
DECLARED = {unbounded_where_bad: {"logp_ratio_new": "log_prob", "logp_ratio_old": "log_prob_old"}}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("subject", "spec"), CORRECT)
def test_right_ones_are_correct(subject, spec, dtype):
    report = diagnose(subject, spec, DECLARED.get(subject), max_examples=60, dtype=dtype)
    assert report.verdict == "correct", str(report)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("subject", "spec", "verdict", "slugs"), OTHERS)
def test_others_are_called_what_they_are(subject, spec, verdict, slugs, dtype):
    report = diagnose(subject, spec, DECLARED.get(subject), max_examples=60, dtype=dtype)
    assert report.verdict == verdict, str(report)
    assert tuple(sorted(entry.slug for entry in report.entries)) == slugs, str(report)


def test_minus_log_probabilities_are_said_to_be_read_as_such():
    report = diagnose(ppo2, "ppo_clip_loss", max_examples=20)
    assert report.conventions == (
        "OLDNEGLOGPAC = neglogp_old: minus the log-probability", "neglogpac = neglogp: minus the log-probability"
    )  # fmt: skip


def test_advantages_normalised_in_place_are_noticed():
    """tianshou@3193d617: what the next epoch gets has been normalised before."""
    report = diagnose(in_place, "advantage_normalization", max_examples=20)
    assert report.verdict == "wrong"
    assert report.complaint.startswith("mutates")


def test_a_single_sample_that_is_no_number_is_shown():
    report = diagnose(nan_when_alone, "advantage_normalization", max_examples=20)
    assert report.where == "edges: a single advantage"
    assert np.isnan(report.got).all()
    assert report.expected.tolist() == [0.0]

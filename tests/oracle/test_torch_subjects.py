"""Losses in PyTorch, written as libraries write them: value and autograd's gradient, in float64 and in float32.

No tolerance is set by hand anywhere here: the bounds are those of numbers.py.
"""

import numpy as np
import pytest

from scratchrl.oracle import specs
from scratchrl.oracle.diagnosis import diagnose
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.numbers import BITS, error_bound, truth

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:std")
EITHER = pytest.mark.parametrize("dtype", ["float64", "float32"])


def named(subject, spec, dtype="float64", examples=60, **options):
    report = diagnose(subject, spec, dtype=dtype, max_examples=examples, **options)
    return report, tuple(sorted(entry.slug for entry in report.entries))


# ---- right ----


def ppo_min(advantages, log_prob, old_log_prob, clip_range):
    ratio = torch.exp(log_prob - old_log_prob)
    first, second = advantages * ratio, advantages * torch.clamp(ratio, 1 - clip_range, 1 + clip_range)
    clip_fraction = torch.mean((torch.abs(ratio - 1) > clip_range).float()).item()
    return -torch.min(first, second).mean(), clip_fraction


def ppo_max(mb_advantages, newlogprob, b_logprobs, clip_coef):
    ratio = (newlogprob - b_logprobs).exp()
    first, second = -mb_advantages * ratio, -mb_advantages * torch.clamp(ratio, 1 - clip_coef, 1 + clip_coef)
    return torch.max(first, second).mean()


def ppo_where(ratio, adv, eps):
    return -torch.min(ratio * adv, torch.where(adv > 0, (1 + eps) * adv, (1 - eps) * adv)).mean()


def ppo_dict(logp, logp_old, adv, clip_ratio):
    ratio = torch.exp(logp - logp_old)
    loss = -torch.min(ratio * adv, torch.clamp(ratio, 1 - clip_ratio, 1 + clip_ratio) * adv).mean()
    return {"kl": (logp_old - logp).mean().item(), "loss": loss}


def reinforce(log_prob, advantages):
    return -(log_prob * advantages).mean()


def penalty(kl, beta, logp, logp_old, adv):
    return (-(torch.exp(logp - logp_old) * adv) + beta * kl).mean()


def critic(newvalue, b_returns):
    return 0.5 * ((newvalue - b_returns) ** 2).mean()


def critic_clipped(newvalue, b_values, b_returns, clip_coef):
    clipped = b_values + torch.clamp(newvalue - b_values, -clip_coef, clip_coef)
    return 0.5 * torch.max((newvalue - b_returns) ** 2, (clipped - b_returns) ** 2).mean()


def huber(td_error, delta):
    return functional.huber_loss(td_error, torch.zeros_like(td_error), reduction="none", delta=delta)


def actor(log_pi, qf1_pi, qf2_pi, alpha):
    return ((alpha * log_pi) - torch.min(qf1_pi, qf2_pi)).mean()


def actor_min_given(log_prob, min_qf_pi, ent_coef):
    """(B, 1) against (B,): cleanrl#379, equivalent."""
    return (ent_coef * log_prob.reshape(-1, 1) - min_qf_pi.reshape(-1)).mean()


def temperature(log_alpha, log_pi, target_entropy):
    return (-log_alpha.exp() * (log_pi + target_entropy).detach()).mean()


def actor_critic(log_prob, values, returns, entropy, ent_coef=0.01, vf_coef=0.5):
    advantage = (returns - values).detach()
    loss = -(advantage * log_prob).mean() - ent_coef * entropy.mean()
    return loss + vf_coef * 0.5 * functional.mse_loss(values, returns)


def semi_gradient(values, rewards, next_values, dones, gamma):
    with torch.no_grad():
        target = rewards + gamma * (1 - dones) * next_values
    return 0.5 * functional.mse_loss(values, target)


def by_hand(log_prob, advantage):
    """A loss with the gradient beside it, so that autograd is not asked."""
    return -(log_prob.detach() * advantage).mean(), -advantage / len(advantage)


RIGHT = [
    (ppo_min, "ppo_clip_loss"), (ppo_max, "ppo_clip_loss"), (ppo_where, "ppo_clip_loss"), (ppo_dict, "ppo_clip_loss"),
    (reinforce, "policy_gradient_loss"), (by_hand, "policy_gradient_loss"), (penalty, "ppo_penalty_loss"),
    (critic, "value_loss"), (critic_clipped, "clipped_value_loss"), (huber, "huber_loss"), (actor, "sac_policy_loss"),
    (actor_min_given, "sac_policy_loss"), (temperature, "temperature_loss"), (actor_critic, "actor_critic_loss"),
    (semi_gradient, "td_loss"),
]  # fmt: skip


@EITHER
@pytest.mark.parametrize(("subject", "spec"), RIGHT)
def test_right_losses_are_correct_with_their_gradients(subject, spec, dtype):
    report, _ = named(subject, spec, dtype)
    assert report.verdict == "correct", str(report)
    assert report.reading[0].startswith("torch")


# ---- another convention, or wrong ----


def mse(values, returns):
    return functional.mse_loss(returns, values)


def smooth_l1(td_error, beta):
    return functional.smooth_l1_loss(td_error, torch.zeros_like(td_error), beta=beta)


def normalised(advantages):
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def normalised_if_many(advantages):
    return normalised(advantages) if len(advantages) > 1 else advantages


def normalised_clamped(advantages):
    loc, scale = advantages.mean(), advantages.std(unbiased=False)
    return (advantages - loc) / scale.clamp_min(1e-6)


def temperature_by_its_log(log_ent_coef, log_prob, target_entropy):
    return -(log_ent_coef * (log_prob + target_entropy).detach()).mean()


def temperature_itself(alpha, logp, target_entropy):
    return -(alpha * (logp + target_entropy)).mean()


def ppo_normalising(mb_advantages, newlogprob, b_logprobs, clip_coef):
    if len(mb_advantages) > 1:
        mb_advantages = (mb_advantages - mb_advantages.mean()) / (mb_advantages.std() + 1e-8)
    return ppo_max(mb_advantages, newlogprob, b_logprobs, clip_coef)


def detached_ratio(advantages, log_prob, old_log_prob, clip_range):
    with torch.no_grad():
        ratio = torch.exp(log_prob - old_log_prob)
    clipped = torch.clamp(ratio, 1 - clip_range, 1 + clip_range)
    return -torch.min(ratio * advantages, clipped * advantages).mean()


def recomputed_old(advantages, log_prob, old_log_prob, clip_range):
    return ppo_min(advantages, log_prob, log_prob.detach(), clip_range)


def undetached_old(advantages, log_prob, old_log_prob, clip_range):
    return ppo_min(advantages, log_prob, log_prob, clip_range)


def leaking(log_prob, values, returns, entropy, ent_coef, vf_coef):
    advantage = returns - values
    return -(advantage * log_prob).mean() + vf_coef * 0.5 * (advantage**2).mean() - ent_coef * entropy.mean()


def residual(values, rewards, next_values, dones, gamma):
    return 0.5 * functional.mse_loss(values, rewards + gamma * (1 - dones) * next_values)


def critic_of_numbers(values, returns):
    return 0.5 * ((values.detach() - returns) ** 2).mean()


OTHERS = [
    (mse, "value_loss", "convention", ("value-loss-half",)),
    (smooth_l1, "huber_loss", "convention", ("huber-smooth-l1", "reduced")),
    (normalised, "advantage_normalization", "wrong", ("advnorm-eps", "advnorm-single")),
    (normalised_if_many, "advantage_normalization", "convention", ("advnorm-eps", "advnorm-single-kept")),
    (normalised_clamped, "advantage_normalization", "convention", ("advnorm-clamp",)),
    (temperature_by_its_log, "temperature_loss", "convention", ("sac-alpha-log",)),
    (temperature_itself, "temperature_loss", "convention", ()),
    (ppo_normalising, "ppo_clip_loss", "convention", ("advnorm-scope",)),
    (detached_ratio, "ppo_clip_loss", "wrong", ("ppo-ratio-one",)),
    (recomputed_old, "ppo_clip_loss", "wrong", ("ppo-ratio-one",)),
    (undetached_old, "ppo_clip_loss", "wrong", ("ppo-ratio-one",)),
    (leaking, "actor_critic_loss", "wrong", ("pg-critic-leak",)),
    (residual, "td_loss", "wrong", ("vtarget-not-detached",)),
    (critic_of_numbers, "value_loss", "wrong", ("loss-detached",)),
]


@EITHER
@pytest.mark.parametrize(("subject", "spec", "verdict", "slugs"), OTHERS)
def test_others_are_called_what_they_are(subject, spec, verdict, slugs, dtype):
    report, found = named(subject, spec, dtype)
    assert (report.verdict, found) == (verdict, slugs), str(report)


# ---- how much is too much ----

SHIFTED = ("policy_gradient_loss", "ppo_clip_loss", "value_loss", "clipped_value_loss", "temperature_loss")


def shifted(spec, dtype, by):
    """The truth plus that many proven bounds, computed for every case anew."""
    reference, precision = specs.get(spec).reference, BITS[np.dtype(dtype)]
    names = reference.__code__.co_varnames[: reference.__code__.co_argcount]

    def subject(**case):
        given = {k: v.detach().double().numpy() if isinstance(v, torch.Tensor) else v for k, v in case.items()}
        true, bound = truth(reference, **given), error_bound(reference, precision, **given)
        kind = getattr(torch, dtype)
        return tuple(torch.tensor(t + by * b).to(kind) for t, b in zip(true, bound, strict=True))

    scope = {"subject": subject}
    exec(f"def named({', '.join(names)}): return subject({', '.join(f'{n}={n}' for n in names)})", scope)
    return scope["named"]


@EITHER
@pytest.mark.parametrize("spec", SHIFTED)
def test_ten_bounds_are_too_many_and_half_of_what_is_allowed_is_not(spec, dtype):
    far, _ = named(shifted(spec, dtype, 10.0), spec, dtype, 20, framework="torch")
    near, _ = named(shifted(spec, dtype, FACTOR / 2), spec, dtype, 20, framework="torch")
    assert (far.verdict, near.verdict) == ("wrong", "correct"), f"{far}\n{near}"


def test_a_wrong_gradient_of_a_right_value_is_caught():
    class Tripled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return 3 * gradient

    def subject(values, returns):
        return 0.5 * ((Tripled.apply(values) - returns) ** 2).mean()

    report, slugs = named(subject, "value_loss")
    assert (report.verdict, slugs) == ("wrong", ())
    assert report.got[1] == pytest.approx(3 * report.expected[1])
    assert report.got[0] == report.expected[0]


def test_gradients_come_in_the_order_of_the_spec():
    """Whatever the order of the parameters: here the KL comes first."""
    report, _ = named(penalty, "ppo_penalty_loss")
    assert report.verdict == "correct", str(report)


def test_a_number_that_is_no_tensor_has_no_gradient_to_check():
    report, _ = named(lambda values, returns: (0.5 * ((values - returns) ** 2).mean()).item(), "value_loss")
    assert report.verdict == "correct"


@EITHER
def test_jax_subjects(dtype):
    rlax = pytest.importorskip("rlax")
    report, _ = named(rlax.clipped_surrogate_pg_loss, "ppo_clip_loss", dtype, 20)
    assert report.verdict == "correct", str(report)
    assert report.reading[0].startswith("jax")


def test_the_derivative_of_a_sum_of_two_branches_loses_small_errors():
    """rlax writes Huber's loss as ½ min(|e|, δ)² + δ (|e| − min(|e|, δ)): backwards, e − δ + δ is 0 for e < 1e-8 δ."""
    rlax = pytest.importorskip("rlax")
    report, _ = named(rlax.huber_loss, "huber_loss", "float32")
    assert (report.verdict, report.where) == ("unstable", "stress: errors below 1e-9")
    assert report.got[1] == 0
    assert report.expected[1] != 0

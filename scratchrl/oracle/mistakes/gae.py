"""Mistakes and conventions of generalized advantage estimation; those of episode ends are in boundaries.py.

The reference returns the advantage and the value target A + V, and so do its mistakes.
"""

import numpy as np

from scratchrl.maths.returns import lambda_return, reverse_scan
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.shifted import later


@mistake("gae-last-value-stale", "gae", BUG, "DLR-RM/stable-baselines3#185", "DLR-RM/stable-baselines3@fc952715")
def last_bootstrap_from_the_last_state(gae, value, next_value, **rest):
    """v′_{T−1} := v_{T−1}

    The value after the last row is missing and that of the last row stands in. The error fades as (γλ)^k backwards.
    Evaluate the observation that the rollout stopped at.
    """
    return gae(value=value, next_value=np.concatenate([next_value[:-1], value[-1:]]), **rest)


@mistake("gae-double-mask", "gae", BUG, "alessiodm/drl-zh#13")
def carried_sum_masked_twice(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t = δ_t + γλ c_t c_{t+1} A_{t+1},  c = 1 − term ∨ trunc

    The sum is masked when it is used and again when it is stored, so the step before the last loses the last step's
    advantage. Mask once, with the flag of the step that looks ahead.
    """
    goes_on = ~(terminated | truncated)
    delta, _ = gae(reward, value, next_value, terminated, truncated, gamma, 0.0)
    advantage = reverse_scan(delta, gamma * lam * (goes_on & later(goes_on, goes_on[-1:])))
    return advantage, advantage + value


@mistake("gae-baseline-inside-mask", "gae", BUG, "AI4Finance-Foundation/ElegantRL#183")
def baseline_behind_the_mask(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t = r_t + γ (1 − term_t ∨ trunc_t) (v′_t + λ A_{t+1} − v_t)

    The baseline is discounted inside an episode and missing at its end, where A becomes r. Subtract v_t outside.
    """
    advantage, _ = gae(reward, 0 * value, next_value - value, terminated | truncated, truncated, gamma, lam)
    return advantage, advantage + value


@mistake(
    "gae-trunc-zeroed", "gae", CONVENTION,
    "google/brax compute_gae", "EdanToledo/Stoix@9e93c76", "EdanToledo/Stoix@7abf01c",
)  # fmt: skip
def nothing_at_truncation(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t := 0 where trunc_t

    For collectors that do not know the final observation's value: a truncated step teaches nothing.
    """
    kept = ~truncated
    advantage, _ = gae(
        kept * reward, kept * value, (kept | terminated) * next_value, terminated, truncated, gamma, lam
    )  # fmt: skip
    return advantage, advantage + value


@mistake("gae-vtrace-style", "gae", CONVENTION, "google/brax compute_gae")
def first_link_without_lambda(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t = δ_t + γ (1 − term_t ∨ trunc_t) A^GAE_{t+1}; value target A^GAE + V

    The advantage is one reward plus the λ-return of the next state, as V-trace does it: λ is missing on the first
    link only. The value target is the usual one.
    """
    delta, _ = gae(reward, value, next_value, terminated, truncated, gamma, 0.0)
    advantage, target = gae(reward, value, next_value, terminated, truncated, gamma, lam)
    return delta + gamma * ~(terminated | truncated) * later(advantage, 0 * advantage[-1:]), target


@mistake("gae-returns-stale-zero", "gae", BUG, "vwxyzjn/cleanrl#337", "vwxyzjn/cleanrl@95fcdd75")
def target_read_before_the_advantage_is_written(gae, value, **rest):
    """value target = 0 + V

    The target is the critic's own prediction, and its gradient is zero. Add the advantages after they are computed.
    """
    advantage, _ = gae(value=value, **rest)
    return advantage, value


@mistake(
    "vtarget-lambda1", "gae", CONVENTION,
    "openai/spinningup finish_path", "DLR-RM/stable-baselines3#375", "DLR-RM/stable-baselines3@5d47296b",
)  # fmt: skip
def target_of_rewards_to_go(gae, reward, next_value, terminated, truncated, gamma, **rest):
    """value target = Σ γ^k r_{t+k}, bootstrapped where the trace ends

    The critic learns from whole returns (λ = 1), the policy from A with its λ. The other choice is A + V.
    """
    known = {"reward": reward, "next_value": next_value, "terminated": terminated, "truncated": truncated}
    advantage, _ = gae(**known, gamma=gamma, **rest)
    return advantage, lambda_return(**known, gamma=gamma, lam=1.0)


@mistake("gae-returns-first", "gae", CONVENTION)
def target_before_advantage(gae, **case):
    """(A + V, A)

    The value target is returned, first or alone, where the advantage was asked for.
    """
    advantage, target = gae(**case)
    return target, advantage


@mistake("lambda-gamma-tensor", "gae", EITHER, "pytorch/rl#400", "pytorch/rl@eb3e6ccfe", "pytorch/rl#2773")
def discount_of_the_first_step_for_all(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t = Σ_k (γ_t λ)^k δ_{t+k},  γ_t = γ (1 − term_t ∨ trunc_t)

    The discount of step t serves for all links that follow, instead of Π γ_{t+j}: a vectorised sum of powers with
    γ's that differ between steps, ends of episodes among them. Roll the product along.
    """
    delta, _ = gae(reward, value, next_value, terminated, truncated, gamma, 0.0)
    beyond = reverse_scan(delta, gamma * lam * np.ones(delta.shape))
    advantage = delta + gamma * lam * ~(terminated | truncated) * later(beyond, 0 * beyond[-1:])
    return advantage, advantage + value


@mistake("gae-lambda-without-gamma", "gae", BUG)
def trace_decays_by_lambda_alone(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t = δ_t + λ (1 − term_t ∨ trunc_t) A_{t+1}

    The trace decays by γλ, not by λ.
    """
    delta, _ = gae(reward, value, next_value, terminated, truncated, gamma, 0.0)
    advantage = reverse_scan(delta, lam * ~(terminated | truncated))
    return advantage, advantage + value


@mistake("gae-lambda-ignored", "gae", BUG, variants=({"lam_used": 1.0}, {"lam_used": 0.0}))
def another_lambda(gae, lam, lam_used, **rest):
    """λ := 1, the return minus the value; or λ := 0, the one-step error

    The argument is there and has no effect.
    """
    return gae(lam=lam_used, **rest)


@mistake(
    "adv-squeeze-batch1", "gae", BUG, "rlworkgroup/garage#1197", "rlworkgroup/garage@a0905c23",
    equivalent="only axes of length 1 vanish; the numbers and their order are the same, and these are compared",
)  # fmt: skip
def axes_of_length_one_dropped(gae, **case):
    """A.squeeze()

    A batch of one loses its batch axis: harmless here, a wrong broadcast in whatever uses it next.
    """
    return tuple(np.squeeze(output) for output in gae(**case))

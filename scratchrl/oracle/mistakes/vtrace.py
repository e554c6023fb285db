"""Mistakes and conventions of V-trace; those of episode ends are in boundaries.py."""

import numpy as np

from scratchrl.maths.returns import reverse_scan
from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.shifted import earlier, later


@mistake("vtrace-trunc-leak", "vtrace", BUG, "pytorch/rl#4209", "pytorch/rl#4210")
def advantage_looks_across_a_truncation(vtrace, reward, value, next_value, terminated, log_rho, gamma, rho_bar, **rest):
    """A_t = ρ̂_t (r_t + γ m_t vs_{t+1} − v_t) with vs_{t+1} the next row's, also where trunc_t

    vs is right, but the advantage of a truncated step uses the target of the next episode's first state. Use v′ there.
    """
    known = {"reward": reward, "value": value, "next_value": next_value, "terminated": terminated}
    target, _ = vtrace(**known, log_rho=log_rho, gamma=gamma, rho_bar=rho_bar, **rest)
    ahead = ~terminated * later(target, next_value[-1:])
    return target, _clipped(log_rho, rho_bar) * (reward + gamma * ahead - value)


@mistake("vtrace-ratio-naming", "vtrace", BUG, "pytorch/rl vtrace_advantage_estimate")
def ratio_upside_down(vtrace, log_rho, **rest):
    """ρ := μ / π

    Target and behaviour policy have changed places, as a caller does who follows a docstring that names them so.
    """
    return vtrace(log_rho=-log_rho, **rest)


@mistake("vtrace-last-step", "vtrace", BUG, "micdoh/XLRON#50")
def last_row_bootstrapped_on_itself(vtrace, value, next_value, **rest):
    """v′_{T−1} := v_{T−1}

    The value after the last row is missing and that of the last row stands in. Evaluate the observation that the
    rollout stopped at. The same numbers as gae-last-value-stale.
    """
    return vtrace(value=value, next_value=np.concatenate([next_value[:-1], value[-1:]]), **rest)


@mistake("vtrace-last-step", "vtrace", EITHER, "ray-project/ray#36013")
def last_row_dropped(vtrace, truncated, **rest):
    """rows 0 … T−2 only

    The last row gives its value as a bootstrap and gets no target itself: one row is returned less.
    """
    ended = truncated.copy()
    ended[-2:-1] = True
    return tuple(output[:-1] for output in vtrace(truncated=ended, **rest))


@mistake("vtrace-pg-lambda", "vtrace", CONVENTION, "google-deepmind/rlax vtrace_td_error_and_advantage")
def advantage_mixes_target_and_value(vtrace, value, lam, **rest):
    """A_t = ρ̂_t (r_t + γ m_t (λ vs_{t+1} + (1 − λ) v′_t) − v_t)

    The advantage trusts the corrected target of the next state only with weight λ.
    """
    target, full = vtrace(value=value, lam=lam, **rest)
    delta = vtrace(value=value, lam=0.0, **rest)[0] - value
    return target, delta + lam * (full - delta)


@mistake(
    "trace-rho-index", "vtrace", BUG, "SlopDotCash/asi#1975", "ray-project/ray#4332",
    variants=({"by": 1.0}, {"by": -1.0}),
)  # fmt: skip
def ratio_of_another_row_in_the_trace(vtrace, log_rho, value, terminated, truncated, gamma, lam, rho_bar, by, **rest):
    """g_t = δ_t + γλ min(1, ρ_{t+1}) c_t g_{t+1}, or ρ_{t−1}

    The factor that carries a correction from t+1 back to t is that of action t: min(1, ρ_t).
    """
    known = {"log_rho": log_rho, "value": value, "terminated": terminated, "truncated": truncated, "gamma": gamma}
    delta = vtrace(lam=0.0, rho_bar=rho_bar, **known, **rest)[0] - value
    moved = later(log_rho, 0 * log_rho[-1:]) if by > 0 else earlier(log_rho, 0 * log_rho.flat[0])
    goes_on = ~(terminated | truncated)
    gap = reverse_scan(delta, gamma * lam * np.minimum(1.0, np.exp(moved)) * goes_on)
    ahead = goes_on * later(gap, 0 * gap[-1:])
    return value + gap, delta + _clipped(log_rho, rho_bar) * gamma * ahead


@mistake("vtrace-error", "vtrace", CONVENTION, "google-deepmind/rlax vtrace_td_error_and_advantage")
def correction_instead_of_target(vtrace, value, **rest):
    """vs_t − v_t

    The error of the value is returned where the target was asked for.
    """
    target, advantage = vtrace(value=value, **rest)
    return target - value, advantage


@mistake("vtrace-advantage-first", "vtrace", CONVENTION, "pytorch/rl vtrace_advantage_estimate")
def advantage_before_target(vtrace, **case):
    """(A, vs)

    The policy's advantage is returned, first or alone, where the target of the value was asked for.
    """
    target, advantage = vtrace(**case)
    return advantage, target


def _clipped(log_rho, rho_bar):
    return np.minimum(rho_bar, np.exp(log_rho))

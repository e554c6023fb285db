"""Mistakes of generalized advantage estimation."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake


@mistake("gae-trunc-as-terminal", "gae", BUG, "Toni-SM/skrl#449", "hill-a/stable-baselines#1004")
def truncation_as_termination(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """term := term ∨ trunc

    A time limit stops the bootstrap as a death would: states near the limit are undervalued.
    """
    return gae(reward, value, next_value, terminated | truncated, truncated, gamma, lam)


@mistake("gae-trunc-leak", "gae", BUG, "Toni-SM/skrl#449", "EdanToledo/Stoix@9e93c76")
def trace_crosses_truncation(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """A_t = δ_t + γλ (1 − term_t) A_{t+1}

    The trace is cut at terminations only, so the advantages of the next episode leak back over a time limit.
    """
    return gae(reward, value, next_value, terminated, np.zeros_like(truncated), gamma, lam)


@mistake("gae-trunc-zeroed", "gae", CONVENTION, "google/brax compute_gae")
def nothing_at_truncation(gae, reward, value, next_value, terminated, truncated, gamma, lam):
    """δ_t := 0 where trunc_t

    For collectors that do not know the final observation's value.
    """
    frozen = truncated & ~terminated
    reward = np.where(truncated, 0.0, reward) + 0 * reward
    value = np.where(truncated, 0.0, 1.0) * value
    next_value = np.where(frozen, 0.0, 1.0) * next_value
    return gae(reward, value, next_value, terminated, truncated, gamma, lam)

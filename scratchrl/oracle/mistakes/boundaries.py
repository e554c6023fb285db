"""Mistakes at the ends of episodes, the same ones for every quantity that is passed back over them."""

import numpy as np

from scratchrl.oracle.mistake import BUG, mistake
from scratchrl.oracle.shifted import earlier, later

BOOTSTRAPPED = ("gae", "lambda_return", "n_step_return", "vtrace")


@mistake(
    "gae-mask-shift+1", BOOTSTRAPPED, BUG,
    "hill-a/stable-baselines#385", "hill-a/stable-baselines#388", "hill-a/stable-baselines@0e940c7",
    "automl/Mighty#126",
    variants=({"own_flag_last": 1.0}, {"own_flag_last": 0.0}),
)  # fmt: skip
def flag_of_the_next_step(right, terminated, truncated, own_flag_last, **rest):
    """term_t, trunc_t := term_{t+1}, trunc_{t+1}

    Every end is noticed one step late, as if flags that say "this step ended the episode" were flags that say "this
    step began one". Use the flag of step t for the link from t to t+1.
    """
    last = terminated[-1:], truncated[-1:]
    if not own_flag_last:
        last = last[0] & False, last[1] & False
    return right(terminated=later(terminated, last[0]), truncated=later(truncated, last[1]), **rest)


@mistake("gae-mask-shift-1", (*BOOTSTRAPPED, "reward_to_go"), BUG, "rlgym-ppo#23", "rlevo#344")
def flag_of_the_step_before(right, terminated, truncated, **rest):
    """term_t, trunc_t := term_{t−1}, trunc_{t−1}

    Flags that say "this step ended the episode" are used as if they said "this step began one": the cut is one step
    early in the backward pass. Use the flag of step t for the link from t to t+1.
    """
    return right(terminated=earlier(terminated, False), truncated=earlier(truncated, False), **rest)


@mistake("gae-no-boot-mask", BOOTSTRAPPED, BUG, "thu-ml/tianshou#869")
def bootstrap_from_a_terminal_state(right, terminated, truncated, **rest):
    """δ_t = r_t + γ v′_t − v_t

    The value of a terminal state is 0 by definition, not what the network says: multiply v′ by 1 − terminated. Right
    only if the caller has done that already; then say so with the role masked_next_value.
    """
    return right(terminated=terminated & False, truncated=terminated | truncated, **rest)


@mistake("gae-no-recursion-mask", ("gae", "n_step_return", "vtrace"), BUG, "Toni-SM/skrl#449", "Toni-SM/skrl#438")
def trace_never_cut(right, next_value, terminated, truncated, **rest):
    """A_t = δ_t + γλ A_{t+1}

    The bootstrap knows that the episode ended, the recursion does not: what happens in the next episode leaks into
    this one. Multiply the carried sum by 1 − (terminated ∨ truncated) too.
    """
    return right(
        next_value=~terminated * next_value, terminated=terminated & False, truncated=truncated & False, **rest
    )


@mistake(
    "gae-trunc-as-terminal", BOOTSTRAPPED, BUG,
    "Toni-SM/skrl#449", "hill-a/stable-baselines#1004", "rlevo#170", "jsboige/CoursIA#7821", "jsboige/CoursIA#7825",
)  # fmt: skip
def truncation_as_termination(right, terminated, truncated, **rest):
    """term := term ∨ trunc

    A time limit stops the bootstrap as a death would: states near the limit are undervalued. Mask v′ with terminated
    alone, and the trace with both.
    """
    return right(terminated=terminated | truncated, truncated=truncated, **rest)


@mistake(
    "gae-trunc-leak", (*BOOTSTRAPPED, "reward_to_go"), BUG,
    "Toni-SM/skrl#449", "Toni-SM/skrl#438", "EdanToledo/Stoix@9e93c76",
)  # fmt: skip
def trace_crosses_truncation(right, truncated, **rest):
    """A_t = δ_t + γλ (1 − term_t) A_{t+1}

    The trace is cut at terminations only, so what happens in the next episode leaks back over a time limit. Cut it at
    terminated ∨ truncated.
    """
    return right(truncated=np.zeros_like(truncated), **rest)


@mistake("gae-trunc-boot-current", ("gae", "vtrace"), BUG, "DexForce/EmbodiChain#612")
def truncation_bootstraps_from_its_own_state(right, value, next_value, truncated, **rest):
    """v′_t := v_t where trunc_t

    At a time limit the value of the state before the action is used, as in reward += γ · values · timeouts. The
    bootstrap belongs to the state after it: the final observation.
    """
    return right(value=value, next_value=np.where(truncated, value, next_value), truncated=truncated, **rest)


@mistake(
    "gae-trunc-boot-reset-obs", ("gae", "vtrace"), BUG,
    "EdanToledo/Stoix#142", "EdanToledo/Stoix@3a14348", "pytorch/rl#4209", "openai/gym#3177",
)  # fmt: skip
def truncation_bootstraps_from_the_reset(right, value, next_value, **rest):
    """v′_t := v_{t+1}, also where trunc_t

    The row after a time limit belongs to the next episode: its value is that of a first observation. Use the value of
    the final observation, which an autoreset hides (final_obs).
    """
    return right(value=value, next_value=later(value, next_value[-1:]), **rest)

"""Mistakes of targets of action values: what a termination does."""

import numpy as np

from scratchrl.oracle.mistake import BUG, mistake

TWO_CRITICS = ("clipped_double_q_target", "sac_target")
TARGETS = ("dqn_target", "double_dqn_target", "ddpg_target", *TWO_CRITICS)
MASKED = (*TARGETS, "c51_projection", "quantile_target")


def never(flag):
    """No termination at all."""
    return np.zeros_like(flag)


def future(target, **case):
    """What is multiplied by γ m: the target of no reward, no termination and no discount."""
    return target(**case | {"reward": 0 * case["reward"], "terminated": never(case["terminated"]), "gamma": 1.0})


@mistake(
    "target-no-mask", MASKED, BUG, "tensorflow/agents#156", "seungeunrho/minimalRL#21", "exalearn/EXARL#257",
)  # fmt: skip
def terminations_ignored(target, terminated, **case):
    """y = r + γ Q′, whether the episode terminated or not

    Terminal states are credited with a future they do not have. Multiply Q′ by 1 − terminated.
    """
    return target(terminated=never(terminated), **case)


@mistake(
    "target-trunc-masked", MASKED, BUG,
    "rlevo#170", "rlevo#344", "dopamine@c443e88", "strands-labs/robots#967",
)  # fmt: skip
def time_limits_are_deaths(target, terminated, truncated, **case):
    """m = 1 − (terminated ∨ truncated)

    A time limit wipes out the future as a death would: states near the limit are undervalued. Mask with `terminated`.
    """
    return target(terminated=terminated | truncated, truncated=truncated, **case)


@mistake("target-mask-inverted", MASKED, BUG)
def only_the_dead_have_a_future(target, terminated, **case):
    """m = terminated

    The flag where its complement belongs: only terminal states are given a future.
    """
    return target(terminated=~terminated, **case)


@mistake("target-mask-plus", TARGETS, BUG, "ikostrikov/pytorch-ddpg-naf#16")
def mask_added(target, **case):
    """y = r + γ m + Q′

    A plus where a times belongs: the future is neither discounted nor masked.
    """
    mask = (~case["terminated"]).astype(float)
    return case["reward"] + case["gamma"] * mask + future(target, **case)


@mistake("target-reward-masked", TARGETS, BUG)
def last_reward_lost(target, **case):
    """y = m (r + γ Q′)

    The mask stands before the bracket: the reward of the last step, often the only one, never arrives.
    """
    return ~case["terminated"] * target(**case)


@mistake("target-reward-discounted", TARGETS, BUG)
def reward_discounted(target, **case):
    """y = γ (r + m Q′)

    The reward of this very step is discounted too: values are those of γ r.
    """
    return case["gamma"] * target(**case | {"gamma": 1.0})

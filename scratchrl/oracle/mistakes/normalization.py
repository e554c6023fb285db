"""Mistakes of normalisation: the returns that rewards are scaled by, and the scaling."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake
from scratchrl.oracle.shifted import later

# ---- returns as they run ----

RETURN = "running_return"


@mistake("rewnorm-reset-order", RETURN, BUG, "openai/gym#3152")
def forgets_one_step_early(running_return, reward, terminated, truncated, gamma):
    """G_t = γ (1 − done_t) G_{t−1} + r_t

    The flag of this step wipes out what led up to it and leaves its own reward for the next episode. Add first, then
    reset.
    """
    ends = (later(flag, np.zeros_like(flag[:1])) for flag in (terminated, truncated))
    return running_return(reward, *ends, gamma)


@mistake("rewnorm-not-reset", RETURN, EITHER, "Farama-Foundation/Gymnasium#760")
def goes_on_for_ever(running_return, terminated, truncated, **case):
    """G_t = γ G_{t−1} + r_t

    Not reset where an episode ends: the spread is that of a run without ends.
    """
    return running_return(terminated=np.zeros_like(terminated), truncated=np.zeros_like(truncated), **case)


@mistake("rewnorm-term-only", RETURN, EITHER, "Farama-Foundation/Gymnasium#1507")
def time_limits_do_not_reset(running_return, truncated, **case):
    """G_t = γ (1 − terminated_{t−1}) G_{t−1} + r_t

    A time limit ends an episode too: what comes after it is another one.
    """
    return running_return(truncated=np.zeros_like(truncated), **case)


@mistake("rewnorm-default-gamma", RETURN, EITHER, "cleanrl#203")
def its_own_discount(running_return, gamma, **case):
    """γ := 0.99

    The wrapper keeps its default discount, whatever the agent's is. Hand it on.
    """
    return running_return(gamma=0.99, **case)


@mistake("rewnorm-undiscounted", RETURN, EITHER)
def no_discount(running_return, gamma, **case):
    """γ := 1

    The spread of undiscounted sums: it grows with the length of the episodes.
    """
    return running_return(gamma=1.0 + 0 * gamma, **case)


# ---- the scaling ----

SCALED = ("reward_scaling", "observation_scaling")


@mistake("rewnorm-subtract-mean", "reward_scaling", CONVENTION, "baselines#538", "Farama-Foundation/Gymnasium#651")
def centred(scaling, reward, mean, **case):
    """clip((r − mean)/σ, −c, c)

    What is subtracted in every step is worth the more the longer an episode lasts: another policy may become the best.
    """
    return scaling(reward=reward - mean, mean=mean, **case)


@mistake("norm-eps", SCALED, CONVENTION, variants=({"eps": 1e-8}, {"eps": 1e-6}, {"eps": 1e-5}))
def epsilon_in_the_variance(scaling, variance, eps, **case):
    """σ := √(variance + ε)

    Avoids 0/0 where nothing varies.
    """
    return scaling(variance=variance + eps, **case)


@mistake("norm-eps-in-std", SCALED, CONVENTION, variants=({"eps": 1e-8}, {"eps": 1e-6}, {"eps": 1e-5}))
def epsilon_in_the_deviation(scaling, variance, eps, **case):
    """σ := √variance + ε

    Avoids 0/0 where nothing varies.
    """
    return scaling(variance=(np.sqrt(variance) + eps) ** 2, **case)


@mistake("norm-by-variance", SCALED, BUG)
def divided_by_the_variance(scaling, variance, **case):
    """σ := variance

    Divided by the square of the scale: what varies much all but vanishes. Take the root.
    """
    return scaling(variance=variance**2, **case)


@mistake("norm-unclipped", SCALED, CONVENTION)
def unlimited(scaling, clip, **case):
    """c := ∞

    Nothing is clipped: one early outlier, scaled by a σ of few samples, is a large step.
    """
    return scaling(clip=np.inf, **case)


@mistake("obsnorm-no-mean", "observation_scaling", BUG)
def not_centred(scaling, mean, **case):
    """clip(obs/σ, −c, c)

    Observations are scaled and not centred: what lies far from 0 compared to its spread is clipped away.
    """
    return scaling(mean=0 * mean, **case)


@mistake("terminal-obs-not-normalised", "observation_scaling", BUG, "SB3")
def final_observation_raw(scaling, obs, final_obs, **case):
    """final_obs as it came

    The last observation of an episode reaches the value function unscaled: its bootstrap is of a state nobody has seen.
    Scale it by the same statistics.
    """
    scaled, _ = scaling(obs=obs, final_obs=final_obs, **case)
    return scaled, final_obs

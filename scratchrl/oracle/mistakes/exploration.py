"""Mistakes of exploration: where noise is added, in which units, how often it is drawn and from what."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, EITHER, mistake


def limited(x, low, high):
    """clip(x, low, high)."""
    return np.minimum(np.maximum(x, low), high)


def moved(action, noise, sigma, low, high, clip=np.inf, half=None):
    """a + h clip(σ ξ, −c, c), wherever that is."""
    return action + ((high - low) / 2 if half is None else half) * limited(sigma * noise, -clip, clip)


@mistake("expl-noise-biased", "exploration_noise", BUG, "cleanrl#260", "cleanrl#298")
def bias_added_twice(explored, action, noise, sigma, low, high, explore):
    """a + N(½ (low + high), h² σ²)

    The noise has the middle of the range for its mean, and the action has it already: exploration leans to one side.
    Draw around 0.
    """
    middle = (low + high) / 2 + 0 * action
    return explored(action + middle if explore else action, noise, sigma, low, high, explore)


@mistake("expl-noise-scalar", "exploration_noise", BUG, "cleanrl#500", variants=({"all": 0}, {"all": 1}))
def one_draw_for_all_dimensions(explored, noise, all, **case):
    """ξ_bi := ξ_b1, or one draw for the whole batch

    All dimensions are pushed in the same direction: only a diagonal of the action space is explored. Draw an action's
    shape.
    """
    return explored(noise=0 * noise + (noise[:1, :1] if all else noise[:, :1]), **case)


@mistake("expl-noise-unscaled", "exploration_noise", EITHER)
def in_units_of_the_action(explored, action, noise, sigma, low, high, explore):
    """clip(a + σ ξ, low, high)

    σ is in units of the action: the same number is much in a narrow range and little in a wide one.
    """
    return limited(moved(action, noise, sigma, low, high, half=1), low, high) if explore else action


@mistake("expl-noise-unclipped", "exploration_noise", EITHER)
def beyond_the_bounds(explored, action, noise, sigma, low, high, explore):
    """a + h σ ξ

    Not limited to the bounds: the environment clips, and the replay remembers an action that nobody took.
    """
    return moved(action, noise, sigma, low, high) if explore else action


@mistake("expl-clip-unit", ("exploration_noise", "td3_smoothing"), BUG)
def clipped_to_one(explored, action, explore=True, **case):
    """clip(…, −1, 1)

    The bounds of a normalised action, on one that is not: part of the range is never reached.
    """
    return limited(moved(action, **case), -1, 1) if explore else action


@mistake("noise-at-test-only", "exploration_noise", BUG, "keiohta/tf2rl#56")
def flag_inverted(explored, explore, **case):
    """explore := ¬ explore

    Noise is added when testing and left out when training.
    """
    return explored(explore=not explore, **case)


@mistake("td3-noise-shared", "td3_smoothing", BUG, "cleanrl#279", "cleanrl#281")
def one_draw_for_the_batch(smoothed, noise, **case):
    """ξ_b := ξ_1

    One noise vector moves the whole batch to the same side: nothing is averaged. Draw the batch's shape.
    """
    return smoothed(noise=0 * noise + noise[:1], **case)


@mistake("td3-noise-unscaled", "td3_smoothing", EITHER, "cleanrl#279", "cleanrl#281")
def smoothing_in_units_of_the_action(smoothed, low, high, **case):
    """clip(a′ + clip(σ ξ, −c, c), low, high)

    Not times half the range: right if σ and c are in units of the action, as the paper's authors hand them over.
    """
    return limited(moved(low=low, high=high, half=1, **case), low, high)


@mistake("td3-noise-unclipped", "td3_smoothing", BUG)
def noise_not_limited(smoothed, clip, **case):
    """clip(a′ + h σ ξ, low, high)

    c has no effect: a rare draw asks the critic about actions far from the actor's.
    """
    return smoothed(clip=np.inf, **case)


@mistake("td3-action-unclipped", "td3_smoothing", BUG)
def target_beyond_the_bounds(smoothed, **case):
    """a′ + h clip(σ ξ, −c, c)

    The critic is asked about actions that do not exist, and its guess becomes a target.
    """
    return moved(**case)


@mistake("td3-clip-before-scale", "td3_smoothing", BUG)
def draws_limited(smoothed, noise, clip, **case):
    """clip(a′ + h σ clip(ξ, −c, c), low, high)

    The draw is limited before it is scaled: with c = 0.5 most draws are cut, and the blur is far too narrow.
    """
    return smoothed(noise=limited(noise, -clip, clip), clip=np.inf, **case)


# ---- Ornstein-Uhlenbeck ----


@mistake("ou-uniform", "ou_noise", BUG, "udacity#20", "udacity#19", "udacity#12")
def only_upwards(ou, noise, uniform, **case):
    """ξ ~ U[0, 1) instead of N(0, 1)

    random.random() is never negative: the process settles σ/(2θ √dt) above its mean. Draw normal numbers.
    """
    return ou(noise=uniform, uniform=uniform, **case)


@mistake("ou-dt", "ou_noise", CONVENTION, "rllab#194", "rllab#197", "baselines#889",
         variants=({"step": 1.0}, {"step": 1e-2}))  # fmt: skip
def another_time_step(ou, dt, step, **case):
    """dt := 1, or 1e-2, whatever is asked for

    Another time step is another process: of variance σ²/(θ (2 − θ dt)), that remembers 1/(θ dt) steps.
    """
    return ou(dt=step, **case)


@mistake("ou-dt-linear", "ou_noise", BUG)
def spread_grows_with_dt(ou, noise, dt, **case):
    """x + θ (μ − x) dt + σ dt ξ

    The variance of noise grows with time, so its size with √dt: with σ dt the noise all but vanishes for small steps.
    """
    return ou(noise=noise * (dt + 0 * noise) ** 0.5, dt=dt, **case)


@mistake("ou-drift-sign", "ou_noise", BUG)
def driven_away(ou, x0, noise, theta, sigma, dt, mean, **case):
    """x + θ (x − μ) dt + σ √dt ξ

    Driven away from the mean instead of back: the noise grows without bound.
    """
    path = [x0]
    for draw in noise:
        path.append(path[-1] - theta * dt * (mean - path[-1]) + sigma * (dt + 0 * draw) ** 0.5 * draw)
    return np.stack(path[1:])


@mistake("ou-forgets", "ou_noise", BUG)
def state_not_kept(ou, x0, noise, uniform, **case):
    """every step from x_0

    The new state is returned and not kept: plain Gaussian noise, which remembers nothing.
    """
    steps = [ou(x0=x0, noise=row[None], uniform=uniform[:1], **case) for row in noise]
    return np.concatenate(steps)


@mistake("expl-noise-scalar", "ou_noise", BUG, "cleanrl#500")
def one_process_for_all_dimensions(ou, noise, **case):
    """ξ_ti := ξ_t1

    All dimensions are pushed in the same direction. Draw one number for each.
    """
    return ou(noise=0 * noise + noise[:, :1], **case)

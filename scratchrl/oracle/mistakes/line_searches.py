"""Mistakes of line searches: what is accepted, and what comes back if nothing is."""

import numpy as np

from scratchrl.oracle.mistake import BUG, CONVENTION, mistake


def first_accepted(theta, step, is_good, shrink=0.5, tries=11):
    """θ + fᵏ step for the first good one; None if there is none."""
    for k in range(tries):
        candidate = theta + shrink**k * step
        if is_good(candidate, shrink**k):
            return candidate
    return None


def kept(candidate, theta):
    """θ if nothing was accepted."""
    return theta if candidate is None else candidate


@mistake("trpo-linesearch-ignored", "line_search", BUG, "joschu/modular_rl@46a6f9a", "wojzaremba/trpo#1")
def full_step(search, theta, step, objective, kl, delta):
    """θ + step

    The search is done and its result not used: neither the trust region nor the improvement is enforced.
    """
    return theta + step


@mistake("trpo-fail-keeps-last-trial", "line_search", BUG, "tianshou#1287", variants=({"tries": 11}, {"tries": 10}))
def last_trial(search, theta, step, objective, kl, delta, tries):
    """θ + step/2¹⁰ where nothing was accepted

    The parameters stay at the last candidate, which failed: put θ back.
    """
    found = search(theta, step, objective, kl, delta)
    return theta + step / 2 ** (tries - 1) if np.all(found == theta) else found


@mistake("ls-accept-rule", "line_search", CONVENTION, "joschu/modular_rl linesearch", variants=({"ratio": 0.1},))
def ratio_of_improvement(search, theta, step, objective, kl, delta, ratio):
    """accepts (J(θ′) − J(θ)) / (fᵏ ∇J·step) > 0.1, no KL

    Improvement is compared with what the slope promises, and the KL is trusted to the quadratic model.
    """
    before, promised = objective(theta), np.array(objective.slope) @ step

    def is_good(candidate, fraction):
        gain = objective(candidate) - before
        return gain > 0 and gain / (promised * fraction) > ratio

    return kept(first_accepted(theta, step, is_good), theta)


@mistake("ls-accept-rule", "line_search", CONVENTION, "baselines trpo_mpi.py", variants=({"slack": 1.5},))
def slack_in_the_radius(search, theta, step, objective, kl, delta, slack):
    """accepts J(θ′) ≥ J(θ) and KL(θ′) ≤ 1.5 δ

    The quadratic model puts the full step at δ, and half as much again is let pass.
    """
    return search(theta, step, objective, kl, slack * delta)


@mistake("ls-no-kl", "line_search", BUG)
def any_distance(search, theta, step, objective, kl, delta):
    """accepts J(θ′) > J(θ), whatever the KL

    The trust region is not enforced.
    """
    before = objective(theta)
    return kept(first_accepted(theta, step, lambda candidate, _: objective(candidate) > before), theta)


@mistake("ls-kl-only", "line_search", BUG)
def any_objective(search, theta, step, objective, kl, delta):
    """accepts KL(θ′) ≤ δ, whatever the objective

    A step that makes the surrogate worse is taken.
    """
    return kept(first_accepted(theta, step, lambda candidate, _: kl(candidate) <= delta), theta)


@mistake(
    "ls-shrink", "line_search", CONVENTION, "openai/spinningup", "sb3-contrib", "garage",
    variants=({"shrink": 0.8, "tries": 10}, {"shrink": 0.8, "tries": 15}, {"shrink": 0.9, "tries": 10}),
)  # fmt: skip
def another_factor(search, theta, step, objective, kl, delta, shrink, tries):
    """θ + 0.8ᵏ step, k < 10

    Finer steps back, and not as far.
    """
    before = objective(theta)
    factor = shrink + 0 * theta[0]

    def is_good(candidate, _):
        return objective(candidate) > before and kl(candidate) <= delta

    return kept(first_accepted(theta, step, is_good, factor, tries), theta)

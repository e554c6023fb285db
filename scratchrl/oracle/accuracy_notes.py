"""Where a function may lose more than 8 scaled ulps, and why. For these rows the claim is the proven bound instead."""

from fnmatch import fnmatchcase

SATURATED = """\
forward and back in one call: the way back reads h = tanh z as the way forward rounded it, and u of h is much of the
slope 1 − h² where tanh is saturated"""
CORRECTED = """\
a target as value and correction, v + ρ̂ (r + γ v′ − v): where ρ̂ = 1 the truth does not depend on v, but the rounding of
the two sums does"""
INTEGRATED = """\
a sum of 577 terms of both signs, or 1 minus such a sum: u of the largest term is lost, however small the result"""
SOLVED = """\
the solution of a linear system: its error is bounded as a vector, so a small entry beside large ones has theirs"""
AGREEING = """\
softmax − p′, entry by entry: where p′ is all but reached, u of the two is left of their difference"""

NOTES = (  # function, range, as shell patterns
    ("critic.*loss_and_grad tanh", "*", SATURATED),
    ("policies.weighted_score *", "*", SATURATED),
    ("off_policy.vtrace", "*", CORRECTED),
    ("vtrace", "*", CORRECTED),
    ("squashed_gaussian.entropy*", "*", INTEGRATED),
    ("conjugate_gradient", "*", SOLVED),
    ("trust_region_step", "*", SOLVED),
    ("*c51_loss", "*", AGREEING),
)


def note(function: str, label: str) -> str:
    """Why the unit of `ulps.measure` does not do for this row, in one line; empty if it has to.

    >>> note("vtrace", "200 steps").startswith("a target as value and correction"), note("gae", "200 steps")
    (True, '')
    """
    found = (text for names, labels, text in NOTES if fnmatchcase(function, names) and fnmatchcase(label, labels))
    return next(found, "").replace("\n", " ")

"""Where a function may lose more than 8 scaled ulps, and why. For these rows the claim is the proven bound instead."""

from fnmatch import fnmatchcase

SATURATED = """\
forward and back in one call: the way back reads h = tanh z as the way forward rounded it, and u of h is much of the
slope 1 − h² where tanh is saturated"""
CORRECTED = """\
a target as value and correction, v + ρ̂ (r + γ v′ − v): where ρ̂ = 1, as in GAE, the truth does not depend on v, but the
rounding of the two sums does"""
SUMMED = """\
log N(u) and log(1 − tanh² u) are rounded one by one: where they cancel, and their slopes in u too, the condition
excuses neither"""
INTEGRATED = """\
a sum of 577 terms of both signs, or 1 minus such a sum: u of the largest term is lost, however small the result"""
SOLVED = """\
the solution of a linear system: its error is bounded as a vector, so a small entry beside large ones has theirs"""
AGREEING = """\
softmax − p′, entry by entry: where p′ is all but reached, u of the two is left of their difference"""
OPPOSED = """\
a sum over samples whose slopes are δ and −δ, as Huber's are beyond δ: what is equal cancels on paper, and its rounding
stays"""

NOTES = (  # function, range, as shell patterns
    ("critic.*loss_and_grad tanh", "*", SATURATED),
    ("state_action.*_and_* tanh", "*", SATURATED),
    ("deterministic.loss_and_grad tanh", "*", SATURATED),
    ("action_values.loss_and_grad *", "*", OPPOSED),
    ("policies.weighted_score *", "*", SATURATED),
    ("search_policy.loss_and_grad", "*", SATURATED),
    ("soft_actor.loss_and_grad", "*", SATURATED),
    ("off_policy.vtrace", "*", CORRECTED),
    ("vtrace", "*", CORRECTED),
    ("gae", "*", CORRECTED),
    ("squashed_gaussian*log_prob", "*", SUMMED),
    ("squashed_gaussian.entropy*", "*", INTEGRATED),
    ("conjugate_gradient", "*", SOLVED),
    ("curvature.conjugate_gradient", "*", SOLVED),
    ("trust_region_step", "*", SOLVED),
    ("*c51_loss", "*", AGREEING),
    ("search_policy_loss", "*", AGREEING),
)


def note(function: str, label: str) -> str:
    """Why the unit of `ulps.measure` does not do for this row, in one line; empty if it has to.

    >>> note("vtrace", "200 steps")[:32], note("huber_loss", "ordinary errors")
    ('a target as value and correction', '')
    """
    found = (text for names, labels, text in NOTES if fnmatchcase(function, names) and fnmatchcase(label, labels))
    return next(found, "").replace("\n", " ")

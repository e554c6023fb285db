"""Cases of targets: rows of transitions (B,), with action values, atoms or quantiles of their successors (B, ·)."""

from functools import cache

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.returns import DISCOUNTS
from scratchrl.oracle.cases.tables import FLAG, number

SUPPORTS = [(low, low + length) for low in (0.0, -1.0, -2.0, -4.0) for length in (1.0, 2.0, 4.0, 8.0)]
ACTIONS, ATOMS = st.integers(2, 3), st.sampled_from((2, 3, 5))
temperatures = st.sampled_from((0.5, 0.25, 1.0, float(np.float32(0.2))))


@cache
def several(count, bound=4.0):
    """That many numbers, no two alike, so that one of them is the largest."""
    return st.lists(number(bound), min_size=count, max_size=count, unique=True).map(tuple)


@cache
def probabilities(atoms, parts=64):
    """That many multiples of 1/parts, whose sum is exactly 1; some may be 0."""
    cuts = st.lists(st.integers(0, parts), min_size=atoms - 1, max_size=atoms - 1).map(sorted)
    return cuts.map(lambda at: tuple((np.diff([0, *at, parts]) / parts).tolist()))


@st.composite
def rows_of(draw, columns, rows=(1, 4)):
    """Arrays by name with one first axis, drawn row by row; an entry is a number, a flag or a tuple of numbers."""
    least, most = rows if isinstance(rows, tuple) else (rows, rows)
    drawn = draw(_rows(tuple(columns.values()), least, most))
    return {name: np.array(column) for name, column in zip(columns, zip(*drawn, strict=True), strict=True)}


@cache
def _rows(entries, least, most):
    """Made once, as in `tables`: looking a new strategy over takes longer than drawing from it."""
    return st.lists(st.tuples(*entries), min_size=least, max_size=most)


@st.composite
def transitions(draw, entries, rows=(1, 4), width=ACTIONS, bound=4.0, flags=None, discounts=DISCOUNTS, extra=()):
    """reward, terminated, truncated, gamma and whatever else one row holds.

    entries: (width, bound) -> name -> strategy of one row's entry.
    flags: (terminated, truncated) as drawn -> the flags, for cases that need special ones.
    """
    columns = {"reward": number(bound)} | entries(draw(width), bound) | {"terminated": FLAG, "truncated": FLAG}
    case = draw(rows_of(columns, rows))
    if flags is not None:
        case["terminated"], case["truncated"] = flags(case["terminated"], case["truncated"])
    case["gamma"] = draw(st.sampled_from(discounts))
    return case | {name: draw(strategy) for name, strategy in extra}


def kinds(entries, extra=(), one_action=True):
    """(tame, stress, edges) of a target."""

    def some(**options):
        return transitions(entries, extra=extra, **options)

    tame = {"ordinary transitions": some()}
    stress = {"values up to 16384": some(bound=2.0**14), "values below 1/4096": some(bound=2.0**-12)}
    return tame, stress, edges(some) | ({"one action": some(width=st.just(1))} if one_action else {})


def edges(some):
    """Flags and discounts with one right answer."""
    return {
        "one sample": some(rows=1),
        "every sample terminates": some(flags=lambda term, trunc: (term | True, trunc & False)),
        "terminated and truncated at once": some(flags=lambda term, trunc: (term, term)),
        "discounts 0 and 1": some(discounts=(0.0, 1.0)),
        "no flags": some(flags=lambda term, trunc: (term & False, trunc & False)),
    }


# ---- atoms ----


def _atoms(count, bound):
    return {"probs": probabilities(count)}


@st.composite
def distributions(draw, supports=SUPPORTS, width=ATOMS, **options):
    """Transitions with probabilities of K atoms; by default K − 1 is a power of two, and no spacing is rounded."""
    case = draw(transitions(_atoms, width=width, **options))
    case["v_min"], case["v_max"] = draw(st.sampled_from(supports))
    return case


def atom_kinds():
    """(tame, stress, edges) of the projection."""
    rounded = [(-10.0, 10.0), (0.0, float(np.float32(0.7))), (float(np.float32(-0.1)), 1.0)]
    stress = {"a support of length 20000": distributions(supports=[(-10000.0, 10000.0)], bound=2.0**14)}
    exactly = {"discounts": (0.5, 1.0), "supports": [(-2.0, 2.0), (0.0, 4.0)], "width": st.sampled_from((3, 5))}
    onto = {
        "a spacing that is no float": distributions(supports=rounded, width=st.sampled_from((4, 7))),
        "atoms that land on atoms": distributions(**exactly).map(lambda case: case | _whole(case)),
        "beyond both ends": distributions(bound=64.0),
        "all of the mass on one atom": distributions().map(lambda case: case | {"probs": _one_hot(case["probs"])}),
    }
    return {"ordinary transitions": distributions()}, stress, onto | edges(distributions)


def _whole(case):
    return {"reward": np.round(case["reward"])}


def _one_hot(probs):
    return np.eye(probs.shape[1])[probs.argmax(axis=1)]


def fits(bound=4.0, width=(2, 4), rows=(1, 3), parts=64):
    """logits and target_probs, (B, K) both."""

    def both(atoms):
        logits = st.tuples(*[number(bound)] * atoms)
        return rows_of({"logits": logits, "target_probs": probabilities(atoms, parts)}, rows)

    return st.integers(*width).flatmap(both)

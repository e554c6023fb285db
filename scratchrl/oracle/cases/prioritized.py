"""Cases of prioritised draws, of weighted losses, and of settings that change with time."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.plumbing import single
from scratchrl.oracle.cases.tables import between, number, table

PRIORITY = st.integers(1, 64).map(lambda k: k / 64)
SHARE = between(0.125, 1.0)
DRAW = st.integers(0, 511).map(lambda k: (2 * k + 1) / 1024)  # no sum of few priorities is such a share of another


@st.composite
def draws(draw, size=(2, 6), count=(1, 4), priority=PRIORITY):
    """priorities (N,) and uniform (B,)."""
    memory = draw(table({"priorities": priority}, size))
    return memory | draw(table({"uniform": DRAW}, count))


def draw_kinds():
    """(tame, stress, edges)."""
    edges = {
        "one transition": draws(size=1),
        "one draw": draws(count=1),
        "all alike": draws(priority=st.just(0.75)),
    }
    return {"ordinary priorities": draws()}, {}, edges


@st.composite
def weighted(draw, bound=4.0, rows=(1, 4), weight=SHARE):
    """value, target and weights (B,)."""
    return draw(table({"value": number(bound), "target": number(bound), "weights": weight}, rows))


def weighted_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary samples": weighted(rows=(2, 4))}
    stress = {"values up to 16384": weighted(bound=2.0**14)}
    return tame, stress, {"one sample": weighted(rows=1), "weights of 1": weighted(weight=st.just(1.0))}


@st.composite
def changes(draw, first, last, start=(0, 3), count=(1, 6), duration=(1, 9)):
    """step (T,) one after the other, first, last, duration."""
    begin = draw(st.integers(*start))
    step = begin + np.arange(draw(st.integers(*count)), dtype=float)
    return {"step": step, "first": draw(first), "last": draw(last), "duration": draw(st.integers(*duration))}


def change_kinds(first, last):
    """(tame, stress, edges)."""
    tame = {"ordinary settings": changes(first, last)}
    edges = {
        "one step": changes(first, last, start=(1, 3), count=(1, 1)),
        "all of it is over": changes(first, last, start=(12, 14)),
    }
    return tame, {"after 100000 steps": changes(first, last, (99_000, 100_000), duration=(10**6, 10**6))}, edges


FALLING = single(1.0, 0.5, 0.9), single(0.05, 0.01, 0.1)
RISING = single(0.4, 0.5, 0.6), st.just(1.0)

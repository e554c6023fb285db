"""Cases of exploration: actions between bounds that are not symmetric, and the draws that are added to them."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.plumbing import single
from scratchrl.oracle.cases.tables import number, table

LOW, RANGE = st.sampled_from((-4.0, -2.0, -1.0, -0.5, 0.0)), st.sampled_from((1.0, 2.0, 4.0, 8.0))
INSIDE = st.integers(0, 16).map(lambda k: k / 16)
SPREADS, CLIPS = single(0.1, 0.2, 0.5, 1.0), single(0.5, 0.25, 1.0)


@st.composite
def actions(draw, rows=(1, 3), width=(1, 3), sigma=SPREADS, **settings):
    """action, noise (B, A), low, high (A,), sigma, and the settings."""
    across = draw(st.integers(*width))
    case = draw(table({"action": INSIDE, "noise": number(4.0)}, rows, across))
    bounds = draw(table({"low": LOW, "high": RANGE}, across))
    bounds["high"] = bounds["low"] + bounds["high"]
    case["action"] = bounds["low"] + case["action"] * (bounds["high"] - bounds["low"])
    return case | bounds | {"sigma": draw(sigma)} | {name: draw(strategy) for name, strategy in settings.items()}


def _edges(some):
    return {
        "one action": some(rows=1),
        "no noise": some(sigma=st.just(0.0)),
        "noise that leaves": some(sigma=single(9)),
    }


def noise_kinds():
    """(tame, stress, edges) of noise on an action."""

    def some(**options):
        return actions(explore=st.just(True), **options)

    tame = {"ordinary actions": some(), "with and without exploration": actions(explore=st.booleans())}
    return tame, {}, _edges(some)


def smoothing_kinds():
    """(tame, stress, edges) of noise on a target action."""

    def some(**options):
        return actions(clip=CLIPS, **options)

    return {"ordinary actions": some(rows=(2, 3))}, {}, _edges(some)


RATES, STEPS, MEANS = single(0.15, 0.25, 0.5), single(0.01, 0.25, 0.5), number(2.0)
DRAW = st.integers(0, 511).map(lambda k: (2 * k + 1) / 1024)


@st.composite
def processes(draw, steps=(1, 4), width=(1, 3), dt=STEPS, mean=MEANS, bound=4.0):
    """x0 (A,), noise and uniform (T, A), theta, sigma, dt, mean."""
    across = draw(st.integers(*width))
    case = draw(table({"x0": number(bound)}, across))
    case |= draw(table({"noise": number(4.0), "uniform": DRAW}, steps, across))
    return case | {"theta": draw(RATES), "sigma": draw(SPREADS), "dt": draw(dt), "mean": draw(mean)}


def process_kinds():
    """(tame, stress, edges) of an Ornstein-Uhlenbeck process."""
    tame = {"ordinary steps": processes()}
    stress = {"far from the mean": processes(bound=2.0**14), "tiny steps": processes(dt=single(1e-6))}
    edges = {
        "one step": processes(steps=(1, 1)),
        "steps of 1": processes(dt=st.just(1.0)),
        "from 0 around 0": processes(mean=st.just(0.0)).map(lambda case: case | {"x0": np.zeros_like(case["x0"])}),
    }
    return tame, stress, edges

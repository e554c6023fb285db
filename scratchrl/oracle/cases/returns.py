"""Cases of returns and advantages: time-major arrays (T, N), flags that may fall anywhere."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import FLAG, number, table

DISCOUNTS = (0.5, 0.75, 0.9375, float(np.float32(0.9)), float(np.float32(0.99)))
FLAGS = ("terminated", "truncated")
ARRAYS = ("reward", "value", "next_value", *FLAGS)


@st.composite
def trajectories(
    draw, names=ARRAYS, settings=("gamma", "lam"), steps=(1, 6), streams=(1, 3), bound=4.0, flags=None,
    discounts=(DISCOUNTS, DISCOUNTS), extra=(), times=1, apart=4.0,
):  # fmt: skip
    """The canonical case of a return: arrays by name, then the discounts named by settings, then the extra settings.

    While an episode goes on, the next value of a row is the value of the next row, if the case has both: they are
    values of the same state.

    Args:
      names: of the arrays, in their order, flags among them.
      discounts: what gamma may be, what lam may be.
      flags: (terminated, truncated) as drawn -> the flags, for cases that need special ones.
      extra: name -> strategy.
      apart: bound of log_rho.
      times: the drawn rows that often, one after the other.
    """
    entry = dict.fromkeys(FLAGS, FLAG) | {"log_rho": number(apart)}
    drawn = draw(table({name: entry.get(name, number(bound)) for name in names}, steps, streams))
    case = {name: np.tile(column, (times, 1)) for name, column in drawn.items()}
    if flags is not None:
        case["terminated"], case["truncated"] = flags(case["terminated"], case["truncated"])
    if {"value", "next_value"} <= set(case):
        goes_on = ~(case["terminated"] | case["truncated"])[:-1]
        case["next_value"][:-1] = np.where(goes_on, case["value"][1:], case["next_value"][:-1])
    case |= {name: draw(st.sampled_from(discounts[name == "lam"])) for name in settings}
    return case | {name: draw(strategy) for name, strategy in dict(extra).items()}


def kinds(names, settings, extra=()):
    """(tame, stress, edges) for a function of trajectories."""

    def some(**options):
        return trajectories(**{"names": names, "settings": settings, "extra": extra} | options)

    tame = {"ordinary trajectories": some()}
    stress = {"rewards and values up to 16384": some(bound=2.0**14), "200 steps": some(steps=4, streams=1, times=50)}
    stress["gamma = 0"] = some(discounts=((0.0,), DISCOUNTS))
    edges = {"one step": some(steps=1), "gamma = 1, lambda 0 or 1": some(discounts=((1.0,), (0.0, 1.0)))}
    if set(FLAGS) <= set(names):
        edges |= _flagged(some)
    return tame, stress, edges


def _flagged(some):
    return {
        "every step terminates": some(flags=lambda term, trunc: (term | True, trunc & False)),
        "terminated and truncated at once": some(flags=lambda term, trunc: (term, term)),
        "no flags": some(flags=lambda term, trunc: (term & False, trunc & False)),
    }


WINDOWS, LONG_WINDOW = st.integers(1, 5), st.just(9)
CLIPS = st.sampled_from((1.0, 0.5, 2.0))

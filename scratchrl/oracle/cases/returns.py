"""Cases of returns and advantages: time-major arrays (T, N), flags that may fall anywhere."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import FLAG, number, table

DISCOUNTS = (0.5, 0.75, 0.9375, float(np.float32(0.9)), float(np.float32(0.99)))
ARRAYS = ("reward", "value", "next_value")


@st.composite
def trajectories(
    draw, names=ARRAYS, steps=(1, 6), streams=(1, 3), bound=4.0, flags=None, discounts=DISCOUNTS, extra=()
):
    """The canonical case of a return: arrays by name, terminated, truncated, gamma, lam, and extra = (name, strategy).

    flags: (terminated, truncated) as drawn -> the flags, for cases that need special ones.
    """
    columns = dict.fromkeys(names, number(bound)) | {"terminated": FLAG, "truncated": FLAG}
    case = draw(table(columns, steps, streams))
    if flags is not None:
        case["terminated"], case["truncated"] = flags(case["terminated"], case["truncated"])
    case |= {name: draw(st.sampled_from(discounts)) for name in ("gamma", "lam")}
    return case | {name: draw(strategy) for name, strategy in extra}


def kinds(names=ARRAYS, extra=()):
    """(tame, stress, edges) for a function of trajectories."""

    def some(**options):
        return trajectories(names=names, extra=extra, **options)

    tame = {"ordinary trajectories": some()}
    stress = {"rewards up to 16384": some(bound=2.0**14), "200 steps": some(steps=200, streams=1)}
    edges = {
        "one step": some(steps=1),
        "every step terminates": some(flags=lambda term, trunc: (term | True, trunc & False)),
        "terminated and truncated at once": some(flags=lambda term, trunc: (term, term)),
        "discounts 0 and 1": some(discounts=(0.0, 1.0)),
        "no flags": some(flags=lambda term, trunc: (term & False, trunc & False)),
    }
    return tame, stress, edges

"""Cases of replays: a ring of transitions of a few environments, asked for the runs from every row that is filled."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.returns import DISCOUNTS
from scratchrl.oracle.cases.tables import number, table

RARELY = st.sampled_from((False, False, False, True))
ALWAYS, NEVER = st.just(True), st.just(False)
FEW = st.integers(1, 4)


@st.composite
def rings(draw, rows=(1, 8), streams=(1, 3), n=FEW, bound=4.0, terminated=RARELY, truncated=RARELY, room=(0, 3)):
    """reward, terminated, truncated, env (C,), position, size, rows (size,), n, gamma.

    n is at most C. room: rows that are not filled yet, and 0 in every array; without any the oldest may be anywhere.
    """
    columns = {"reward": number(bound), "terminated": terminated, "truncated": truncated}
    case, empty = draw(table(columns, rows)), draw(st.integers(*room))
    size, envs = len(case["reward"]), draw(st.integers(*streams))
    case["env"] = (np.arange(size) + draw(st.integers(0, envs - 1))) % envs
    position = size if empty else draw(st.integers(0, size - 1))
    case = {name: _placed(array, position if not empty else 0, empty) for name, array in case.items()}
    case |= {"position": position, "size": size, "rows": np.arange(size)}
    return case | {"n": min(draw(n), size + empty), "gamma": draw(st.sampled_from(DISCOUNTS))}


def _placed(array, oldest, empty):
    """From the oldest row on, around the ring; then the rows that are not filled."""
    return np.concatenate([np.roll(array, oldest), np.zeros(empty, array.dtype)])


def kinds():
    """(tame, stress, edges)."""
    tame = {"a ring of transitions": rings(), "one that has been filled": rings(room=(0, 0), rows=(2, 8))}
    stress = {"rewards up to 16384": rings(bound=2.0**14)}
    edges = {
        "runs of one": rings(n=st.just(1)),
        "one transition": rings(rows=1),
        "one environment": rings(streams=(1, 1)),
        "every transition ends its episode": rings(terminated=ALWAYS),
        "time limits only": rings(terminated=NEVER),
        "no ends": rings(terminated=NEVER, truncated=NEVER),
    }
    return tame, stress, edges

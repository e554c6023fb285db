"""Cases of hindsight: a ring of transitions of one environment, and a draw for every one of them."""

from hypothesis import strategies as st

from scratchrl.oracle.cases import n_step_replay
from scratchrl.oracle.cases.n_step_replay import ALWAYS, NEVER
from scratchrl.oracle.cases.tables import table

DRAW = st.integers(0, 511).map(lambda k: (2 * k + 1) / 1024)  # times a few steps never a whole number of them
UNUSED = ("reward", "env", "n", "gamma")


@st.composite
def rings(draw, **options):
    """terminated, truncated (C,), position, size, rows (size,), uniform (size,)."""
    case = draw(n_step_replay.rings(streams=(1, 1), **options))
    uniform = draw(table({"uniform": DRAW}, case["size"]))
    return {name: value for name, value in case.items() if name not in UNUSED} | uniform


def kinds():
    """(tame, stress, edges)."""
    tame = {"a ring of transitions": rings(), "one that has been filled": rings(room=(0, 0), rows=(3, 8))}
    edges = {
        "one transition": rings(rows=1),
        "every transition ends its episode": rings(terminated=ALWAYS),
        "no ends": rings(terminated=NEVER, truncated=NEVER),
    }
    return tame, {}, edges

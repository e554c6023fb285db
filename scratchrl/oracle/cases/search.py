"""Cases of searches: logits of a few moves, which of them are legal, and how often each was visited."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import FLAG, number
from scratchrl.oracle.cases.targets import probabilities, rows_of


@st.composite
def positions(draw, rows=(1, 3), moves=(2, 4), bound=4.0, legal=FLAG):
    """logits, legal, target (B, A); the target of illegal moves is 0, the rest multiples of 1/64 whose sum is 1."""
    count = draw(st.integers(*moves))
    flags = st.tuples(*[legal] * count).filter(any)
    columns = {"logits": st.tuples(*[number(bound)] * count), "legal": flags}
    case = draw(rows_of(columns, rows))
    case["target"] = np.stack([_spread(draw, row) for row in case["legal"]])
    return case


def _spread(draw, legal):
    target = np.zeros(len(legal))
    target[legal] = draw(probabilities(int(legal.sum())))
    return target


def kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary positions": positions(), "all moves legal": positions(legal=st.just(True))}
    stress = {"logits up to 512": positions(bound=512.0)}
    edges = {"one position": positions(rows=1), "one legal move": positions(moves=(1, 1), legal=st.just(True))}
    return tame, stress, edges

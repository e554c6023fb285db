"""Cases of quantiles, of prioritised replay and of dueling heads: rows (B, ·) once more."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.plumbing import single
from scratchrl.oracle.cases.tables import number, table
from scratchrl.oracle.cases.targets import kinds, probabilities, rows_of

THRESHOLDS, EXPONENTS, OFFSETS = single(1.0, 0.5, 2.0), single(0.5, 0.6, 0.7), single(0.01, 1e-6)


# ---- quantiles ----


def _quantiles(actions, bound):
    """One row of next_quantiles (A, N), no two actions of one mean."""
    entry = st.tuples(number(bound), number(bound), number(bound))
    rows = st.lists(entry, min_size=actions, max_size=actions, unique_by=sum)
    return {"next_quantiles": rows.map(tuple)}


def quantile_target_kinds():
    """(tame, stress, edges)."""
    return kinds(_quantiles)


@st.composite
def fits(draw, bound=4.0, rows=(1, 3), width=(2, 3), more=0):
    """quantiles (B, N), target (B, N + more), kappa."""
    count = draw(st.integers(*width))
    columns = {"quantiles": st.tuples(*[number(bound)] * count), "target": st.tuples(*[number(bound)] * (count + more))}
    return draw(rows_of(columns, rows)) | {"kappa": draw(THRESHOLDS)}


def fit_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary quantiles": fits()}
    stress = {"quantiles up to 16384": fits(bound=2.0**14), "quantiles below 1/4096": fits(bound=2.0**-12)}
    edges = {
        "one sample": fits(rows=1),
        "more targets than quantiles": fits(more=2),
        "one quantile": fits(width=(1, 1)),
    }
    return tame, stress, edges


# ---- prioritised replay ----


@st.composite
def memories(draw, bound=4.0, size=(2, 5), alpha=EXPONENTS, eps=OFFSETS):
    """td_error, alpha, eps."""
    errors = draw(st.lists(number(bound), min_size=size[0], max_size=size[1]).filter(any))
    return {"td_error": np.array(errors), "alpha": draw(alpha), "eps": draw(eps)}


def memory_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary errors": memories()}
    stress = {"errors up to 16384": memories(bound=2.0**14), "errors below 1/4096": memories(bound=2.0**-12)}
    edges = {"one transition": memories(size=(1, 1)), "exponents 0 and 1": memories(alpha=st.sampled_from((0.0, 1.0)))}
    return tame, stress, edges


@st.composite
def draws(draw, count=(2, 4), parts=64, beta=EXPONENTS):
    """probs of a few transitions of a memory, its size, beta, and the least probability in it."""
    among = draw(st.integers(*count).flatmap(lambda n: probabilities(n, parts)).filter(all))
    scarce, rarer = draw(st.sampled_from((1.0, 0.5, 0.25))), draw(st.sampled_from((1.0, 0.5, 0.125)))
    probs, size = scarce * np.array(among), len(among) * round(2 / scarce)
    return {"probs": probs, "size": size, "beta": draw(beta), "least": float(rarer * probs.min())}


def draw_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary probabilities": draws()}
    edges = {"one transition": draws(count=(1, 1)), "exponents 0 and 1": draws(beta=st.sampled_from((0.0, 1.0)))}
    return tame, {"tiny probabilities": draws(parts=2**22)}, edges


# ---- dueling heads ----


@st.composite
def heads(draw, rows=(1, 3), width=(2, 3), bound=4.0):
    """value (B,), advantage (B, A)."""
    case = draw(table({"advantage": number(bound), "value": number(bound)}, rows, width))
    return {"value": case["value"][:, 0], "advantage": case["advantage"]}


def head_kinds():
    """(tame, stress, edges)."""
    edges = {"one sample": heads(rows=1), "one action": heads(width=(1, 1))}
    return {"ordinary heads": heads(rows=(2, 4))}, {"values up to 16384": heads(bound=2.0**14)}, edges

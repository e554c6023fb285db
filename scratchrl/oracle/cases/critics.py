"""Cases around critics: values of actions, any number of critics, shapes of actions, and successors of all kinds."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.losses import CLEAR
from scratchrl.oracle.cases.returns import DISCOUNTS
from scratchrl.oracle.cases.tables import FLAG, number, table


@st.composite
def policies(draw, bound=4.0, rows=(1, 4)):
    """q and q_target (B,), never the same."""
    case = draw(table({"q": number(bound), "q_target": CLEAR}, rows))
    return case | {"q_target": np.float64(np.float32(case["q"] + case["q_target"]))}


def policy_kinds():
    """(tame, stress, edges)."""
    return {"ordinary values": policies()}, {"values up to 16384": policies(2.0**14)}, {"one sample": policies(rows=1)}


@st.composite
def ensembles(draw, count=(1, 4), rows=(2, 4)):
    """qs: a list of (B,) values, one array for each critic."""
    stacked = draw(table({"qs": number()}, count, draw(st.integers(*rows))))["qs"]
    return {"qs": list(stacked)}


def ensemble_kinds():
    """(tame, stress, edges)."""
    edges = {"two critics": ensembles(count=2), "one critic": ensembles(count=1), "one sample": ensembles(rows=(1, 1))}
    return {"critics": ensembles(count=(1, 4)), "three critics": ensembles(count=3)}, {}, edges


AXES = st.lists(st.integers(1, 6), min_size=1, max_size=2).map(tuple)
SHAPES = st.fixed_dictionaries({"shape": AXES, "factor": st.sampled_from((1.0, 0.5, 0.75))})
NOT_A_NUMBER = st.sampled_from((np.nan, np.inf, -np.inf))


@st.composite
def successors(draw, rows=(1, 4), bound=4.0, invalid=False, terminated=FLAG):
    """reward, next_value, terminated (B,), gamma; next values that are no numbers where terminated, if invalid."""
    columns = {"reward": number(bound), "next_value": number(bound), "terminated": terminated}
    case = draw(table(columns, rows)) | {"gamma": draw(st.sampled_from(DISCOUNTS))}
    if invalid:
        nothing = draw(table({"x": NOT_A_NUMBER}, len(case["reward"])))["x"]
        case["next_value"] = np.where(case["terminated"], nothing, case["next_value"])
    return case


def successor_kinds():
    """(tame, stress, edges)."""
    edges = {
        "no value where the episode terminated": successors(invalid=True),
        "every sample terminates": successors(terminated=st.just(True)),
    }
    return {"ordinary transitions": successors()}, {"values up to 16384": successors(bound=2.0**14)}, edges

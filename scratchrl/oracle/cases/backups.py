"""Cases of targets computed from networks: transitions with observations, or with the distributions of two networks."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle import scripted_critics as scripted
from scratchrl.oracle.cases.returns import DISCOUNTS
from scratchrl.oracle.cases.tables import FLAG, number, table
from scratchrl.oracle.cases.targets import SUPPORTS, probabilities, temperatures, transitions

FUNCTIONS = {name: getattr(scripted, name) for name in ("actor", "q1", "q2", "q1_online", "q2_online")}


@st.composite
def replayed(draw, rows=(1, 4), bound=4.0, terminated=FLAG):
    """obs, action, reward, next_obs, terminated, gamma, alpha, and the functions."""
    columns = dict.fromkeys(("s0", "s1", "n0", "n1", "a", "reward"), number(bound)) | {"terminated": terminated}
    drawn = draw(table(columns, rows))
    obs, next_obs = (np.stack([drawn[f"{name}0"], drawn[f"{name}1"]], axis=-1) for name in "sn")
    case = {"obs": obs, "action": drawn["a"][:, None], "reward": drawn["reward"], "next_obs": next_obs}
    case |= {"terminated": drawn["terminated"], "gamma": draw(st.sampled_from(DISCOUNTS))}
    return case | {"alpha": draw(temperatures)} | FUNCTIONS


def replayed_kinds():
    """(tame, stress, edges)."""
    edges = {"one sample": replayed(rows=1), "every sample terminates": replayed(terminated=st.just(True))}
    return {"ordinary transitions": replayed()}, {"observations to ±256": replayed(bound=256.0)}, edges


def _means_apart(actions):
    return len({float(np.dot(row, range(len(row)))) for row in actions}) == len(actions)


def _two_networks(atoms, bound):
    actions = st.tuples(probabilities(atoms), probabilities(atoms)).filter(_means_apart)
    return {"probs_online": actions, "probs_target": actions}


@st.composite
def distributions(draw, **options):
    """Transitions with probabilities (B, A, K) of two networks, and v_min, v_max."""
    case = draw(transitions(_two_networks, width=st.sampled_from((2, 3, 5)), **options))
    case["v_min"], case["v_max"] = draw(st.sampled_from(SUPPORTS))
    return case


def distribution_kinds():
    """(tame, stress, edges)."""
    edges = {
        "one sample": distributions(rows=1),
        "every sample terminates": distributions(flags=lambda term, trunc: (term | True, trunc & False)),
    }
    return {"ordinary transitions": distributions()}, {}, edges

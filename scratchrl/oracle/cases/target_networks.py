"""Cases of target networks: a history of parameters that change when it is time to train."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.plumbing import SHARES
from scratchrl.oracle.cases.tables import number, table

ALL = st.just(1.0)


@st.composite
def histories(draw, tau=SHARES, steps=(1, 8), streams=(1, 3), train=(1, 3), target=(1, 4), bound=4.0):
    """online and statistics (T + 1, D), own (D,), num_envs, train_every, target_every, tau."""
    names = ("online", "statistics")
    case = draw(table(dict.fromkeys(names, number(bound)), (steps[0] + 1, steps[1] + 1), (1, 2)))
    case["own"] = draw(table({"x": number(bound)}, 1, case["online"].shape[1]))["x"][0]
    case |= {"num_envs": draw(st.integers(*streams)), "train_every": draw(st.integers(*train))}
    case |= {"target_every": draw(st.integers(*target)), "tau": draw(tau)}
    return case | {name: held(case[name], case["num_envs"], case["train_every"]) for name in names}


def held(history, num_envs, train_every):
    """The same from one training to the next; a step of the history is one of every environment."""
    rounds = np.arange(len(history)) * num_envs // train_every
    return history[np.searchsorted(rounds, rounds)]


def kinds():
    """(tame, stress, edges)."""
    tame = {"soft updates": histories()}
    stress = {"parameters up to 16384": histories(bound=2.0**14)}
    edges = {
        "copies": histories(tau=ALL, steps=(2, 8)),
        "one step": histories(steps=(1, 1)),
        "one environment": histories(streams=(1, 1)),
        "training and moving at every step": histories(train=(1, 1), target=(1, 1)),
        "never time to move": histories(target=(99, 99)),
    }
    return tame, stress, edges

"""Cases of optimizers, target networks and running statistics."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import number, table


def single(*numbers):
    """One of them, as a float32."""
    return st.sampled_from([float(np.float32(x)) for x in numbers])


SQUARE = st.integers(1, 2**10).map(lambda k: k / 2**6)  # a running mean of squares: 0 has seen nothing
NEVER_SEEN = st.just(0.0)
RATES, EPSILONS = single(0.5, 1e-3, 3e-4), single(1e-8, 1e-5)
SIZES = (1, 3)
LATER, ENTRY = st.integers(2, 20), number(4.0)


@st.composite
def adam_steps(draw, bound=4.0, size=SIZES, t=LATER, v=SQUARE, eps=EPSILONS, first=False):
    """The arguments of one step of Adam, the t-th; the first begins from m = v = 0."""
    columns = {"gradient": number(bound), "m": number(bound), "v": v.map(lambda x: x * bound**2 / 16)}
    case = draw(table(columns | {"theta": number(4.0)}, size))
    theta = case.pop("theta")
    if first:
        case |= {"m": 0 * theta, "v": 0 * theta}
    case["t"] = 1 if first else draw(t)
    case["lr"] = draw(RATES)
    case["beta1"], case["beta2"] = draw(single(0.5, 0.9)), draw(single(0.75, 0.99, 0.999))
    return case | {"eps": draw(eps), "theta": theta}


def adam_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary gradients": adam_steps(), "the first step": adam_steps(first=True).filter(_some_gradient)}
    stress = {
        "gradients of length 1e-6": adam_steps(bound=2.0**-20),
        "gradients up to 16384": adam_steps(bound=2.0**14),
        "after 100000 steps": adam_steps(t=st.just(100_000)),
    }
    return tame, stress, {"one parameter": adam_steps(size=1), "a gradient of 0": adam_steps().map(_no_gradient)}


def _some_gradient(case):
    return bool(np.all(case["gradient"] != 0))


def _no_gradient(case):
    return case | {"gradient": 0 * case["gradient"]}


@st.composite
def rmsprop_steps(draw, bound=4.0, size=SIZES, v=SQUARE):
    """The arguments of one step of RMSProp."""
    columns = {"gradient": number(bound), "s": v.map(lambda x: x * bound**2 / 16), "theta": number(4.0)}
    case = draw(table(columns, size))
    theta = case.pop("theta")
    return case | {"lr": draw(RATES), "decay": draw(single(0.5, 0.9, 0.99)), "eps": draw(EPSILONS), "theta": theta}


def rmsprop_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary gradients": rmsprop_steps()}
    stress = {
        "gradients of length 1e-6": rmsprop_steps(bound=2.0**-20),
        "gradients up to 16384": rmsprop_steps(bound=2.0**14),
    }
    edges = {
        "one parameter": rmsprop_steps(size=1),
        "a gradient of 0": rmsprop_steps().map(_no_gradient),
        "the first step": rmsprop_steps(v=NEVER_SEEN).filter(_some_gradient),
    }
    return tame, stress, edges


SHARES = single(0.5, 0.25, 0.005, 0.01)


@st.composite
def parameters(draw, bound=4.0, size=SIZES, tau=SHARES):
    """Two parameter vectors and τ."""
    return draw(table(dict.fromkeys(("online", "target"), number(bound)), size)) | {"tau": draw(tau)}


def polyak_kinds():
    """(tame, stress, edges)."""
    tame = {"ordinary parameters": parameters()}
    stress = {"parameters up to 16384": parameters(bound=2.0**14), "a share of 1e-6": parameters(tau=single(1e-6))}
    edges = {"one parameter": parameters(size=1), "all or nothing": parameters(tau=st.sampled_from((0.0, 1.0)))}
    return tame, stress, edges


# ---- batches ----


@st.composite
def batches(draw, count=(2, 3), rows=(1, 4), width=(1, 2), entry=ENTRY, offset=0.0):
    """A list of batches (B_i, D), of different sizes."""
    across = draw(st.integers(*width))
    one = table({"x": entry}, rows, across)
    drawn = draw(st.lists(one, min_size=count[0], max_size=count[1]))
    return {"batches": [case["x"] + offset for case in drawn]}


def _spread(case):
    """Whether no feature stands still."""
    return bool(np.all(np.ptp(np.concatenate(case["batches"]), axis=0) >= 0.25))


def batch_kinds():
    """(tame, stress, edges) of running statistics."""
    tame = {"ordinary batches": batches().filter(_spread)}
    stress = {
        "samples near 1024": batches(offset=1024.0).filter(_spread),
        "samples that hardly differ": batches(entry=st.integers(-8, 8).map(lambda k: 1.0 + k * 2.0**-20)),
        "samples up to 16384": batches(entry=number(2.0**14)),
        "all samples alike": batches(entry=st.just(0.75)),
    }
    edges = {
        "one batch": batches(count=(1, 1), rows=(2, 4)).filter(_spread),
        "batches of one sample": batches(rows=1, count=(2, 5)).filter(_spread),
    }
    return tame, stress, edges

"""Cases of densities and divergences: rows of numbers (B, A), one distribution a row."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import between, number, table

ROWS, WIDTH = (1, 3), (1, 3)
MEAN, LOG_STD, PRE_TANH = number(2.0), between(-1.0, 1.0), number(2.0)
NUDGE = st.integers(-8, 8).map(lambda k: k * 2.0**-20)  # added to a number of 12 binary places, a float32 again
STAY = st.just(0.0)
GRID = st.integers(-(2**12), 2**12).map(lambda k: k / 2.0**11)  # 12 binary places, within ±2


def gaussians(rows=ROWS, width=WIDTH, mean=MEAN, log_std=LOG_STD, **more):
    """mean and log_std (B, A), and whatever else is drawn the same way."""
    return table({"mean": mean, "log_std": log_std, **more}, rows, width)


@st.composite
def gaussian_pairs(draw, rows=ROWS, width=WIDTH, mean=MEAN, log_std=LOG_STD, nudge=None):
    """Two Gaussians a row; with a nudge, the second is the first moved by it."""
    second = (mean, log_std) if nudge is None else (nudge, nudge)
    names = ("mean_p", "log_std_p", "mean_q", "log_std_q")
    case = draw(table(dict(zip(names, (mean, log_std, *second), strict=True)), rows, width))
    return case if nudge is None else _moved(case, ("mean_p", "mean_q"), ("log_std_p", "log_std_q"))


@st.composite
def categoricals(draw, rows=ROWS, width=(2, 3), logit=MEAN, chosen=True):
    """logits (B, A) and, if wanted, the chosen action (B,)."""
    columns = {"logits": logit} | ({"action": st.integers(0, 5)} if chosen else {})
    case = draw(table(columns, rows, width))
    return case | ({"action": case["action"][:, 0] % case["logits"].shape[1]} if chosen else {})


@st.composite
def categorical_pairs(draw, rows=ROWS, width=(2, 3), logit=MEAN, nudge=None):
    """Two rows of logits; with a nudge, the second is the first moved by it."""
    columns = {"logits_p": logit, "logits_q": logit if nudge is None else nudge}
    case = draw(table(columns, rows, width))
    return case if nudge is None else _moved(case, ("logits_p", "logits_q"))


@st.composite
def samples(draw, rows=(1, 4), log_prob=MEAN, nudge=None):
    """Log-probabilities (B,) of the same samples under two policies; with a nudge, nearly the same policy."""
    columns = {"log_prob": log_prob, "log_prob_old": log_prob if nudge is None else nudge}
    case = draw(table(columns, rows))
    return case if nudge is None else _moved(case, ("log_prob", "log_prob_old"))


@st.composite
def penalties(draw, scale=1.0, share=None):
    """beta, the KL reached and the KL aimed at, numbers; share: of the target that was reached."""
    target = scale * draw(between(0.0625, 1.0))
    reached = target * draw(between(0.0, 4.0)) if share is None else share * target
    return {"beta": draw(between(0.0625, 4.0)), "kl": float(np.float32(reached)), "target": target}


def _moved(case, *pairs):
    return case | {second: case[first] + case[second] for first, second in pairs}


def shapes(cases):
    """Degenerate shapes with one right answer."""
    return {"one sample": cases(rows=1), "one dimension": cases(width=1)}


FAR_ACTIONS = gaussians(mean=number(4.0), log_std=between(-20.0, 20.0), action=number(4.0))
AT_THE_MEAN = gaussians().map(lambda case: case | {"action": np.array(case["mean"])})

"""Cases in which policy and critic meet, of padded sequences, and of the share of clipped samples."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.losses import batch, ratios
from scratchrl.oracle.cases.returns import DISCOUNTS
from scratchrl.oracle.cases.tables import FLAG, between, number, table

COEFFICIENTS = (("value_coefficient", between(0.0, 2.0)), ("entropy_coefficient", between(0.0, 1.0)))


def actor_critics():
    """(tame, stress, edges) of log_prob, value, target, entropy and two coefficients."""

    def some(values=4.0, log_prob=4.0, **options):
        columns = {"log_prob": number(log_prob), "value": number(values), "target": number(values)}
        return batch(columns | {"entropy": between(0.0, 2.0)}, COEFFICIENTS, **options)

    stress = {"values up to 16384": some(2.0**14), "log-probabilities to ±1024": some(log_prob=2.0**10)}
    return {"ordinary samples": some()}, stress, {"one sample": some(rows=1)}


def transitions():
    """(tame, stress, edges) of value, reward, next_value, terminated and gamma."""

    def some(bound=4.0, terminated=FLAG, **options):
        columns = {name: number(bound) for name in ("value", "reward", "next_value")}
        return batch(columns | {"terminated": terminated}, (("gamma", st.sampled_from(DISCOUNTS)),), **options)

    edges = {"one transition": some(rows=1), "all terminated": some(terminated=st.just(True))}
    return {"ordinary transitions": some()}, {"values up to 16384": some(2.0**14)}, edges


def padded():
    """(tame, stress, edges) of x and mask, (B, T); the first entry of a row is never padding."""

    def some(bound=4.0, fill=None, valid=FLAG, rows=(1, 3)):
        return table({"x": number(bound), "mask": valid}, rows, (1, 3)).map(lambda case: _started(case, fill))

    stress = {"entries up to 16384": some(2.0**14), "huge padding": some(fill=2.0**100)}
    edges = {"no padding": some(valid=st.just(True)), "one sequence": some(rows=1)}
    return {"ordinary sequences": some()}, stress, edges


def _started(case, fill):
    mask = case["mask"].copy()
    mask[:, 0] = True
    return {"x": case["x"] if fill is None else np.where(mask, case["x"], fill), "mask": mask}


def moves():
    """(tame, stress, edges) of log_prob, log_prob_old and clip."""
    kinds = ratios()
    return tuple({label: some.map(_without_advantage) for label, some in kind.items()} for kind in kinds)


def _without_advantage(case):
    return {name: value for name, value in case.items() if name != "advantage"}

"""Cases of losses: a batch of B samples, each array (B,), and the settings of the loss.

Kinks: log-probabilities are fractions, so no ratio exp(·) is exactly 1 ± ε. Values lie on a grid on which the clips of
a value are not, so no v and clipped v are equally far from a target.
"""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.tables import between, number, table

CLIPS = (0.25, *(float(np.float32(clip)) for clip in (0.2, 0.1, 0.3)))
VALUE_CLIPS = tuple(float(np.float32(clip)) for clip in (0.2, 1.1, 0.3))
CLIPPED = (("clip", st.sampled_from(CLIPS)),)


def either_side(low, high):
    """±x with x in [low, high]."""
    return st.one_of(between(low, high), between(-high, -low))


FAR = either_side(0.5, 2.0)  # log-ratios beyond every clip
CLEAR = either_side(1.0, 4.0)


@st.composite
def batch(draw, columns, settings=(), then=dict, rows=(1, 4)):
    """Columns as arrays, settings as numbers, finished by `then`; settings: (name, strategy), ..."""
    case = draw(table(columns, rows))
    return then(case | {name: draw(strategy) for name, strategy in settings})


def moved(case):
    """log π = log π_old + the drawn log-ratio, to the nearest float32."""
    log_prob = np.float32(case["log_prob_old"] + case["log_prob"])
    return case | {"log_prob": np.float64(log_prob)}


def apart(case):
    """Q₂ = Q₁ + the drawn gap, to the nearest float32."""
    return case | {"q2": np.float64(np.float32(case["q1"] + case["q2"]))}


def policy_gradients():
    """(tame, stress, edges) of log_prob and advantage."""

    def some(log_prob=4.0, advantage=4.0, **options):
        return batch({"log_prob": number(log_prob), "advantage": number(advantage)}, **options)

    tame = {"ordinary samples": some()}
    stress = {"advantages up to 16384": some(advantage=2.0**14), "log-probabilities to ±1024": some(log_prob=2.0**10)}
    stress["advantages below 1e-29"] = some(advantage=2.0**-97)
    return tame, stress, {"one sample": some(rows=1)}


def ratios(columns=(), settings=CLIPPED):
    """(tame, stress, edges) of log_prob, log_prob_old, advantage, and what else a surrogate takes.

    Near the old policy a clip leaves most ratios alone, far from it few.
    """

    def some(log_ratio=FAR, old=4.0, advantage=CLEAR, **options):
        first = {"log_prob": log_ratio, "log_prob_old": number(old), "advantage": advantage}
        return batch(first | dict(columns), settings, moved, **options)

    tame = {
        "a policy far from the old one": some(),
        "a policy near the old one": some(number(0.25), advantage=number()),
    }
    stress = {
        "log-ratios to ±20": some(number(20.0)),
        "log-probabilities to ±1024": some(old=2.0**10),
        "advantages up to 16384": some(advantage=number(2.0**14)),
        "advantages below 1e-29": some(advantage=number(2.0**-97)),
    }
    edges = {
        "one sample": some(rows=1),
        "the policy has not moved": some(st.just(0.0)),
        "no advantage anywhere": some(advantage=st.just(0.0)),
    }
    return tame, stress, edges


def regressions(columns=(), settings=()):
    """(tame, stress, edges) of value, target, and what else a value loss takes."""

    def some(bound=4.0, then=dict, **options):
        drawn = {"value": number(bound), "target": number(bound)}
        return batch(drawn | {name: number(bound) for name in columns}, settings, then, **options)

    tame = {"ordinary values": some()}
    stress = {"values up to 16384": some(2.0**14), "values below 1e-9": some(2.0**-30)}
    edges = {"one sample": some(rows=1)}
    edges["the target is met"] = some(then=lambda case: case | {"target": case["value"].copy()})
    return tame, stress, edges


def clipped_regressions():
    """(tame, stress, edges) of value, value_old, target and clip."""
    tame, stress, edges = regressions(("value_old",), (("clip", st.sampled_from(VALUE_CLIPS)),))
    unmoved = tame["ordinary values"].map(lambda case: case | {"value_old": case["value"].copy()})
    return tame, stress, edges | {"the value has not moved": unmoved}


def errors():
    """(tame, stress, edges) of error and delta."""

    def some(bound=4.0, **options):
        return batch({"error": number(bound)}, (("delta", st.sampled_from((1.0, 0.5, 2.0, CLIPS[2]))),), **options)

    stress = {"errors up to 16384": some(2.0**14), "errors below 1e-9": some(2.0**-30)}
    edges = {"one error": some(rows=1), "no error": some(0.0)}
    edges["an error of delta"] = some().map(lambda case: case | {"error": np.sign(case["error"]) * case["delta"]})
    return {"ordinary errors": some()}, stress, edges


def advantages():
    """(tame, stress, edges) of advantage, at least two and not all equal unless the label says so."""

    def some(bound=4.0):
        drawn = table({"advantage": number(bound)}, (2, 5))
        return drawn.filter(lambda case: np.ptp(case["advantage"]) > 0)

    single = table({"advantage": CLEAR}, 1)

    stress = {
        "advantages up to 16384": some(2.0**14),
        "a large common part": some().map(lambda case: {"advantage": case["advantage"] + 1024.0}),
    }
    edges = {
        "a single advantage": single,
        "advantages below 1e-9": some(2.0**-30),
        "all advantages equal": some().map(lambda case: {"advantage": np.full_like(case["advantage"], 1.5)}),
    }
    return {"ordinary advantages": some()}, stress, edges


def two_critics():
    """(tame, stress, edges) of log_prob, q1, q2 and alpha; the critics never agree."""

    def some(log_prob=4.0, q=4.0, **options):
        drawn = {"log_prob": number(log_prob), "q1": number(q), "q2": CLEAR}
        return batch(drawn, (("alpha", between(0.0, 2.0)),), apart, **options)

    stress = {"values to ±1024": some(q=2.0**10), "log-probabilities to ±1024": some(log_prob=2.0**10)}
    return {"ordinary samples": some()}, stress, {"one sample": some(rows=1)}


def temperatures():
    """(tame, stress, edges) of log_alpha, log_prob and target_entropy."""

    def some(log_alpha=2.0, log_prob=4.0, then=dict, **options):
        settings = (("log_alpha", number(log_alpha).map(np.asarray)), ("target_entropy", between(-6.0, 2.0)))
        return batch({"log_prob": number(log_prob)}, settings, then, **options)

    def at_the_root(case):
        return case | {"log_prob": np.full_like(case["log_prob"], -case["target_entropy"])}

    stress = {"temperatures from e^-16 to e^16": some(16.0), "log-probabilities to ±1024": some(log_prob=2.0**10)}
    edges = {"one sample": some(rows=1), "the entropy aimed at is reached": some(then=at_the_root)}
    return {"ordinary samples": some()}, stress, edges

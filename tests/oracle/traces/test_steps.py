"""Optimizers on recordings of one small layer: each recursion agrees with itself, and its mistakes have names."""

import numpy as np
import pytest

from scratchrl.maths import optimizers
from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.trace import replay

RNG = np.random.default_rng(3)
THETA, G, M = (RNG.standard_normal(8).astype(np.float32) for _ in range(3))
V = RNG.random(8).astype(np.float32)
ADAM = {"lr": 0.01, "beta1": 0.9, "beta2": 0.99, "eps": 1e-3}


def layer(vector, when):
    return {f"{when}/value/W1": vector[:6].reshape(3, 2), f"{when}/value/b1": vector[6:]}


def recorded(settings, **vectors):
    told = {"optimizer": "sgd"} | settings
    for when, vector in {"before": THETA, "gradient": G, **vectors}.items():
        told |= layer(vector, when)
    return told


def rows(found):
    return {row.stage: row for row in found.rows if row.verdict != "not recorded"}


def adam(t=4, function=None, **settings):
    step, m, v = (function or specs.get("adam_step").reference)(
        gradient=G.astype(float), m=M.astype(float), v=V.astype(float), t=t + 1, **(ADAM | settings)
    )
    vectors = {"after": THETA + step, "m": M, "v": V, "m_after": m, "v_after": v}
    return recorded({"optimizer": "adam", "t": t, **ADAM}, **{name: np.float32(x) for name, x in vectors.items()})


def test_adam():
    found = rows(replay(adam()))
    assert set(found) == {"m_after/value", "v_after/value", "after/value"}
    assert {row.verdict for row in found.values()} == {"same"}


def test_the_first_step_needs_no_memories():
    state, step = optimizers.adam(optimizers.adam_init(THETA), G, **ADAM)
    told = recorded({"optimizer": "adam", "t": 0, **ADAM}, after=THETA + step, v_after=state.v)
    assert {row.verdict for row in rows(replay(told)).values()} == {"same"}
    assert "m/value" in replay(told | {"t": 1}).row("after/value").lacking


@pytest.mark.parametrize("entry", mistakes.against("adam_step"), ids=lambda entry: entry.slug)
def test_mistakes_of_adam(entry):
    found = rows(replay(adam(function=entry.around(specs.get("adam_step").reference))))
    told = [row for row in found.values() if row.verdict != "same"]
    if not told:
        pytest.skip("computes the same here")
    name = "step-uphill" if entry.slug == "update-subtracted" else entry.slug  # in a recording that is what it does
    assert told[0].slugs == (name,)


def test_sgd_and_momentum():
    after = THETA - np.float32(0.1) * G
    assert rows(replay(recorded({"lr": 0.1}, after=after)))["after/value"].verdict == "same"
    uphill = rows(replay(recorded({"lr": 0.1}, after=THETA + np.float32(0.1) * G)))["after/value"]
    assert uphill.slugs == ("step-uphill",)
    state, step = optimizers.momentum(optimizers.Momentum(M), G, 0.1, 0.9)
    told = recorded({"lr": 0.1, "momentum": 0.9}, after=THETA + step, m=M, m_after=state.v)
    assert {row.verdict for row in rows(replay(told)).values()} == {"same"}


def test_rmsprop_has_its_epsilon_in_two_places():
    settings = {"optimizer": "rmsprop", "lr": 0.01, "decay": 0.9, "eps": 1e-3}
    for inside in (False, True):
        epsilons = {"eps": 0.0, "eps_root": 1e-3} if inside else {"eps": 1e-3}
        state, step = optimizers.rmsprop(optimizers.RMSProp(V), G, 0.01, 0.9, **epsilons)
        found = rows(replay(recorded(settings, after=THETA + step, v=V, v_after=state.s)))
        assert found["v_after/value"].verdict == "same"
        assert found["after/value"].verdict == ("convention" if inside else "same")
        assert found["after/value"].slugs == (("rmsprop-eps-in-sqrt",) if inside else ())


def test_a_step_with_the_gradient_that_was_to_be_clipped():
    told = recorded({"lr": 0.1}, clipped=G / 2, after=THETA - np.float32(0.1) * G)
    assert rows(replay(told))["after/value"].slugs == ("clip-unused",)


# ---- the clip ----


def clipping(clipped, cap=0.5, **more):
    told = layer(THETA, "before") | layer(G, "gradient") | {"max_grad_norm": cap} | more
    return told | {name.replace("gradient", "clipped"): clipped(x) for name, x in layer(G, "gradient").items()}


NORM = np.linalg.norm(np.concatenate([x.ravel() for x in layer(G, "gradient").values()]))


def test_clips():
    assert rows(replay(clipping(lambda g: g * (0.5 / NORM))))["clipped"].verdict == "same"
    assert rows(replay(clipping(lambda g: g, cap=2 * NORM)))["clipped"].verdict == "same"
    always = rows(replay(clipping(lambda g: g * 2, cap=2 * NORM)))["clipped"]
    assert always.slugs == ("clip-always",)
    by_value = rows(replay(clipping(lambda g: np.clip(g, -0.5, 0.5))))["clipped"]
    assert (by_value.verdict, by_value.slugs) == ("convention", ("clip-by-value",))


def test_norms():
    told = clipping(lambda g: g * (0.5 / NORM))
    assert rows(replay(told | {"grad_norm": np.float32(NORM)}))["grad_norm"].verdict == "same"
    assert rows(replay(told | {"grad_norm": np.float32(0.5)}))["grad_norm"].slugs == ("norm-after-clipping",)
    largest = max(np.abs(x).max() for x in layer(G, "gradient").values())
    assert rows(replay(told | {"grad_norm": largest}))["grad_norm"].slugs == ("norm-largest",)
    assert rows(replay(told | {"grad_norm": np.float32(2 * NORM)}))["grad_norm"].verdict == "differs"

"""Recorded numbers as one case of a spec: right, under a convention, wrong and named, or on the edge of a branch."""

import numpy as np
import pytest

from scratchrl.maths import returns
from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.numbers import leaves
from scratchrl.oracle.traces.bounded import Bounded
from scratchrl.oracle.traces.elementwise import against_spec, outputs
from scratchrl.oracle.traces.judging import Remark, Variant, compare

RNG = np.random.default_rng(0)
T, N = 400, 2
GAE = {name: RNG.standard_normal((T, N)).astype(np.float32) for name in ("reward", "value", "next_value")}
ENDS = RNG.random((T, N))
GAE |= {"terminated": ENDS < 0.02, "truncated": (ENDS > 0.97), "gamma": 0.99, "lam": 0.95}
LOSS = {name: RNG.standard_normal(32).astype(np.float32) for name in ("log_prob", "log_prob_old", "advantage")}
LOSS |= {"clip": 0.2}


def entry(slug, spec):
    return next(entry for entry in mistakes.against(spec) if entry.slug == slug)


def in_float32(function, case):
    return np.asarray(leaves(function(**case))[0], np.float32)


def test_a_long_rollout_in_float32_is_right():
    judged = against_spec("gae", GAE, returns.gae(**GAE), 24)
    assert judged.verdict == "same"
    assert 0 < judged.worst < 1


def test_float64_numbers_are_held_to_float64():
    judged = against_spec("gae", GAE, returns.gae(**GAE), 53)
    assert judged.verdict == "differs"  # computed in float32: 2²⁹ times too coarse


@pytest.mark.parametrize("slug", ["gae-trunc-leak", "gae-trunc-as-terminal", "gae-no-boot-mask"])
def test_one_mistake(slug):
    reference = specs.get("gae").reference
    judged = against_spec("gae", GAE, in_float32(entry(slug, "gae").around(reference), GAE), 24)
    assert (judged.verdict, [remark.slug for remark in judged.remarks]) == ("differs", [slug])
    assert judged.example.right == pytest.approx(returns.gae(**GAE)[judged.example.where], abs=1e-5)


def test_two_at_once():
    """A bug around a convention: both are named, and a bug it is."""
    outer, inner = entry("gae-no-boot-mask", "gae"), entry("gae-trunc-zeroed", "gae")
    wrong = outer.around(inner.around(specs.get("gae").reference))
    judged = against_spec("gae", GAE, in_float32(wrong, GAE), 24)
    assert judged.verdict == "differs"
    assert {remark.slug for remark in judged.remarks} == {inner.slug, outer.slug}


def test_a_convention_is_what_later_stages_compute_with():
    target = RNG.standard_normal(8).astype(np.float32)
    case = {"value": RNG.standard_normal(8).astype(np.float32), "target": target}
    judged = against_spec("value_loss", case, np.float32(np.mean((case["value"] - target) ** 2)), 24)
    assert judged.verdict == "convention"
    slope = outputs(judged.function, case, 24)[1]
    np.testing.assert_allclose(slope.value, 2 * (case["value"].astype(float) - target) / 8)


def test_what_nothing_explains():
    recorded = returns.gae(**GAE).copy()
    recorded[7, 1] += 1
    judged = against_spec("gae", GAE, recorded, 24)
    assert (judged.verdict, judged.remarks, judged.example.where) == ("differs", (), (7, 1))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_inf_are_no_agreement(bad):
    recorded = returns.gae(**GAE).copy()
    recorded[3, 0] = bad
    assert against_spec("gae", GAE, recorded, 24).verdict == "differs"


def test_a_ratio_on_the_edge_of_the_clip_is_spanned():
    """ρ = 1 + ε to the last bit: the loss is the same from both sides, its derivative is not known."""
    case = LOSS | {"log_prob": LOSS["log_prob_old"] + np.float32(np.log1p(0.2))}
    rho = np.exp(case["log_prob"].astype(float) - case["log_prob_old"])
    right = -np.minimum(rho * case["advantage"], np.clip(rho, 0.8, 1.2) * case["advantage"]).mean()
    judged = against_spec("ppo_clip_loss", case, np.float32(right), 24)
    assert judged.verdict == "same"
    slope = outputs(specs.get("ppo_clip_loss").reference, case, 24)[1]
    gain = case["advantage"] > 0
    assert (slope.error[gain] >= np.abs(rho * case["advantage"] / 32)[gain] * 0.9).all()
    assert (slope.error[~gain] < 1e-6).all()
    assert against_spec("ppo_clip_loss", case, np.float32(right + 1e-3), 24).verdict == "differs"


# ---- one comparison ----


def test_the_first_variant_that_fits_is_the_name():
    right = Bounded(np.ones(3), np.full(3, 1e-6), 2.0**-24)
    far, near = Remark("far", "bug", ""), Remark("near", "bug", "")
    variants = [Variant(far, lambda: np.zeros(3)), Variant(near, lambda: np.full(3, 2.0))]
    judged = compare(np.full(3, 2.0), right, 1.0, variants)
    assert (judged.verdict, judged.remarks[0].slug) == ("differs", "near")
    assert compare(np.full(3, 2.0), right).remarks == ()
    assert compare(np.ones(3), right, 1.0, variants).verdict == "same"


def test_a_small_mistake_in_a_wide_bound_is_found_by_our_own_rounding():
    """Within the bound, but 1000 times farther off than our own run, and a variant is as near as that run."""
    right, own = Bounded(np.ones(3), np.full(3, 1e-3), 2.0**-24), np.full(3, 1 + 2e-7)
    other = Variant(Remark("small", "convention", ""), lambda: np.full(3, 1.0002))
    judged = compare(np.full(3, 1.0002), right, 1.0, [other], own)
    assert judged.worst < 1
    assert judged.rounding == pytest.approx(1000, rel=0.01)
    assert (judged.verdict, judged.remarks) == ("convention", (other.remark,))
    nameless = compare(np.full(3, 1.0002), right, 1.0, [], own)
    assert (nameless.verdict, nameless.rounding > 100) == ("same", True)

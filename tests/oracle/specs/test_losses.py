"""The losses against their definitions, sample by sample in plain Python, and their derivatives by complex steps."""

import math

import numpy as np
import pytest

from scratchrl.oracle import identities, mistakes, specs
from scratchrl.oracle.differentiation import complex_step
from scratchrl.oracle.search import draw
from scratchrl.oracle.specs import actor_critic, losses, reductions, soft_losses, value_losses
from scratchrl.oracle.subjects import readings


def clip(x, low, high):
    return max(low, min(high, x))


def ppo(lp, old, a, e):
    rho = math.exp(lp - old)
    return -min(rho * a, clip(rho, 1 - e, 1 + e) * a)


def clipped(v, old, r, c):
    return max((v - r) ** 2, (old + clip(v - old, -c, c) - r) ** 2) / 2


def huber(e, d):
    return e * e / 2 if abs(e) <= d else d * (abs(e) - d / 2)


DEFINITIONS = {  # spec -> loss of one sample, from the arguments in their order
    "policy_gradient_loss": lambda lp, a: -lp * a,
    "ppo_clip_loss": ppo,
    "ppo_penalty_loss": lambda lp, old, a, kl, beta: -(math.exp(lp - old) * a - beta * kl),
    "value_loss": lambda v, r: (v - r) ** 2 / 2,
    "clipped_value_loss": clipped,
    "sac_policy_loss": lambda lp, q1, q2, alpha: alpha * lp - min(q1, q2),
    "temperature_loss": lambda la, lp, h: -math.exp(la) * (lp + h),
    "actor_critic_loss": lambda lp, v, r, h, cv, ce: -(r - v) * lp + cv * (r - v) ** 2 / 2 - ce * h,
    "td_loss": lambda v, r, w, end, g: (v - r - (0 if end else g * w)) ** 2 / 2,
}
MINE = (*DEFINITIONS, "huber_loss", "advantage_normalization", "masked_mean", "clip_fraction")


def drawn(spec, kinds=("tame", "edges"), count=20):
    labelled = [strategy for kind in kinds for strategy in getattr(specs.get(spec), kind).values()]
    return [case for strategy in labelled for case in draw(strategy, count, seed=1)]


@pytest.mark.parametrize("spec", DEFINITIONS)
def test_a_loss_is_the_mean_over_its_samples(spec):
    reference = specs.get(spec).reference
    for case in drawn(spec):
        samples = len(next(value for value in case.values() if np.ndim(value) == 1))
        rows = zip(*(np.broadcast_to(value, samples).tolist() for value in case.values()), strict=True)
        by_name = [dict(zip(case, row, strict=True)) for row in rows]
        order = reference.__code__.co_varnames[: reference.__code__.co_argcount]
        mean = math.fsum(DEFINITIONS[spec](*(row[name] for name in order)) for row in by_name) / samples
        assert reference(**case)[0] == pytest.approx(mean, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("spec", [*DEFINITIONS, "huber_loss"])
def test_its_derivatives_are_complex_steps(spec):
    """But for those that the spec says are none: the advantage of an actor-critic, the target of a TD error."""
    found = specs.get(spec)
    constants = {("actor_critic_loss", "value"), ("td_loss", "next_value")}
    for case in drawn(spec):
        gradients = dict(zip(found.differentiate, found.reference(**case)[1:], strict=True))
        for name in (name for name in found.differentiate if (spec, name) not in constants):

            def loss(x, name=name, case=case):
                return np.sum(found.reference(**case | {name: x})[0])

            assert gradients[name] == pytest.approx(complex_step(loss, case[name]), rel=1e-12, abs=1e-14)


def test_the_advantage_and_the_target_are_constants():
    lp, v, r, h = np.array([-1.0, 2.0]), np.array([0.5, 1.0]), np.array([2.0, 0.0]), np.array([1.0, 1.0])
    _, _, d_value, _ = actor_critic.actor_critic_loss(lp, v, r, h, 2.0, 1.0)
    assert d_value.tolist() == [-1.5, 1.0]  # c_v (v − R)/B and nothing of log π
    _, d_value, d_next = actor_critic.td_loss(v, r, h, np.array([False, True]), 0.5)
    assert (d_value.tolist(), d_next.tolist()) == ([-1.0, 0.5], [0.0, 0.0])


def test_normalised_advantages_and_huber_and_masks():
    assert value_losses.advantage_normalization(np.array([1.0, 3.0])).tolist() == [-1, 1]
    assert value_losses.advantage_normalization(np.array([7.0])).tolist() == [0]
    for case in drawn("huber_loss"):
        loss, _ = specs.get("huber_loss").reference(**case)
        assert loss.tolist() == pytest.approx([huber(e, case["delta"]) for e in case["error"].tolist()])
    for case in drawn("masked_mean"):
        kept = case["x"][case["mask"]].tolist()
        assert reductions.masked_mean(**case) == pytest.approx(math.fsum(kept) / len(kept))
    for case in drawn("clip_fraction"):
        rho = np.exp(case["log_prob"] - case["log_prob_old"])
        assert reductions.clip_fraction(**case) == np.mean(np.abs(rho - 1) > case["clip"])


@pytest.mark.parametrize("spec", MINE)
def test_every_number_asked_about_is_a_float32(spec):
    """Or a float32 subject would be asked about other numbers than the reference."""
    for case in drawn(spec, ("tame", "stress", "edges")):
        for name, value in case.items():
            array = np.asarray(value)
            assert array.dtype == bool or np.array_equal(np.float32(array), array), (name, value)


def test_no_tie_whose_gradient_depends_on_who_wins():
    for case in drawn("clipped_value_loss", count=300):
        v, old, r, c = case["value"], case["value_old"], case["target"], case["clip"]
        error, other = abs(v - r), abs(old + np.clip(v - old, -c, c) - r)
        assert np.all((error != other) | (abs(v - old) <= c))
    for case in drawn("sac_policy_loss", ("tame", "stress", "edges"), count=100):
        assert np.all(case["q1"] != case["q2"])


def reading(spec, subject):
    return next(iter(readings(subject, spec, {}, None, np.dtype(np.float64), 10.0)))


LAWS = [pytest.param(s, law, id=f"{s}-{law.name}") for s in MINE for law in specs.get(s).identities]


@pytest.mark.parametrize(("spec", "law"), LAWS)
def test_identities_hold_for_references_and_fail_for_somebody(spec, law):
    """Each is broken by a mistake at least, or it would say nothing."""
    found = specs.get(spec)
    cases = drawn(spec, ("tame",), 30)
    assert not identities.fails(law, reading(found, found.reference), cases)
    wrong = [entry.subject(found.reference) for entry in mistakes.against(spec)]
    assert any(identities.fails(law, reading(found, subject), cases) for subject in wrong)


@pytest.mark.parametrize(
    ("spec", "slug", "law"),
    [
        ("ppo_clip_loss", "ppo-max-for-min", "the clipped objective never exceeds ρ A"),
        ("ppo_clip_loss", "ppo-no-min", "the clipped objective never exceeds ρ A"),
        ("ppo_clip_loss", "ppo-clip-missing", "a sample that has moved beyond its bound has no gradient"),
        ("ppo_clip_loss", "ppo-ratio-inverted", "at the old policy the loss is −mean A and its gradient"),
        ("ppo_clip_loss", "ppo-clip-range", "L(ρ, A) − L(2 − ρ, −A)"),
        ("ppo_clip_loss", "ppo-min-before-adv", "L(ρ, A) − L(2 − ρ, −A)"),
        ("ppo_clip_loss", "ppo-mixed-adv", "twice the advantage is twice the loss"),
        ("ppo_clip_loss", "shape-broadcast-NxN", "the loss of a batch is the mean of the losses of its samples"),
        ("policy_gradient_loss", "advnorm-scope", "twice the advantage is twice the loss"),
        ("clipped_value_loss", "vclip-min", "it is never below the unclipped loss"),
        ("temperature_loss", "sac-alpha-sign", "at the entropy aimed at α stays"),
        ("advantage_normalization", "advnorm-not-centred", "mean 0 and mean square 1"),
    ],
)
def test_which_identity_a_mistake_breaks(spec, slug, law):
    found = specs.get(spec)
    entry = next(entry for entry in mistakes.against(spec) if entry.slug == slug)
    law = next(identity for identity in found.identities if identity.name.startswith(law))
    assert identities.fails(law, reading(found, entry.subject(found.reference)), drawn(spec, ("tame",), 30))


def test_a_ratio_beyond_float32_is_clipped_and_has_no_gradient():
    """Where autograd multiplies 0 by ∞: not asked of subjects, for in float32 it makes every textbook PPO a NaN."""
    far = [np.array([x], np.float32) for x in (90.0, 0.0, 2.0)]
    with np.errstate(over="ignore"):
        loss, d_log_prob = losses.ppo_clip_loss(*far, 0.25)
    assert (loss, d_log_prob.tolist()) == (-2.5, [0.0])


def test_a_loss_without_gradient_breaks_no_identity():
    """A NumPy subject returns the loss alone: there is nothing to hold against gradients that did not come."""

    def subject(log_prob, log_prob_old, advantage, clip):
        return losses.ppo_clip_loss(log_prob, log_prob_old, advantage, clip)[0]

    found = specs.get("ppo_clip_loss")
    cases = drawn("ppo_clip_loss", ("tame",))
    assert not any(identities.fails(law, reading(found, subject), cases) for law in found.identities)
    assert soft_losses.temperature_loss(np.array(0.0), np.array([-2.0]), 2.0) == (0, 0)

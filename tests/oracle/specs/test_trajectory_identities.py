"""The laws of returns and advantages: the references keep them, every mistake in the catalogue breaks one."""

import numpy as np
import pytest

from scratchrl.oracle import identities, mistakes, specs
from scratchrl.oracle.diagnosis import diagnose
from scratchrl.oracle.search import draw
from scratchrl.oracle.subjects import readings

SPECS = ("discounted_return", "reward_to_go", "n_step_return", "lambda_return", "gae", "vtrace")
ENTRIES = [entry for name in SPECS for entry in mistakes.against(name) if not entry.equivalent]


def broken(subject, name, dtype="float64", count=24):
    """The names of the laws that fail, one after the other."""
    spec = specs.get(name)
    way = next(readings(subject, spec, {}, ["numpy"], np.dtype(dtype), 10.0))
    cases = [case for strategy in spec.tame.values() for case in draw(strategy, count, seed=0)]
    return (law.name for law in spec.identities if identities.fails(law, way, cases))


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_references_keep_them(name, dtype):
    assert not list(broken(specs.get(name).reference, name, dtype))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: "-".join([e.against, e.slug, *map(str, e.variant.values())]))
def test_every_mistake_breaks_one(entry):
    assert next(broken(entry.subject(specs.get(entry.against).reference), entry.against), None)


def values_and_one_more(rewards, values, dones, last_value, gamma, lam):
    """A subject that cannot be told two values of one state; right."""
    after, carry, out = last_value, 0.0, np.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        out[t] = carry = rewards[t] + gamma * ~dones[t] * (after + lam * carry) - values[t]
        after = values[t]
    return out


def leaking(rewards, values, dones, last_value, gamma, lam):
    after, carry, out = last_value, 0.0, np.zeros_like(rewards)
    for t in reversed(range(len(rewards))):
        out[t] = carry = rewards[t] + gamma * (~dones[t] * after + lam * carry) - values[t]
        after = values[t]
    return out


def test_laws_are_asked_of_what_a_subject_can_express():
    assert not list(broken(values_and_one_more, "gae"))
    found = list(broken(leaking, "gae"))
    assert "episodes that terminate are independent: f(ep₁ ⊕ ep₂) = f(ep₁) ⊕ f(ep₂)" in found
    assert "nothing after a terminal state changes what came before" in found
    assert "twice the rewards and values give twice the result" not in found


def test_a_report_names_the_laws_that_fail():
    report = diagnose(leaking, "gae", max_examples=30)
    assert report.slugs[:1] == ("gae-no-recursion-mask",)
    assert "nothing after a terminal state changes what came before" in report.identities

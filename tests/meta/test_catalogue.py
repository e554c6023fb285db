"""Every entry of the catalogue, as a subject of its own: caught, and called by its name."""

import pytest

from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.diagnosis import diagnose
from scratchrl.oracle.mistake import BUG

ENTRIES = [entry for entry in mistakes.catalogue() if not entry.equivalent]
EQUIVALENT = [entry for entry in mistakes.catalogue() if entry.equivalent]


def name(entry):
    return "-".join([entry.against, entry.slug, *(f"{key}={value}" for key, value in entry.variant.items())])


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_every_mistake_is_caught_and_named(entry):
    subject = entry.subject(specs.get(entry.against).reference)
    report = diagnose(subject, entry.against, max_examples=60)
    assert report.slugs[:1] == (entry.slug,), str(report)
    assert report.verdict == ("wrong" if entry.kind == BUG else "convention"), str(report)


@pytest.mark.parametrize("entry", EQUIVALENT, ids=name)
def test_what_is_proven_equivalent_is_called_correct(entry):
    subject = entry.subject(specs.get(entry.against).reference)
    assert diagnose(subject, entry.against, max_examples=60).verdict == "correct"


@pytest.mark.parametrize("spec", specs.every())
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_reference_is_correct(spec, dtype):
    report = diagnose(specs.get(spec).reference, spec, max_examples=60, dtype=dtype)
    assert report.verdict == "correct", str(report)

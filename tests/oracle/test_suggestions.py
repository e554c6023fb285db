"""Suggestions: near names, nearest first, each once."""

from scratchrl.oracle import specs
from scratchrl.oracle.mistakes import catalogue
from scratchrl.oracle.suggestions import instead


def test_nearest_first_and_no_more_than_three():
    known = ["gae_x", "gae", "gae-no-mask", "gaes", "gae", "vtrace"]
    assert instead("gea", known, "") == "did you mean gae?"
    assert instead("GAE", known, "") == "did you mean gae or gaes or gae_x?"


def test_what_looks_like_nothing_gets_the_other_answer():
    assert instead("xyz", ["gae"], "expected gae") == "expected gae"
    assert instead("", [], "there are none") == "there are none"


def swapped(name):
    """Two letters in the middle exchanged: the commonest slip."""
    i = len(name) // 2
    return name[: i - 1] + name[i] + name[i - 1] + name[i + 1 :]


def test_the_commonest_slip_in_any_name_leads_back_to_it():
    for known in (list(specs.every()), list({entry.slug for entry in catalogue()})):
        for name in known:
            assert name in instead(swapped(name), known, "")

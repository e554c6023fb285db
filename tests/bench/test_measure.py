"""Taking turns, medians and ratios, on contenders that cost what they say."""

import math

import pytest

from scratchrl.bench import measure
from scratchrl.bench.measure import Pace, Result
from scratchrl.bench.work import Work

PACE = Pace(rounds=5, turn=1e-4, whole=3)


def told(numbers):
    """A setup whose calls return these numbers, one after the other."""
    return lambda: iter(numbers).__next__


def counted(**contenders):
    return Work("row", "group", {name: told(numbers) for name, numbers in contenders.items()}, {"peer": 2.0},
                unit="MB", whole=True)  # fmt: skip


def test_the_median_of_what_each_contender_costs_and_their_ratio():
    result = measure.measure(counted(ours=[1.0, 50.0, 2.0], peer=[5.0, 4.0, 100.0]), PACE)
    assert result.cost == {"ours": 2.0, "peer": 5.0}
    assert measure.ratios(result) == {"peer": 2.5}
    assert measure.missed(result) == []


def test_costs_are_for_one_unit_of_the_work():
    work = counted(ours=[6.0] * 3, peer=[4.0] * 3)._replace(amount={"ours": 6.0, "peer": 2.0})
    assert measure.measure(work, PACE).cost == {"ours": 1.0, "peer": 2.0}


def test_contenders_take_turns_and_each_round_begins_with_another():
    called = []

    def remembering(name):
        return lambda: lambda: called.append(name) or 1.0

    work = counted()._replace(contenders={name: remembering(name) for name in ("ours", "a", "b")})
    measure.measure(work, PACE)
    assert called == ["ours", "a", "b", "a", "b", "ours", "b", "ours", "a"]


def test_a_missing_peer_is_left_out_and_hides_no_other():
    def missing():
        import no_such_library  # noqa: F401

    work = counted(ours=[1.0] * 3, peer=[3.0] * 3)
    work = work._replace(contenders={"ours": work.contenders["ours"], "gone": missing, "peer": work.contenders["peer"]})
    result = measure.measure(work, PACE)
    assert result.cost == {"ours": 1.0, "peer": 3.0}
    assert result.absent == {"gone": "no_such_library is not installed"}


def test_an_error_that_is_no_missing_library_is_not_swallowed():
    work = counted()._replace(contenders={"ours": lambda: 1 / 0})
    with pytest.raises(ZeroDivisionError):
        measure.measure(work, PACE)


def test_a_slower_run_takes_longer():
    """A hundred times the work, and only that it is more than twice the time."""
    contenders = {"ours": lambda: lambda: sum(range(100)), "peer": lambda: lambda: sum(range(10_000))}
    result = measure.measure(Work("row", "group", contenders, {}), PACE)
    assert measure.ratios(result)["peer"] > 2


def test_calls_are_repeated_until_a_turn_is_long_enough():
    assert measure.repetitions(lambda: None, 1e-3) > 100
    assert measure.repetitions(lambda: sum(range(200_000)), 1e-3) < 20


def test_what_falls_short():
    result = Result("row", "", 1, "s", "", math.inf, {"a": 2.0, "gone": 9.0}, {"ours": 1.0, "a": 1.9}, {})
    assert measure.missed(result) == ["a"]
    assert measure.missed(result._replace(cost={"ours": 1.0, "a": 2.0})) == []
    assert measure.missed(result._replace(cost={"ours": math.inf, "a": math.inf, "b": math.inf})) == ["a"]
    assert measure.missed(result._replace(cost={"ours": 1.0, "a": 2.0}, at_most=0.5)) == ["at most"]

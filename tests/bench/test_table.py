"""What is printed, written and compared."""

import json
import math

import pytest

from scratchrl.bench import machine, table
from scratchrl.bench.measure import Result

ROW = Result(
    "work", "group", 1, "s", "", math.inf, {"peer": 3.0, "sgemm": 0.5},
    {"ours": 2e-6, "peer": 5e-6, "sgemm": 1e-6}, {"other": "other is not installed"},
)  # fmt: skip
MACHINE = {"cpu": "a CPU", "cores": 2, "python": "3.11", "versions": {"numpy": "2.4"}, "peaks": {"sgemm": 99.4}}


def test_a_row_shows_times_ratios_targets_and_who_is_missing():
    first, second, third = (line.split() for line in table.lines(ROW))
    assert first == ["work", "1", "2", "µs", "peer", "5", "µs", "2.5×", "≥", "3×", "MISSED"]
    assert second == ["sgemm", "1", "µs", "50", "%", "≥", "50", "%"]
    assert third == ["other", "other", "is", "not", "installed"]


def test_speeds_where_the_row_counts_them_and_the_absolute_bound():
    row = ROW._replace(rate="steps", cost={"ours": 1e-4}, absent={}, at_most=1e-5)
    (line,) = table.lines(row)
    assert line.split() == ["work", "1", "10,000", "steps/s", "at", "most", "10", "µs", "MISSED"]


def test_the_summary_counts_what_could_be_compared():
    assert table.summary([ROW, ROW._replace(at_most=1.0)]) == "3 of 5 targets met"
    assert table.summary([ROW._replace(cost={"ours": 1.0})]) == "0 of 0 targets met"


def test_json_there_and_back():
    rows = [ROW, ROW._replace(at_most=1.5, unit="MB"), ROW._replace(cost={"ours": 1.0, "peer": math.inf})]
    text = table.to_json(MACHINE, rows)
    json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert table.from_json(text) == (MACHINE, rows)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": {}, "rows": [{}]}'])
def test_another_file_is_refused(text):
    with pytest.raises(ValueError, match="expected what --json wrote"):
        table.from_json(text)


def test_two_commits_beside_each_other():
    """Ours twice as fast, on a machine half as fast: the peers' time tells."""
    now = ROW._replace(cost={"ours": 2e-6, "peer": 10e-6, "sgemm": 2e-6})
    _, line, new = table.against([ROW], [now, ROW._replace(name="later")])
    assert line.split() == ["work", "1", "1.00", "peer", "0.50,", "sgemm", "0.50"]
    assert new.split() == ["later", "1", "new"]


def test_the_machine_is_described():
    described = machine.description()
    assert described["cores"] >= 1
    assert described["versions"]["numpy"]
    described["peaks"] = {}
    assert described["versions"]["numpy"] in table.preamble(described)
    assert machine.cpu() in table.preamble(described)


def test_the_limits_do_what_they_say():
    """The amount of a product is its operations over those of the work; a stream reads and writes its arrays."""
    import numpy as np

    setup, amount = machine.sgemm(machine.SIDE**3)
    assert amount == 2
    assert setup()().shape == (machine.SIDE, machine.SIDE)

    def double(x, out):
        for i in range(len(x)):
            out[i] = 2 * x[i]

    x, out = np.arange(4.0), np.zeros(4)
    machine.streaming(double, x, out)()
    assert out.tolist() == [0, 2, 4, 6]

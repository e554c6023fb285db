"""The accuracy table: what a unit is, no function left out, bad formulas found out, and the record replayed."""

from functools import partial

import numpy as np
import pytest

from scratchrl.maths import categorical, gaussian
from scratchrl.oracle import accuracy, accuracy_notes, accuracy_ranges, accuracy_record, specs
from scratchrl.oracle.accuracy_cases import cases
from scratchrl.oracle.accuracy_ranges import Range
from scratchrl.oracle.ulps import inputs, measure, share_of_bound

RANGES = {(range_.function, range_.label): range_ for range_ in accuracy_ranges.every()}
RECORD = accuracy_record.read()
OTHER_LIBM = 1.0  # ulps by which another machine's exp and log, or BLAS, may be worse than on record
OTHER_CASES = 1.5  # times the record, which is a lower bound: what few new cases may find


# ---- the units ----


def test_exact_operations_lose_nothing():
    for f in (np.negative, lambda x: 4 * x, lambda x: x - x, lambda x: x.reshape(2, 1)):
        assert measure((f, [np.array([0.1, 1e300])])) == (0, 0)


def test_one_rounding_is_at_most_half_an_ulp():
    x = np.random.default_rng(0).standard_normal(100)
    for f in (np.sqrt, lambda x: 1 / x, lambda x: x * x, lambda x: x + 1):
        scaled, plain = measure((f, [np.abs(x)]))
        assert 0.25 < plain <= 0.5
        assert 0 < scaled <= 1


def test_cancellation_of_inputs_is_excused_by_the_condition_and_not_by_the_plain_ulp():
    x, y, z = (np.array([number]) for number in (1.0, 2.0**-53, 1.0))
    scaled, plain = measure((lambda x, y, z: (x + y) - z, [x, y, z]))
    assert plain == 2.0**52  # all of 2⁻⁵³ is lost
    assert scaled == pytest.approx(0.5, rel=1e-9)  # of u (|x| + |y| + |z| + …)


def test_settings_are_inputs_and_flags_are_not():
    arguments = [np.ones((2, 3)), np.array(2.0), 0.9, [np.zeros(2)], True, 3, np.arange(2), np.array([True])]
    vector, build = inputs(arguments)
    assert vector.tolist() == [1.0] * 6 + [2.0, 0.9, 0.0, 0.0]
    for back, argument in zip(build(vector), arguments, strict=True):
        np.testing.assert_array_equal(back, argument)
        assert type(back) is type(argument) or isinstance(back, float)


def test_underflow_counts_as_nothing_and_overflow_only_where_the_truth_has_a_number():
    assert measure((lambda x: np.exp(x), [np.array([-1000.0])])).scaled < 1
    assert measure((lambda x: np.exp(x), [np.array([1000.0])])) == (0, 0)
    assert measure((lambda x: np.exp(x) / np.exp(x), [np.array([1000.0])])).scaled == np.inf


def test_a_branch_that_rounding_decides_is_put_aside():
    third = np.array([1 / 3])
    assert measure((lambda x: np.where(3 * x < 1, 0 * x, 0 * x + 1), [third])) is None


def test_two_hundred_bits_are_not_always_enough():
    """log(1 + e⁻¹⁰⁰⁰) is e⁻¹⁰⁰⁰, and 200 bits see 0 ± 2⁻²⁰⁰."""
    logits = np.array([0.0, -700.0])
    assert measure((categorical.log_softmax, [logits])).scaled < 2
    naive = measure((lambda l: l - np.log(np.exp(l).sum()), [logits]))
    assert naive.plain > 2.0**52


# ---- bad formulas ----


def naive_squash(u):
    return np.log(1 - np.tanh(u) ** 2)


def naive_gaussian_kl(mean_p, log_std_p, mean_q, log_std_q):
    std_p, std_q = np.exp(log_std_p), np.exp(log_std_q)
    return (np.log(std_q / std_p) + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5).sum(axis=-1)


def one_range(function, draw):
    return Range("naive", "drawn", True, 1, lambda count, seed: [
        (function, draw(np.random.default_rng([seed, case]))) for case in range(count)
    ])  # fmt: skip


def near_pair(rng):
    mean, log_std, nudge = rng.standard_normal((3, 2))
    return [mean, log_std, mean + 1e-7 * nudge, log_std - 1e-7 * nudge]


@pytest.mark.parametrize(
    ("function", "draw"),
    [
        (naive_squash, lambda rng: [4 * rng.standard_normal(4)]),
        (naive_gaussian_kl, near_pair),
        (lambda x: np.exp(x) - 1 - x, lambda rng: [1e-3 * rng.standard_normal(4)]),
        (lambda l: np.log(np.exp(l) / np.exp(l).sum()), lambda rng: [8 * rng.standard_normal(3)]),
    ],
)
def test_formulas_known_to_cancel_are_reported_as_bad(function, draw):
    row = accuracy.search(one_range(function, draw), 20, 0)
    assert row.scaled > 100
    assert not accuracy.passed([row])
    assert "FAILED" in accuracy.table([row], {})


def test_the_same_case_written_well_is_not():
    row = accuracy.search(one_range(gaussian.kl, near_pair), 20, 0)
    assert accuracy.passed([row])


def test_steps_from_the_worst_find_more_than_restarts_alone():
    """A narrow peak in the middle: with δ = x − ½, u of 1 beside δ²/2, of which the condition excuses δ/2."""
    spike = one_range(lambda x: 1 - np.cos(x - 0.5), lambda rng: [rng.random(1)])
    alone = max(measure(case).scaled for case in spike.draw(100, 0))
    assert accuracy.search(spike, 100, 0).scaled > 2 * alone


# ---- the table ----


def test_every_function_and_every_hard_range_has_a_row():
    functions = {function for function, label in RANGES if label == accuracy_ranges.ORDINARY}
    assert functions == set(cases(np.random.default_rng(0)))
    for spec in specs.every().values():
        for label in (*spec.tame, *spec.stress):
            assert (spec.name, label) in RANGES


def test_every_row_holds_its_claim_and_stays_within_the_record():
    """Beyond the limit, where a note stands, the claim is the bound alone: no error on record is the largest."""
    rows = accuracy.run(cases=2, seed=1)
    assert accuracy.passed(rows), accuracy.table([row for row in rows if not accuracy.passed([row])], {})
    known = {(row.function, row.range): RECORD[row.function, row.range].scaled for row in rows}
    within = {key: OTHER_CASES * scaled + OTHER_LIBM for key, scaled in known.items() if scaled <= accuracy.LIMIT}
    found = {(row.function, row.range): row.scaled for row in rows}
    assert not {key for key, limit in within.items() if found[key] > limit}, "accuracy_record 2000 FUNCTION ..."


def test_the_record_has_every_range_and_no_other():
    assert set(RECORD) == set(RANGES), "python -m scratchrl.oracle.accuracy_record 2000 FUNCTION ..."


@pytest.mark.parametrize("key", [key for key, record in RECORD.items() if record.arguments], ids="-".join)
def test_the_inputs_on_record_give_the_error_on_record(key):
    record, ((function, _),) = RECORD[key], RANGES[key].draw(1, 0)
    found = measure((function, record.arguments))
    assert found is not None
    assert found.scaled == pytest.approx(record.scaled, rel=0.05, abs=OTHER_LIBM)
    if record.scaled > accuracy.LIMIT:
        assert share_of_bound((function, record.arguments)) <= 1


def test_notes_stand_where_the_record_is_above_the_limit_and_nowhere_else():
    noted = set()
    for (function, label), record in RECORD.items():
        if record.scaled > accuracy.LIMIT:
            assert accuracy_notes.note(function, label), (function, label)
            assert record.share <= 1
            noted.add(accuracy_notes.note(function, label))
    assert len(noted) == len({text for *_, text in accuracy_notes.NOTES})


def test_the_same_seed_gives_the_same_rows():
    some = list(RANGES.values())[::40]
    first, second = (accuracy.run(6, seed, some) for seed in (3, 3))
    assert [row[:5] for row in first] == [row[:5] for row in second]
    assert [row[:5] for row in first] != [row[:5] for row in accuracy.run(6, 4, some)]


def test_a_row_says_where_its_worst_is():
    row = accuracy.Row("f", "drawn", 1.0, 1.0, 1, (np.sum, [np.array([0.123456, 2.0, 3.0]), 4, 1e-9]))
    assert accuracy.table([row], {}).splitlines()[1].endswith("  at 0.123, 2, 3, … (4 numbers)")
    two = row._replace(worst=(np.sum, [np.array([0.5, -1.0])]))
    assert accuracy.table([two], {}).splitlines()[1].endswith("  at 0.5, -1")


# ---- the file ----


def test_rows_are_written_in_order_and_read_back_to_the_bit(tmp_path, monkeypatch):
    monkeypatch.setattr(accuracy_record, "FILE", tmp_path / "record.csv")
    assert accuracy_record.read() == {}
    keys = [("running_moments", "ordinary batches"), ("gae", "gamma = 0"), ("temperature_loss", "ordinary samples")]
    rows = accuracy.run(4, 0, [RANGES[key] for key in keys])
    for chosen in (rows[:1], rows[1:]):
        accuracy_record.write(chosen)
    back = accuracy_record.read()
    assert list(back) == sorted(keys, key=list(RANGES).index)
    for row in rows:
        record = back[row.function, row.range]
        assert record.cases == row.cases
        np.testing.assert_array_equal(inputs(record.arguments)[0], inputs(row.worst[1])[0])
        assert [type(a) for a in record.arguments] == [float if isinstance(a, float) else type(a) for a in row.worst[1]]


def test_the_command_looks_at_what_it_is_told_to(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(accuracy_record, "FILE", tmp_path / "record.csv")
    monkeypatch.setattr(accuracy_ranges, "every", lambda: list(RANGES.values())[:4])
    first, second = list(RANGES.values())[:2]
    accuracy_record.main("2", first.function)
    assert list(accuracy_record.read()) == [(first.function, first.label)]
    accuracy_record.main("4", "new")
    assert [record.cases for record in accuracy_record.read().values()] == [2, 4, 4, 4]
    accuracy_record.main("6")
    assert [record.cases for record in accuracy_record.read().values()] == [6, 6, 6, 6]
    assert capsys.readouterr().out.count(f"\n{second.function} ") == 2


def test_long_inputs_and_functions_are_not_kept():
    row = partial(accuracy.Row, "f", "drawn", 1.0, 1.0, 1)
    assert accuracy_record._of(row((np.sum, [np.zeros(1000)]))).arguments is None
    assert accuracy_record._fields("f", "drawn", accuracy_record._of(row((max, [np.zeros(1), min]))))[-1] == ""

"""The same seed asks the same questions, and examples shrink."""

import numpy as np
from hypothesis import strategies as st

from scratchrl.oracle.cases.returns import trajectories
from scratchrl.oracle.cases.tables import between, number, table
from scratchrl.oracle.search import SHRINKS, draw, smallest


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)


def test_the_same_seed_draws_the_same_cases():
    first, again, other = (draw(trajectories(), 20, seed=s) for s in (1, 1, 2))
    assert len(first) == 20
    assert all(map(same, first, again))
    assert not all(map(same, first, other))


def test_a_counterexample_shrinks_to_the_rows_that_matter_and_at_most_one_more():
    cases = trajectories(streams=1)
    first, least = smallest(cases, lambda case: bool((case["terminated"] & case["truncated"]).any()), 200, seed=0)
    assert (first["terminated"] & first["truncated"]).any()
    assert len(least["reward"]) <= 2
    assert (least["terminated"] & least["truncated"]).sum() == 1
    assert not least["reward"].any()
    assert not least["value"].any()


def test_nothing_bad_is_none():
    assert smallest(trajectories(), lambda case: False, 50, seed=0) is None


def test_the_search_for_a_smaller_one_is_limited_by_count():
    calls = 0

    def is_bad(case):
        nonlocal calls
        calls += 1
        return True

    smallest(st.fixed_dictionaries({"x": st.lists(st.floats(), min_size=5)}), is_bad, 10, seed=0)
    assert calls <= SHRINKS + 1


def test_numbers_are_float32_within_their_bounds_and_simple_first():
    cases = draw(table({"x": number(2.0), "y": between(-1.0, 3.0), "z": between(0.5, 1.0)}, rows=4), 100, seed=0)
    x, y, z = (np.concatenate([case[name] for case in cases]) for name in "xyz")
    assert all(np.array_equal(a, a.astype(np.float32)) for a in (x, y, z))
    assert abs(x).max() <= 2
    assert (y.min(), y.max()) >= (-1, 0)
    assert y.max() <= 3
    assert 0.5 <= z.min() < z.max() <= 1
    assert draw(between(-1.0, 3.0).map(lambda v: {"v": v}), 1, seed=0)[0]["v"] == 0

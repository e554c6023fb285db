"""Means, unions and minibatches of rows that several ranks hold, against one rank that holds them all."""

from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchrl.maths import critic, initialization, optimizers, returns
from scratchrl.maths.mlp import MLP
from scratchrl.maths.ranks import ALONE

COUNTS = [(3, 5), (1, 7), (4, 4, 4), (1, 2, 9, 1)]


def dealt(counts, *arrays):
    """The rows of the arrays in consecutive parts of so many rows."""
    parts = list(zip(*(np.split(array, list(accumulate(counts))[:-1]) for array in arrays), strict=True))
    return parts if len(arrays) > 1 else [part for (part,) in parts]


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_is_that_over_all_rows(together, counts, dtype):
    rows = np.random.default_rng(0).standard_normal((sum(counts), 2, 3)).astype(dtype)
    parts = dealt(counts, rows)

    def work(ranks):
        own = parts[ranks.rank]
        return ranks.mean((own.mean(axis=0), own.mean(), float(own.max(initial=0))), len(own))

    results = together(len(counts), work)
    expected = rows.mean(axis=0), rows.mean(), np.average([part.max(initial=0) for part in parts], weights=counts)
    for result in results:
        for got, wanted, first in zip(result, expected, results[0], strict=True):
            np.testing.assert_allclose(got, wanted, rtol=4 * np.finfo(dtype).eps, atol=4 * np.finfo(dtype).eps)
            assert np.asarray(got).tobytes() == np.asarray(first).tobytes()
        assert result[0].dtype == result[1].dtype == dtype
        assert isinstance(result[2], float)


def test_alone_everything_is_what_it_was():
    rows = np.arange(6.0).reshape(3, 2)
    assert ALONE.mean(rows, 3) is rows
    assert ALONE.union(rows, rows)[1] is rows
    assert ALONE.total(3) == 3
    assert ALONE.first(rows) is rows
    assert ALONE.leave(7) == 7


@pytest.mark.parametrize("counts", COUNTS)
def test_union_total_and_first(together, counts):
    x, y = np.arange(sum(counts)), np.random.default_rng(0).standard_normal((sum(counts), 2))
    parts = dealt(counts, x, y)

    def work(ranks):
        return ranks.union(*parts[ranks.rank]), ranks.total(counts[ranks.rank]), ranks.first(ranks.rank)

    for (a, b), total, first in together(len(counts), work):
        assert (a == x).all()
        assert (b == y).all()
        assert (total, first) == (sum(counts), 0)


@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("advantage", [np.arange(13.0) ** 2, np.full(13, 0.1)], ids=["spread", "constant"])
def test_standardisation_of_the_union_has_the_bits_of_one_rank(together, counts, advantage):
    advantage = advantage[: sum(counts)]
    parts = dealt(counts, advantage)
    got = together(len(counts), lambda ranks: ranks.across(returns.normalize_advantage, parts[ranks.rank]))
    assert np.concatenate(got).tobytes() == returns.normalize_advantage(advantage).tobytes()


def cuts_of_all(counts, size):
    return [ALONE._replace(rank=r, size=len(counts), gather=lambda _: list(counts)).cuts(count, size)
            for r, count in enumerate(counts)]  # fmt: skip


@given(st.lists(st.integers(1, 60), min_size=1, max_size=5), st.integers(1, 80))
def test_every_rank_cuts_into_equally_many_slices_and_none_is_empty(counts, size):
    cuts = cuts_of_all(counts, size)
    for count, own in zip(counts, cuts, strict=True):
        assert own[0] == 0
        assert own[-1] == count
        assert all(start < stop for start, stop in pairwise(own))
    (slices,) = {len(own) - 1 for own in cuts}
    unions = np.diff(cuts, axis=1).sum(axis=0)
    if size * min(counts) >= sum(counts):  # no rank has so few rows that M must be raised
        assert slices == -(-sum(counts) // size)
        assert (abs(unions[:-1] - size) < len(counts)).all()
        assert unions[-1] < size + len(counts)


@given(st.integers(0, 60), st.integers(1, 80))
def test_alone_cuts_are_multiples_of_the_size(count, size):
    assert ALONE.cuts(count, size) == [*range(0, count, size), count]


@pytest.mark.parametrize("counts", COUNTS)
def test_minibatches_hold_every_row_once_each_rank_its_own(together, counts):
    x = np.arange(sum(counts))
    parts = dealt(counts, x)

    def epoch(ranks):
        rng = np.random.default_rng(ranks.rank)
        return [rows for (rows,) in critic.minibatches(rng, 4, parts[ranks.rank], ranks=ranks)]

    epochs = together(len(counts), epoch)
    assert len({len(batches) for batches in epochs}) == 1
    for part, batches in zip(parts, epochs, strict=True):
        assert sorted(np.concatenate(batches)) == part.tolist()


@pytest.mark.parametrize("counts", COUNTS)
def test_a_value_function_fitted_together_is_that_of_all_rows(together, counts):
    """One minibatch an epoch, since each rank shuffles its own rows."""
    rng = np.random.default_rng(0)
    net, obs, target = MLP((3, 5, 1)), rng.standard_normal((sum(counts), 3)), rng.standard_normal(sum(counts))
    phi = initialization.init(net, rng)
    parts = dealt(counts, obs, target)

    def fit(ranks, *rows):
        given = np.random.default_rng(ranks.rank), 1e-2, 5, 1000, ranks
        return critic.fit(net, phi, optimizers.adam_init(phi), *rows, *given)

    expected = fit(ALONE, obs, target)
    for phi_got, optimizer, loss in together(len(counts), lambda ranks: fit(ranks, *parts[ranks.rank])):
        np.testing.assert_allclose(phi_got, expected[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(optimizer.m, expected[1].m, rtol=0, atol=1e-12)
        assert abs(loss - expected[2]) < 1e-12

"""valid_rows: order and selection; joined: one after the other."""

import numpy as np
import pytest

from scratchrl.experience.batch import Batch, Episodes, joined, valid_rows

VALID = np.array([[True, False], [True, True]])
BATCH = Batch(*[None] * 6, valid=VALID)


def test_rows_come_in_order_of_time_then_environment():
    scalars, vectors = valid_rows(BATCH, np.array([[0, 1], [2, 3]]), np.arange(12).reshape(2, 2, 3))
    np.testing.assert_array_equal(scalars, [0, 2, 3])
    np.testing.assert_array_equal(vectors, [[0, 1, 2], [6, 7, 8], [9, 10, 11]])


def test_an_array_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"\(T, N\) = \(2, 2\), got shape \(4,\)"):
        valid_rows(BATCH, np.zeros(4))


def test_episodes_of_several_batches_are_joined_in_order():
    parts = [Episodes(np.arange(k) + 10.0 * k, np.arange(k)) for k in (2, 0, 3)]
    together = joined(parts)
    assert together.returns.tolist() == [20, 21, 30, 31, 32]
    assert together.lengths.tolist() == [0, 1, 0, 1, 2]
    assert [array.dtype for array in joined([])] == [np.float64, np.int64]
    assert len(joined([]).returns) == 0

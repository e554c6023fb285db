"""Trees of arrays: every leaf finds its place in a block, and the tuples keep their names."""

from typing import NamedTuple

import numpy as np
import pytest

from scratchrl.experience import trees


class Pair(NamedTuple):
    x: object
    y: object


TREE = Pair(np.arange(9.0), (np.arange(6, dtype=np.float32).reshape(2, 3), Pair(7, np.array([True, False]))))


def test_a_block_holds_every_leaf_at_once_on_lines_of_its_own():
    block = bytearray(trees.size(TREE))
    tree = trees.laid_out(TREE, block)
    trees.write(tree, TREE)
    for got, expected in zip(trees.leaves(tree), trees.leaves(TREE), strict=True):
        assert (got.dtype, got.shape, got.tobytes()) == (expected.dtype, expected.shape, expected.tobytes())
    starts = [leaf.__array_interface__["data"][0] for leaf in trees.leaves(tree)]
    assert {start - starts[0] for start in starts} == {0, 128, 192, 256}
    assert len(block) == 320


def test_what_is_written_in_one_view_is_seen_in_the_other():
    block = bytearray(trees.size(TREE))
    here, there = trees.laid_out(TREE, block), trees.laid_out(TREE, block)
    here.x[3] = 5.0
    here.y[1].x[...] += 2
    assert there.x[3] == 5.0
    assert there.y[1].x == 2


def test_tuples_keep_their_kind_and_leaves_their_order():
    seen = []
    tree = trees.mapped(lambda leaf: seen.append(leaf.size), TREE)
    assert isinstance(tree, Pair)
    assert type(tree.y) is tuple
    assert isinstance(tree.y[1], Pair)
    assert seen == [leaf.size for leaf in trees.leaves(TREE)] == [9, 6, 1, 2]


def test_trees_of_different_shape_are_not_written():
    with pytest.raises(ValueError, match="shorter"):
        trees.write((np.zeros(1), np.zeros(1)), (np.ones(1),))

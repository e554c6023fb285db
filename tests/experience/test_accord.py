"""What is reported after an update of several ranks, and that a difference between them does not go unnoticed."""

import numpy as np
import pytest

from scratchrl.experience import accord
from scratchrl.experience.batch import Episodes
from scratchrl.maths.ranks import ALONE


def episodes(rank):
    return Episodes(np.array([rank + 0.5] * rank), np.array([rank] * rank))


def test_episodes_of_all_ranks_in_their_order(together):
    state = (np.ones(3), 7)
    for got, info in together(3, lambda ranks: accord.reported(ranks, state, {"x": 1}, episodes(ranks.rank))):
        assert got is state
        assert info["x"] == 1
        assert info["episodes"].returns.tolist() == [1.5, 2.5, 2.5]
        assert info["episodes"].lengths.tolist() == [1, 2, 2]


def test_alone_there_is_nobody_to_ask():
    own = episodes(2)
    assert accord.reported(ALONE, 1, {}, own)[1]["episodes"] is own


@pytest.mark.parametrize("other", [1 + np.spacing(1.0), np.nan])
def test_one_bit_is_enough_for_discord(together, other):
    def work(ranks):
        theta = np.ones(3)
        if ranks.rank == 2:
            theta[1] = other
        return accord.reported(ranks, (theta, 7), {}, episodes(1))

    with pytest.raises(accord.Discord, match="rank 2 of 4 holds another state than rank 0"):
        together(4, work)

"""Accord: what the ranks of a run owe each other after every update.

Each computes the new state for itself, from the same sums in the same way, so that no parameter is ever sent. That they
have come to the same bits is not taken on trust.
"""

import zlib
from typing import Any, TypeVar

from scratchrl.experience import trees
from scratchrl.experience.batch import Episodes, joined
from scratchrl.maths.ranks import Ranks

State = TypeVar("State")


class Discord(RuntimeError):
    """Ranks that should hold the same state do not."""


def reported(ranks: Ranks, state: State, info: dict[str, Any], episodes: Episodes) -> tuple[State, dict[str, Any]]:
    """(state, info) of an update as it is yielded: the state certain to be that of all ranks, info["episodes"] all of
    theirs, rank by rank.

    Raises:
      Discord: a rank holds another state than rank 0.

    Checked in tests/experience/test_accord.py.
    """
    if ranks.size == 1:
        return state, {**info, "episodes": episodes}
    heard = ranks.gather((fingerprint(state), episodes))
    others = [rank for rank, (theirs, _) in enumerate(heard) if theirs != heard[0][0]]
    if others:
        raise Discord(
            f"rank {others[0]} of {ranks.size} holds another state than rank 0 after the same update: the machines do "
            "not compute alike (another processor, another version of a library)"
        )
    return state, {**info, "episodes": joined([theirs for _, theirs in heard])}


def fingerprint(state: Any) -> int:
    """A number that equal bits share.

    >>> import numpy as np
    >>> fingerprint((np.zeros(2), 7)) == fingerprint((np.zeros(2), 7)) != fingerprint((np.zeros(2), 8))
    True
    """
    check = 0
    for leaf in trees.leaves(state):
        check = zlib.crc32(leaf.tobytes(), check)
    return check

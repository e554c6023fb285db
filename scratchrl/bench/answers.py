"""Whether the contenders of a row compute the same: a benchmark that compares different work is a lie."""

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench.work import LIMITS, Work, ready


def disagreement(work: Work) -> dict[str, float]:
    """Peer → largest difference between its answer and ours, relative to the largest number of ours.

    Answers are those of a first call. A peer that is not installed is left out, and so are limits.
    """
    peers = {name: setup for name, setup in work.contenders.items() if name not in LIMITS}
    found = {name: _numbers(work, name, run()) for name, run in ready(peers)[0].items()}
    own = found.pop("ours")
    return {name: _distance(own, theirs) for name, theirs in found.items()}


def _numbers(work: Work, name: str, answer: object) -> NDArray:
    return np.ravel(np.asarray(work.answers.get(name, np.asarray)(answer), np.float64))


def _distance(own: NDArray, theirs: NDArray) -> float:
    return float(np.abs(own - theirs).max() / np.abs(own).max()) if own.shape == theirs.shape else np.inf

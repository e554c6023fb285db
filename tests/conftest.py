"""Hypothesis profile for the whole suite: no deadline (the first call of a kernel compiles), always the same draws.
And ranks without MPI, for whatever several of them do together."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import pytest
import tyro  # noqa: F401  (its import hashes every builtin, and a doctest leaves its last array in builtins._)
from hypothesis import settings

from scratchrl.maths.ranks import Ranks

matplotlib.use("Agg")
settings.register_profile("scratchrl", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.load_profile("scratchrl")


@pytest.fixture(scope="session")
def together():
    """(size, work) → [work(ranks) of rank 0, of rank 1, …]; the ranks are threads of this process."""
    return run_together


def run_together(size, work):
    barrier, shelf = threading.Barrier(size, timeout=60), [None] * size

    def run(rank):
        def gather(value):
            shelf[rank] = pickle.dumps(value)
            barrier.wait()
            everybody = [pickle.loads(kept) for kept in shelf]
            barrier.wait()
            return everybody

        try:
            return work(Ranks(rank, size, lambda array: sum(gather(array)), gather, lambda code: code))
        except BaseException:
            barrier.abort()
            raise

    with ThreadPoolExecutor(size) as threads:
        ended = [threads.submit(run, rank) for rank in range(size)]
    errors = [task.exception() for task in ended if task.exception()]
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    return [task.result() for task in ended]

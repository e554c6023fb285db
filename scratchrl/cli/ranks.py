"""Several processes, one command line: rank 0 is the one that reads the request, writes the run and speaks.

Another rank speaks only when it fails, and then for all: whoever fails ends every rank, since the others would wait for
it in the next sum for ever.
"""

import sys
import time
import traceback
from contextlib import contextmanager

from scratchrl.cli.errors import Refused, explain, refusing
from scratchrl.maths.ranks import ALONE

PARALLEL = ("reinforce", "vpg", "a2c", "trpo", "ppo")
PATIENCE = 2.0  # seconds that rank 0 has to say what may have befallen all ranks alike


def connected(name):
    """All ranks that do together what `name` names, an algorithm to be trained or a command.

    Raises: Refused if it is a matter of one process.
    """
    from scratchrl.experience import mpi

    if not mpi.launched():
        return ALONE
    with refusing(RuntimeError):
        ranks = mpi.connect()
    with ending_all(ranks):
        if name not in PARALLEL and ranks.size > 1:
            together = f"under mpiexec -n {ranks.size} can be trained: {', '.join(PARALLEL)}"
            raise Refused(f"{name} runs in one process; {together}")
    return ranks


@contextmanager
def ending_all(ranks):
    """What is raised inside ends all ranks. Alone nothing changes: it goes on as it would."""
    try:
        yield
    except BaseException as error:
        if ranks.size == 1:
            raise
        give_way(ranks)
        last_word(ranks, *_told(error))


def _told(error):
    """(what there is to say, exit code)"""
    if isinstance(error, SystemExit):
        return "", error.code if isinstance(error.code, int) else 1
    if isinstance(error, KeyboardInterrupt):
        return "interrupted", 130
    line = explain(error)
    return (line, 2) if line else (traceback.format_exc().rstrip(), 1)


def give_way(ranks):
    """Before the last word: what befalls all ranks alike is said once, by rank 0, and the others are no more then.
    If it has nothing to say it has finished what it was at, a checkpoint perhaps, and waits."""
    if ranks.rank > 0:
        time.sleep(PATIENCE)


def last_word(ranks, line, code):
    """Says why, ends all ranks and returns the exit code."""
    if line:
        print(f"scratchrl: rank {ranks.rank}: {line}" if ranks.rank else f"scratchrl: {line}", file=sys.stderr)
    return ranks.leave(code)


def say(ranks, line):
    """A note, once."""
    if ranks.rank == 0:
        print(f"scratchrl: {line}", file=sys.stderr, flush=True)

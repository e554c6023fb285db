"""MPI: the processes that mpiexec has started, as `Ranks`. The one file that knows mpi4py.

A rank that stops alone would leave the others waiting for ever in the next sum, so all of them are ended by whoever
must stop (`Ranks.leave`). One that is killed takes the others with it by mpiexec's doing.
"""

import os
import sys
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.ranks import Ranks

SIZES = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")  # where launchers tell a process how many they are
SHORT = 1 << 16  # bytes; longer sums are a matter of bandwidth, which Allreduce spends better on many ranks


def launched() -> bool:
    """Whether mpiexec, mpirun or srun has started several processes, of which this is one.

    Checked in tests/experience/test_mpi.py.
    """
    told = _told()
    return max(told) > 1 if told else "PMIX_RANK" in os.environ


def _told() -> list[int]:
    return [int(os.environ[name]) for name in SIZES if name in os.environ]


def connect() -> Ranks:
    """All ranks of MPI's world.

    Raises:
      ModuleNotFoundError: mpi4py is not installed.
      RuntimeError: mpi4py belongs to another MPI than the launcher, and every process would believe to be the only one.

    Checked in tests/experience/test_mpi.py.
    """
    from mpi4py import MPI

    world = MPI.COMM_WORLD
    told = _told()
    if told and world.size not in told:
        raise RuntimeError(
            f"mpiexec started {max(told)} processes, but mpi4py sees {world.size}: they belong to different MPIs; "
            f"use the mpiexec beside {sys.executable}"
        )
    return Ranks(world.rank, world.size, partial(_add, world), world.allgather, partial(_leave, world))


def _add(world: Any, array: NDArray) -> NDArray:
    """The sum over ranks; array is used up.

    Short ones by recursive doubling, in half the time that Allreduce takes for the 20 kB of a small network: in round k
    ranks whose numbers differ in bit k exchange what they have, and both add it. a + b and b + a have the same bits, so
    after round k the 2ᵏ⁺¹ ranks whose numbers agree in all higher bits hold the same sum.
    """
    if world.size & (world.size - 1) or array.nbytes > SHORT:
        total = np.empty_like(array)
        world.Allreduce(array, total)
        return total
    theirs = np.empty_like(array)
    for k in range(world.size.bit_length() - 1):
        other = world.rank ^ (1 << k)
        world.Sendrecv(array, other, 0, theirs, other, 0)
        array += theirs
    return array


def _leave(world: Any, code: int) -> int:
    if world.size > 1:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what there was to say has been said; MPI would add its own
        world.Abort(code)
    return code

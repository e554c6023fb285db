"""When a process believes to be one of several, and what it makes of an MPI that does not know of them."""

import sys
from types import SimpleNamespace

import pytest

from scratchrl.experience import mpi


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    for name in (*mpi.SIZES, "PMIX_RANK"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({"PMI_SIZE": "1"}, False),
        ({"PMI_SIZE": "2"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "0"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "1", "PMIX_RANK": "0"}, False),
        ({"PMIX_RANK": "1"}, True),
    ],
)
def test_launched(monkeypatch, environment, expected):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert mpi.launched() is expected


def world_of(monkeypatch, size):
    world = SimpleNamespace(rank=0, size=size, allgather=lambda value: [value] * size)
    monkeypatch.setitem(sys.modules, "mpi4py", SimpleNamespace(MPI=SimpleNamespace(COMM_WORLD=world)))


def test_a_launcher_of_another_mpi_is_found_out(monkeypatch):
    """Each process would otherwise train alone, all of them into the same folder."""
    world_of(monkeypatch, 1)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match=r"mpiexec started 2 processes, but mpi4py sees 1: .* different MPIs"):
        mpi.connect()


def test_ranks_are_those_of_the_world(monkeypatch):
    world_of(monkeypatch, 2)
    monkeypatch.setenv("PMI_SIZE", "2")
    ranks = mpi.connect()
    assert (ranks.rank, ranks.size, ranks.gather("x")) == (0, 2, ["x", "x"])

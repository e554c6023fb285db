"""When a process believes to be one of several, and what it makes of an MPI that does not know of them."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import scratchrl
from scratchrl.experience import mpi

MPIEXEC = Path(sys.executable).with_name("mpiexec")


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


SUMS = """
import numpy as np
from scratchrl.experience import mpi
ranks = mpi.connect()
for dtype in (np.float32, np.float64):
    for size in (1, 5000, mpi.SHORT // 4, mpi.SHORT):
        own = np.random.default_rng(ranks.rank).standard_normal(size).astype(dtype)
        everybody = ranks.gather(own)
        total = ranks.add(own.copy())
        np.testing.assert_allclose(total, np.sum(everybody, axis=0), rtol=0, atol=8 * np.finfo(dtype).eps)
        assert total.dtype == dtype
        assert len({heard.tobytes() for heard in ranks.gather(total)}) == 1
if ranks.gather("equal") and ranks.rank == 0:
    print(ranks.size, "ranks hold the same sums")
"""


@pytest.mark.skipif(not (MPIEXEC.exists() and importlib.util.find_spec("mpi4py")), reason="the extra mpi is missing")
@pytest.mark.parametrize("size", [2, 3, 4])
def test_sums_are_those_of_all_ranks_to_the_same_bits_on_each(size, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(scratchrl.__file__).parents[1]))
    words = [str(MPIEXEC), "-n", str(size), sys.executable, "-c", SUMS]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=100, check=False)
    assert (ended.returncode, ended.stdout) == (0, f"{size} ranks hold the same sums\n"), ended.stderr

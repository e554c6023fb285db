"""Parallel: reports arrive, the arrays are one, and whatever happens no process and no memory is left behind."""

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing import shared_memory
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import scratchrl
from scratchrl.experience import parallel

ROOT = Path(scratchrl.__file__).parents[1]
CREW = '''
import os, signal, time
import numpy as np

class Untold(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} {two}")

def count(memory, worker, upto):
    """Adds 1 to a number of its own until it is there."""
    while memory.counts[worker] < upto:
        memory.counts[worker] += 1
        yield worker, int(memory.counts[worker])

def look(memory, worker):
    memory.x[...] = 5.0
    yield 0
    while memory.x[0] == 5.0:
        time.sleep(0.001)

def change(memory, worker):
    while memory.x[0] != 5.0:
        time.sleep(0.001)
    memory.x[0] = 6.0
    yield 1

def either(memory, worker):
    return (change if worker else look)(memory, worker)

def environment(memory, worker):
    yield {name: os.environ.get(name) for name in os.environ if name.endswith("_THREADS")}

def threads(memory, worker):
    import numba
    import scipy.linalg.cython_blas
    from threadpoolctl import threadpool_info
    yield {numba.get_num_threads()} | {library["num_threads"] for library in threadpool_info()}

def deaf(memory, worker):
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.05)
    yield "alive"

def failing(memory, worker, how):
    yield "well"
    if worker == 1 and how != "never":
        if how == "raise":
            raise FloatingPointError("not finite: me")
        if how == "untold":
            raise Untold("cannot", "travel")
        if how == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        os._exit(3)
    while True:
        memory.x[...] += 1
        time.sleep(0.001)
        yield "still"
'''


class Memory(NamedTuple):
    x: np.ndarray
    counts: np.ndarray


@pytest.fixture
def crew(tmp_path, monkeypatch):
    """Work that other processes can import."""
    (tmp_path / "crew.py").write_text(CREW)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "crew", raising=False)
    import crew

    yield crew
    sys.modules.pop("crew")


@pytest.fixture(autouse=True)
def leaving_nothing_behind(monkeypatch):
    """No process of ours lives on, and no block of memory has a name."""
    names = []

    def remembered(*args, **kwargs):
        block = shared_memory.SharedMemory(*args, **kwargs)
        names.append(block.name)
        return block

    monkeypatch.setattr(parallel, "SharedMemory", remembered)
    yield
    assert multiprocessing.active_children() == []
    for name in names:
        with pytest.raises(FileNotFoundError):
            shared_memory.SharedMemory(name)


def memory():
    return Memory(np.zeros(3, np.float32), np.zeros(2, np.int64))


def together(work, *arguments, workers=2):
    return parallel.together(work, memory(), [(worker, *arguments) for worker in range(workers)])


# ---- reports and memory ----


def test_alone_works_on_arrays_of_its_own_and_tells_what_is_in_them(crew):
    own = memory()
    history = list(parallel.alone(crew.count, own, (1, 3)))
    assert [report for _, report in history] == [(1, 1), (1, 2), (1, 3)]
    assert [after.counts.tolist() for after, _ in history] == [[0, 1], [0, 2], [0, 3]]
    assert own.counts.tolist() == [0, 0]


def test_every_report_of_every_worker_arrives_in_its_order(crew):
    history = list(together(crew.count, 200))
    for worker in range(2):
        assert [n for _, (who, n) in history if who == worker] == list(range(1, 201))
    for after, (who, n) in history:
        assert after.counts[who] >= n  # the worker has gone on meanwhile
    assert history[-1][0].counts.tolist() == [200, 200]
    assert history[-1][0].x.dtype == np.float32


def test_workers_see_each_others_changes(crew):
    """Each waits until the other has written; neither would ever end alone."""
    (*_, (after, _)) = together(crew.either)
    assert after.x.tolist() == [6.0, 5.0, 5.0]


def test_a_copy_stays_what_it_was(crew):
    reports = together(crew.count, 50)
    first, (who, _) = next(reports)
    before = first.counts.copy()
    list(reports)
    assert first.counts.tolist() == before.tolist()
    assert before[who] >= 1


# ---- what a worker is given ----


def test_one_thread_is_prescribed_to_workers_and_nobody_else(crew, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    before = dict(os.environ)
    for _, found in together(crew.environment):
        assert found == dict.fromkeys(parallel.THREADS, "1")
    assert dict(os.environ) == before
    assert [found for _, found in together(crew.threads, workers=1)] == [{1}]


def test_workers_do_not_hear_signals(crew):
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert [report for _, report in together(crew.deaf)] == ["alive"] * 2
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == before


# ---- what may happen to one ----


@pytest.mark.parametrize(
    ("how", "kind", "match"),
    [
        ("raise", FloatingPointError, "^not finite: me"),
        ("untold", RuntimeError, "^Untold: cannot travel"),
        ("kill", ChildProcessError, "^worker 1 was killed by SIGKILL, before its work was done$"),
        ("exit", ChildProcessError, "^worker 1 ended with exit code 3, before its work was done$"),
    ],
)
def test_one_that_fails_takes_all_down(crew, capfd, how, kind, match):
    with pytest.raises(kind, match=match) as failure:
        list(together(crew.failing, how))
    if kind is not ChildProcessError:
        (note,) = failure.value.__notes__
        assert note.startswith("raised in worker 1:\nTraceback")
        assert "in failing" in note
    assert capfd.readouterr().err == ""


def test_one_that_cannot_even_begin_is_told_of(crew, capfd):
    """Its module is gone by the time it is wanted."""
    Path(crew.__file__).unlink()
    with pytest.raises(ChildProcessError, match=r"^worker 0 ended with exit code 1, before its work was done$"):
        list(together(crew.count, 1))
    assert "No module named 'crew'" in capfd.readouterr().err


@pytest.mark.parametrize("reports", [0, 1, 5])
def test_who_stops_listening_ends_them(crew, capfd, reports):
    running = together(crew.failing, "never")
    taken = list(itertools.islice((report for _, report in running), reports))
    assert len(taken) == reports
    running.close()
    assert multiprocessing.active_children() == []
    assert capfd.readouterr().err == ""


MAIN = """
import sys
from pathlib import Path
import numpy as np
from test_memory import Memory
import crew
from scratchrl.experience import parallel

if __name__ == "__main__":
    memory = Memory(np.zeros(1), np.zeros(2, int))
    for index, _ in enumerate(parallel.together(crew.count, memory, [(0, 1e9), (1, 1e9)])):
        if index == 3:
            Path("started").touch()
"""


def children(pid):
    """Process ids; the workers, and multiprocessing's own tracker of resources."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def blocks(pid):
    """What stands behind the name of each block of shared memory that a process has."""
    maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line.partition("/dev/shm/psm_")[2][8:] for line in maps if "/dev/shm/psm_" in line]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_kill_9_of_the_one_who_listens_leaves_nothing_behind(crew, tmp_path, monkeypatch):
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / "test_memory.py").write_text(
        "from typing import Any, NamedTuple\nclass Memory(NamedTuple):\n    x: Any\n    counts: Any\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "main.py"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as process:
        wait_for(lambda: (tmp_path / "started").exists())
        family = children(process.pid)
        assert len(family) == 3
        assert sorted(blocks(pid) for pid in family) == [[], [" (deleted)"], [" (deleted)"]]  # the tracker has none
        process.kill()
        said = process.stderr.read()  # until the last of them is gone
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in family))
    assert said == ""


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)

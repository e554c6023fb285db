"""A run that is stopped and resumed leaves the same bits as one that is not: every algorithm, every vectorization."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import scratchrl
from scratchrl import cli
from scratchrl.cli_options import ALGORITHMS
from scratchrl.runs import checkpoint

ROOT = Path(scratchrl.__file__).parents[1]
SMALL = ["--quiet", "--hidden", "8", "--num-envs", "4", "--total-steps", "4000"]
FLAGS = {
    "a2c": ["--total-steps", "400"],
    "trpo": ["--steps", "128"],
    "ppo": ["--steps", "128", "--objective", "penalty", "--epochs", "2"],
}


@pytest.fixture(autouse=True)
def inside(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def same_run(a, b):
    """Checkpoints equal to the bit, tables equal except for the last column, the wall time."""
    (arrays_a, meta_a), (arrays_b, meta_b) = (checkpoint.load(Path(folder) / "checkpoint.npz") for folder in (a, b))
    assert meta_a == meta_b
    assert arrays_a.keys() == arrays_b.keys()
    assert [key for key in arrays_a if arrays_a[key].tobytes() != arrays_b[key].tobytes()] == []
    assert Path(a, "episodes.csv").read_text() == Path(b, "episodes.csv").read_text()
    rows_a, rows_b = (Path(folder, "progress.csv").read_text().splitlines() for folder in (a, b))
    assert [row.rpartition(",")[0] for row in rows_a] == [row.rpartition(",")[0] for row in rows_b]
    assert len(rows_a) > 3


def train(name, *flags):
    return cli.main(["train", name, *SMALL, *FLAGS.get(name, []), *flags])


@pytest.mark.parametrize("vectorization", ["sync", "native"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_continues_to_the_same_bits(monkeypatch, name, vectorization):
    """A crash after the third update, with the checkpoint of the second on disk."""
    module = importlib.import_module(f"scratchrl.algorithms.{name}")
    uninterrupted = module.train

    def crashing(*arguments):
        for index, update in enumerate(uninterrupted(*arguments)):
            if index == 3:
                raise MemoryError
            yield update

    flags = ["--vectorization", vectorization, "--checkpoint-every", "0"]
    assert train(name, *flags, "--out", "whole") == 0
    with monkeypatch.context() as patch:
        patch.setattr(module, "train", crashing)
        with pytest.raises(MemoryError):
            train(name, *flags, "--out", "parts")
    assert train(name, *flags, "--out", "parts", "--resume") == 0
    same_run("whole", "parts")


def test_kill_9_in_mid_run():
    """Checkpoints are written all the time, so that the kill may well hit the writing of one."""
    flags = [*SMALL, "--steps", "32", "--checkpoint-every", "0"]
    command = [sys.executable, "-m", "scratchrl", "train", "ppo", *flags, "--out"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.Popen([*command, "parts"], env=environment)
    progress, deadline = Path("parts/progress.csv"), time.monotonic() + 60
    while not (progress.exists() and progress.read_text().count("\n") > 4):
        assert time.monotonic() < deadline
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert checkpoint.load("parts/checkpoint.npz")[1]["step"] < 4000
    assert cli.main(["train", "ppo", *flags, "--out", "parts", "--resume"]) == 0
    assert cli.main(["train", "ppo", *flags, "--out", "whole"]) == 0
    same_run("whole", "parts")

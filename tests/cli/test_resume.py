"""A run that is stopped and resumed leaves the same bits as one that is not: every algorithm, every vectorization."""

import importlib
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

import scratchrl
from scratchrl import cli
from scratchrl.cli.options import ALGORITHMS
from scratchrl.runs import checkpoint

ROOT = Path(scratchrl.__file__).parents[1]
SMALL = ["--quiet", "--hidden", "8", "--num-envs", "4", "--total-steps", "4000"]
FLAGS = {
    "a2c": ["--total-steps", "400"],
    "a3c": ["--total-steps", "400", "--workers", "1"],  # with more the order of the updates is chance
    "trpo": ["--steps", "128"],
    "dqn": ["--learning-starts", "300", "--capacity", "1500"],
    "c51": ["--learning-starts", "300", "--capacity", "1500", "--atoms", "11"],
    "ddpg": ["--env", "Pendulum-v1", "--learning-starts", "300", "--capacity", "1500", "--minibatch", "8",
             "--noise", "ornstein-uhlenbeck", "--twin", "--policy-delay", "2", "--smoothing", "0.2"],
    "alphazero": ["--env", "TicTacToe", "--total-steps", "400", "--games", "8", "--simulations", "6", "--updates", "2",
                  "--report-every", "60"],
    "sac": ["--env", "Pendulum-v1", "--learning-starts", "300", "--capacity", "1500", "--minibatch", "8"],
    "ppo": ["--steps", "128", "--objective", "penalty", "--epochs", "2"],
}  # fmt: skip


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


ONE_BY_ONE = {"ddpg": "async", "sac": "async", "alphazero": "async"}  # Pendulum and games have no native form


@pytest.mark.parametrize(
    ("name", "vectorization"),
    [(name, vectorization) for name in ALGORITHMS for vectorization in ("sync", ONE_BY_ONE.get(name, "native"))],
)
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


PPO = ["train", "ppo", *SMALL, "--steps", "32", "--checkpoint-every", "0"]


@contextmanager
def running(*flags):
    """The command in a process group of its own, once it has written four updates."""
    command = [sys.executable, "-m", "scratchrl", *PPO, *flags, "--out", "parts"]
    options = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "start_new_session": True, "text": True}
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as process:
        progress, deadline = Path("parts/progress.csv"), time.monotonic() + 60
        while not (progress.exists() and progress.read_text().count("\n") > 4):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        yield process


def test_kill_9_in_mid_run():
    """Checkpoints are written all the time, so that the kill may well hit the writing of one."""
    with running() as process:
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert checkpoint.load("parts/checkpoint.npz")[1]["step"] < 4000
    assert cli.main([*PPO, "--out", "parts", "--resume"]) == 0
    assert cli.main([*PPO, "--out", "whole"]) == 0
    same_run("whole", "parts")


def test_ctrl_c_of_a_terminal_spares_the_workers_until_all_is_saved():
    """A terminal sends Ctrl-C to the whole process group; asynchronous and synchronous environments play alike."""
    with running("--vectorization", "async") as process:
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.count("\n") == 1
    assert said.startswith("scratchrl: interrupted at step")
    assert cli.main([*PPO, "--out", "parts", "--resume"]) == 0
    assert cli.main([*PPO, "--vectorization", "sync", "--out", "whole"]) == 0
    same_run("whole", "parts")


@pytest.mark.parametrize("name", ["dqn", "c51", "ddpg", "sac"])
def test_a_replay_that_is_not_saved_begins_empty_and_the_run_goes_on(name, capsys):
    """The checkpoint is small, evaluation does not miss the replay, and a resumed run says what it has lost."""
    assert train(name, "--out", "run", "--no-save-replay", "--total-steps", "1200") == 0
    arrays, _ = checkpoint.load(Path("run/checkpoint.npz"))
    assert not [key for key in arrays if "replay" in key]
    assert cli.main(["evaluate", "run", "--episodes", "2", "--horizon", "20"]) == 0
    assert cli.main(["train", name, "--resume", "--out", "run", "--total-steps", "1600"]) == 0
    assert "replay is not in the checkpoint" in capsys.readouterr().err
    _, meta = checkpoint.load(Path("run/checkpoint.npz"))
    assert meta["step"] >= 1600

"""A run of several processes: how it is interrupted, what a dead worker leaves, and what can be resumed."""

import multiprocessing
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
from scratchrl.runs import checkpoint

ROOT = Path(scratchrl.__file__).parents[1]
A3C = ["train", "a3c", "--quiet", "--hidden", "8", "--num-envs", "2", "--workers", "2"]
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")


@pytest.fixture(autouse=True)
def inside(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


@contextmanager
def running():
    """(process, ids of its workers) of an endless run in a process group of its own, once it has written an update."""
    command = [sys.executable, "-m", "scratchrl", *A3C, "--total-steps", "1000000000", "--out", "a"]
    options = {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "start_new_session": True, "text": True}
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as process:
        wait_for(lambda: Path("a/checkpoint.npz").exists())
        family = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        workers = [int(pid) for pid in family if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
        assert len(workers) == 2
        yield process, workers
        said = process.stderr.read().splitlines()
    process.said = [line for line in said if "compiling" not in line]
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))


def wait_for(condition):
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group_ends_the_run_with_all_saved(number):
    """As a terminal sends Ctrl-C. What has been learnt is kept, and training goes on from there."""
    with running() as (process, _):
        os.killpg(process.pid, number)
    assert process.returncode == 130
    (line,) = process.said
    assert line.startswith("scratchrl: interrupted at step")
    saved, meta = checkpoint.load("a/checkpoint.npz")
    assert f"step {meta['step']}," in line
    assert saved["state.step"] == meta["step"] > 0
    module = __import__("scratchrl.algorithms.a3c", fromlist=["train"])
    begun, train = [], module.train
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "train", lambda *given: begun.append(given[3]) or iter([next(train(*given))]))
        assert cli.main([*A3C, "--out", "a", "--resume"]) == 0
    assert begun[0].step == meta["step"]
    assert begun[0].theta.tobytes() == saved["state.theta"].tobytes()
    assert begun[0].phi_optimizer.s.tobytes() == saved["state.phi_optimizer.s"].tobytes()


def test_a_worker_that_is_killed_ends_the_run_and_spares_the_checkpoint():
    with running() as (process, workers):
        before = Path("a/checkpoint.npz").read_bytes()
        os.kill(workers[1], signal.SIGKILL)
    assert process.returncode == 2
    assert process.said == ["scratchrl: worker 1 was killed by SIGKILL, before its work was done"]
    assert Path("a/checkpoint.npz").read_bytes() == before
    assert cli.main(["evaluate", "a", "--episodes", "2"]) == 0


BAD = '''
import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

class Bad(gymnasium.Env):
    """Episodes of 10 steps; after 30 of them a reward is no number."""

    observation_space, action_space = Box(-1, 1, (2,), np.float32), Discrete(2)

    def __init__(self):
        self.t = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        return np.zeros(2, np.float32), np.nan if self.t == 300 else 1.0, self.t % 10 == 0, False, {}

gymnasium.register("Bad-v1", "bad_env:Bad")
'''


def test_a_worker_that_meets_a_nan_ends_the_run_and_spares_the_checkpoint(capsys, monkeypatch):
    import gymnasium

    Path("bad_env.py").write_text(BAD)
    monkeypatch.syspath_prepend(os.getcwd())
    command = [*A3C, "--env", "bad_env:Bad-v1", "--total-steps", "100000", "--checkpoint-every", "0", "--out", "a"]
    assert cli.main(command) == 1
    said = capsys.readouterr().err
    assert "training stopped: after step" in said
    assert "not finite: reward nan" in said
    step = checkpoint.load("a/checkpoint.npz")[1]["step"]
    assert said.endswith(f"last good checkpoint: a/checkpoint.npz, step {step}\n")
    assert 0 < step < 2 * 2 * 300
    assert multiprocessing.active_children() == []
    del gymnasium.registry["Bad-v1"]
    sys.modules.pop("bad_env")

"""Runs under mpiexec: equal to one process, killed, interrupted, resumed, refused; across two network namespaces."""

import os
import shutil
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

pytest.importorskip("mpi4py", reason="the extra mpi is not installed")
MPIEXEC = Path(sys.executable).with_name("mpiexec")
ROOT = Path(scratchrl.__file__).parents[1]
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}.", "OMP_NUM_THREADS": "1"}
PPO = ["train", "ppo", "--quiet", "--hidden", "8", "--num-envs", "4", "--steps", "32", "--total-steps", "4000",
       "--epochs", "2", "--normalize-obs", "--normalize-reward", "--checkpoint-every", "0"]  # fmt: skip
pytestmark = pytest.mark.skipif(not MPIEXEC.exists(), reason=f"no mpiexec beside {sys.executable}: pip install mpich")


@pytest.fixture(autouse=True)
def inside(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def command(ranks, *arguments):
    return [str(MPIEXEC), "-n", str(ranks), sys.executable, *arguments]


def done(words, timeout=100):
    return subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=timeout, check=False)


def scratchrl_on(ranks, *arguments):
    return done(command(ranks, "-m", "scratchrl", *arguments))


# ---- equal ----

PROGRAM = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("equal", {str(TESTS / "algorithms" / "test_ranks.py")!r})
equal = importlib.util.module_from_spec(spec)
spec.loader.exec_module(equal)
from scratchrl.experience import mpi
equal.agents.actor = equal.hashed_actor
ranks = mpi.connect()
for module, changes in equal.CONFIGS.values():
    config = equal.config_of(module, changes)
    history = equal.run(module, config, "CartPole-v1", ranks)
    equal.assert_same_run(history, equal.run(module, config, "CartPole-v1", equal.ALONE))
if ranks.gather("equal") and ranks.rank == 0:
    print(ranks.size, "ranks are equal to one")
"""


def test_every_algorithm_computes_the_same_on_two_ranks_and_on_one():
    """The very comparison of tests/algorithms/test_ranks.py, with MPI's sums: to 1e-12."""
    ended = done(command(2, "-c", PROGRAM))
    assert (ended.returncode, ended.stdout) == (0, "2 ranks are equal to one\n"), ended.stderr


LAUNCH = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
name=a; [ "$1" = 10.0.0.2 ] && name=b
shift
exec ip netns exec $name sh -c "$*"
"""
NETWORK = """set -e
mount -t tmpfs tmpfs /run
ip netns add a
ip netns add b
ip link add va netns a type veth peer name vb netns b
ip -n a address add 10.0.0.1/24 dev va
ip -n b address add 10.0.0.2/24 dev vb
for name in a b; do ip -n $name link set lo up; ip -n $name link set v$name up; done
exec ip netns exec a "$@"
"""


def in_namespaces(*words):
    """Two machines, as far as a network can tell, that vanish with their last process."""
    Path("launch").write_text(LAUNCH)
    Path("launch").chmod(0o755)
    Path("network").write_text(NETWORK)
    return done(["unshare", "--map-root-user", "--net", "--mount", "sh", "network", *words])


def test_four_ranks_across_two_network_namespaces():
    if not (shutil.which("unshare") and shutil.which("ip")):
        pytest.skip("needs the commands unshare and ip")
    if (refused := in_namespaces("true")).returncode:
        pytest.skip(f"network namespaces cannot be made here: {refused.stderr.strip()}")
    Path("program.py").write_text(
        "import os\nwhere = os.readlink('/proc/self/ns/net')\n"
        f"{PROGRAM}\nassert [ranks.gather(where).count(name) for name in set(ranks.gather(where))] == [2, 2]\n"
    )
    ended = in_namespaces(
        str(MPIEXEC), "-iface", "va", "-launcher", "ssh", "-launcher-exec", str(Path("launch").resolve()),
        "-hosts", "10.0.0.1:2,10.0.0.2:2", "-n", "4", sys.executable, str(Path("program.py").resolve()),
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (0, "4 ranks are equal to one\n"), ended.stderr


# ---- stopped ----


@contextmanager
def running(*flags):
    """mpiexec with two ranks in a process group of its own, once they have made four updates; and their ids."""
    options = {"env": ENVIRONMENT, "start_new_session": True, "text": True}
    with subprocess.Popen(
        command(2, "-m", "scratchrl", *PPO, *flags), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options
    ) as process:
        progress, deadline = Path("parts/progress.csv"), time.monotonic() + 100
        while not (progress.exists() and progress.read_text().count("\n") > 4):
            assert time.monotonic() < deadline
            time.sleep(0.001)
        yield process, ranks_of(process.pid)


def ranks_of(parent):
    """Process ids by rank, of the grandchildren of mpiexec."""
    found = {}
    for child in children(parent):
        for pid in children(child):
            variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            found |= {int(word[9:]): pid for word in variables if word.startswith(b"PMI_RANK=")}
    return found


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def same_run(a, b):
    """As in test_resume.py."""
    (arrays_a, meta_a), (arrays_b, meta_b) = (checkpoint.load(Path(folder) / "checkpoint.npz") for folder in (a, b))
    assert meta_a == meta_b
    assert {name: array.tobytes() for name, array in arrays_a.items()} == {
        name: array.tobytes() for name, array in arrays_b.items()
    }
    assert Path(a, "episodes.csv").read_text() == Path(b, "episodes.csv").read_text()
    rows_a, rows_b = (Path(folder, "progress.csv").read_text().splitlines() for folder in (a, b))
    assert [row.rpartition(",")[0] for row in rows_a] == [row.rpartition(",")[0] for row in rows_b]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_a_killed_rank_ends_all_and_two_ranks_resume_to_the_same_bits():
    with running("--out", "parts") as (process, pids):
        os.kill(pids[1], signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == signal.SIGKILL
    assert "BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES" in said
    assert f"PID {pids[1]}" in said
    assert not any(Path(f"/proc/{pid}/stat").exists() for pid in pids.values())
    assert 0 < checkpoint.load("parts/checkpoint.npz")[1]["step"] < 4000
    ended = scratchrl_on(2, *PPO, "--out", "parts", "--resume")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert scratchrl_on(2, *PPO, "--out", "whole").returncode == 0
    same_run("whole", "parts")
    arrays, meta = checkpoint.load("whole/checkpoint.npz")
    assert len(meta["rng of other ranks"]) == 1
    assert len(arrays["world.obs"]) == len(arrays["world1.obs"]) == 2
    assert len(arrays["state.scales.reward.discounted"]) == 4
    assert cli.main(["evaluate", "whole", "--episodes", "2"]) == 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_ctrl_c_saves_once_and_one_rank_can_go_on(capsys):
    with running("--out", "parts") as (process, _):
        os.killpg(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    (line,) = [line for line in said.splitlines() if line.startswith("scratchrl:")]
    before, meta = checkpoint.load("parts/checkpoint.npz")
    assert line.startswith(f"scratchrl: interrupted at step {meta['step']}, saved")
    assert cli.main([*PPO, "--out", "parts", "--resume"]) == 0
    told = capsys.readouterr().err
    assert told == (
        "scratchrl: note: begun with 2 ranks, going on with 1 rank: new episodes begin, with other random numbers\n"
    )
    after, meta = checkpoint.load("parts/checkpoint.npz")
    assert meta["step"] >= 4000
    assert "rng of other ranks" not in meta
    episodes = [before[f"{world}.episode"] for world in ("world", "world1")]
    assert (after["world.episode"] > [episode for part in episodes for episode in part]).all()


# ---- failed ----

BAD = '''
import os

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Discrete

class Bad(gymnasium.Env):
    """Episodes of 10 steps; after 30 of them rank 1 meets a reward that is no number, or an error."""

    observation_space, action_space = Box(-1, 1, (2,), np.float32), Discrete(2)
    t = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        self.t += 1
        bad = self.t == 300 and os.environ["PMI_RANK"] == "1"
        if bad and os.environ["HOW"] == "error":
            raise ZeroDivisionError("the environment is broken")
        return np.zeros(2, np.float32), np.nan if bad else 1.0, self.t % 10 == 0, False, {}

gymnasium.register("Bad-v1", "bad_env:Bad")
'''


@pytest.mark.parametrize("how", ["nan", "error"])
def test_what_befalls_one_rank_ends_all_with_its_message(how, monkeypatch):
    Path("bad_env.py").write_text(BAD)
    monkeypatch.setitem(ENVIRONMENT, "HOW", how)
    ended = scratchrl_on(2, *PPO, "--env", "bad_env:Bad-v1", "--out", "a")
    assert ended.returncode == 1
    step = checkpoint.load("a/checkpoint.npz")[1]["step"]
    assert 0 < step < 4 * 300
    if how == "nan":
        (line,) = ended.stderr.splitlines()
        assert line.startswith("scratchrl: rank 1: training stopped: after step")
        assert "not finite: reward nan" in line
        assert line.endswith(f"last good checkpoint: a/checkpoint.npz, step {step}")
    else:
        assert ended.stderr.startswith("scratchrl: rank 1: Traceback")
        assert ended.stderr.endswith("ZeroDivisionError: the environment is broken\n")


TOGETHER = "under mpiexec -n 2 can be trained: reinforce, vpg, a2c, trpo, ppo"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["train", "dqn"], f"dqn runs in one process; {TOGETHER}"),
        (["train", "ppo", "--num-envs", "1"], "--num-envs: expected at least one for each of 2 ranks, got 1"),
        (["evaluate", "run"], f"evaluate runs in one process; {TOGETHER}"),
        (["mistakes"], f"mistakes runs in one process; {TOGETHER}"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(arguments, line):
    ended = scratchrl_on(2, *arguments, *(["--out", "a"] if arguments[0] == "train" else []))
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"scratchrl: {line}\n")
    assert not Path("a").exists()

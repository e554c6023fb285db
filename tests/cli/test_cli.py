"""The command line on a fake algorithm, small enough to follow by hand: what it writes, says and returns."""

import json
import os
import re
import signal
import subprocess
import sys
import types
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from scratchrl import cli
from scratchrl.cli import options as cli_options
from scratchrl.cli import session
from scratchrl.cli import training as cli_training
from scratchrl.experience import agent, rollout, scales
from scratchrl.runs import checkpoint, log

LEFT = np.array([0.0] * 8 + [1.0, 0.0])  # weights (4, 2) and biases (2,): the mode pushes the cart to the left
STEPS = ("--quiet", "--total-steps", "640")


@dataclass(frozen=True)
class Config:
    total_steps: int = 640
    """Environment steps."""
    num_envs: int = 2
    """Environments side by side."""
    gain: float = 1.0
    """Of the walk."""
    gamma: float = 1.0
    hidden: tuple[int, ...] = ()
    activation: str = "tanh"
    state_dependent_std: bool = False
    normalize_obs: bool = False
    normalize_reward: bool = False
    fail_at: int = -1
    """Step at which a NaN is met."""

    def __post_init__(self):
        if self.gain < 0:
            raise ValueError(f"gain must be at least 0, got {self.gain}")


class State(NamedTuple):
    theta: np.ndarray
    scales: scales.Scales
    step: int


def init(config, world, rng):
    return State(LEFT, scales.empty(world), 0)


def train(config, world, rng, state=None):
    """A linear policy that takes a random walk."""
    state = init(config, world, rng) if state is None else state
    policy = agent.build(world.envs, config).policy
    while state.step < config.total_steps:
        if state.step == config.fail_at:
            raise FloatingPointError(f"step {state.step}: return is not finite")
        batch, episodes = rollout.collect(world, agent.actor(policy, state, config, rng), 32)
        drift = config.gain * rng.normal(size=10) * batch.obs.mean()
        state = State(state.theta + drift, state.scales, state.step + 32 * config.num_envs)
        yield state, {"losses/entropy": float(np.log(2)), "charts/learning_rate": 0.1, "episodes": episodes}


@pytest.fixture(autouse=True)
def fake(monkeypatch, tmp_path):
    module = types.ModuleType("scratchrl.algorithms.fake")
    for name, value in {"Config": Config, "init": init, "train": train, "player": agent.player}.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(cli_options.ALGORITHMS, "fake", "a random walk")
    monkeypatch.chdir(tmp_path)
    return module


def run(*arguments):
    return cli.main(["train", "fake", *STEPS, *arguments])


def refused(capsys, *arguments, match):
    """Exit code 2 and one line on stderr, with `match` in it."""
    assert cli.main(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert match in captured.err
    assert captured.out == ""


def same_run(a, b):
    """Checkpoints equal to the bit, tables equal except for the last column, the wall time."""
    (arrays_a, meta_a), (arrays_b, meta_b) = (checkpoint.load(Path(folder) / "checkpoint.npz") for folder in (a, b))
    assert meta_a == meta_b
    assert {key: array.tobytes() for key, array in arrays_a.items()} == {
        key: array.tobytes() for key, array in arrays_b.items()
    }
    assert (Path(a) / "episodes.csv").read_text() == (Path(b) / "episodes.csv").read_text()
    rows_a, rows_b = ((Path(folder) / "progress.csv").read_text().splitlines() for folder in (a, b))
    assert [row.rpartition(",")[0] for row in rows_a] == [row.rpartition(",")[0] for row in rows_b]


# ---- what a run leaves behind ----


def test_train_leaves_five_files_and_says_so(capsys):
    assert run("--out", "a") == 0
    assert sorted(os.listdir("a")) == sorted(cli_training.FILES)
    out = capsys.readouterr().out
    assert "steps    640\n" in out
    assert "a: config.json progress.csv episodes.csv checkpoint.npz curve.png" in out


def test_config_json(capsys):
    run("--seed", "3", "--gain", "2")
    about = json.loads(Path("runs/CartPole-v1-fake-3/config.json").read_text())
    assert about["config"] == {**asdict(Config()), "gain": 2.0, "hidden": []}
    assert about["run"]["seed"] == 3
    assert about["algorithm"] == "fake"


def test_tables_agree_with_each_other():
    run("--out", "a")
    progress, episodes = log.read(Path("a/progress.csv")), log.read(Path("a/episodes.csv"))
    assert list(progress)[:2] == ["global_step", "charts/episodic_return"]
    assert list(progress)[-1] == "charts/SPS"
    np.testing.assert_array_equal(progress["global_step"], np.arange(64, 641, 64))
    for step, mean in zip(progress["global_step"], progress["charts/episodic_return"], strict=True):
        of_step = episodes["return"][episodes["global_step"] == step]
        assert mean == of_step.mean() if len(of_step) else np.isnan(mean)
    assert progress["charts/episodic_return_100"][-1] == pytest.approx(episodes["return"].mean(), rel=1e-14)


def test_same_seed_same_bits_however_often_it_is_saved():
    run("--out", "a")
    run("--out", "b", "--checkpoint-every", "0")
    same_run("a", "b")


# ---- resume ----


@pytest.mark.parametrize("vectorization", ["sync", "native"])
def test_raised_total_steps_continue_to_the_bits_of_one_long_run(vectorization):
    run("--out", "whole", "--vectorization", vectorization)
    assert run("--out", "parts", "--vectorization", vectorization, "--total-steps", "192") == 0
    assert cli.main(["train", "fake", "--out", "parts", "--resume", "--total-steps", "640", "--quiet"]) == 0
    same_run("whole", "parts")
    assert Path("whole/config.json").read_text() == Path("parts/config.json").read_text()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_resume_ends_in_the_same_bits(fake, monkeypatch, capsys, number):
    def interrupting(config, world, rng, state=None):
        for update in train(config, world, rng, state):
            if update[0].step == 256:
                os.kill(os.getpid(), number)
            yield update

    run("--out", "whole")
    handler = signal.getsignal(number)
    monkeypatch.setattr(fake, "train", interrupting)
    assert run("--out", "parts") == 130
    line = "interrupted at step 256, saved; go on with: scratchrl train fake --out parts --resume"
    assert line in capsys.readouterr().err
    assert signal.getsignal(number) is handler
    monkeypatch.setattr(fake, "train", train)
    assert run("--out", "parts", "--resume") == 0
    same_run("whole", "parts")


def test_tables_that_ran_ahead_of_the_checkpoint_are_cut_back(fake, monkeypatch):
    """As after kill -9: the last checkpoint is the first update's, the tables know more."""

    def killed(config, world, rng, state=None):
        for update in train(config, world, rng, state):
            if update[0].step > 320:
                raise MemoryError
            yield update

    run("--out", "whole")
    monkeypatch.setattr(fake, "train", killed)
    with pytest.raises(MemoryError):
        run("--out", "parts")
    assert checkpoint.load("parts/checkpoint.npz")[1]["step"] == 64
    assert log.read(Path("parts/progress.csv"))["global_step"][-1] == 320
    monkeypatch.setattr(fake, "train", train)
    assert run("--out", "parts", "--resume") == 0
    same_run("whole", "parts")


def test_resuming_a_finished_run_says_that_it_is_and_how_to_go_on(capsys):
    run("--out", "a")
    capsys.readouterr()
    assert run("--out", "a", "--resume") == 0
    out = capsys.readouterr().out
    assert "steps    640, finished before; to go on, --resume with a larger --total-steps\n" in out
    assert "seconds" not in out
    assert "steps/s" not in out


def test_resume_without_a_checkpoint_begins_again():
    run("--out", "whole")
    run("--out", "parts")
    Path("parts/checkpoint.npz").unlink()
    assert run("--out", "parts", "--resume") == 0
    same_run("whole", "parts")


def test_a_second_signal_stops_at_once(fake, monkeypatch):
    def stuck(config, world, rng, state=None):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError("the second Ctrl-C was not heard")
        yield

    monkeypatch.setattr(fake, "train", stuck)
    assert run("--out", "a") == 130
    assert not Path("a/checkpoint.npz").exists()


# ---- what is refused ----


def test_unknown_names_are_refused(capsys):
    refused(capsys, "trian", match="unknown command 'trian'; did you mean train?")
    refused(capsys, "nothing", match="unknown command 'nothing'; the commands are train,")
    refused(capsys, "train", "ppoo", match="unknown algorithm 'ppoo'; did you mean ppo?")
    refused(capsys, "train", "nothing", match="unknown algorithm 'nothing'; the algorithms are reinforce,")
    refused(capsys, "train", "fake", "--env", "CartPole-v9", match="CartPole-v9")
    refused(capsys, "evaluate", "nowhere", match="nowhere/config.json: no such file")
    refused(capsys, "plot", "nowhere", match="nowhere/config.json: no such file")


def test_refused_training_leaves_nothing_behind(capsys):
    refused(capsys, "train", "fake", "--env", "CartPole-v9", match="CartPole-v9")
    refused(capsys, "train", "fake", "--env", "Blackjack-v1", match="observation space must be Box or Discrete")
    refused(capsys, "train", "fake", "--threads", "0", match="--threads: expected at least 1, got 0")
    refused(capsys, "train", "fake", "--seed", "-1", match="seed must be at least 0, got -1")
    refused(capsys, "train", "fake", "--num-envs", "0", match="num_envs must be at least 1, got 0")
    refused(capsys, "train", "fake", "--vectorization", "native", "--env", "Acrobot-v1", match="no native vector form")
    refused(capsys, "train", "fake", "--resume", match="runs/CartPole-v1-fake-0/config.json: no such file")
    assert os.listdir() == []


@pytest.mark.parametrize("name", list(cli_options.ALGORITHMS))
def test_every_algorithm_begins_without_flags_where_it_can_learn_and_its_help_explains_itself(capsys, name):
    """The page says where, and refers to no equation by a number that only the source shows."""
    module = cli_options.algorithm(name)
    options, config = cli_options.parse(name, module, [])
    with session.opened(name, module, options, config) as opened:
        module.init(config, opened.world, opened.rng)
    with pytest.raises(SystemExit):
        cli.main(["train", name, "--help"])
    page = capsys.readouterr().out
    assert f"(default: {options.env})" in page
    assert not re.search(r"\(\d+\)", page)


@pytest.mark.parametrize("name", list(cli_options.ALGORITHMS))
def test_no_algorithm_begins_with_an_activation_it_does_not_know(capsys, name):
    line = "activation: expected one of identity, tanh, relu, got 'silu'"
    refused(capsys, "train", name, "--activation", "silu", match=line)
    assert os.listdir() == []


def test_an_error_of_ours_in_the_first_update_keeps_its_traceback(monkeypatch):
    def broken(*arguments):
        raise ValueError("operands could not be broadcast")
        yield

    monkeypatch.setattr(sys.modules["scratchrl.algorithms.fake"], "train", broken)
    with pytest.raises(ValueError, match="broadcast"):
        run("--out", "a")
    assert not Path("a").exists()


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [("config", "hidden", "abc"), ("config", "total_steps", None), ("config", "gain", "1"), ("run", "dtype", "f99")],
)
def test_a_config_with_a_value_of_another_type_is_refused(capsys, part, field, value):
    run("--out", "a")
    stored = json.loads(Path("a/config.json").read_text())
    stored[part][field] = value
    Path("a/config.json").write_text(json.dumps(stored))
    capsys.readouterr()
    refused(capsys, "train", "fake", "--out", "a", "--resume", match=f"a/config.json: field '{field}': expected")


def test_a_table_that_is_none_is_refused_on_resume(capsys):
    run("--out", "a")
    with open("a/progress.csv", "a") as table:
        table.write("garbage\n")
    capsys.readouterr()
    refused(capsys, "train", "fake", "--out", "a", "--resume", match="a/progress.csv: expected a table")


def test_a_run_is_not_overwritten(capsys):
    run("--out", "a")
    before = {path.name: path.read_bytes() for path in Path("a").iterdir()}
    capsys.readouterr()
    refused(capsys, "train", "fake", *STEPS, "--out", "a", match="a already holds a run; add --resume")
    assert {path.name: path.read_bytes() for path in Path("a").iterdir()} == before


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        (["--gain", "2"], "--gain was 1.0, got 2.0; it cannot be changed on --resume"),
        (["--seed", "1"], "--seed was 0, got 1"),
        (["--env", "Acrobot-v1"], "--env was CartPole-v1, got Acrobot-v1"),
        (["--total-steps", "64"], "--total-steps was 640, got 64; it can only be raised"),
    ],
)
def test_resume_names_the_option_that_differs(capsys, flags, match):
    run("--out", "a")
    capsys.readouterr()
    refused(capsys, "train", "fake", "--out", "a", "--resume", *flags, match=match)


def damage(name):
    path = Path("a/checkpoint.npz")
    arrays, meta = checkpoint.load(path)
    if name == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif name == "foreign":
        np.savez(path, weights=np.ones(3))
    elif name == "algorithm":
        checkpoint.save(path, arrays, meta | {"algorithm": "trpo"})
    elif name == "shape":
        checkpoint.save(path, arrays | {"state.theta": np.zeros(4)}, meta)
    elif name == "world":
        checkpoint.save(path, {k: v for k, v in arrays.items() if not k.startswith("world.")}, meta)
    elif name == "rng":
        checkpoint.save(path, arrays, meta | {"rng": {"bit_generator": "PCG64"}})


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("cut", "corrupt or cut short"),
        ("foreign", "not a scratchrl checkpoint"),
        ("algorithm", "expected algorithm fake, got trpo"),
        ("shape", "theta: expected shape (10,), got (4,)"),
        ("world", "a/checkpoint.npz: "),
        ("rng", "a/checkpoint.npz: "),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_refused(capsys, name, match):
    run("--out", "a")
    damage(name)
    capsys.readouterr()
    refused(capsys, "train", "fake", "--out", "a", "--resume", match=match)
    if name in ("cut", "foreign", "algorithm", "shape"):
        refused(capsys, "evaluate", "a", match=match)


def test_fields_of_another_version_are_refused(capsys):
    run("--out", "a")
    about = json.loads(Path("a/config.json").read_text())
    about["config"]["momentum"] = 0.9
    Path("a/config.json").write_text(json.dumps(about))
    capsys.readouterr()
    refused(capsys, "evaluate", "a", match="a/config.json: field 'momentum' is missing or unknown")


def test_usage_errors_of_the_parser_exit_with_2(capsys):
    for arguments in (["train", "fake", "--gian", "2"], ["train", "fake", "--gain", "-1"], ["evaluate"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(arguments)
        assert stop.value.code == 2
        assert "Traceback" not in capsys.readouterr().err


def test_a_nan_stops_with_the_step_and_the_last_good_checkpoint(capsys):
    assert run("--out", "a", "--fail-at", "320", "--checkpoint-every", "0") == 1
    line = "after step 320: step 320: return is not finite; last good checkpoint: a/checkpoint.npz, step 320"
    assert capsys.readouterr().err == f"scratchrl: training stopped: {line}\n"
    assert run("--out", "b", "--fail-at", "0") == 1
    assert "no checkpoint had been written yet" in capsys.readouterr().err


def test_a_state_with_a_nan_is_never_saved(capsys):
    assert run("--out", "a", "--gain", "nan", "--checkpoint-every", "0") == 1
    assert "step 64: theta is not finite; no checkpoint had been written yet" in capsys.readouterr().err


def test_without_matplotlib_it_trains_and_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert run("--out", "a") == 0
    assert 'no curve: matplotlib is not installed: pip install "scratchrl[plots]"' in capsys.readouterr().out
    assert not Path("a/curve.png").exists()
    refused(capsys, "plot", "a", match='matplotlib is not installed: pip install "scratchrl[plots]"')


# ---- the other commands ----


def test_evaluate_prints_an_interval_around_the_mean(capsys):
    run("--out", "a")
    capsys.readouterr()
    assert cli.main(["evaluate", "a", "--episodes", "5", "--seed", "1"]) == 0
    out = capsys.readouterr().out
    assert "a, step 640, sampled actions" in out
    assert "episodes 5" in out
    assert "Student's t" in out
    assert cli.main(["evaluate", "a", "--episodes", "5", "--seed", "1"]) == 0
    assert capsys.readouterr().out == out


def test_evaluate_the_mode(capsys):
    """Always pushing the cart to the left drops the pole within 8 to 11 steps."""
    run("--out", "a", "--gain", "0")
    capsys.readouterr()
    refused(capsys, "evaluate", "a", "--episodes", "1", match="--episodes: expected at least 2")
    refused(capsys, "evaluate", "a", "--horizon", "0", match="--horizon: expected at least 1")
    assert cli.main(["evaluate", "a", "--episodes", "4", "--horizon", "3"]) == 0
    assert "4, 4 of them 3 steps long, the horizon" in capsys.readouterr().out
    assert cli.main(["evaluate", "a", "--episodes", "20", "--deterministic"]) == 0
    out = capsys.readouterr().out
    low, high = out.split("range")[1].split("\n")[0].split(" to ")
    assert 8 <= float(low) <= float(high) <= 11


def test_the_episodes_that_count_are_chosen_before_they_are_played(monkeypatch):
    """Environment 2 ends first, then 0, then 1; of the second round only environment 0 counts."""
    from scratchrl.cli import evaluate
    from scratchrl.experience.batch import Batch, Episodes

    terminated = np.zeros((3, 3), bool)
    terminated[[0, 1, 2], [2, 0, 1]] = True
    ended = Episodes(np.array([2.0, 0.0, 1.0]), np.array([1, 2, 3]))
    played = Batch(None, None, None, None, terminated, np.zeros((3, 3), bool), None), ended
    monkeypatch.setattr(rollout, "collect_episodes", lambda *arguments: played)
    monkeypatch.setattr(evaluate, "player", lambda *arguments: None)
    session = types.SimpleNamespace(config=types.SimpleNamespace(num_envs=3), world=None)
    returns, cut = evaluate.play(session, None, 4, 3, False)
    assert returns.tolist() == [0.0, 1.0, 2.0, 0.0]
    assert cut == 0  # environment 1 ended by itself in the last step it had


def test_what_cannot_be_filmed_is_refused_before_anything_is_played(capsys, monkeypatch):
    import gymnasium

    run("--out", "a")
    capsys.readouterr()
    monkeypatch.setattr(gymnasium, "make", lambda *a, **k: (_ for _ in ()).throw(TypeError("no render_mode")))
    refused(capsys, "evaluate", "a", "--video", "film", match="--video: CartPole-v1 cannot be filmed: no render_mode")
    assert not Path("film").exists()


def test_evaluate_films_an_episode():
    pytest.importorskip("moviepy")
    run("--out", "a")
    assert cli.main(["evaluate", "a", "--episodes", "2", "--video", "film"]) == 0
    assert [path.suffix for path in Path("film").iterdir()] == [".mp4"]


def test_without_moviepy_the_extra_is_named(capsys, monkeypatch):
    run("--out", "a")
    monkeypatch.setitem(sys.modules, "moviepy", None)
    assert cli.main(["evaluate", "a", "--episodes", "2", "--video", "film"]) == 2
    assert capsys.readouterr().err.count('pip install "scratchrl[video]"\n') == 1


def test_plot_overlays_runs(capsys):
    folders = [f"run{seed}" for seed in range(2)]
    for seed, folder in enumerate(folders):
        run("--out", folder, "--seed", str(seed))
    assert cli.main(["plot", *folders, "--out", "all.png"]) == 0
    assert Path("all.png").stat().st_size > 10_000


def fake_tables(monkeypatch, derivatives, accuracy):
    """Modules in the places of those that `verify` asks; both tables say how many rows they have."""
    for name, passes in {"verify": derivatives, "accuracy": accuracy, "accuracy_record": None}.items():
        module = types.ModuleType(f"scratchrl.oracle.{name}")
        module.run, module.passed = lambda cases=2: list(range(cases)), lambda rows, passes=passes: passes
        module.table, module.scaled = lambda rows, known=None: f"{len(rows)} rows", dict
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(module.__name__, module, raising=False)


@pytest.mark.parametrize("passes", [(True, True), (True, False), (False, True)])
def test_verify_prints_two_tables_and_returns_their_verdict(capsys, monkeypatch, passes):
    fake_tables(monkeypatch, *passes)
    assert cli.main(["verify", "--accuracy-cases", "5"]) == (not all(passes))
    assert capsys.readouterr().out == "2 rows\n\n5 rows\n"


def test_verify_without_the_extra_says_what_to_install_and_checks_the_rest(capsys, monkeypatch):
    for derivatives, code in ((True, 0), (False, 1)):
        fake_tables(monkeypatch, derivatives, None)
        for name in [name for name in sys.modules if name.startswith("scratchrl.oracle.accuracy")]:
            monkeypatch.delitem(sys.modules, name)
            monkeypatch.delattr(name, raising=False)
        for name in ("ulps", "numbers"):
            monkeypatch.delitem(sys.modules, f"scratchrl.oracle.{name}", raising=False)
        monkeypatch.setitem(sys.modules, "flint", None)
        assert cli.main(["verify"]) == code
        line = 'no table of accuracy: flint is not installed: pip install "scratchrl[oracle]"'
        assert capsys.readouterr().out == f"2 rows\n{line}\n"


def test_verify_needs_a_case(capsys):
    refused(capsys, "verify", "--accuracy-cases", "0", match="--accuracy-cases: expected at least 1, got 0")


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_names_everything(capsys, arguments):
    assert cli.main(arguments) == 0
    out = capsys.readouterr().out
    for name in cli.COMMANDS if arguments == ["--help"] else cli_options.ALGORITHMS:
        assert f"  {name} " in out


@pytest.mark.parametrize("arguments", [["train", "fake"], ["evaluate"], ["plot"], ["verify"]])
def test_help_of_each_command(capsys, arguments):
    with pytest.raises(SystemExit) as stop:
        cli.main([*arguments, "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert f"scratchrl {' '.join(arguments)}" in out
    if arguments[0] == "train":
        assert "Of the walk." in out
        assert "--config" not in out


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_imports_nothing_heavy(arguments):
    code = (
        f"import sys; from scratchrl.cli import main; main({arguments})\n"
        "print(sorted({'numpy', 'numba', 'gymnasium', 'matplotlib', 'scipy', 'tyro'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=cli_root())
    assert done.stdout.endswith("[]\n")


def cli_root():
    return Path(cli.__file__).parents[2]


def unread(arguments, stderr, folder):
    """(exit code, standard error) of a command whose output goes where nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "scratchrl", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(cli_root())}
    stderr = writer if stderr is None else stderr
    done = subprocess.run(command, stdout=writer, stderr=stderr, env=environment, cwd=folder, check=False)
    os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", [["--version"], ["mistakes"], ["evaluate", "--help"]])
def test_a_reader_that_has_gone_is_met_with_silence(arguments, tmp_path):
    """As with `| head -1`, whether the command finds out while it prints or when it ends."""
    assert unread(arguments, subprocess.PIPE, tmp_path) == (141, b"")


def test_where_nobody_reads_the_output_errors_are_told_while_somebody_reads_them(tmp_path):
    code, told = unread(["evaluate", "nowhere"], subprocess.PIPE, tmp_path)
    assert code == 2
    assert told.startswith(b"scratchrl: nowhere/config.json: no such file")
    assert unread(["evaluate", "nowhere"], None, tmp_path) == (141, None)


def test_a_broken_pipe_to_somebody_else_is_told(capsys, monkeypatch):
    def broken(*arguments):
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(cli, "_command", lambda name: broken)
    refused(capsys, "bench", match="Broken pipe")

"""The command line on games for two: trained by self-play, evaluated against the environment's opponent."""

import importlib.util
import re
from pathlib import Path

import pytest

from scratchrl import cli
from scratchrl.runs import log

SMALL = ["--quiet", "--num-envs", "4", "--games", "8", "--simulations", "6", "--updates", "2", "--hidden", "8",
         "--report-every", "60"]  # fmt: skip


@pytest.fixture(autouse=True)
def inside(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def games(text):
    """(won, drawn, lost, against whom) of what evaluate printed."""
    (*counts, opponent), = re.findall(r"games +(\d+) won, (\d+) drawn, (\d+) lost against (.*)", text)
    return *map(int, counts), opponent


def test_tic_tac_toe_is_what_alphazero_plays_if_nothing_is_said(capsys):
    assert cli.main(["train", "alphazero", *SMALL, "--total-steps", "200"]) == 0
    table = log.read("runs/TicTacToe-alphazero-0/progress.csv")
    assert len(table["global_step"]) >= 3
    assert (table["charts/episodic_return"] <= 0).all()  # against perfect play
    capsys.readouterr()
    for flags in ([], ["--deterministic"]):
        assert cli.main(["evaluate", "runs/TicTacToe-alphazero-0", "--episodes", "10", *flags]) == 0
        won, drawn, lost, opponent = games(capsys.readouterr().out)
        assert (won, drawn + lost, opponent) == (0, 10, "perfect play")
    assert cli.main(["plot", "runs/TicTacToe-alphazero-0"]) == 0


def test_connect_four(capsys):
    flags = ["--env", "ConnectFour", "--total-steps", "150", "--out", "four"]
    assert cli.main(["train", "alphazero", *SMALL, *flags]) == 0
    capsys.readouterr()
    assert cli.main(["evaluate", "four", "--episodes", "8"]) == 0
    *counts, opponent = games(capsys.readouterr().out)
    assert (sum(counts), opponent) == (8, "random moves")


def test_games_can_be_filmed(capsys):
    moviepy = importlib.util.find_spec("moviepy") is not None
    assert cli.main(["train", "alphazero", *SMALL, "--total-steps", "60", "--out", "run"]) == 0
    assert cli.main(["evaluate", "run", "--episodes", "2", "--video", "films"]) == (0 if moviepy else 2)
    assert moviepy == Path("films").exists()
    assert moviepy or "--video needs packages that are not installed" in capsys.readouterr().err


def test_other_algorithms_play_too_and_learn_what_is_legal(capsys):
    flags = ["--quiet", "--env", "TicTacToe", "--total-steps", "512", "--num-envs", "4", "--steps", "64"]
    assert cli.main(["train", "ppo", *flags, "--out", "ppo"]) == 0
    assert cli.main(["evaluate", "ppo", "--episodes", "8"]) == 0
    assert games(capsys.readouterr().out)[3] == "perfect play"


def test_alphazero_needs_a_game(capsys):
    assert cli.main(["train", "alphazero", "--env", "CartPole-v1"]) == 2
    assert "env: expected a game for two, TicTacToe or ConnectFour" in capsys.readouterr().err

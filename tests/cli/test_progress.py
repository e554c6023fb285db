"""What is seen while training, on a terminal and in a log."""

import io
import math

import pytest

from scratchrl.cli import progress as cli_progress
from scratchrl.cli.progress import progress, summary

ROW = {
    "global_step": 64,
    "charts/episodic_return_100": 21.256,
    "losses/approx_kl": 0.00312,
    "losses/entropy": 0.6931,
    "losses/explained_variance": -0.5,
    "charts/SPS": 41234.5,
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_summary_names_what_is_there():
    assert summary(ROW) == "return 21.3  KL 0.00312  entropy 0.693  expl.var -0.5  steps/s 41234"
    assert summary({"charts/episodic_return_100": math.nan}) == ""


def test_a_terminal_gets_a_bar_that_starts_where_the_run_does():
    stream = Terminal()
    with progress(640, 320, stream=stream) as report:
        report(384, ROW)
    last = stream.getvalue().split("\r")[-1]
    assert "60%" in last
    assert "384/640" in last
    assert summary(ROW) in stream.getvalue()


@pytest.mark.parametrize(("period", "lines"), [(0.0, 3), (1000.0, 0)])
def test_a_log_gets_a_line_once_in_a_while(monkeypatch, period, lines):
    monkeypatch.setattr(cli_progress, "PERIOD", period)
    stream = io.StringIO()
    with progress(640, 0, stream=stream) as report:
        for step in (64, 128, 192):
            report(step, ROW)
    assert stream.getvalue().splitlines() == [f"{step}/640  {summary(ROW)}" for step in (64, 128, 192)[:lines]]


def test_quiet_is_silent(capsys):
    with progress(640, 0, quiet=True) as report:
        report(64, ROW)
    assert capsys.readouterr().err == ""

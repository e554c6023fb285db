"""`scratchrl bench`, on one quick row."""

import json

import pytest

from scratchrl import cli
from scratchrl.bench import machine

ROW = "C51 projection, 51 atoms, B = 32"


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(machine, "SIDE", 64)
    monkeypatch.setattr(machine, "COPIED", 1 << 16)


@pytest.mark.filterwarnings("ignore")
def test_the_table_its_file_and_a_comparison_with_it(tmp_path, capsys):
    path = tmp_path / "then.json"
    ask = ["bench", "--quick", "--rounds", "2", "--only", "B = 32", "--json", str(path)]
    assert cli.main(ask) == 0
    printed = capsys.readouterr().out
    assert ROW in printed
    assert "targets met" in printed
    held = json.loads(path.read_text(encoding="utf-8"))
    assert held["machine"]["versions"]["numpy"] in printed
    assert [row["name"] for row in held["rows"]] == [ROW]
    assert held["rows"][0]["cost"]["ours"] > 0
    assert cli.main([*ask, "--against", str(path)]) == 0
    assert "ours now/then" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--only", "no such row"], "no row's group or name contains 'no such row'"),
        (["--rounds", "0"], "--rounds: expected at least 1, got 0"),
        (["--against", "{file}"], "expected what --json wrote"),
        (["--against", "missing.json"], "scratchrl: missing.json: no such file or directory"),
    ],
)
def test_what_cannot_be_done_is_one_line(words, line, tmp_path, capsys):
    file = tmp_path / "other.json"
    file.write_text("[1]", encoding="utf-8")
    assert cli.main(["bench", *(word.format(file=file) for word in words)]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert line in said

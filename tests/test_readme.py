"""What the README shows in Python runs, and prints what it says."""

import re
from pathlib import Path

import pytest

from scratchrl import cli

README = Path(__file__).parents[1] / "README.md"


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_mistake_of_the_readme_is_named_as_it_shows(tmp_path, monkeypatch, capsys):
    """Line by line; where the README has dots, lines or ends of lines are left out."""
    (tmp_path / "mine.py").write_text(blocks("python")[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert cli.main(["check", "mine:gae", "--against", "gae"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    (shown,) = re.findall(r"```\n(mine:gae.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    for part in " ".join(shown.split()).split("..."):
        assert part.strip() in printed


def test_the_python_of_the_readme_runs(capsys):
    (code,) = [block for block in blocks("python") if "import gymnasium" in block]
    exec(compile(code, str(README), "exec"), {})
    first, *table = capsys.readouterr().out.splitlines()
    assert float(first) == pytest.approx(0.542025932, abs=1e-9)
    assert len(table) >= 6  # a heading and five weights


def test_every_path_of_the_readme_exists():
    for path in re.findall(r"\]\((?!http)([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert (README.parent / path).exists(), path


def test_every_example_is_in_the_ladder():
    listed = re.findall(r"^\| (\d\d) ", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == sorted(path.name[:2] for path in (README.parent / "examples").glob("*.py"))

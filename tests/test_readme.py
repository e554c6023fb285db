"""What the README shows in Python runs, and prints what it says."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_python_of_the_readme_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
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

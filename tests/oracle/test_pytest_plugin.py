"""The plugin in a pytest of its own, in a folder of somebody else's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import scratchrl
from scratchrl.oracle.pytest_plugin import parsed

ROOT = Path(scratchrl.__file__).parent.parent
SUBJECT = """
def total(rewards, gamma):
    return sum(r * gamma**t for t, r in enumerate(rewards))

def late(rewards, gamma):
    return sum(r * gamma ** (t + 1) for t, r in enumerate(rewards))
"""
TEST = """
import mine

def test_right(oracle):
    oracle(mine.total, "discounted_return")

def test_wrong(oracle):
    oracle(mine.late, "discounted_return")
"""


def run(folder, *arguments):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(folder)])}
    plugin = ["-p", "scratchrl.oracle.pytest_plugin", "-p", "no:cacheprovider", "--oracle-examples", "10"]
    if "scratchrl" in {entry.name for entry in installed()}:
        plugin = plugin[2:]
    command = [sys.executable, "-m", "pytest", *plugin, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def installed():
    from importlib.metadata import entry_points

    return entry_points(group="pytest11")


def test_the_fixture_passes_what_is_right_and_fails_what_is_wrong_with_the_report(tmp_path):
    (tmp_path / "mine.py").write_text(SUBJECT)
    (tmp_path / "test_mine.py").write_text(TEST)
    done = run(tmp_path)
    assert "1 failed, 1 passed" in done.stdout
    assert "mine:late against discounted_return: WRONG" in done.stdout


def test_subjects_named_in_the_configuration_are_tests(tmp_path):
    (tmp_path / "mine.py").write_text(SUBJECT)
    lines = ["mine:total against discounted_return", "mine:late against discounted_return", "mine:nothing against gae"]
    (tmp_path / "pytest.ini").write_text("[pytest]\noracle_subjects =\n" + "".join(f"    {x}\n" for x in lines))
    done = run(tmp_path)
    assert "2 failed, 1 passed" in done.stdout
    assert "mine:late against discounted_return: WRONG" in done.stdout
    assert "subject: cannot load 'mine:nothing'" in done.stdout


@pytest.mark.parametrize("line", ["a:f gae", "a:f against", "a:f against gae accept", "a:f against gae but x"])
def test_a_line_of_another_form_is_named(line):
    with pytest.raises(ValueError, match="oracle_subjects: expected"):
        parsed(line)

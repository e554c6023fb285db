"""Golden vectors: the same bytes, true numbers, flags that mean something, and a checker in another language."""

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from scratchrl.maths import returns
from scratchrl.oracle import mistakes, specs, vectors
from scratchrl.runs.atomic import replacing

EXAMPLE = Path(__file__).parents[2] / "examples" / "vectors"


@pytest.fixture(scope="module")
def gae():
    return vectors.vectors(specs.get("gae"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    vectors.write(folder, replacing)
    return folder


def numbers(value):
    if "values" in value:
        return np.array(value["values"]).reshape(value["shape"])
    floats = np.array([float.fromhex(x) for x in value["hex"]]) if "shape" in value else float.fromhex(value["hex"])
    return floats.reshape(value["shape"]) if "shape" in value else floats


def test_the_same_bytes_again(folder, gae):
    assert vectors._text(vectors.vectors(specs.get("gae"))) == (folder / "gae.json").read_text() == vectors._text(gae)


def test_every_spec_made_of_numbers_has_its_file_and_every_file_is_json(folder):
    names = {path.stem for path in folder.glob("*.json")}
    assert names - {"schema"} <= set(specs.every())
    assert {"gae", "gaussian_kl", "ppo_clip_loss", "c51_projection"} & set(specs.every()) <= names
    for path in folder.glob("*.json"):
        content = json.loads(path.read_text())
        if path.stem != "schema":
            assert content["schema"] == vectors.schema()["title"]
            assert set(vectors.schema()["required"]) == set(content)
            assert len(content["tests"]) >= 5


def test_outputs_are_true(gae):
    for test in gae["tests"]:
        case = {name: numbers(value) for name, value in test["inputs"].items()}
        (output,) = test["outputs"][:1]
        ours = returns.gae(**case)
        assert np.all(np.abs(ours - numbers(output)) <= numbers(output | {"hex": output["budget64"]}) + 1e-300)
        for hexadecimal, decimal in zip(output["hex"], output["decimal"], strict=True):
            nearest = float.fromhex(hexadecimal)
            half = Fraction(float(np.spacing(abs(nearest)))) / 2
            assert abs(Fraction(decimal) - Fraction(nearest)) <= half * (1 + Fraction(1, 10**20))


def test_inputs_in_decimals_are_the_same_numbers(gae):
    for test in gae["tests"]:
        for value in test["inputs"].values():
            if isinstance(value, dict) and "decimal" in value and "shape" in value:
                assert [float(x) for x in value["decimal"]] == [float.fromhex(x) for x in value["hex"]]


def test_flags_are_the_mistakes_that_show(gae):
    flagged = {flag for test in gae["tests"] for flag in test["flags"]}
    known = {entry.slug for entry in mistakes.against("gae") if not entry.equivalent}
    assert {flag.split("[")[0] for flag in flagged} == known
    for test in gae["tests"]:
        assert set(test["flags"]) == set(test["mistakes"]) <= set(gae["notes"])
        for wrong in test["mistakes"].values():
            shapes = [output["shape"] for output in wrong]
            same = shapes == [output["shape"] for output in test["outputs"][: len(shapes)]]
            assert not same or [o["hex"] for o in wrong] != [o["hex"] for o in test["outputs"]]


node = pytest.mark.skipif(shutil.which("node") is None, reason="the checker is JavaScript and needs node")


def check(folder, module):
    command = ["node", str(EXAMPLE / "check.mjs"), str(folder / "gae.json"), str(module)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@node
def test_the_checker_in_javascript_passes_a_right_gae(folder):
    done = check(folder, EXAMPLE / "gae.mjs")
    assert (done.returncode, done.stderr) == (0, "")
    assert "tests passed" in done.stdout


@node
def test_the_checker_in_javascript_names_a_wrong_gae(folder, tmp_path):
    right = (EXAMPLE / "gae.mjs").read_text()
    wrong = right.replace("terminated.data[i] ? 0", "terminated.data[i] || truncated.data[i] ? 0")
    assert wrong != right
    (tmp_path / "wrong.mjs").write_text(wrong)
    done = check(folder, tmp_path / "wrong.mjs")
    assert done.returncode == 1
    assert "it computes gae-trunc-as-terminal" in done.stdout


@node
def test_the_checker_in_javascript_without_files_says_how_it_is_called():
    done = subprocess.run(["node", str(EXAMPLE / "check.mjs")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "usage: node check.mjs VECTORS.json MODULE.mjs\n"

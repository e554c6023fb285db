"""check, specs, mistakes, vectors and replay as a user meets them: what they print, write and return."""

import json
import re

import numpy as np
import pytest

from scratchrl import cli

SUBJECT = """
import numpy as np

def gae(rewards, values, dones, last_value, gamma, lam):
    values = np.append(values, [last_value], 0)
    advantage, after = np.zeros_like(rewards), 0
    for t in reversed(range(len(rewards))):
        alive = 1 - dones[t]
        after = rewards[t] + gamma * alive * values[t + 1] - values[t] + gamma * lam * alive * after
        advantage[t] = after
    return advantage

def leaking(rewards, values, dones, last_value, gamma, lam):
    return gae(rewards, values, dones * 0, last_value, gamma, lam)

def surprisal(mu, log_std, action):
    z = (action - mu) / np.exp(log_std)
    return (z * z / 2 + log_std + np.log(2 * np.pi) / 2).sum(-1)

def odd(foo, bar):
    return foo
"""
FEW = ("--examples", "30")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    (tmp_path / "someones.py").write_text(SUBJECT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def run(capsys, *arguments):
    code = cli.main(list(arguments))
    return code, *capsys.readouterr()


def test_a_right_function_is_correct_and_the_code_is_0(capsys):
    code, out, _ = run(capsys, "check", "someones:gae", "--against", "gae", *FEW)
    assert code == 0
    assert out.startswith("someones:gae against gae: CORRECT\n")


def test_a_wrong_function_is_named_and_the_code_is_1_and_json_says_the_same(capsys, folder):
    code, out, _ = run(capsys, "check", "someones:leaking", "--against", "gae", "--json", "report.json", *FEW)
    assert code == 1
    assert out.startswith("someones:leaking against gae: WRONG: ")
    report = json.loads((folder / "report.json").read_text())
    assert (report["verdict"], report["accepted"]) == ("wrong", False)
    assert report["slugs"][0] in out


def test_a_convention_is_accepted_when_it_is_declared(capsys):
    question = ("check", "someones:surprisal", "--against", "gaussian_log_prob", *FEW)
    code, out, _ = run(capsys, *question)
    assert code == 1
    slug = out.split("--accept ")[1].split()[0]
    code, out, _ = run(capsys, *question, "--accept", slug)
    assert code == 0
    assert "CORRECT under another convention" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["someones:gae", "--against", "nothing"], "against: unknown spec 'nothing'; the specs are"),
        (["someones:gae", "--against", "gea"], "against: unknown spec 'gea'; did you mean gae?"),
        (["someones:gae", "--against", "gae", "--accept", "nothing"], "of gae; `scratchrl mistakes` lists"),
        (["someones:gae", "--against", "gae", "--accept", "gae-trunc-zerod"], "; did you mean gae-trunc-zeroed or"),
        (["someones:gae", "--against", "gae", "--role", "dones=terminate"], "did you mean terminated"),
        (["someones:gae", "--against", "gae", "--role", "done=dones"], "no parameter 'done'; did you mean dones?"),
        (["someones:nothing", "--against", "gae"], "cannot load 'someones:nothing'"),
        (["nowhere:f", "--against", "gae"], "cannot load 'nowhere:f'"),
        (["someones:odd", "--against", "gae"], "unknown to this spec: 'foo', 'bar'; say what each of these parameters"),
        (["someones:gae", "--against", "gae", "--role", "dones"], "--role: expected PARAMETER=ROLE"),
        (["someones:gae", "--against", "gae", "--role", "dones=x"], "dones='x' is not a role"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_code_2(capsys, folder, arguments, message):
    """The line is in the JSON file too, if one is asked for."""
    code, out, err = run(capsys, "check", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1
    assert run(capsys, "check", *arguments, "--json", "error.json") == (2, "", err)
    assert json.loads((folder / "error.json").read_text()) == {"error": err.removeprefix("scratchrl: ").strip()}


def test_specs_lists_all_and_tells_about_one(capsys):
    code, out, _ = run(capsys, "specs")
    assert code == 0
    for name in ("gae", "ppo_clip_loss", "c51_projection", "conjugate_gradient", "rollout"):
        assert f"\n{name} " in f"\n{out}"
    code, out, _ = run(capsys, "specs", "gae")
    assert code == 0
    for word in ("arguments    reward value next_value", "rewards, rews", "convention:", "edges", "identities:"):
        assert word in out
    assert " more\n" not in out
    code, _, err = run(capsys, "specs", "nothing")
    assert code == 2
    assert "against: unknown spec 'nothing'; the specs are" in err


def test_specs_shows_the_first_names_of_many_and_all_when_asked(capsys):
    from scratchrl.oracle import specs

    _, out, _ = run(capsys, "specs", "gaussian_kl")
    assert len(out.splitlines()) < 60
    aliases = {alias for role in specs.get("gaussian_kl").roles if role.name == "mean_p" for alias in role.aliases}
    some = "mean_p mean_old, mean_0, mean_1, mu_p, mu_old, mu_0, mu_1, loc_p"
    assert f"{some}, and {len(aliases - {'mean_p'}) - 8} more mean_q" in " ".join(out.split())
    _, out, _ = run(capsys, "specs", "gaussian_kl", "--all")
    assert " more\n" not in out
    for role in specs.get("gaussian_kl").roles:
        assert {*role.aliases} <= set(re.findall(r"\w+", out))


def test_mistakes_lists_all_and_tells_about_one(capsys):
    code, out, _ = run(capsys, "mistakes")
    assert code == 0
    assert len(out.splitlines()) > 200
    code, out, _ = run(capsys, "mistakes", "--against", "gae")
    assert {line for line in out.splitlines() if not line.startswith(" ")} == {"gae"}
    code, out, _ = run(capsys, "mistakes", "gae-trunc-as-terminal")
    assert code == 0
    assert "Toni-SM/skrl#449" in out
    code, _, err = run(capsys, "mistakes", "nothing")
    assert code == 2
    assert "no entry 'nothing' in the catalogue; `scratchrl mistakes` lists it" in err
    code, _, err = run(capsys, "mistakes", "gae-trunc-terminal")
    assert code == 2
    assert "did you mean gae-trunc-as-terminal" in err
    code, _, err = run(capsys, "mistakes", "--against", "nothing")
    assert code == 2
    assert "unknown spec 'nothing'" in err


def test_replay_names_the_stage_that_differs(capsys, folder):
    no = np.zeros(2, bool)
    told = {"reward": np.ones(2), "value": np.zeros(2), "next_value": np.zeros(2), "terminated": no, "truncated": no}
    told |= {"gamma": 0.5, "lam": 1.0, "advantage": np.array([1.5, 1.0])}
    np.savez(folder / "right.npz", **told)
    np.savez(folder / "wrong.npz", **told | {"advantage": np.array([2.0, 1.0])})
    code, out, _ = run(capsys, "replay", "right.npz")
    assert code == 0
    code, out, _ = run(capsys, "replay", "wrong.npz", "--json", "replay.json")
    assert code == 1
    assert "advantage" in out
    assert json.loads((folder / "replay.json").read_text())
    code, _, err = run(capsys, "replay", "nothing.npz", "--json", "error.json")
    assert code == 2
    assert "nothing.npz" in err
    assert json.loads((folder / "error.json").read_text())["error"] in err


def test_a_bug_of_ours_is_no_answer_for_machines(capsys, folder, monkeypatch):
    monkeypatch.setattr("scratchrl.oracle.subjects.load", lambda name: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(capsys, "check", "someones:gae", "--against", "gae", "--json", "error.json")
    assert not (folder / "error.json").exists()


def test_replay_prints_the_format_of_a_recording(capsys):
    """Every name that a recording may hold."""
    from scratchrl.oracle.traces import names

    code, out, _ = run(capsys, "replay", "--format")
    assert code == 0
    assert ".py" not in out  # it is for people who have not read the source
    words = set(re.findall(r"\w+", out))
    assert {*names.SHAPES, *names.WORDS, *names.WHENS, *names.NETS} <= words
    assert {word for choices in names.WORDS.values() for word in choices} <= words
    code, _, err = run(capsys, "replay")
    assert code == 2
    assert "expected a recording, FILE.npz" in err


def test_vectors_writes_its_files_and_says_which(capsys, folder, monkeypatch):
    from scratchrl.oracle import specs

    one = {"polyak_update": specs.get("polyak_update")}
    monkeypatch.setattr(specs, "every", lambda: one)
    code, out, _ = run(capsys, "vectors", "--out", "golden")
    assert code == 0
    assert out.split() == ["golden/schema.json", "golden/polyak_update.json"]
    assert json.loads((folder / "golden" / "polyak_update.json").read_text())["tests"]

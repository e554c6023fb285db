"""config.json: what is written is read, and what is not one is refused in a line."""

import pytest

from scratchrl.runs import settings

SETTINGS = {
    "scratchrl": "0.1.0",
    "algorithm": "ppo",
    "run": {"env": "CartPole-v1", "seed": 0},
    "config": {"hidden": (64, 64), "gamma": 0.99, "target_kl": None},
}


def test_round_trip_with_tuples(tmp_path):
    settings.write(tmp_path / "config.json", SETTINGS)
    assert settings.read(tmp_path / "config.json") == SETTINGS


def test_keys_are_sorted(tmp_path):
    settings.write(tmp_path / "config.json", SETTINGS)
    text = (tmp_path / "config.json").read_text()
    assert text.index("algorithm") < text.index("config") < text.index("gamma") < text.index("hidden")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"algorithm": "ppo"}', "\udcff"])
def test_damaged_or_foreign_settings_are_refused_in_one_line(tmp_path, text):
    (tmp_path / "config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=r"config\.json") as error:
        settings.read(tmp_path / "config.json")
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        settings.read(tmp_path / "config.json")

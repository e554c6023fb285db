"""tests/benchmarks/growth.py: exponents are what they are said to be, and a tiny run measures every part."""

import json
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parent / "benchmarks"


@pytest.fixture
def growth(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import growth

    return growth


@pytest.mark.parametrize("p", [-1.0, 0.0, 0.5, 2.0])
@pytest.mark.parametrize("c", [1e-3, 7.0])
def test_the_exponent_of_a_power_is_that_power(growth, p, c):
    x = np.array([1, 2, 4, 10, 100, 1000])
    found, first, straight = growth.growth_pictures.exponent(x, c * x**p)
    assert abs(found - p) < 1e-12
    assert first == 0
    assert straight


def test_an_exponent_is_that_of_where_growth_has_set_in(growth):
    x = 2.0 ** np.arange(16)
    found, first, _ = growth.growth_pictures.exponent(x, 1000 + x**2)
    assert 4 <= np.log2(x[first]) <= 8
    assert 1.9 < found < 2
    noise = np.where(np.arange(16) % 2, 1.05, 0.95)
    assert growth.growth_pictures.exponent(x, x * noise)[1] == 0


def test_of_points_that_are_nowhere_straight_the_last_three_are_taken(growth):
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert growth.growth_pictures.exponent(x, [1.0, 9.0, 1.0, 9.0])[1:] == (1, False)
    assert growth.growth_pictures.exponent(x[:2], [1.0, 2.0]) == (pytest.approx(1), 0, True)


def test_a_tiny_run_measures_every_part_and_is_drawn_again_from_its_json(growth, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(growth, "ROWS", 64)
    monkeypatch.setattr(growth, "SHORT", 0.0)
    monkeypatch.setattr(growth, "SIZES", {"envs": [1, 2, 8], "batch": [64, 128], "width": [4, 8]})
    growth.main(growth.Options(rounds=1, json=tmp_path / "growth.json", out=tmp_path))
    rows = json.loads((tmp_path / "growth.json").read_text())
    parts = {"total", "update", "rollout"}
    expected = {("envs", name, part, n) for name in ("PPO", "TRPO") for part in parts for n in (1, 2, 8)}
    expected |= {("batch", name, "update", n) for name in ("PPO", "TRPO") for n in (64, 128)}
    expected |= {("width", name, "update", n) for name in ("PPO", "TRPO") for n in (4, 8)}
    assert {(row["picture"], row["algorithm"], row["part"], row["size"]) for row in rows} == expected
    assert len(rows) == len(expected)
    assert all(row["µs"] > 0 for row in rows)
    told = capsys.readouterr().out
    pictures = [tmp_path / f"growth_{picture}.png" for picture in growth.SIZES]
    drawn = [picture.read_bytes() for picture in pictures]
    assert all(len(picture) <= 60_000 for picture in drawn)
    growth.main(growth.Options(from_=tmp_path / "growth.json", out=tmp_path))
    assert capsys.readouterr().out == told
    assert [picture.read_bytes() for picture in pictures] == drawn

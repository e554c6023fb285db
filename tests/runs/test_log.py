"""The two tables: appended to, cut back, read; a killed run plus its continuation leaves what one run leaves."""

import math

import numpy as np
import pytest

from scratchrl.runs import log

UPDATES = [  # (row, returns, lengths)
    ({"global_step": 64, "charts/episodic_return": math.nan, "losses/entropy": 0.1}, [], []),
    ({"global_step": 128, "charts/episodic_return": 1.5, "losses/entropy": 1 / 3}, [1.0, 2.0], [10, 20]),
    ({"global_step": 192, "charts/episodic_return": 3.0, "losses/entropy": 1e-30}, [3.0], [30]),
]


def play(folder, updates):
    with log.tables(folder) as write:
        for update in updates:
            write(*update)


def texts(folder):
    return [(folder / name).read_text() for name in ("progress.csv", "episodes.csv")]


def test_tables_as_text(tmp_path):
    play(tmp_path, UPDATES)
    progress, episodes = texts(tmp_path)
    assert progress.splitlines()[:2] == ["global_step,charts/episodic_return,losses/entropy", "64,,0.1"]
    assert episodes.splitlines() == ["global_step,return,length", "128,1.0,10", "128,2.0,20", "192,3.0,30"]


def test_every_float_comes_back(tmp_path):
    play(tmp_path, UPDATES)
    table = log.read(tmp_path / "progress.csv")
    np.testing.assert_array_equal(table["losses/entropy"], [row["losses/entropy"] for row, _, _ in UPDATES])
    np.testing.assert_array_equal(table["charts/episodic_return"], [math.nan, 1.5, 3.0])


@pytest.mark.parametrize("step", [0, 64, 127, 128, 192])
@pytest.mark.parametrize("torn", ["", "256,4"])
def test_cut_back_and_continued_is_uninterrupted(tmp_path, step, torn):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    play(whole, UPDATES)
    play(broken, UPDATES)
    for name in ("progress.csv", "episodes.csv"):
        with open(broken / name, "a") as file:
            file.write(torn)
        log.cut_back(broken / name, step)
    play(broken, [update for update in UPDATES if update[0]["global_step"] > step])
    assert texts(broken) == texts(whole)


def test_the_first_row_fixes_the_columns_also_of_a_continued_table(tmp_path):
    play(tmp_path, UPDATES[:1])
    play(tmp_path, [({"losses/entropy": 2.0, "global_step": 256, "new": 1.0}, [], [])])
    assert texts(tmp_path)[0].splitlines()[-1] == "256,,2.0"


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "global_step,x\n1\n", "global_step,x\n1,one\n"])
def test_other_files_are_refused(tmp_path, text):
    (tmp_path / "progress.csv").write_text(text)
    with pytest.raises(ValueError, match=r"progress\.csv: expected a table"):
        log.read(tmp_path / "progress.csv")

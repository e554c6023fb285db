"""The two tables of a run: progress.csv, a row an update, and episodes.csv, a row an episode."""

import csv
import math
from contextlib import contextmanager

import numpy as np

from scratchrl.runs.atomic import replacing

STEP = "global_step"  # the first column of both tables
EPISODE_COLUMNS = (STEP, "return", "length")


@contextmanager
def tables(folder):
    """Opens both tables of a run at their ends and yields `write(row, returns, lengths)`, to be called once an update.

    row: column -> number, global_step among them; the first row ever written fixes progress.csv's columns, a later row
    leaves blank what it lacks. returns, lengths: (K,) of the episodes that ended in the update. Every call is flushed,
    so that a killed run leaves whole rows behind.

    Checked in tests/runs/test_log.py.
    """
    progress_path, episodes_path = folder / "progress.csv", folder / "episodes.csv"
    names, header = columns(progress_path), columns(episodes_path)
    with _appending(progress_path) as progress, _appending(episodes_path) as episodes:
        if header is None:
            write(episodes, EPISODE_COLUMNS)

        def update(row, returns, lengths):
            nonlocal names
            if names is None:
                names = list(row)
                write(progress, names)
            write(progress, [row.get(name, math.nan) for name in names])
            for episode in zip(returns, lengths, strict=True):
                write(episodes, (row[STEP], *episode))

        yield update


def write(file, cells):
    """Appends one row to the open `file` and flushes it. NaN becomes an empty cell; a float is written with as many
    digits as bring back the same float.

    >>> import sys
    >>> write(sys.stdout, [64, float("nan"), 0.1])
    64,,0.1
    """
    file.write(",".join(map(_cell, cells)) + "\n")
    file.flush()


def _appending(path):
    return open(path, "a", newline="", encoding="utf-8")


def _cell(value):
    if isinstance(value, str | int | np.integer):
        return str(value)
    return "" if math.isnan(value) else repr(float(value))


def read(path):
    """column -> float64 array of one of the two tables; an empty cell is NaN.

    Raises: ValueError naming the file if it is no such table.
    """
    rows = _rows(path)
    try:
        if rows[0][0] != STEP:
            raise ValueError(f"first column {rows[0][0]!r}")
        table = np.array([[float(cell or "nan") for cell in row] for row in rows[1:]]).reshape(-1, len(rows[0]))
    except (ValueError, IndexError) as error:
        raise ValueError(f"{path}: expected a table whose first column is {STEP} ({error})") from error
    return dict(zip(rows[0], table.T, strict=True))


def columns(path):
    """The header of the table, or None if the file is missing or empty."""
    rows = _rows(path) if path.exists() else []
    return rows[0] if rows else None


def cut_back(path, step):
    """Drops the rows written after `step`, and a last row that a kill cut short; the file is replaced atomically.

    After a crash the tables may run ahead of the checkpoint: those steps will be played, and written, again.

    Args:
      path: a table; nothing happens if it does not exist.
      step: the checkpoint's global step.
    Raises: ValueError naming the file if it is no such table.
    Checked in tests/runs/test_log.py.
    """
    if not path.exists():
        return
    read(path)
    rows = _rows(path)
    with replacing(path) as file:
        for row in rows[:1] + [row for row in rows[1:] if int(row[0]) <= step]:
            file.write(",".join(row) + "\n")


def _rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        whole = [line for line in file if line.endswith("\n")]
    return list(csv.reader(whole))

"""Return against environment steps: one run with all its episodes, or many runs as a mean and a band over seeds."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from scratchrl.runs import log, settings
from scratchrl.runs.atomic import replacing
from scratchrl.runs.statistics import moving_mean

WINDOW = 100  # episodes in the moving mean
GRID = 400  # points of a band
COLUMNS = 2  # panels side by side
COLORS = 10  # of matplotlib's palette, C0 … C9; a panel with more lines begins again in the next style
STYLES = ("-", "--", ":", "-.")


class Run(NamedTuple):
    """What a plot needs of one run: its settings, and for each episode where it ended and what it returned."""

    settings: dict
    step: np.ndarray  # (K,) float64, environment steps
    returns: np.ndarray  # (K,) float64


def read(folder):
    """The Run kept in `folder`.

    Raises: ValueError, one line, if the folder holds no run or no episode of it has ended.
    """
    folder = Path(folder)
    about = settings.read(folder / "config.json")
    path = folder / "episodes.csv"
    table = log.read(path) if path.exists() else {"return": []}
    if len(table["return"]) == 0:
        raise ValueError(f"{folder}: nothing to draw, no episode has ended yet")
    return Run(about, spread(table[log.STEP]), table["return"])


def spread(step):
    """Episodes are logged at the end of the update they ended in; here they are spread evenly over that update.

    >>> spread(np.array([10.0, 10.0, 30.0]))
    array([ 5., 10., 30.])
    """
    ends, first, count = np.unique(step, return_index=True, return_counts=True)
    width = np.diff(ends, prepend=0.0)
    rank = np.arange(len(step)) - np.repeat(first, count)
    return np.repeat(ends - width, count) + (rank + 1) * np.repeat(width / count, count)


def group(runs):
    """Lists of runs that differ in their seed alone, in order of first appearance."""
    groups: dict[str, list[Run]] = {}
    for run in runs:
        groups.setdefault(repr(sorted(_identity(run).items())), []).append(run)
    return list(groups.values())


def band(runs):
    """Over the steps all runs have reached: the grid (G,), and mean, minimum, maximum over runs of the moving means."""
    grid = np.linspace(max(run.step[0] for run in runs), min(run.step[-1] for run in runs), GRID)
    curves = np.array([np.interp(grid, run.step, moving_mean(run.returns, WINDOW)) for run in runs])
    return grid, curves.mean(0), curves.min(0), curves.max(0)


def draw(folders, path):
    """Draws the runs into `path`, .png or any format that matplotlib knows by its suffix, atomically.

    One panel per environment, two in a row; no two lines of a panel have both the same colour and the same style, up
    to 40 lines. A group of one run: every episode as a dot and the moving mean of the last 100. A group
    of several: the mean over seeds of those moving means, and the band from the worst seed to the best.

    Raises: ValueError, one line, for a folder without a run, a run without episodes, or an unknown suffix.
    Checked in tests/runs/test_plot.py.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    groups = group([read(folder) for folder in folders])
    envs = list(dict.fromkeys(_identity(runs[0])["env"] for runs in groups))
    columns = min(COLUMNS, len(envs))
    rows = -(-len(envs) // columns)
    width, height = (8, 5) if columns == 1 else (6 * columns, 4 * rows)
    figure = Figure(figsize=(width, height), dpi=120, layout="constrained")
    if path.suffix[1:].lower() not in figure.canvas.get_supported_filetypes():
        raise ValueError(f"{path}: unknown picture format {path.suffix!r}; .png, .svg and .pdf always work")
    panels = {env: figure.add_subplot(rows, columns, place) for place, env in enumerate(envs, 1)}
    lines: Counter[str] = Counter()
    for runs, label in zip(groups, _labels(groups), strict=True):
        env = _identity(runs[0])["env"]
        _draw_group(panels[env], runs, label, *look(lines[env]))
        lines[env] += 1
    for env, axes in panels.items():
        axes.set(title=env, xlabel="environment steps", ylabel=f"episodic return (line: mean of the last {WINDOW})")
        axes.grid(alpha=0.3)
        axes.margins(x=0)
        axes.legend(loc="best", fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, "wb") as file:
        figure.savefig(file, format=path.suffix[1:].lower())


def look(index):
    """(colour, line style) of the line with this number in its panel.

    >>> look(0), look(12)
    (('C0', '-'), ('C2', '--'))
    """
    return f"C{index % COLORS}", STYLES[index // COLORS % len(STYLES)]


def _draw_group(axes, runs, label, color, style):
    if len(runs) == 1:
        run = runs[0]
        axes.plot(run.step, run.returns, ".", color=color, markersize=3, alpha=_alpha(len(run.step)), linewidth=0)
        axes.plot(run.step, moving_mean(run.returns, WINDOW), color=color, linestyle=style, label=label)
        return
    grid, mean, low, high = band(runs)
    axes.fill_between(grid, low, high, color=color, alpha=0.2, linewidth=0)
    axes.plot(grid, mean, color=color, linestyle=style, label=label)


def _alpha(episodes):
    return min(0.5, max(0.05, 250 / episodes))


def _identity(run):
    about = run.settings
    return {"algorithm": about["algorithm"], "env": about["run"]["env"], **about["config"]}


def _labels(groups):
    """The algorithm, and the settings in which a group differs from others of its algorithm and environment."""
    identities = [_identity(runs[0]) for runs in groups]
    return [_label(identity, _varying(identity, identities), len(runs))
            for identity, runs in zip(identities, groups, strict=True)]  # fmt: skip


def _varying(identity, identities):
    alike = [other for other in identities if all(other[key] == identity[key] for key in ("algorithm", "env"))]
    return {key for other in alike for one in alike for key in settings.differing(one, other)}


def _label(identity, varying, seeds):
    name = [identity["algorithm"], *(f"{key}={value}" for key, value in identity.items() if key in varying)]
    return " ".join(name) + (f" ({seeds} seeds, mean and range)" if seeds > 1 else "")

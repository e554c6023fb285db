"""What is made of growth.py's rows: exponents, a table, pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

STRAIGHT = 0.1  # a range is straight where no point is further than this share from the line
TITLES = {
    "envs": "CartPole-v1, batches of 4,096 steps",
    "batch": "One update: 17 observations, 6 Gaussian actions, 64×64",
    "width": "One update of 4,096 steps: 17 observations, 6 Gaussian actions",
}
AXES = {"envs": "environments N", "batch": "steps in a batch B", "width": "width of both hidden layers"}
COLORS = {"PPO": "#0072B2", "TRPO": "#D55E00"}
STYLES = {"total": "-", "update": "--", "rollout": ":"}


class Line(NamedTuple):
    """One line of a picture: y ≈ c xᵖ from size `first` on."""

    picture: str
    algorithm: str
    part: str
    x: tuple[int, ...]
    y: tuple[float, ...]  # µs
    p: float
    first: int
    straight: bool


def exponent(x: Sequence[float], y: Sequence[float]) -> tuple[float, int, bool]:
    """Least squares for log y = log c + p log x over the longest straight range that ends at the last point.

    Straight: no y further than 10 % from the line. If not even the last three points are, they are taken all the same.

    Returns:
      p, the index at which the range begins, and whether it is straight.
    """
    u, v = np.log(x), np.log(y)
    for first in range(max(len(u) - 2, 1)):
        p, c = np.polyfit(u[first:], v[first:], 1)
        straight = np.abs(v[first:] - p * u[first:] - c).max() <= np.log1p(STRAIGHT)
        if straight:
            break
    return float(p), first, bool(straight)


def lines(rows: Sequence[dict[str, Any]]) -> list[Line]:
    """The rows, by picture, part and algorithm."""
    found = []
    for key in dict.fromkeys((row["picture"], row["algorithm"], row["part"]) for row in rows):
        own = [row for row in rows if (row["picture"], row["algorithm"], row["part"]) == key]
        x, y = zip(*sorted((row["size"], row["µs"]) for row in own), strict=True)
        p, first, straight = exponent(x, y)
        found.append(Line(*key, x, y, p, x[first], straight))
    return found


def signed(p: float) -> str:
    """+0.50, −0.50."""
    return f"{round(p, 2) + 0.0:+.2f}".replace("-", "−")  # −0.0 + 0.0 is 0.0


def fitted(line: Line) -> str:
    """+0.50 from 8 on; and whether even the last three points are not on one line."""
    return f"{signed(line.p)} from {line.first:,} on" + ("" if line.straight else ", bent")


def table(drawn: Sequence[Line]) -> str:
    """All exponents, in Markdown: a row for each part, the algorithms side by side."""
    text = ["| what grows | time of | " + " | ".join(f"{name}: µs per step | exponent" for name in COLORS) + " |"]
    text.append("|---|---|" + "---|---|" * len(COLORS))
    for picture, part in dict.fromkeys((one.picture, one.part) for one in drawn):
        row = [one for name in COLORS for one in drawn if one[:3] == (picture, name, part)]
        sizes = f"{row[0].x[0]:,} … {row[0].x[-1]:,}"
        cells = [f"{one.y[0]:.3g} → {one.y[-1]:.3g} | {fitted(one)}" for one in row]
        text.append(" | ".join([f"| {AXES[picture]}, {sizes}", part, *cells]) + " |")
    return "\n".join(text)


def named(line: Line, drawn: Sequence[Line]) -> str:
    """The algorithm, and the part of it if there are several in the picture."""
    several = len({one.part for one in drawn}) > 1
    return f"{line.algorithm} {line.part}" if several else line.algorithm


def draw(drawn: Sequence[Line], path: Path) -> None:
    """One picture: time over size, both logarithmic; each line named where it ends, its exponent in the legend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.8), dpi=100, layout="constrained")
    axes = figure.subplots()
    for one in drawn:
        label = f"{named(one, drawn)}:  p = {fitted(one)}"
        axes.loglog(one.x, one.y, STYLES[one.part] if len(drawn) > len(COLORS) else "-", linewidth=2,
                    color=COLORS[one.algorithm], marker="o", markersize=3, label=label)  # fmt: skip
    picture, times = drawn[0].picture, np.log10([y for one in drawn for y in one.y])
    axes.set(title=TITLES[picture], xlabel=AXES[picture], ylabel="µs per environment step")
    axes.set_xticks(drawn[0].x, [f"{x:,}" for x in drawn[0].x])
    axes.set_ylim(10 ** np.floor(times.min()), 10 ** np.ceil(times.max()))
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(alpha=0.3)
    name_ends(axes, drawn)
    figure.legend(loc="outside lower center", ncols=2, fontsize="small", title="least squares: time ∝ sizeᵖ")
    save(figure, path)


def name_ends(axes: Any, drawn: Sequence[Line]) -> None:
    """The name of each line to the right of its last point, pushed up where it would cover another."""
    low, high = np.log(axes.get_ylim())
    at = -np.inf
    for one in sorted(drawn, key=lambda one: one.y[-1]):
        at = max((np.log(one.y[-1]) - low) / (high - low), at + 0.06)
        axes.text(1.01, at, named(one, drawn), color=COLORS[one.algorithm], va="center", transform=axes.transAxes)


def save(figure: Any, path: Path) -> None:
    """As PNG of 64 colours, a third of the size."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(64)
    small.save(path, optimize=True)

"""Pictures: the numbers in them by hand, and that something is drawn."""

import numpy as np
import pytest

from scratchrl.runs import log, plot, settings


def make_run(folder, seed=0, clip=0.2, level=10.0, episodes=300, algorithm="ppo", env="CartPole-v1", **config):
    folder.mkdir()
    run = {"env": env, "seed": seed}
    about = {"scratchrl": "0.1.0", "algorithm": algorithm, "run": run}
    about["config"] = {"clip": clip, "hidden": (64, 64)} | config
    settings.write(folder / "config.json", about)
    with log.tables(folder) as write:
        for k in range(episodes // 3):
            write({"global_step": 64 * (k + 1)}, [level, level + k, level], [20, 21, 22])
    return folder


def colors(path):
    from matplotlib.image import imread

    return len(np.unique(imread(path).reshape(-1, 4), axis=0))


def test_one_run_is_drawn(tmp_path):
    plot.draw([make_run(tmp_path / "a")], tmp_path / "sub" / "curve.png")
    assert colors(tmp_path / "sub" / "curve.png") > 50


def test_seeds_make_one_band_and_configs_make_groups(tmp_path):
    folders = [make_run(tmp_path / f"{clip}-{seed}", seed, clip) for clip in (0.1, 0.2) for seed in (0, 1, 2)]
    groups = plot.group([plot.read(folder) for folder in folders])
    assert [len(runs) for runs in groups] == [3, 3]
    assert plot._labels(groups)[0] == "ppo clip=0.1 (3 seeds, mean and range)"
    plot.draw(folders, tmp_path / "curves.png")
    assert colors(tmp_path / "curves.png") > 50


def test_runs_of_several_algorithms_and_environments_are_told_apart_by_name_and_panel(tmp_path):
    """A label lists what differs among runs of the same kind, not all that two algorithms do not share."""
    folders = [
        make_run(tmp_path / "a"),
        make_run(tmp_path / "b", algorithm="trpo", delta=0.01, damping=0.1),
        make_run(tmp_path / "c", algorithm="trpo", delta=0.02, damping=0.1),
        make_run(tmp_path / "d", env="Pendulum-v1", clip=0.3),
    ]
    groups = plot.group([plot.read(folder) for folder in folders])
    assert plot._labels(groups) == ["ppo", "trpo delta=0.01", "trpo delta=0.02", "ppo"]
    plot.draw(folders, tmp_path / "all.svg")
    svg = (tmp_path / "all.svg").read_text()
    assert svg.count('<g id="axes_') == 2


@pytest.fixture
def drawn(monkeypatch):
    """The figures that have been drawn."""
    from matplotlib.figure import Figure

    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))[1])
    return figures


def test_colours_are_counted_within_a_panel_and_lines_beyond_the_palette_have_another_style(tmp_path, drawn):
    """Twelve runs in each of two panels, by turns: counted over both, runs 0 and 5 of a panel would look the same."""
    envs = ("CartPole-v1", "Pendulum-v1")
    folders = [make_run(tmp_path / f"{k}-{env}", clip=k / 10, env=env) for k in range(12) for env in envs]
    plot.draw(folders, tmp_path / "all.svg")
    for axes in drawn[0].axes:
        lines = [line for line in axes.lines if not line.get_label().startswith("_")]
        looks = [(line.get_color(), line.get_linestyle()) for line in lines]
        assert len(set(looks)) == 12
        assert [color for color, _ in looks] == [f"C{k % 10}" for k in range(12)]
        assert {style for _, style in looks[:10]} == {"-"}
    assert len({plot.look(k) for k in range(40)}) == 40


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_panels_are_wrapped_into_rows(tmp_path, drawn, count):
    """A strip of panels is unreadable at the width of a page."""
    folders = [make_run(tmp_path / str(k), env=f"Env-v{k}") for k in range(count)]
    plot.draw(folders, tmp_path / "all.png")
    (figure,) = drawn
    assert len(figure.axes) == count
    assert {axes.get_gridspec().ncols for axes in figure.axes} == {2}
    width, height = figure.get_size_inches()
    assert width == 12
    assert height == 4 * figure.axes[0].get_gridspec().nrows


def test_band_of_constant_runs_is_their_mean_and_range():
    ends_and_level = [(10, 1000, 1), (20, 990, 2), (5, 980, 6)]
    runs = [plot.Run({}, np.array([first, 900.0, last]), np.full(3, y)) for first, last, y in ends_and_level]
    grid, mean, low, high = plot.band(runs)
    assert (grid[0], grid[-1]) == (20, 980)
    np.testing.assert_allclose(np.array([mean, low, high]).T, [[3, 1, 6]] * len(grid), rtol=1e-14)


def test_svg_and_unknown_formats(tmp_path):
    run = make_run(tmp_path / "a")
    plot.draw([run], tmp_path / "curve.svg")
    assert (tmp_path / "curve.svg").read_text().count("<path") > 5
    with pytest.raises(ValueError, match=r"unknown picture format '\.txt'"):
        plot.draw([run], tmp_path / "curve.txt")
    assert not (tmp_path / "curve.txt").exists()


def test_a_folder_without_a_run_or_without_episodes_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"config\.json: no such file"):
        plot.draw([tmp_path], tmp_path / "curve.png")
    with pytest.raises(ValueError, match="no episode has ended yet"):
        plot.draw([make_run(tmp_path / "empty", episodes=0)], tmp_path / "curve.png")

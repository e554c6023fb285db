"""Every example in its quick mode: the numbers it prints are what the theory says, and its picture shows something.

Seeds are fixed, so the statistical bounds (five standard errors) either always hold or never; for a fresh seed the
false-alarm rate of one such comparison is 6e-7.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))
NUMBER = r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?"


@pytest.fixture(scope="session")
def shown(tmp_path_factory):
    """Function number -> (printed text, pixels, figure): runs an example once."""
    folder, results = tmp_path_factory.mktemp("pictures"), {}
    figures, save = [], Figure.savefig

    def show(number, capture):
        if number not in results:
            script = SCRIPTS[number - 1]
            spec = importlib.util.spec_from_file_location(f"example_{script.stem}", script)
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Figure, "savefig", lambda self, *a, **k: (figures.append(self), save(self, *a, **k))[1])
                module.main(out=folder / f"{script.stem}.png", quick=True)
            pixels = matplotlib.image.imread(folder / f"{script.stem}.png")
            results[number] = capture.readouterr().out, pixels, figures[-1]
        return results[number]

    return show


@pytest.fixture
def printed(shown, capsys):
    """Function (number, label) -> the numbers printed after the label, in each line that has it."""

    def find(number, label):
        lines = [line.split(label, 1)[1] for line in shown(number, capsys)[0].splitlines() if label in line]
        assert lines, f"example {number} prints no {label!r}"
        return np.array([[float(x) for x in re.findall(NUMBER, line)] for line in lines])

    return find


# ---- form ----


def test_the_ladder_is_complete():
    assert [int(script.stem[:2]) for script in SCRIPTS] == list(range(1, len(SCRIPTS) + 1))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_short_and_explained(script):
    source = script.read_text(encoding="utf-8")
    doc = ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) < 100
    assert doc.startswith(f"{script.stem[:2]} · ")
    assert all(part in doc for part in ("Spinning Up's", "(1)", "Look for:"))


@pytest.mark.parametrize("number", range(1, len(SCRIPTS) + 1))
def test_picture_is_not_blank(shown, capsys, number):
    pixels = shown(number, capsys)[1][..., :3]
    assert pixels.shape[1] > 1000
    thirds = np.array_split(pixels, 3, axis=1)
    assert all((third.std(axis=(0, 1)) > 0.02).any() for third in thirds)
    assert len(np.unique((pixels * 15).astype(int).reshape(-1, 3), axis=0)) > 20


def test_curves_that_lie_on_each_other_are_both_seen(shown, capsys):
    """DQN and double DQN differ little: the upper line leaves room at the sides of the lower one."""
    lines = {line.get_label(): line for line in shown(14, capsys)[2].axes[0].lines}
    lower, upper = lines["DQN"], lines["double DQN"]
    assert lower.get_linewidth() >= 2 * upper.get_linewidth()
    assert list(lines).index("DQN") < list(lines).index("double DQN")


def test_a_distribution_function_rises_from_0_to_1_over_the_whole_panel(shown, capsys):
    left = shown(15, capsys)[2].axes[0]
    (exact,) = (line for line in left.lines if line.get_label() == "exact")
    assert exact.get_ydata()[[0, -1]] == pytest.approx([0, 1], abs=1e-12)
    assert tuple(exact.get_xdata()[[0, -1]]) == left.get_xlim()


def test_every_line_with_a_name_is_in_the_legend(shown, capsys):
    figure = shown(15, capsys)[2]
    named = {line.get_label() for axes in figure.axes for line in axes.lines if not line.get_label().startswith("_")}
    assert {text.get_text() for text in figure.legends[0].get_texts()} == named


def test_command_line(tmp_path):
    """As the README says it, from anywhere; without --out the picture goes to pictures/ here."""
    command = [sys.executable, str(SCRIPTS[1]), "--quick", "--seed", "3"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert "gamma 0.9" in done.stdout
    assert (tmp_path / "pictures" / f"{SCRIPTS[1].stem}.png").stat().st_size > 10_000


# ---- numbers ----


def test_policies_and_sampling(printed):
    for kind in ("categorical: ", "gaussian: "):
        entropy, surprise, error = printed(1, kind)[0]
        assert abs(surprise - entropy) < 5 * error
    share, probability = printed(1, "inside |z| = 1: ")[0]
    assert probability == pytest.approx(1 - np.exp(-0.5), abs=1e-4)
    assert abs(share - probability) < 5 * np.sqrt(probability * (1 - probability) / 1000)


def test_returns(printed):
    rows = printed(2, "gamma ")
    np.testing.assert_allclose(rows[:, 2], rows[:, 1], rtol=1e-6)
    np.testing.assert_allclose(rows[:, 3], rows[:, 1], rtol=1e-6)
    assert (rows[1:, 1] <= 1 / (1 - rows[1:, 0])).all()


def test_value_functions(printed):
    assert printed(3, "bellman residual of V_pi: ") < 1e-12
    assert printed(3, "bellman residual of V_star: ") < 1e-12
    assert (printed(3, "largest error / bound: ") <= 1 + 1e-6).all()
    value, best = printed(3, "start: ")[0]
    assert -20 < value < best < 0


def test_optimal_actions(printed):
    rows = np.concatenate([printed(4, f"{name}: V_star ") for name in ("is optimal", "the edge", "keep away")])
    np.testing.assert_allclose(rows[:2, 0], [-8, -11])  # Manhattan distance; one up, nine right, one down
    assert rows[:2, 1].tolist() == [16, 18]  # all but the last row and column; the two upper rows but the last column
    assert rows[2, 0] < -11
    assert (rows[:, 2] < 1e-12).all()
    assert (rows[:, 3] < 1e-10).all()


def test_advantage(printed):
    assert printed(5, "largest |mean of A_pi under pi|: ") < 1e-12
    largest, smallest = printed(5, "largest A_star: ")[0]
    assert largest <= 1e-12
    assert abs(smallest) <= 1e-12
    assert printed(5, "V_star ")[0, 0] == pytest.approx(-(1 - 0.95**8) / 0.05, abs=1e-4)


def test_log_derivative(printed):
    assert printed(6, "largest |dP/dμ − P × score|: ") < 1e-9
    assert (np.abs(printed(6, "integrals of P × score: ")) < 1e-9).all()
    assert (np.abs(printed(6, "from the exact one: ")) < 5).all()


def test_simplest_policy_gradient(printed):
    assert printed(7, "mean of the estimator: ") < 1e-12
    ratio = printed(7, "N = 1 … 16384: ")[0]
    assert (np.abs(ratio - 1) < 0.5).all()  # 40 repetitions: a relative standard error of about 0.11
    before, after = printed(7, "one batch: J from ")[0]
    assert after < before
    before, after = printed(7, "each step: J from ")[0]
    assert after > before


def test_variance_ladder(printed):
    rows = printed(8, ": variance ")
    assert (rows[:, 1] < 1e-12).all()
    assert (np.diff(rows[:, 0]) < 0).all()


def test_five_weights(printed):
    rows = printed(9, ": variance ")
    assert (rows[:, 1] < 1e-12).all()
    variance = dict(zip(("total", "to go", "minus v", "q", "a"), rows[:, 0], strict=True))
    assert variance["total"] > variance["to go"] > max(variance["minus v"], variance["q"])
    assert min(variance["minus v"], variance["q"]) > variance["a"]


def test_gae_frontier(printed):
    bias_zero, bias_one = printed(10, "bias at λ = 0 ")[:, 0], printed(10, "at λ = 1 ")[:, 0]
    assert (bias_one < 1e-12).all()
    assert bias_zero[0] < 1e-12
    np.testing.assert_allclose(bias_zero[1:] / bias_zero[2], [0.5, 1, 2], rtol=1e-3)  # linear in the error of V
    assert (np.diff(printed(10, "trajectories: ")[:, 0]) >= 0).all()


def test_trust_region(printed):
    (vanilla, _, first), (natural, _, second) = printed(11, "gradient: ")
    assert natural < vanilla / 3
    assert first < 0.02
    assert second < 0.02


def test_four_regions(printed):
    assert printed(12, "largest E[L] − surrogate: ") < 1e-12
    promise, truth, bound = (printed(12, name)[0, 1] for name in ("surrogate: best", "true J: best", "E[L]: best"))
    assert bound < truth < promise


def test_ppo_and_trpo(printed):
    best = printed(13, "V* at the start: ")[0, 0]
    assert best == pytest.approx(-(1 - 0.95**6) / 0.05, abs=1e-4)  # six steps
    largest = {name: printed(13, f"{name}: J ")[0, 2] for name in ("PPO-Clip", "PPO-Penalty", "TRPO", "no bound")}
    assert largest["TRPO"] < 0.02
    assert largest["no bound"] > 3 * max(largest["TRPO"], largest["PPO-Clip"], largest["PPO-Penalty"])
    assert all(printed(13, f"{name}: J ")[0, 0] < best for name in largest)


def test_q_learning_to_dqn(printed):
    for name in ("table", "DQN"):  # DQN: the double one too
        for first, last, short in printed(14, f"{name}: largest error of Q "):
            assert last < 0.2 * first
            assert last < 0.5
            assert 0 <= short < 0.2


def test_c51_distribution(printed):
    exact, fixed, _, learnt = printed(15, "mean: exact ")[0]  # 51 is read as a number
    assert fixed == exact
    assert abs(learnt - exact) < 0.02
    limit, _, _, last = printed(15, "Cramér distance to the exact one: fixed point ")[0]
    assert abs(last - limit) < 0.01
    assert limit < printed(15, "image on the grid / sqrt(1 - gamma): ")


def test_ddpg_chain_rule(printed):
    for states in ("its own states: ", "a replay's states: "):
        first, last = printed(16, states)[0]
        assert last < 0.01 * first
    difference, chain = printed(16, "relative error: ")[0]
    assert chain < 1e-13
    assert 100 * chain < difference < 1e-8
    height, slope = printed(16, "exact: Q ")[0]
    rows = printed(16, "critic after ")  # steps, Q, slope
    assert abs(rows[0, 2]) < 0.2 * abs(slope)
    assert abs(rows[-1, 2] - slope) < 0.3 * abs(slope)
    assert height < 0


def test_squashed_gaussian(printed):
    for _, _, exact, found, error in printed(17, "entropy of "):
        assert abs(found - exact) < 5 * error
    near, _, far, _ = printed(17, "largest error by (2): ")[0]
    assert near < far < 2e-6
    assert printed(17, "largest error by log(1 − a²): ")[0, 0] > 1e-4  # inf up to u = 12
    near, _, far, _ = printed(17, "largest error by (3), with 10⁻⁶: ")[0]
    assert near > 1e-3
    assert far > 5
    for slope, row in zip((2.0, 0.0), printed(17, "entropy at "), strict=True):
        assert row[-1] == pytest.approx(slope, abs=0.1)


def test_sac_temperature(printed):
    for asked in (-1.0, 0.0):
        for rest, _, alpha, entropy in printed(18, f"asked for {asked:+.1f}: α* "):
            assert alpha == pytest.approx(rest, rel=0.25)
            assert entropy == pytest.approx(asked, abs=0.1)


def test_alphazero_perfect_play(printed):
    """The network alone and with its search: games lost, of all that can be played."""
    lost = printed(19, "network alone loses ")
    assert lost[0, 0] > 300
    assert 0 < lost[0, 1] < lost[0, 0] / 4  # the search alone, without knowledge
    assert lost[-1, 0] < lost[0, 0] / 20
    assert lost[-1, 1] == 0
    optimal = printed(19, "; optimal ")[:, 0]
    assert optimal[-1] > 0.9 > 0.7 > optimal[0]
    before, searched, _, trained = printed(19, "moves that do not lose: ")[0]
    assert before < searched < trained

"""06 · The log-derivative trick and the score: Spinning Up's "Deriving the Simplest Policy Gradient" and "Baselines".

    ∇_θ P_θ(x) = P_θ(x) ∇_θ log P_θ(x)    chain rule on log: the log-derivative trick                              (1)
    E_{x~P}[∇_θ log P_θ(x)] = 0           since ∫ ∇P = ∇ ∫ P = ∇ 1: the score has mean zero                        (2)
    ∇_θ E_{x~P}[f(x)] = E_{x~P}[f(x) ∇_θ log P_θ(x)]      by (1): a gradient that needs samples of f only            (3)

For a Gaussian with θ = (μ, log σ) and z = (x − μ)/σ the score is (z/σ, z² − 1).

Look for: moving μ a little changes the density by just P times its score (left). The scores are large where samples
are rare, and weighted by the density their positive and negative areas cancel (middle). In the plane of two actions
the score points away from the mean, longer the more surprising the action; averaged over samples the arrows cancel to
within the statistical error; weighted with f they do not: their mean points to where f is large, which is (3) (right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.maths import gaussian

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
MEAN, STD, PEAK = np.array([0.3, -0.2]), np.array([1.0, 0.6]), np.array([1.5, 0.5])


def density_and_scores(x, mean, std):
    """P(x) and its scores (∂/∂μ, ∂/∂ log σ) at numbers x (N,)."""
    rows, means, log_std = x[:, None], np.full((len(x), 1), mean), np.log([std])
    d_mean, d_log_std = gaussian.score(means, log_std, rows)
    return np.exp(gaussian.log_prob(means, log_std, rows)), d_mean[:, 0], d_log_std[:, 0]


def draw_trick(axis, x, step=0.25):
    """The difference of two densities against P × score."""
    (p, d_mean, _), (moved, _, _) = density_and_scores(x, 0.0, 1.0), density_and_scores(x, step, 1.0)
    axis.plot(x, p, color=BLUE, label="P, μ = 0")
    axis.plot(x, moved, color=BLUE, linestyle="--", label=f"P, μ = {step:g}")
    axis.plot(x, (moved - p) / step, color=ORANGE, linewidth=4, alpha=0.6, label="difference / Δμ")
    axis.plot(x, p * d_mean, color="black", linestyle=":", label="P ∇ log P")
    axis.set(title="The log-derivative trick", xlabel="x", ylabel="density, and its change per unit of μ", xlim=(-4, 4))
    axis.legend(fontsize=8, loc="lower left")


def draw_scores(axis, x):
    """Both scores, and the areas they have under the density."""
    p, *scores = density_and_scores(x, 0.0, 1.0)
    for score, color, name in zip(scores, (BLUE, GREEN), ("μ = z/σ", "log σ = z² − 1"), strict=True):
        axis.plot(x, score, color=color, label=f"∂ log P/∂ {name}")
        axis.fill_between(x, p * score, color=color, alpha=0.35, label="P × score: areas cancel")
    axis.set(title="Scores have mean zero", xlabel="x (σ = 1)", ylabel="score", xlim=(-4, 4), ylim=(-1.5, 2.2))
    axis.legend(fontsize=8, loc="lower right")


def draw_field(axis, action, score, weighted):
    """Scores with respect to the two means, as arrows; and two averages of them."""
    axis.quiver(*action[:120].T, *score[:120].T, color="#80B8D8", width=0.003, scale=40, label="scores of samples")
    grid = np.meshgrid(np.linspace(-3, 4, 90), np.linspace(-2.6, 3.4, 90))
    axis.contour(*grid, payoff(np.stack(grid, axis=-1)), levels=5, colors=GREEN, linewidths=0.8)
    axis.plot([], [], color=GREEN, label="level lines of f")
    arrow = {"angles": "xy", "scale_units": "xy", "scale": 0.25, "width": 0.012}
    axis.quiver(*MEAN, *score.mean(axis=0), color="black", label="4 × mean score: nearly nothing", **arrow)
    axis.quiver(*MEAN, *weighted.mean(axis=0), color=VERMILLION, label="4 × mean of f × score", **arrow)
    axis.set(title="Score field of a two-dimensional policy", xlabel="first action", ylabel="second action")
    axis.legend(fontsize=8, loc="upper left")


def payoff(action, width=1.0):
    """f(a) = exp(−½ Σ (a − peak)²/w)/√Πw for w = 1; its mean over a ~ N(μ, σ²) is the same at μ with w = 1 + σ²."""
    return np.exp(-0.5 * np.sum((action - PEAK) ** 2 / width, axis=-1)) / np.prod(np.sqrt(width))


def main(out: Path = Path("pictures/06_log_derivative_and_score.png"), quick: bool = False, seed: int = 0):
    """Draw the trick, the scores and a score field."""
    rng, samples, x = np.random.default_rng(seed), 2_000 if quick else 50_000, np.linspace(-8, 8, 4001)
    action = gaussian.sample(rng, np.tile(MEAN, (samples, 1)), np.log(STD))
    score = gaussian.score(np.tile(MEAN, (samples, 1)), np.log(STD), action)[0]
    weighted, width = payoff(action)[:, None] * score, 1 + STD**2
    truth = payoff(MEAN, width) * (PEAK - MEAN) / width
    p, *scores = density_and_scores(x, 0.0, 1.0)
    change = (density_and_scores(x, 1e-5, 1.0)[0] - density_and_scores(x, -1e-5, 1.0)[0]) / 2e-5
    print(f"largest |dP/dμ − P × score|: {np.abs(change - p * scores[0]).max():.2e}")  # (1)
    print(f"integrals of P × score: {np.trapezoid(p * scores[0], x):.2e}, {np.trapezoid(p * scores[1], x):.2e}")  # (2)
    for name, draws, exact in (("score", score, 0), ("f × score", weighted, truth)):  # (2), (3)
        z = (draws.mean(axis=0) - exact) / (draws.std(axis=0) / samples**0.5)
        print(f"mean of {name}, in standard errors from the exact one: {z[0]:.3f}, {z[1]:.3f}")

    figure = Figure(figsize=(16, 4.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_trick(left, x)
    draw_scores(middle, x)
    draw_field(right, action, score, weighted)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

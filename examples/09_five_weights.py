"""09 · The five Φ_t: Spinning Up's "Other Forms of the Policy Gradient".

    ∇J(θ) = E_τ[ Σ_t ∇ log π_θ(a_t|s_t) Φ_t ]      for Φ_t any of                                                  (1)

    R(τ)        R̂_t        R̂_t − V(s_t)        Q(s_t, a_t)        A(s_t, a_t) = Q(s_t, a_t) − V(s_t)

What makes the variance of R̂_t is (law of total variance, twice)

    Var(R̂_t) = Var(V(s_t)) + E[Var(A(s_t, a_t) | s_t)] + E[Var(R̂_t | s_t, a_t)]                                    (2)
               where we are     what we chose            what chance did afterwards

A baseline V removes the first term, Q the last, A both. The MDP is random (garnet), its 16 384 trajectories are listed,
and everything below is a sum over them: no sampling, no error bars.

Look for: five marks on every bar, although the methods share nothing but the scores (left). The exact variances: R̂ − V
and Q remove different terms of (2), so neither always wins (middle). The laws of the five estimates, projected on the
gradient: one mean, ever less width (right).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact import families
from scratchrl.exact.enumeration import probability, trajectories
from scratchrl.exact.estimators import five_weights
from scratchrl.exact.expectation import coordinates, moments
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import policy_gradient
from scratchrl.exact.zoo import garnet

STYLE = {  # name in algorithms/vpg.py: name in the picture, colour, marker
    "total_return": ("R(τ)", "#D55E00", "o"),
    "reward_to_go": ("R̂", "#E69F00", "s"),
    "reward_to_go_baseline": ("R̂ − V", "#009E73", "^"),
    "q": ("Q", "#56B4E9", "v"),
    "advantage": ("A", "#0072B2", "*"),
}
STATES, ACTIONS = 4, 2


def draw_means(axis, exact, means):
    """∇J as bars, the five means as marks; only the parameters of the table W(s, a)."""
    shown = np.arange(STATES * ACTIONS)
    axis.bar(shown, exact[shown], color="#CCCCCC", label="exact ∇J")
    for (name, mean), shift in zip(means.items(), np.linspace(-0.32, 0.32, 5), strict=True):
        label, color, marker = STYLE[name]
        axis.plot(shown + shift, mean[shown], marker, color=color, markersize=6, label=label)
    ticks = [f"{s},{a}" for s in range(STATES) for a in range(ACTIONS)]
    axis.set(title="Five means, one gradient", xlabel="parameter θ[state, action]", ylabel="E[ĝ]", xticks=shown)
    axis.set_xticklabels(ticks)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.legend(fontsize=8, ncol=2)


def draw_law(axis, position, chances, projection, color):
    """The law of ĝ·∇J/|∇J| as a density, mirrored."""
    density, edges = np.histogram(projection, bins=np.linspace(-14, 14, 71), weights=chances, density=True)
    centre, width = (edges[:-1] + edges[1:]) / 2, 0.45 * density / density.max()
    axis.barh(centre[width > 1e-3], 2 * width[width > 1e-3], 0.4, left=position - width[width > 1e-3], color=color)


def main(out: Path = Path("pictures/09_five_weights.png"), quick: bool = False, seed: int = 3):
    """List all trajectories of a random MDP and judge the five estimators."""
    mdp, horizon = replace(garnet(np.random.default_rng(seed), STATES, ACTIONS, 2), gamma=1.0), 4 if quick else 6
    family = families.tabular(STATES, ACTIONS)
    theta = np.zeros(families.size(family))
    policy, batch = families.table(family, theta), trajectories(mdp, horizon)
    exact, chances = policy_gradient(mdp, family, theta, horizon), probability(batch, policy)
    psi = families.scores(family, theta).reshape(STATES * ACTIONS, -1)

    figure = Figure(figsize=(16, 4.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    means = {}
    for k, (name, weight) in enumerate(five_weights(batch, *finite_horizon_values(mdp, policy, horizon), 1.0).items()):
        label, color, _ = STYLE[name]
        estimate = coordinates(batch, weight, STATES, ACTIONS) @ psi  # ĝ of every trajectory
        means[name], covariance = moments(chances, estimate)
        variance = np.trace(covariance)
        print(f"{label}: variance {variance:.4f}, largest |mean − exact| {np.abs(means[name] - exact).max():.2e}")
        middle.bar(label, variance, color=color)
        middle.text(k, variance, f"{variance:.1f}", ha="center", va="bottom")
        draw_law(right, k, chances, estimate @ exact / np.linalg.norm(exact), color)
    draw_means(left, exact, means)
    middle.set(title="Variance of one trajectory's estimate", ylabel="tr Cov(ĝ), exact")
    right.axhline(np.linalg.norm(exact), color="black", linestyle=":", label="|∇J|, the mean of all five")
    right.set(ylim=(-10, 14.5), title="Laws of the estimates along ∇J", ylabel="ĝ·∇J / |∇J|", xticks=range(5))
    right.set_xticklabels([label for label, _, _ in STYLE.values()])
    right.legend(fontsize=8, loc="lower right")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

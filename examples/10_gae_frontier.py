"""10 · GAE's bias-variance frontier: Spinning Up's "Other Forms of the Policy Gradient", its pointer to GAE.

    δ_t = r_t + γ V(s_{t+1}) − V(s_t)                 trusts V after one reward                                    (1)
    Â_t = Σ_k (γλ)ᵏ δ_{t+k}                           λ = 0: δ_t          λ = 1: R̂_t − V(s_t)                      (2)
    E|ĝ_N − ∇J|² = |E ĝ − ∇J|² + tr Cov(ĝ)/N          bias² + variance of N trajectories                           (3)

With the true V every λ is unbiased and λ = 0 has the least variance. With a wrong V, as every learned one is, small λ
pays in bias, λ = 1 never does, and λ decides where in between to stand. V here is V^π plus `error` times a fixed random
function of the state; the objective is undiscounted over 6 steps, so V knows the clock, and all means and covariances
are sums over all 20 480 trajectories of a random MDP.

Look for: each curve runs from λ = 0 (biased by V's error) to λ = 1 (on the left edge: no bias), one dot every 0.05. The
wronger V, the further it bends away from the edge; and a wrong V adds variance of its own, least at a λ inside (left).
For a given number of trajectories (3) has its minimum inside; more data moves it to larger λ, since averaging removes
variance but not bias (right).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact import families
from scratchrl.exact.enumeration import probability, trajectories
from scratchrl.exact.estimators import gae_weights
from scratchrl.exact.expectation import gradient_moments
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import policy_gradient
from scratchrl.exact.zoo import garnet

COLORS = ("#000000", "#56B4E9", "#0072B2", "#D55E00")
STATES, ACTIONS = 5, 2


def frontier(mdp, family, theta, horizon, value, lams):
    """Bias |E ĝ − ∇J| and variance tr Cov(ĝ) for every λ."""
    batch = trajectories(mdp, horizon)
    chances, exact = probability(batch, families.table(family, theta)), policy_gradient(mdp, family, theta, horizon)
    bias, variance = [], []
    for lam in lams:
        weight = gae_weights(batch, value, mdp.gamma, lam)  # (2)
        mean, covariance = gradient_moments(family, theta, batch, chances, weight)
        bias.append(np.linalg.norm(mean - exact))
        variance.append(np.trace(covariance))
    return np.array(bias), np.array(variance)


def main(out: Path = Path("pictures/10_gae_frontier.png"), quick: bool = False, seed: int = 0):
    """Judge GAE exactly, for four qualities of V."""
    rng, horizon = np.random.default_rng(seed), 4 if quick else 6
    mdp, family = replace(garnet(rng, STATES, ACTIONS, 2), gamma=1.0), families.tabular(STATES, ACTIONS)
    theta = np.zeros(families.size(family))
    truth = finite_horizon_values(mdp, families.table(family, theta), horizon)[0]
    wrong, lams = np.zeros_like(truth), np.linspace(0, 1, 6 if quick else 21)
    wrong[:-1] = rng.normal(size=STATES)  # V is 0 where nothing is left to come, and everybody knows that
    exact = np.linalg.norm(policy_gradient(mdp, family, theta, horizon))

    figure = Figure(figsize=(13, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for error, color in zip((0.0, 0.5, 1.0, 2.0), COLORS, strict=True):
        bias, variance = frontier(mdp, family, theta, horizon, truth + error * wrong, lams)
        print(f"error {error:g}: bias at λ = 0 {bias[0]:.3e}, at λ = 1 {bias[-1]:.3e}, "
              f"variance {variance[0]:.4f} to {variance[-1]:.4f}")  # fmt: skip
        left.plot(bias / exact, variance, "o-", color=color, markersize=3, label=f"error of V: {error:g}")
        for k, text in ((0, "λ = 0"), (-1, "λ = 1")):
            if error > 0.5 or k == 0:
                left.annotate(text, (bias[k] / exact, variance[k]), (6, -4), textcoords="offset points", fontsize=8)
    for trajectories_per_batch, style in ((4, ":"), (32, "--"), (256, "-")):
        bias, variance = frontier(mdp, family, theta, horizon, truth + wrong, lams)
        total = np.sqrt(bias**2 + variance / trajectories_per_batch) / exact  # (3)
        right.semilogy(lams, total, style, color=COLORS[2], label=f"N = {trajectories_per_batch}")
        right.plot(lams[total.argmin()], total.min(), "*", color="#D55E00", markersize=14)
        print(f"best λ with {trajectories_per_batch} trajectories: {lams[total.argmin()]:.2f}")
    left.set(title="Bias and variance of GAE's gradient", xlabel="bias |E ĝ − ∇J| / |∇J|", ylabel="variance tr Cov(ĝ)")
    right.set(title="Relative error of a batch of N trajectories (V wrong by 1)", xlabel="λ", ylabel="RMS error / |∇J|")
    right.plot([], [], "*", color="#D55E00", markersize=12, linestyle="", label="best λ")
    for axis in (left, right):
        axis.legend(fontsize=9)
    left.margins(x=0.1)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

"""07 · The simplest policy gradient: Spinning Up's "Deriving the Simplest Policy Gradient".

    ∇J(θ) = E_τ[ Σ_t ∇ log π_θ(a_t|s_t) R(τ) ]                     what we want                                   (1)
    ĝ = (1/N) Σ_τ Σ_t ∇ log π_θ(a_t|s_t) R(τ)                      what N trajectories tell us                    (2)
    loss(θ') = −(1/N) Σ_τ Σ_t log π_θ'(a_t|s_t) R(τ)               its gradient at θ' = θ is −ĝ, and nothing more  (3)

The task is small enough to list all its trajectories (3520), so ∇J and the covariance of ĝ are exact sums, and
sampling means drawing from the list.

Look for: the error of ĝ falls like √(tr Cov/N), the line nobody fitted (left). Then Spinning Up's warning: descend (3)
on one batch, step after step, and it goes to −∞ without a stop (middle) while the true return craters to the worst
possible, −6: every return is negative, so the loss is content with making all that it has seen improbable. The same
steps with a fresh batch each time climb (right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact import families
from scratchrl.exact.enumeration import probability, trajectories
from scratchrl.exact.expectation import coordinates, gradient_moments
from scratchrl.exact.gradients import objective, policy_gradient
from scratchrl.exact.zoo import gridworld
from scratchrl.maths import returns

BLUE, ORANGE, VERMILLION = "#0072B2", "#E69F00", "#D55E00"
MDP, HORIZON = gridworld(2, 3), 6  # −1 a step until the goal, or 6 steps; −3 is best, −6 worst
STATES, ACTIONS, _ = MDP.transition.shape
FAMILY = families.tabular(STATES, ACTIONS)
LIST = trajectories(MDP, HORIZON)
TOTAL = returns.total_return(LIST.reward, LIST.terminated, LIST.truncated, 1.0)  # R(τ), at every step of τ
WEIGHT = coordinates(LIST, TOTAL, STATES, ACTIONS)  # Σ_t R(τ) [s_t = s, a_t = a] for every τ


def batch(rng, theta, size):
    """(1/N) Σ_τ Σ_t R(τ) [s_t = s, a_t = a] of N trajectories: all that (2) and (3) know of them, (S·A,)."""
    return rng.multinomial(size, probability(LIST, families.table(FAMILY, theta))) / size @ WEIGHT


def estimate(theta, seen):
    """ĝ of (2)."""
    return seen @ families.scores(FAMILY, theta).reshape(STATES * ACTIONS, -1)


def ascend(rng, size, steps, lr, fresh):
    """loss (3) and true J while following ĝ with one batch, or with a fresh one at every step."""
    theta = np.zeros(families.size(FAMILY))
    seen, losses, truths = batch(rng, theta, size), [], []
    for _ in range(steps):
        seen = batch(rng, theta, size) if fresh else seen
        losses.append(-seen @ np.log(families.table(FAMILY, theta)).ravel())  # (3)
        truths.append(objective(MDP, FAMILY, theta, HORIZON))
        theta = theta + lr * estimate(theta, seen)
    return losses, truths


def main(out: Path = Path("pictures/07_simplest_policy_gradient.png"), quick: bool = False, seed: int = 0):
    """Estimate the policy gradient, then see what its loss is not."""
    rng, theta = np.random.default_rng(seed), np.zeros(families.size(FAMILY))
    repeats, runs, steps = (40, 2, 40) if quick else (400, 10, 150)
    chances = probability(LIST, families.table(FAMILY, theta))
    exact = policy_gradient(MDP, FAMILY, theta, HORIZON)  # (1), by the policy gradient theorem
    mean, covariance = gradient_moments(FAMILY, theta, LIST, chances, TOTAL)
    spread, sizes = np.sqrt(np.trace(covariance)), 4 ** np.arange(8)
    print(f"exact gradient against the mean of the estimator: {np.abs(mean - exact).max():.2e}")
    draws = [[estimate(theta, batch(rng, theta, n)) - exact for _ in range(repeats)] for n in sizes]
    error = np.linalg.norm(draws, axis=2)
    measured = np.sqrt((error**2).mean(axis=1))
    print(f"measured RMS error / predicted, N = 1 … {sizes[-1]}:", *np.round(measured / (spread / sizes**0.5), 3))

    figure = Figure(figsize=(16, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.loglog(sizes, error[:, :20], ".", color=ORANGE, alpha=0.5)
    left.loglog(sizes, measured, "o", color="black", label=f"|ĝ − ∇J|, root mean square of {repeats}")
    left.loglog(sizes, spread / np.sqrt(sizes), color=BLUE, label="√(tr Cov / N), exact")
    left.axhline(np.linalg.norm(exact), color="#777777", linestyle=":", label="|∇J|")
    left.set(title="The estimate converges like 1/√N", xlabel="trajectories N", ylabel="error of the gradient")
    for fresh, color, label in ((False, VERMILLION, "one batch"), (True, BLUE, "a fresh batch each step")):
        results = np.array([ascend(rng, 50, steps, 0.05, fresh) for _ in range(runs)])
        print(f"{label}: J from {results[:, 1, 0].mean():.3f} to {results[:, 1, -1].mean():.3f}")
        for axis, curves in ((middle, results[:, 0]), (right, results[:, 1])):
            axis.plot(curves.T, color=color, alpha=0.35, linewidth=1)
            axis.plot(curves.mean(axis=0), color=color, linewidth=2.5, label=label)
    middle.set(title="The \"loss\" goes down and down …", xlabel="gradient step", ylabel="loss (3)")
    right.set(title="… and the true return craters", xlabel="gradient step", ylabel="J, expected return")
    for axis in (left, middle, right):
        axis.legend(fontsize=8)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

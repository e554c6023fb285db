"""08 · Reward-to-go and baselines: Spinning Up's "Don't Let the Past Distract You" and "Baselines in Policy Gradients".

    ĝ = Σ_t ∇ log π_θ(a_t|s_t) Φ_t       with Φ_t =                                                                 (1)
        R(τ)               everything, also what happened before a_t
        R̂_t = Σ_{t'≥t} r_t'    the past removed:     E[∇ log π(a_t|s_t) · past] = 0
        R̂_t − b            minus a constant:      E[∇ log π(a_t|s_t) b] = 0
        R̂_t − V^π(s_t)     minus what was to be expected in this state
        R̂_t − b*(s_t)      minus the baseline of least variance (exact/baselines.py derives it)

Each rung keeps the mean and lowers the variance; all are exact sums over the 3520 trajectories of a small gridworld.
Look for: five clouds of estimates with one and the same centre, the exact gradient (left). The ladder, on a logarithmic
axis; V^π is nearly the best baseline, but not quite (middle). And what it is good for: with the same eight trajectories
per step, lower variance learns faster and wobbles less (right; bands: four runs of five).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact import baselines, families
from scratchrl.exact.enumeration import columns, probability, trajectories
from scratchrl.exact.expectation import coordinates, moments
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import objective, policy_gradient
from scratchrl.exact.zoo import gridworld
from scratchrl.maths import returns

COLORS = {"R(τ)": "#D55E00", "R̂": "#E69F00", "R̂ − b": "#CC79A7", "R̂ − V": "#0072B2", "R̂ − b*": "#009E73"}
MDP, HORIZON = gridworld(2, 3), 6
SHAPE = MDP.transition.shape[:2]
FAMILY = families.tabular(*SHAPE)
LIST = trajectories(MDP, HORIZON)
TIME = np.arange(HORIZON)[:, None]
START = np.zeros(families.size(FAMILY))


def estimates(name, batch, chances, theta):
    """ĝ of (1) for every trajectory, (K, P)."""
    policy, flags = families.table(FAMILY, theta), (batch.terminated, batch.truncated)
    to_go = returns.reward_to_go(batch.reward, *flags, 1.0)
    arguments = FAMILY, theta, batch, chances, to_go
    weights = {
        "R(τ)": lambda: returns.total_return(batch.reward, *flags, 1.0),
        "R̂": lambda: to_go,
        "R̂ − b": lambda: to_go - baselines.best_constant(*arguments),
        "R̂ − V": lambda: to_go - finite_horizon_values(MDP, policy, HORIZON)[0][TIME, batch.state],
        "R̂ − b*": lambda: to_go - baselines.best(*arguments)[TIME, batch.state],
    }
    place = coordinates(batch, weights[name](), *SHAPE)
    return place @ families.scores(FAMILY, theta).reshape(place.shape[1], -1)


def learn(name, rng, steps, size=8, lr=0.1):
    """J after each step of stochastic gradient ascent, `size` fresh trajectories a step."""
    theta, curve = START, []
    for _ in range(steps):
        curve.append(objective(MDP, FAMILY, theta, HORIZON))
        chances = probability(LIST, families.table(FAMILY, theta))
        batch = columns(LIST, rng.choice(len(chances), size, p=chances))
        theta = theta + lr * estimates(name, batch, np.full(size, 1 / size), theta).mean(axis=0)
    return curve


def main(out: Path = Path("pictures/08_variance_ladder.png"), quick: bool = False, seed: int = 0):
    """Five estimators of the same gradient."""
    rng, (runs, steps) = np.random.default_rng(seed), (2, 10) if quick else (15, 60)
    chances = probability(LIST, families.table(FAMILY, START))
    exact = policy_gradient(MDP, FAMILY, START, HORIZON)
    figure = Figure(figsize=(16, 4.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    for name, color in COLORS.items():
        single = estimates(name, LIST, chances, START)
        mean, covariance = moments(chances, single)
        variance = np.trace(covariance)
        print(f"{name}: variance {variance:.4f}, largest |mean − exact| {np.abs(mean - exact).max():.2e}")
        cloud = [single[rng.choice(len(single), 30, p=chances)].mean(axis=0)[1:3] for _ in range(300)]
        left.plot(*np.transpose(cloud), ".", color=color, alpha=0.6, markersize=4, label=name)
        middle.bar(name, variance, color=color)
        middle.text(list(COLORS).index(name), 1.1 * variance, f"{variance:.3g}", ha="center")
    for name in ("R(τ)", "R̂", "R̂ − V"):
        curves = np.array([learn(name, rng, steps) for _ in range(runs)])
        right.plot(curves.mean(axis=0), color=COLORS[name], label=name)
        right.fill_between(range(steps), *np.quantile(curves, (0.1, 0.9), axis=0), color=COLORS[name], alpha=0.2)
        print(f"J with {name} after {steps} steps: {curves[:, -1].mean():.3f} ± {curves[:, -1].std():.3f}")
    left.plot(*exact[1:3], "k+", markersize=16, markeredgewidth=2, label="exact ∇J")
    left.legend(fontsize=8)
    right.legend(fontsize=8)
    left.set(title="Means of 30 trajectories", xlabel="∂J/∂θ[start, right]", ylabel="∂J/∂θ[start, down]")
    middle.set(title="Variance of one trajectory's estimate", yscale="log", ylabel="tr Cov(ĝ), exact", ylim=(1, 600))
    right.set(title="Learning with 8 trajectories a step", xlabel="gradient step", ylabel="J, exact (−3 is best)")
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

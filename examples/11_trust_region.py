"""11 · Trust regions: Spinning Up's "Proximal Policy Optimization", its part on TRPO.
    maximise L(θ) subject to KL(θ) = E_{s~π_old}[KL(π_old(·|s)‖π_θ(·|s))] ≤ δ                                       (1)
    L ≈ gᵀs, KL ≈ ½ sᵀF s   gives   s = √(2δ / gᵀF⁻¹g) F⁻¹g          the natural gradient, as far as δ allows        (2)
    vanilla: s = α g                                                 near in θ, however far in π                    (3)

Two states, two parameters: θ_s is the logit of `go` in state s. Staying in 0 pays 1 a step, staying in 1 pays 2, going
nothing: best is to go from 0 and stay in 1, and staying in 0 is a plateau that takes courage to leave. Everything is
exact: F = diag(μ(s) π(1 − π)), μ the share of time spent in s.

Look for: balls of the same KL δ are small where the policy is undecided and huge where it is nearly deterministic, or
where a state is hardly visited: a step in θ means nothing by itself (left). From the plateau both methods start with
steps of the same KL; (3) creeps along it, (2) leaves in a few steps (middle, right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact.evaluation import expected_return
from scratchrl.exact.gradients import policy_derivative
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy, distribution
from scratchrl.exact.trust_region import kl

BLUE, VERMILLION = "#0072B2", "#D55E00"
STAY, GO = np.eye(2), np.eye(2)[::-1]
WORLD = MDP(np.stack([STAY, GO], axis=1), [[1.0, 0.0], [2.0, 0.0]], 0.9, [0.8, 0.2], [False, False])
BEST = 0.8 * 0.9 * 20 + 0.2 * 20  # go at once, then 2 for ever: 2/(1 − γ) = 20


def policy(theta):
    """π(go|s) = 1/(1 + exp(−θ_s)), (S, A)."""
    go = 1 / (1 + np.exp(-theta))
    return np.stack([1 - go, go], axis=1)


def directions(theta):
    """g, F⁻¹g and μ: ∂J/∂θ_s = π(1 − π)(∂J/∂π(go|s) − ∂J/∂π(stay|s)), F = diag(μ π(1 − π))."""
    pi = policy(theta)
    slope, share = pi[:, 0] * pi[:, 1], distribution(discounted_occupancy(WORLD, pi))
    g = slope * np.diff(policy_derivative(WORLD, pi))[:, 0]
    return g, g / (share * slope), share


def path(theta, delta, natural):
    """θ, J and KL of every step until J reaches 98 % of the best; the first vanilla step has ½ sᵀF s = δ too."""
    g, direction, _ = directions(theta)
    rate = np.sqrt(2 * delta / (g**2 @ (g / direction)))
    thetas, returns, divergences = [theta], [expected_return(WORLD, policy(theta))], []
    while returns[-1] < 0.98 * BEST:
        g, direction, share = directions(theta)
        step = np.sqrt(2 * delta / (g @ direction)) * direction if natural else rate * g  # (2), (3)
        divergences.append(share @ kl(policy(theta + step), policy(theta)))
        theta = theta + step
        thetas.append(theta)
        returns.append(expected_return(WORLD, policy(theta)))
    return np.array(thetas), np.array(returns), np.array(divergences)


def landscape(axis, span, title):
    """Level lines of J over the plane of θ."""
    values = [[expected_return(WORLD, policy(np.array([x, y]))) for x in span] for y in span]
    bands = axis.contourf(span, span, values, levels=16, cmap="Greys_r", alpha=0.6)
    axis.figure.colorbar(bands, ax=axis, label="J(θ)")
    axis.set(title=title, xlabel="θ₀, logit of going from state 0", ylabel="θ₁, logit of going from state 1")
    axis.set(xlim=(-8, 8), ylim=(-9, 7))


def main(out: Path = Path("pictures/11_trust_region.png"), delta: float = 0.01, quick: bool = False, seed: int = 0):
    """KL balls and two kinds of steps (no randomness: `seed` changes nothing)."""
    span, fine = np.linspace(-9, 9, 25 if quick else 60), np.linspace(-10, 10, 400)
    figure = Figure(figsize=(17, 5.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    titles = f"Balls of KL ≤ {delta:g}; arrows: two ways up", "Steps to 98 % of the best J"
    for axis, title in zip((left, middle), titles, strict=True):
        landscape(axis, span, title)
    for old in np.stack(np.meshgrid([-4.0, 0.0, 4.0], [-4.0, 0.0, 4.0]), axis=-1).reshape(-1, 2):
        *arrows, share = directions(old)
        apart = np.array([kl(policy(np.array([x, x])), policy(old)) for x in fine]) * share  # a sum over states
        left.contour(fine, fine, apart[:, 0] + apart[:, 1:], levels=[delta], colors="#009E73", linewidths=1.5)
        for arrow, color in zip(arrows, (VERMILLION, BLUE), strict=True):
            left.quiver(*old, *arrow / np.linalg.norm(arrow), color=color, scale=13, width=0.007)
    for natural, color, label in ((False, VERMILLION, "vanilla gradient"), (True, BLUE, "natural gradient")):
        thetas, returns, divergences = path(np.array([-2.0, 2.0]), delta, natural)
        print(f"{label}: {len(divergences)} steps to J = {returns[-1]:.4f}, largest KL {divergences.max():.4f}")
        middle.plot(*thetas.T, "o-", color=color, markersize=3, label=label)
        right.plot(returns, "o-", color=color, markersize=3, label=label)
    right.axhline(BEST, color="#777777", linestyle=":", label="best")
    right.set(title="Return along the way", xlabel="step", ylabel="J(θ)")
    right.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

"""12 · PPO's four regions and the pessimistic bound: Spinning Up's "Proximal Policy Optimization".

    L = min(ρ A, clip(ρ, 1 − ε, 1 + ε) A),     ρ = π_θ(a|s)/π_old(a|s)                                              (1)
    A > 0:  L = A min(ρ, 1 + ε)                A < 0:  L = A max(ρ, 1 − ε)                                          (2)
    weight of the score:  ∂L/∂log π = ρ A  where ρ has not passed its bound, else 0                                 (3)

Four regions: the advantage is positive or negative, the ratio has passed the bound on its own side or not. The weight
is zero in two of them: the action became likelier than 1 + ε and was good, or rarer than 1 − ε and was bad. Moving in
the wrong direction is never clipped, so that a step that made things worse is pulled back with full force.

Look for: the flat parts of L are where the weight is 0 (left, middle). On a random MDP, all expectations exact, going
from θ_old along the gradient: the surrogate E[ρA] promises more and more; the true J keeps up at first, then falls;
E[L] is below the surrogate everywhere, touches it at θ_old with the same slope, and soon stops asking for more (right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact import families
from scratchrl.exact.evaluation import advantage, expected_return
from scratchrl.exact.gradients import policy_gradient
from scratchrl.exact.occupancy import discounted_occupancy
from scratchrl.exact.surrogates import surrogate
from scratchrl.exact.zoo import garnet
from scratchrl.maths.objectives import ppo_clip

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"


def draw_regions(axis, gain, clip):
    """Value and weight as functions of ρ, for one sign of the advantage."""
    rho = np.linspace(0.4, 1.6, 601)
    value, weight = ppo_clip(np.log(rho), np.zeros_like(rho), np.full_like(rho, gain), clip)
    weight[np.flatnonzero(np.diff(weight == 0))] = np.nan  # the jump is not a line
    axis.plot(rho, gain * rho, color="#777777", linestyle=":", label="ρ A, without clipping")
    axis.plot(rho, value, color=BLUE, linewidth=2.5, label="value L")
    axis.plot(rho, weight, color=VERMILLION, linestyle="--", linewidth=2, label="weight ∂L/∂log π")
    bound, far = (1 + clip, 1.6) if gain > 0 else (1 - clip, 0.4)
    axis.axvspan(bound, far, color=ORANGE, alpha=0.2, label="clipped: weight 0")
    axis.plot(1, gain, "o", color="black", label=r"$θ_{old}$")
    axis.set(title="A > 0: a good action" if gain > 0 else "A < 0: a bad action")
    axis.set(xlabel=r"ratio $ρ = π/π_{old}$", ylabel="in units of |A|")
    axis.legend(fontsize=8, loc="upper left" if gain > 0 else "lower left")


def clipped(mdp, new, old, clip):
    """Σ_s d_old(s) E_{a~π_old}[L], and the share of (s, a), by probability, that is clipped."""
    log_new, log_old, a = np.log(new).ravel(), np.log(old).ravel(), advantage(mdp, old).ravel()
    value, weight = ppo_clip(log_new, log_old, a, clip)
    mass = (discounted_occupancy(mdp, old)[:, None] * old).ravel()
    return mass @ value, mass @ (weight == 0) / mass.sum()


def main(
    out: Path = Path("pictures/12_ppo_four_regions.png"), clip: float = 0.2, quick: bool = False, seed: int = 22
):
    """Draw PPO's objective for one sample, and in expectation along a line through θ_old."""
    rng = np.random.default_rng(seed)
    mdp, family = garnet(rng, 8, 3, 3), families.tabular(8, 3)
    theta = 0.5 * rng.normal(size=families.size(family))
    old = families.table(family, theta)
    direction = policy_gradient(mdp, family, theta)
    direction /= np.linalg.norm(direction)
    lengths, curves = np.linspace(-1.5, 6, 31 if quick else 151), []
    for t in lengths:
        new = families.table(family, theta + t * direction)
        values = surrogate(mdp, new, old), expected_return(mdp, new), *clipped(mdp, new, old, clip)
        curves.append(values - np.array([1, 1, 0, 0]) * expected_return(mdp, old))
    promise, truth, bound, share = np.transpose(curves)
    print(f"largest E[L] − surrogate: {(bound - promise).max():.2e}")
    for name, curve in (("surrogate", promise), ("true J", truth), ("E[L]", bound)):
        print(f"{name}: best gain {curve.max():.4f} at step length {lengths[curve.argmax()]:.2f}")

    figure = Figure(figsize=(16.5, 4.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_regions(left, 1.0, clip)
    draw_regions(middle, -1.0, clip)
    right.plot(lengths, promise, color="#777777", linestyle=":", label="surrogate E[ρ A]")
    right.plot(lengths, truth, color=GREEN, linewidth=2.5, label="true J")
    right.plot(lengths, bound, color=BLUE, linewidth=2.5, label="PPO's E[L]")
    right.plot(0, 0, "o", color="black", label=r"$θ_{old}$")
    right.set(title=r"Expectations along $\nabla J(θ_{old})$", xlabel=r"step length $|θ − θ_{old}|$")
    right.set(ylabel=r"gain over $J(θ_{old})$", ylim=(min(truth.min(), promise.min()) - 2, None))
    right.legend(fontsize=8, loc="upper left")
    clippings = right.twinx()
    clippings.fill_between(lengths, share, color=ORANGE, alpha=0.3)
    clippings.set(ylabel="share clipped (shaded)", ylim=(0, 4), yticks=[0, 0.5, 1])
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

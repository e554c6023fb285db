"""03 · Value functions and Bellman equations: Spinning Up's "Value Functions" and "Bellman Equations".

    V^π(s) = E_{a~π, s'~P}[r + γ V^π(s')]            linear in V^π: one solve                                     (1)
    V*(s)  = max_a E_{s'~P}[r + γ V*(s')] = (T*V*)(s)     not linear: iterate v ← T*v                             (2)

T* brings any two functions closer by a factor γ. So the distance to V*, which nobody can see while iterating, is at
most a number that everybody can see, the Bellman residual:

    ‖v_k − V*‖ ≤ γᵏ ‖v_0 − V*‖         and         ‖v − V*‖ ≤ ‖T*v − v‖/(1 − γ)                                   (3)

Look for: the same world seen by a random walker (left) and by the best policy (middle): −1 a step, each step goes in a
random direction with probability `slip`, and the goal is bottom right. Right: the true error stays below both bounds
of (3), and once the goal has been felt everywhere it falls faster than γᵏ.
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact.bellman import backup
from scratchrl.exact.evaluation import evaluate, uniform_policy
from scratchrl.exact.mdp import MDP
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import gridworld, slippery

SIZE = 6


def value_iteration(mdp: MDP, optimum, sweeps):
    """‖v_k − V*‖ and ‖T*v_k − v_k‖ for k = 0 … sweeps − 1, from v_0 = 0."""
    value, errors, residuals = np.zeros(len(mdp.start)), [], []
    for _ in range(sweeps):
        target = backup(mdp, value).max(axis=1)  # (2)
        errors.append(np.abs(value - optimum).max())
        residuals.append(np.abs(target - value).max())
        value = target
    return np.array(errors), np.array(residuals)


def draw_values(figure, axis, value, title):
    """A heatmap with its numbers."""
    grid = value.reshape(SIZE, SIZE)
    image = axis.imshow(grid, cmap="viridis")
    figure.colorbar(image, ax=axis, shrink=0.8, label="expected discounted return")
    for (row, column), v in np.ndenumerate(grid):
        bright = v > (grid.min() + grid.max()) / 2
        text = "goal" if row == column == SIZE - 1 else f"{v:.1f}".replace("-", "−")
        axis.text(column, row, text, ha="center", va="center", fontsize=8, color="black" if bright else "white")
    axis.set(title=title, xlabel="column", ylabel="row")


def main(
    out: Path = Path("pictures/03_value_functions.png"),
    slip: float = 0.3,
    gamma: float = 0.95,
    quick: bool = False,
    seed: int = 0,
):
    """Solve a slippery gridworld (no randomness: `seed` changes nothing)."""
    mdp = slippery(gridworld(SIZE, SIZE, gamma), slip)
    policy, best = uniform_policy(mdp), policy_iteration(mdp)
    value = evaluate(mdp, policy)  # (1)
    errors, residuals = value_iteration(mdp, best.value, 40 if quick else 80)
    sweep, proven = np.arange(len(errors)), residuals / (1 - gamma)
    print(f"bellman residual of V_pi: {np.abs(np.sum(policy * backup(mdp, value), axis=1) - value).max():.2e}")
    print(f"bellman residual of V_star: {np.abs(backup(mdp, best.value).max(axis=1) - best.value).max():.2e}")
    print(f"start: V_pi {value[0]:.4f}, V_star {best.value[0]:.4f}")
    print(f"largest error / bound: {(errors / proven).max():.6f}, {(errors / (gamma**sweep * errors[0])).max():.6f}")

    figure = Figure(figsize=(16, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_values(figure, left, value, r"$V^\pi$ of the random walker")
    draw_values(figure, middle, best.value, "V*, of the best policy")
    right.semilogy(sweep, proven, "--", color="#E69F00", label="proven: ‖T*v − v‖/(1 − γ)")
    right.semilogy(sweep, gamma**sweep * errors[0], ":", color="#009E73", label="proven: γᵏ ‖v₀ − V*‖")
    right.semilogy(sweep, errors, color="#0072B2", label="true error ‖vₖ − V*‖")
    right.set(title="Value iteration and what bounds its error", xlabel="sweep k", ylabel="largest error over states")
    right.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

"""04 · The optimal Q-function and the optimal action: Spinning Up's section of that name.

    a*(s) = argmax_a Q*(s, a)             if several actions reach the maximum, all of them are optimal             (1)
    V*(s) = max_a Q*(s, a)                                                                                         (2)

Q* is known to within a proven error e, so two actions can only be told apart if their values differ by more than 2e;
`optimal_actions` returns every action that (1) might mean, and no optimal one is ever left out.

Look for: ties. In an open grid every shortest path is as good as any other, so almost every state has two optimal
actions, and a policy may mix them as it likes (left). Beside a cliff (grey, −100) the shortest way leads along the
edge (middle). If steps slip in a random direction one time in ten, Q* knows about the fall: the arrows on the edge
point away from it, and the way keeps its distance (right).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact.certificate import optimal_actions
from scratchrl.exact.evaluation import uniform_policy
from scratchrl.exact.mdp import MDP
from scratchrl.exact.occupancy import discounted_occupancy
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import DOWN, LEFT, RIGHT, UP, cliff, gridworld, slippery

BLUE, VERMILLION = "#0072B2", "#D55E00"


def typical_path(mdp: MDP, best):
    """States visited if the most likely successor of the first optimal action always comes true."""
    state, path = int(mdp.start.argmax()), []
    while not mdp.terminal[state] and state not in path:
        path.append(state)
        state = int(mdp.transition[state, best[state].argmax()].argmax())
    return [*path, state]


def draw(axis, mdp: MDP, value, best, shape, title):
    """V* as colour, every optimal action as an arrow, the way from the start."""
    reached = mdp.terminal | (discounted_occupancy(replace(mdp, gamma=0.9), uniform_policy(mdp)) > 0)
    image = axis.imshow(np.where(reached, value, np.nan).reshape(shape), cmap="Greens", vmin=value[reached].min() - 3)
    axis.set_facecolor("#555555")
    for state in np.flatnonzero(reached & ~mdp.terminal):
        row, column = divmod(state, shape[1])
        for action, (down, right) in enumerate((UP, RIGHT, DOWN, LEFT)):
            if best[state, action]:
                color = VERMILLION if best[state].sum() > 1 else BLUE
                axis.annotate("", (column + 0.45 * right, row + 0.45 * down), (column, row),
                              arrowprops={"arrowstyle": "-|>", "color": color, "linewidth": 1.4})  # fmt: skip
    rows, columns = np.divmod(typical_path(mdp, best), shape[1])
    axis.plot(columns, rows, color="#E69F00", linewidth=7, alpha=0.45, solid_capstyle="round", label="a best way")
    axis.plot([], [], color=BLUE, label="one optimal action")
    axis.plot([], [], color=VERMILLION, label="ties")
    axis.set(title=title, xlabel="column", ylabel="row", xticks=range(shape[1]), yticks=range(shape[0]))
    return image


def main(
    out: Path = Path("pictures/04_optimal_q_and_actions.png"), slip: float = 0.1, quick: bool = False, seed: int = 0
):
    """Solve three grids (nothing is random and nothing is slow: `seed` and `quick` change nothing)."""
    worlds = {
        "open grid: every shortest path is optimal": (gridworld(5, 5), (5, 5)),
        "cliff: the shortest way runs along the edge": (cliff(4, 10), (4, 10)),
        f"steps slip with probability {slip:g}: keep away": (slippery(cliff(4, 10), slip), (4, 10)),
    }
    figure = Figure(figsize=(13, 6.4), layout="constrained")
    axes = figure.subplot_mosaic("AB;AC", width_ratios=(6, 9))
    for axis, (name, (mdp, shape)) in zip(axes.values(), worlds.items(), strict=True):
        solution = policy_iteration(mdp)
        best = optimal_actions(solution)
        image = draw(axis, mdp, solution.value, best, shape, name)
        figure.colorbar(image, ax=axis, shrink=0.6, label="V*")
        gap = np.abs(solution.q.max(axis=1) - solution.value)[~mdp.terminal].max()
        ties = int((best[~mdp.terminal].sum(axis=1) > 1).sum())
        start = solution.value[mdp.start.argmax()]
        print(f"{name}: V_star {start:.6f}, ties {ties}, largest |max Q − V| {gap:.2e}, error {solution.error:.2e}")
    axes["A"].legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncol=3, fontsize=9)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

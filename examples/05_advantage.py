"""05 · Advantage functions: Spinning Up's section of that name.

    A^π(s, a) = Q^π(s, a) − V^π(s)        how much better a is than what π does on average                          (1)
    Σ_a π(a|s) A^π(s, a) = 0              since V^π(s) = E_{a~π(·|s)}[Q^π(s, a)]                                   (2)
    A*(s, a) = Q*(s, a) − V*(s) ≤ 0       nothing is better than the best; = 0 exactly for optimal actions         (3)

Q mixes two messages: how good the state is and how good the action is. The advantage keeps the second, and it is the
second that a policy gradient needs.

Look for: each cell of the grid is cut into four triangles, one for a step in each direction. Under the random walker
red and blue balance in every cell, (2), and red points towards the goal (left). Against the best policy no triangle is
red, and the white ones are the optimal actions (middle). In one state: Q is far below zero for every action, the
advantage is what differs (right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from scratchrl.exact.evaluation import action_values, advantage, evaluate, uniform_policy
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import gridworld

SIZE, GAMMA = 5, 0.95
CORNERS = np.array([(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)])  # (x, y) from top left, clockwise
NAMES = ("up", "right", "down", "left")


def triangles(terminal):
    """For every state alive and every action, the triangle of the cell that lies in that direction, (S·A, 3, 2)."""
    rows, columns = np.divmod(np.flatnonzero(~terminal), SIZE)
    centre = np.stack([columns, rows], axis=1)
    return np.concatenate([
        [(c, c + CORNERS[action], c + CORNERS[(action + 1) % 4]) for action in range(4)] for c in centre
    ])  # fmt: skip


def draw_advantages(figure, axis, values, terminal, title):
    """Four triangles a cell: red above average, blue below."""
    color = values[~terminal].ravel()
    patches = PolyCollection(triangles(terminal), array=color, cmap="RdBu_r", edgecolor="white", linewidth=0.5)
    limit = np.percentile(np.abs(color), 92)  # the few beyond it would make all others pale
    patches.set_clim(-limit, limit)
    axis.add_collection(patches)
    axis.text(SIZE - 1, SIZE - 1, "goal", ha="center", va="center")
    axis.set(title=title, xlabel="column", ylabel="row", aspect="equal")
    axis.set(xlim=(-0.5, SIZE - 0.5), ylim=(SIZE - 0.5, -0.5))
    figure.colorbar(patches, ax=axis, shrink=0.8, label="advantage", extend="both")


def draw_state(axis, q, value, state):
    """Q of the four actions as bars from V: what sticks out is the advantage."""
    gain = q[state] - value[state]
    axis.bar(NAMES, gain, bottom=value[state], color=np.where(gain > 0, "#B2182B", "#2166AC"))
    axis.axhline(value[state], color="black", label=r"$V^\pi(s)$, the mean of $Q^\pi(s, a)$")
    for a, (top, difference) in enumerate(zip(q[state], gain, strict=True)):
        text = f"A = {difference:+.2f}".replace("-", "−")
        axis.text(a, top, text, ha="center", va="bottom" if difference > 0 else "top")
    row, column = divmod(state, SIZE)
    axis.set(title=f"One state: row {row}, column {column}", ylabel=r"$Q^\pi(s, a)$, expected discounted return")
    axis.margins(y=0.25)
    axis.legend(loc="upper left")


def main(out: Path = Path("pictures/05_advantage.png"), quick: bool = False, seed: int = 0):
    """Advantages in a gridworld (nothing is random and nothing is slow: `seed` and `quick` change nothing)."""
    mdp = gridworld(SIZE, SIZE, GAMMA)
    policy, best = uniform_policy(mdp), policy_iteration(mdp)
    value, q, gain = evaluate(mdp, policy), action_values(mdp, policy), advantage(mdp, policy)  # (1)
    loss = best.q - best.value[:, None]
    print(f"largest |mean of A_pi under pi|: {np.abs(np.sum(policy * gain, axis=1)).max():.2e}")  # (2)
    print(f"largest A_star: {loss.max():.2e}, smallest max over actions: {loss.max(axis=1).min():.2e}")  # (3)
    print(f"start: V_pi {value[0]:.4f}, best A_pi {gain[0].max():.4f}, V_star {best.value[0]:.4f}")

    figure = Figure(figsize=(16.5, 4.8), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_advantages(figure, left, gain, mdp.terminal, r"$A^\pi$ of the random walker")
    draw_advantages(figure, middle, loss, mdp.terminal, "A*, against the best policy")
    draw_state(right, q, value, 3 * SIZE + 3)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

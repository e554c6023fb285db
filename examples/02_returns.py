"""02 · Returns: Spinning Up's "Trajectories" and "Reward and Return".

    R(τ) = Σ_{t=0}^{T} r_t                finite-horizon undiscounted return                                      (1)
    R(τ) = Σ_{t=0}^{∞} γᵗ r_t             infinite-horizon discounted return, γ in (0, 1)                         (2)
    R̂_t = Σ_{t'≥t} γ^{t'−t} r_{t'}        reward-to-go: what an action can still influence                        (3)

One trajectory of a process that never ends: two states, the second pays 1 a step. The tail of (2) after n steps is at
most γⁿ max|r|/(1 − γ), a geometric series; that is why discounting makes an infinite sum a number.

Look for: the undiscounted sum grows as long as you wait, the discounted sums level off inside their proven bands (top
right). γ is a horizon: a reward 1/(1 − γ) steps ahead counts for about a third (bottom left). The reward-to-go with
γ = 1 mostly knows how much time is left; with a smaller γ it knows which state it is in (bottom right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact.sampling import draw, walk
from scratchrl.exact.zoo import two_state
from scratchrl.maths import returns

COLORS = {1.0: "#000000", 0.98: "#0072B2", 0.9: "#E69F00", 0.7: "#009E73"}
POLICY = np.array([[0.9, 0.1], [0.9, 0.1]])  # stay, move: long visits to each state


def partial_sums(reward, gamma):
    """Σ_{t<n} γᵗ r_t for n = 1 … T: (1) and (2), cut after n steps."""
    return np.cumsum(gamma ** np.arange(len(reward)) * reward)


def draw_partial_sums(axis, reward):
    """Sums level off for γ < 1, each inside the band that its tail bound proves."""
    n = np.arange(1, len(reward) + 1)
    for gamma, color in COLORS.items():
        total = partial_sums(reward, gamma)
        axis.plot(n, total, color=color, label=f"γ = {gamma:g}")
        if gamma < 1:
            axis.fill_between(n, total, total + gamma**n / (1 - gamma), color=color, alpha=0.15, linewidth=0)
    axis.set(title="Return of the first n steps (bands: what may follow)", xlabel="steps n", yscale="log")
    axis.set(ylim=(0.5, None), ylabel=r"$\Sigma\,\gamma^t r_t$")


def draw_weights(axis, steps):
    """γᵗ, and where it has fallen to about 1/e."""
    t = np.arange(steps)
    for gamma, color in COLORS.items():
        axis.plot(t, gamma**t, color=color, label=f"γ = {gamma:g}")
        if gamma < 1:
            axis.plot(1 / (1 - gamma), gamma ** (1 / (1 - gamma)), "o", color=color)
    axis.axhline(np.exp(-1), color="#777777", linestyle=":", label="1/e")
    axis.set(title="Weight of a reward (dot: horizon 1/(1 − γ))", xlabel="steps ahead t", ylabel="γᵗ")


def draw_reward_to_go(axis, to_go):
    """R̂_t (1 − γ), a weighted mean of the rewards ahead, so that different γ share an axis."""
    for gamma, color in COLORS.items():
        scale = 1 / len(to_go[gamma]) if gamma == 1 else 1 - gamma
        label = r"$\hat R_t / T$, γ = 1" if gamma == 1 else rf"$(1-\gamma)\hat R_t$, γ = {gamma:g}"
        axis.plot(scale * to_go[gamma], color=color, label=label)
    axis.set(title="Reward-to-go, rescaled", xlabel="time step t", ylabel="mean reward ahead", ylim=(-0.03, 1.17))


def main(out: Path = Path("pictures/02_returns.png"), steps: int = 200, quick: bool = False, seed: int = 1):
    """Draw one trajectory and its returns."""
    rng, steps = np.random.default_rng(seed), min(steps, 100) if quick else steps
    trajectory = list(walk(two_state(), lambda s: draw(rng, POLICY[s]), rng, steps))
    reward = np.array([transition.reward for transition in trajectory])
    end = np.arange(steps) == steps - 1
    to_go = {gamma: returns.reward_to_go(reward, ~end & end, end, gamma) for gamma in COLORS}  # (3), truncated at T
    for gamma, ahead in to_go.items():
        total = returns.discounted_return(reward, gamma).item()
        half = steps // 2
        past = partial_sums(reward, gamma)[half - 1] + gamma**half * ahead[half]
        print(f"gamma {gamma:g}: return {total:.6f}, reward to go at the start {ahead[0]:.6f}, past + to go {past:.6f}")

    figure = Figure(figsize=(13, 7.5), layout="constrained")
    axes = figure.subplots(2, 2)
    axes[0, 0].fill_between(np.arange(steps), reward, step="mid", color="#56B4E9")
    axes[0, 0].set(title="One trajectory: rewards", xlabel="time step t", ylabel=r"reward $r_t$", yticks=[0, 1])
    axes[0, 0].set_xlim(0, steps)
    draw_partial_sums(axes[0, 1], reward)
    draw_weights(axes[1, 0], steps // 2)
    draw_reward_to_go(axes[1, 1], to_go)
    for axis, place, columns in ((axes[0, 1], "lower right", 4), (axes[1, 0], (0.82, 0.52), 1), (axes[1, 1], 9, 4)):
        axis.legend(fontsize=8, loc=place, ncol=columns)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

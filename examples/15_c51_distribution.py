"""15 · The whole distribution of the return: C51, beside Spinning Up's "Kinds of RL Algorithms", where it is named.

    Z(s, a) = r + γ Z(s', a*(s'))                the return is a random number; Q is its mean                     (1)
    p ← Π (r + γ Z),  Z ~ p                      C51: moved, then split onto a grid of K atoms                    (2)
    d(p, q)² = ∫ (F_p(z) − F_q(z))² dz           Cramér's distance, in which (2) contracts                        (3)

In a world of few steps every way an episode can go is listed with its probability: (1) exactly. The fixed point of (2)
is computed too, without sampling. Π keeps the mean, so Q is right on any grid, but spreads the mass in every step: the
fixed point is wider than the truth, and at most 1/√(1 − γ) times as far from it as the truth's own image on the grid.

Look for: the exact distribution function climbs in steps, the fixed point rounds them off, and what C51 has learnt from
random actions lies on the fixed point (left, middle). Its distance to the truth sinks to that of the fixed point and no
lower: the grid, and not the learning, is what is in the way (right; dotted, the bound).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.algorithms import c51
from scratchrl.exact.clock import clocked
from scratchrl.exact.environment import MDPEnv
from scratchrl.exact.return_distribution import Distribution, cramer, return_distributions
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.zoo import garnet
from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.world import start
from scratchrl.maths.distributional import c51_projection, categorical_mean, support

HORIZON, ATOMS, EVERY = 3, 41, 500
WORLD = clocked(garnet(np.random.default_rng(4), 3, 2, gamma=0.8), HORIZON)
V_MAX = WORLD.reward_bound / (1 - WORLD.gamma)  # r + γ v_max ≤ v_max: nothing ever leaves the grid
ATOM = support(-V_MAX, V_MAX, ATOMS, np.zeros(1))


def backup(probs):
    """(2) in expectation over s', for every (s, a): (S, A, K) -> (S, A, K)."""
    chosen = probs[np.arange(len(probs)), categorical_mean(probs, -V_MAX, V_MAX).argmax(axis=1)]
    s, a, t = np.nonzero(WORLD.transition)
    reward, end = np.broadcast_to(WORLD.reward, WORLD.transition.shape)[s, a, t], WORLD.terminal[t]
    moved = c51_projection(chosen[t], reward, end, np.zeros_like(end), WORLD.gamma, -V_MAX, V_MAX)
    np.add.at(out := np.zeros_like(probs), (s, a), WORLD.transition[s, a, t][:, None] * moved)
    return out


def learn(steps, seed):
    """(steps so far, p of every state and action), now and then, from random actions."""
    config = c51.Config(
        total_steps=steps, steps=1, n_step=1, gamma=WORLD.gamma, atoms=ATOMS, v_min=-V_MAX, v_max=V_MAX,
        epsilon_last=1.0, target_every=100, learning_starts=200, lr=0.02, hidden=(), report_every=EVERY,
    )  # fmt: skip
    world = start(SerialVectorEnv([lambda: MDPEnv(WORLD, "one_hot")]), seed)
    net, eye = c51.network(world.envs, config), np.eye(len(WORLD.start), dtype=np.float32)
    for state, _ in c51.train(config, world, np.random.default_rng(seed)):
        yield state.step, c51.distributions(net, state.theta, eye, config).astype(float)


def main(out: Path = Path("pictures/15_c51_distribution.png"), quick: bool = False, seed: int = 0):
    """Learn from random actions and compare with everything that can happen."""
    best = policy_iteration(WORLD)
    first, action = 0, int(best.q[0].argmax())
    exact = return_distributions(WORLD, best.policy, HORIZON)[first][action]
    fixed = np.full((*WORLD.transition.shape[:2], ATOMS), 1 / ATOMS)
    for _ in range(HORIZON):  # after that the clock has run out
        fixed = backup(fixed)
    limit = cramer(Distribution(ATOM, fixed[first, action]), exact)
    hats = np.maximum(0, 1 - np.abs(exact.value[:, None] - ATOM) / (ATOM[1] - ATOM[0]))
    bound = cramer(Distribution(ATOM, exact.prob @ hats), exact) / np.sqrt(1 - WORLD.gamma)
    steps, learnt = zip(*learn(4000 if quick else 40_000, seed), strict=True)
    distance = [cramer(Distribution(ATOM, p[first, action]), exact) for p in learnt]
    chosen, last = fixed[first, action], learnt[-1][first, action]
    print(f"mean: exact {best.value[first]:.4f}, fixed point {chosen @ ATOM:.4f}, C51 {last @ ATOM:.4f}")
    print(f"Cramér distance to the exact one: fixed point {limit:.4f}, C51 {distance[0]:.4f} to {distance[-1]:.4f}")
    print(f"image on the grid / sqrt(1 - gamma): {bound:.4f}")

    left, middle, right = (figure := Figure(figsize=(15, 4.6), layout="constrained")).subplots(1, 3)
    ends = exact.value[0] - 1, exact.value[-1] + 1
    left.step([ends[0], *exact.value, ends[1]], [0, *np.cumsum(exact.prob), 1], "k", where="post", label="exact")
    for name, p, color in (("fixed point", chosen, "#0072B2"), ("C51", last, "#D55E00")):
        style = {"color": color, "linestyle": "-" if name == "fixed point" else "--", "label": name}
        left.step(ATOM, np.cumsum(p), where="post", **style)
        middle.plot(ATOM, p, marker=".", **style)
    middle.vlines(exact.value, 0, exact.prob, color="black", linewidth=1, label="exact")
    left.set(title="Distribution function of the return", xlabel="return", ylabel="probability below", xlim=ends)
    middle.set(title="Probabilities", xlabel="return", ylabel="probability", xlim=ends)
    right.loglog(steps, distance, color="#D55E00", label="C51")
    right.axhline(limit, color="#0072B2", label="fixed point")
    right.axhline(bound, color="black", linestyle=":", label="bound of the fixed point")
    right.set(title="Distance to the exact distribution", xlabel="transitions", ylabel="Cramér's distance")
    figure.legend(handles=[*left.lines, right.lines[-1]], loc="outside lower center", ncols=4)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

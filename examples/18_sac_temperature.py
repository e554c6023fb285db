"""18 · How α finds the entropy that was asked for: Spinning Up's "Soft Actor-Critic", entropy-regularized learning.

    J(π; α) = E_π[Q(a)] + α H(π)                                 what the actor climbs                            (1)
    π ∝ exp(Q/α)                                                 the best of all densities: H grows with α        (2)
    log α ← log α − lr · α (H(π) − H̄)                            on average: dearer while H < H̄, cheaper above    (3)

One state, a reward known to be Q(a) = −4 (a − ½)². For every α the best squashed Gaussian is found on a grid; the one
with H = H̄ has the temperature α* at which (3) comes to rest. SAC has samples of the reward, two critics and (3).

Look for: (left) from a temperature too low or too high α goes to α*, dotted; first it overshoots, since the entropy
follows α later than α follows the entropy (middle). (Right) the densities it ends with lie on the best of the family,
and that is close to (2) of the same α: little is lost by asking for a Gaussian when Q has one hill.
"""

from pathlib import Path

import gymnasium
import numpy as np
import tyro
from gymnasium.spaces import Box
from matplotlib.figure import Figure

from scratchrl.algorithms import sac
from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.world import start
from scratchrl.maths import mlp, soft_actor, squashed_gaussian
from scratchrl.maths.quadrature import normal_rule

ASKED, FIRST = {-1.0: "#0072B2", 0.0: "#D55E00"}, {0.01: "-", 1.0: "--"}  # H̄; α in the beginning
STATE, ALPHAS = np.ones((1, 1), np.float32), np.geomspace(1e-3, 10, 600)


class Bandit(gymnasium.Env):
    observation_space, action_space = Box(0, 1, (1,)), Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        return STATE[0], {}

    def step(self, action):
        return STATE[0], float(reward(action[0])), False, False, {}


def reward(action):
    return -4 * (action - 0.5) ** 2


def best_of_the_family():
    """μ, log σ and H of the squashed Gaussian that makes (1) largest, for each of ALPHAS."""
    mean, log_std = np.reshape(np.meshgrid(np.linspace(0.0, 1.5, 151), np.linspace(-4, 1, 501)), (2, -1, 1))
    nodes, weights = normal_rule(mean)
    q, entropy = reward(np.tanh(mean + np.exp(log_std) * nodes)) @ weights, squashed_gaussian.entropy(mean, log_std)
    best = [(q + alpha * entropy).argmax() for alpha in ALPHAS]
    return mean[best, 0], log_std[best, 0], entropy[best]


def learn(asked, first, steps, seed):
    """(steps, α, H of the actor) after every report, and its last μ and log σ."""
    config = sac.Config(
        total_steps=steps, gamma=0.0, alpha=first, target_entropy=asked, learning_starts=200, minibatch=64, tau=0.05,
        capacity=20_000, policy_lr=1e-3, alpha_lr=3e-3, hidden=(32, 32), activation="tanh", report_every=100,
    )  # fmt: skip
    world, rows = start(SerialVectorEnv([Bandit]), seed), []
    actor = sac.build(world.envs, config).actor
    for state, info in sac.train(config, world, np.random.default_rng(seed)):
        at = soft_actor.distribution(actor, mlp.forward(actor.mlp, state.theta, STATE)[0].astype(float))
        rows.append((state.step, info["losses/alpha"], squashed_gaussian.entropy(*at).item()))
    return np.array(rows), at


def main(out: Path = Path("pictures/18_sac_temperature.png"), quick: bool = False, seed: int = 0):
    """Ask for two entropies, from two temperatures each."""
    (means, log_stds, entropies), steps = best_of_the_family(), 5000 if quick else 30_000
    left, middle, right = (figure := Figure(figsize=(15, 4.6), layout="constrained")).subplots(1, 3)
    u, a = np.linspace(-4, 4, 4001)[:, None], np.linspace(-1, 1, 4001)
    for asked, color in ASKED.items():
        rest = np.abs(entropies - asked).argmin()
        for first, style in FIRST.items():
            rows, at = learn(asked, first, steps, seed)
            alpha, entropy = rows[-20:, 1:].mean(axis=0)
            print(f"asked for {asked:+.1f}: α* {ALPHAS[rest]:.4f}; from {first}: α {alpha:.4f}, entropy {entropy:+.4f}")
            left.loglog(*rows[:, :2].T, color=color, linestyle=style, label=f"H̄ = {asked:+.0f}, from {first}")
            middle.semilogx(*rows[:, ::2].T, color=color, linestyle=style)
        left.axhline(ALPHAS[rest], color=color, linestyle=":")
        middle.axhline(asked, color=color, linestyle=":")
        for name, mean, log_std, line in (("SAC", *np.ravel(at), "-"), ("best", means[rest], log_stds[rest], "--")):
            density = np.exp(squashed_gaussian.log_prob(np.full_like(u, mean), np.full(1, log_std), u))
            right.plot(np.tanh(u), density, color=color, linestyle=line, label=f"{name}, H̄ = {asked:+.0f}")
        boltzmann = np.exp(reward(a) / ALPHAS[rest])
        right.plot(a, boltzmann / (2 * boltzmann.mean()), color="black", linestyle=":", label="exp(Q/α*)/Z")
    for axes, title, x in zip((left, middle, right), ("α", "H", "π in the end"), ("steps", "steps", "a"), strict=True):
        axes.set(title=title, xlabel=x)
    figure.legend(loc="outside lower center", ncols=5)
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

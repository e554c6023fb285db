"""13 · PPO-Clip, PPO-Penalty and TRPO on one problem: Spinning Up's pages on TRPO and PPO.

    PPO-Clip       E[min(ρ A, clip(ρ, 1 − ε, 1 + ε) A)]            several epochs of Adam; no KL anywhere           (1)
    PPO-Penalty    E[ρ A − β KL(π_old‖π)]                          the same; β doubles or halves towards a KL       (2)
    TRPO           E[ρ A]  subject to  E[KL(π_old‖π)] ≤ δ          one natural step, line search                    (3)

The library's own training loops on a cliff walk: −1 a step, −100 for a fall, and after 100 steps the episode is cut,
which is no end: its value is bootstrapped. The policy is a table of logits, so after every update we can leave sampling
aside and compute what really happened: J(π) by a linear solve, and the mean KL of the update over the states that the
old policy visits. For comparison (1) without its bound: ε so large that nothing is clipped.

Look for: without a bound the first updates go ten to a hundred times as far, find the goal first, and may be stuck
for good after, on a detour or walking for ever (J = −20, 15 below V*): the policy was certain before it knew. Of 16
seeds it ended 1 or more below V* in 5, PPO-Clip in 2, PPO-Penalty in 1, TRPO in none: slowest at first, closest in the
end (left; 4 seeds thin, their mean thick). TRPO keeps to its δ (dotted; strictly on its own batch); the two PPOs stay
in its neighbourhood, PPO-Clip without ever being told a KL (right).
"""

from collections.abc import Iterator
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.algorithms import ppo, trpo
from scratchrl.exact import families
from scratchrl.exact.environment import MDPEnv
from scratchrl.exact.evaluation import expected_return
from scratchrl.exact.solve import policy_iteration
from scratchrl.exact.trust_region import measure
from scratchrl.exact.zoo import cliff
from scratchrl.experience.serial import SerialVectorEnv
from scratchrl.experience.world import start

WORLD, DELTA = cliff(3, 5, gamma=0.95), 0.01
FAMILY = families.tabular(*WORLD.transition.shape[:2])
SHARED = {"num_envs": 8, "steps": 64, "gamma": WORLD.gamma, "hidden": (), "value_lr": 0.3}
FIRST_ORDER = {**SHARED, "epochs": 8, "minibatch": 128, "policy_lr": 0.03, "target_kl": None, "anneal": False}
METHODS = {  # name: (algorithm, settings, colour)
    "PPO-Clip": (ppo, ppo.Config(**FIRST_ORDER, objective="clip"), "#0072B2"),
    "PPO-Penalty": (ppo, ppo.Config(**FIRST_ORDER, objective="penalty"), "#009E73"),
    "TRPO": (trpo, trpo.Config(**SHARED, value_epochs=8, delta=DELTA, damping=1e-3), "#E69F00"),
    "no bound": (ppo, ppo.Config(**FIRST_ORDER, objective="clip", clip=1e9), "#D55E00"),
}


def policies_of(algorithm, config, updates: int, seed: int) -> Iterator[np.ndarray]:
    """π(a|s), (S, A), after each update of a training run."""
    envs = SerialVectorEnv([lambda: MDPEnv(WORLD, "one_hot", horizon=100)] * config.num_envs)
    training = algorithm.train(config, start(envs, seed, np.float64), np.random.default_rng(seed))
    for state, _ in islice(training, updates):
        yield families.table(FAMILY, state.theta)


def judge(algorithm, config, updates, seed):
    """True J of the policy after each update, and the true mean KL(π_old‖π_new) of each update but the first."""
    played = list(policies_of(algorithm, config, updates, seed))
    divergences = [measure(WORLD, new, old).mean_kl for old, new in pairwise(played)]
    return np.array([expected_return(WORLD, policy) for policy in played]), np.array(divergences)


def draw(axis, x, curves, color, label):
    """Single seeds thin, their mean thick."""
    axis.semilogy(x, curves.T, color=color, alpha=0.25, linewidth=0.8)
    axis.semilogy(x, curves.mean(axis=0), color=color, linewidth=2.5, label=label)


def main(out: Path = Path("pictures/13_ppo_and_trpo.png"), updates: int = 40, quick: bool = False, seed: int = 0):
    """Train with each method and compute what every update really did."""
    updates, seeds = (6, 1) if quick else (updates, 4)
    best = policy_iteration(WORLD).value[WORLD.start.argmax()]
    print(f"V* at the start: {best:.4f}")
    figure = Figure(figsize=(14, 5.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name, (algorithm, config, color) in METHODS.items():
        runs = [judge(algorithm, config, updates, seed + k) for k in range(seeds)]
        returns, divergences = np.array([run[0] for run in runs]), np.array([run[1] for run in runs])
        print(f"{name}: J {returns[:, -1].mean():.4f}, KL of an update: median {np.median(divergences):.5f}, "
              f"largest {divergences.max():.5f}")  # fmt: skip
        draw(left, np.arange(1, updates + 1), best - returns, color, name)
        draw(right, np.arange(2, updates + 1), divergences, color, name)
    right.axhline(DELTA, color="black", linestyle=":", label="TRPO's δ")
    left.set(title="How far from the best policy, exactly", xlabel="update (512 steps each)", ylabel="V* − J(π)")
    right.set(title="How far each update went", xlabel="update", ylim=(1e-5, None))
    right.set_ylabel(r"mean $KL(π_{old}‖π_{new})$, nats")
    left.legend()
    right.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

"""01 · Policies and sampling: Spinning Up's "Action Spaces" and "Policies".

    categorical         π(a|s) = softmax(f_θ(s))_a                      a ~ π(·|s): one of A actions              (1)
    diagonal Gaussian   a = μ_θ(s) + σ ⊙ z,   z ~ N(0, I)               any vector of actions                     (2)
                        log π(a|s) = Σ_i [ −½ z_i² − log σ_i − ½ log 2π ]                                         (3)

Both heads sit on the same kind of network; everything later in the ladder needs only three things of them: a sample,
its log-probability, and the gradient of that. The average surprise of a sample, E[−log π(a|s)], is the entropy.

Look for: the share of each action falls on its probability, within the error of counting (left). Gaussian samples fill
the density's level lines, 1 − exp(−½) = 39 % inside the first (middle). The mean surprise settles on the entropy, its
error shrinking like 1/√N (right).
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.maths import categorical, policies

BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#777777"
OBS = np.array([[0.5, -1.0, 2.0]])  # one observation s


def many(policy, theta, rng, samples):
    """Actions a ~ π(·|s), with log π(a|s), and the entropy of π(·|s)."""
    params = np.repeat(policies.forward(policy, theta, OBS)[0], samples, axis=0)
    action = policy.distribution.sample(rng, params)  # (1), (2)
    return action, policy.distribution.log_prob(params, action), policy.distribution.entropy(params[:1]).item()


def draw_categorical(axis, probability, action):
    """Probabilities as bars, shares of the samples as points with two standard errors."""
    names, share = np.arange(len(probability)), np.bincount(action, minlength=len(probability)) / len(action)
    axis.bar(names, probability, color=BLUE, alpha=0.5, label="π(a|s)")
    error = 2 * np.sqrt(probability * (1 - probability) / len(action))
    axis.errorbar(names, share, error, fmt="o", color=ORANGE, capsize=4, label=f"share of {len(action)} samples ± 2 SE")
    for a, p in enumerate(probability):
        axis.text(a, 0.01, f"log π =\n−{-np.log(p):.2f}", ha="center", fontsize=8)
    axis.set(title="Categorical policy", xlabel="action a", ylabel="probability", xticks=names)
    axis.set_ylim(0, 1.3 * probability.max())
    axis.legend(loc="upper left", fontsize=8)


def draw_gaussian(axis, mean, std, action):
    """Samples under the ellipses |z| = 1, 2, 3, which are level lines of the density."""
    angle = np.linspace(0, 2 * np.pi, 200)
    axis.plot(*action[:1500].T, ".", color=ORANGE, alpha=0.35, markersize=3, label="samples a = μ + σ ⊙ z")
    for radius in (1, 2, 3):
        label = "|z| = 1, 2, 3" if radius == 1 else None
        axis.plot(*(mean + radius * std * np.stack([np.cos(angle), np.sin(angle)], axis=1)).T, color=BLUE, label=label)
    axis.plot(*mean, "+", color="black", markersize=12, label="μ(s)")
    axis.set(title="Diagonal Gaussian policy", xlabel="first action", ylabel="second action")
    axis.set(ylim=mean[1] + std[1] * np.array([-4, 7.5]), aspect="equal")
    axis.legend(loc="upper left", fontsize=8)


def draw_surprise(axis, log_probs, entropies):
    """Running means of −log π against the entropy."""
    for (name, log_prob), entropy, color in zip(log_probs.items(), entropies, (BLUE, ORANGE), strict=True):
        n = np.arange(1, len(log_prob) + 1)
        axis.plot(n, -log_prob.cumsum() / n, color=color, label=f"{name}: mean of −log π")
        band = 2 * log_prob.std() / np.sqrt(n)
        axis.fill_between(n, entropy - band, entropy + band, color=color, alpha=0.2, label="entropy H ± 2 SE")
        axis.axhline(entropy, color=color, linestyle=":")
    axis.set(title="Mean surprise goes to the entropy", xscale="log", xlabel="samples N", ylabel="nats", xlim=(5, None))
    axis.set_ylim(min(entropies) - 1, max(entropies) + 1.4)
    axis.legend(fontsize=8, ncol=2)


def main(out: Path = Path("pictures/01_policies_and_sampling.png"), quick: bool = False, seed: int = 0):
    """Draw two kinds of policies and their samples."""
    rng, samples = np.random.default_rng(seed), 1_000 if quick else 10_000
    discrete = policies.categorical_policy(3, 5, hidden=(16,))
    continuous = policies.gaussian_policy(3, 2, hidden=(16,))
    theta, phi = policies.init(discrete, rng, gain=3.0), policies.init(continuous, rng, gain=1.0)
    phi[-2:] = np.log([1.0, 0.5])  # log σ, the free parameters
    probability = categorical.softmax(policies.forward(discrete, theta, OBS)[0])[0]
    mean, std = policies.mode(continuous, phi, OBS)[0], np.exp(phi[-2:])
    choice, log_p, entropy = many(discrete, theta, rng, samples)
    action, log_density, differential = many(continuous, phi, rng, samples)
    inside = (((action - mean) / std) ** 2).sum(axis=1) < 1
    print(f"categorical: entropy {entropy:.4f}, mean surprise {-log_p.mean():.4f} ± {log_p.std() / samples**0.5:.4f}")
    print(f"gaussian: entropy {differential:.4f}, mean surprise {-log_density.mean():.4f} ± {samples**-0.5:.4f}")
    print(f"inside |z| = 1: share {inside.mean():.4f}, probability {1 - np.exp(-0.5):.4f}")
    figure = Figure(figsize=(15, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    draw_categorical(left, probability, choice)
    draw_gaussian(middle, mean, std, action)
    draw_surprise(right, {"categorical": log_p, "Gaussian": log_density}, (entropy, differential))
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

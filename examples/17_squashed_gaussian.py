"""17 · A Gaussian made to fit between two bounds: Spinning Up's "Soft Actor-Critic", the squashed Gaussian policy.

    a = tanh u,  u ~ N(μ, σ²)       log π(a) = log N(u; μ, σ²) − log(1 − tanh² u)                                  (1)
    log(1 − tanh² u) = 2 (log 2 − |u| − log(1 + e^{−2|u|}))         never log 0, for any u                        (2)
    log(1 − a² + 10⁻⁶)                                              what is often written instead                 (3)
    H = −E log π,  ∂H/∂μ = −2 E tanh u                              at a bound: 2 nats less for each step of μ    (4)

Look for: (left) the histogram lies on exp of (1); a wide Gaussian is squashed into two peaks at the bounds, and tanh μ,
which is played when SAC is judged, lies between them. (Middle) in float32 log(1 − a²) is −∞ from |u| = 9 on and wrong
long before, and (3) cannot tell u = 8 from u = 80. (Right) so by (3) a policy that runs into a bound loses no more
entropy from some μ on: the curve is flat, and the force (4) that would bring the policy back is gone.
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.maths import gaussian, squashed_gaussian
from scratchrl.maths.squashing import log_det

POLICIES = ((0.0, 0.4, "#0072B2"), (0.8, 0.6, "#009E73"), (0.3, 1.6, "#D55E00"))  # μ, σ

def with_epsilon(u):
    """(3), in the precision of u."""
    return np.log(1 - np.tanh(u) ** 2 + u.dtype.type(1e-6))


def densities(axes, count, rng):
    """Samples against exp of (1)."""
    u = np.linspace(-6, 6, 2000)[:, None]
    for mean, std, color in POLICIES:
        mu, s = np.full((count, 1), mean), np.log([std])
        action, log_prob, _ = squashed_gaussian.sample_and_log_prob(rng, mu, s)
        curve = np.exp(squashed_gaussian.log_prob(np.full_like(u, mean), s, u))
        axes.hist(action[:, 0], bins=60, range=(-1, 1), density=True, color=color, alpha=0.3)
        axes.plot(np.tanh(u), curve, color=color, label=f"μ = {mean}, σ = {std}")
        axes.plot([np.tanh(mean)], [0], marker="^", color=color, clip_on=False)
        entropy, error = squashed_gaussian.entropy(mu[:1], s).item(), log_prob.std() / np.sqrt(count)
        print(f"entropy of μ = {mean}, σ = {std}: {entropy:.4f}, mean of −log π {-log_prob.mean():.4f} ± {error:.4f}")
    axes.set(title="Density of a = tanh u (▲ tanh μ)", xlabel="a", ylabel="π(a)", ylim=(0, 2.5))


def formulas(axes):
    """Three ways to log(1 − tanh² u) in float32, against float64 of (2)."""
    u = np.linspace(0.01, 12, 1200).astype(np.float32)
    truth = log_det(u.astype(float))
    with np.errstate(divide="ignore"):
        ways = {"(2)": log_det(u), "log(1 − a²)": np.log(1 - np.tanh(u) ** 2), "(3), with 10⁻⁶": with_epsilon(u)}
    for (name, value), color in zip(ways.items(), ("#0072B2", "#009E73", "#D55E00"), strict=True):
        error = np.abs(value - truth)
        axes.semilogy(u, np.maximum(error, 1e-9), color=color, label=name)
        print(f"largest error by {name}: {error[u < 5].max():.2g} up to u = 5, {error.max():.4g} up to u = 12")
    axes.set(title="Error of log(1 − tanh² u) in float32", xlabel="u", ylabel="absolute error", ylim=(1e-9, 30))


def entropies(axes, count, rng):
    """(4) over μ, by quadrature, and as a mean over samples with either formula."""
    means, s = np.linspace(0, 14, 57), np.log([2.0])
    exact = squashed_gaussian.entropy(means[:, None], s)
    u = gaussian.sample(rng, np.tile(means[:, None], (count, 1, 1)), s).astype(np.float32)
    log_normal = gaussian.log_prob(np.tile(means[:, None], (count, 1, 1)), s, u)
    for name, det, color in (("(1) with (2)", log_det, "#0072B2"), ("(1) with (3)", with_epsilon, "#D55E00")):
        found = (det(u)[..., 0] - log_normal).mean(axis=0)
        axes.plot(means, found, color=color, label=name)
        slope = (found[-1] - found[-9]) / 2
        print(f"entropy at μ = 14, σ = 2: {exact[-1]:.3f}, by {name} {found[-1]:.3f}, falling by {-slope:.3f} a step")
    axes.plot(means, exact, "k--", linewidth=1, label="exact")
    axes.set(title="Entropy of a saturated policy, σ = 2", xlabel="μ", ylabel="−mean log π")


def main(out: Path = Path("pictures/17_squashed_gaussian.png"), quick: bool = False, seed: int = 0):
    """Squash, and take the logarithm in two ways."""
    rng, figure = np.random.default_rng(seed), Figure(figsize=(15, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    densities(left, 20_000 if quick else 200_000, rng)
    formulas(middle)
    entropies(right, 500 if quick else 5000, rng)
    for axes in (left, middle, right):
        axes.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

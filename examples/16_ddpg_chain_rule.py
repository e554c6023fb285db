"""16 · DDPG's chain rule ∂Q/∂a · ∂μ/∂θ, where all is known: Spinning Up's "Deep Deterministic Policy Gradient".

    s' = A s + B u,  r = −(sᵀ Q s + R u²),  u = −K s               J(K) the discounted cost, in closed form       (1)
    a = μ_K(s) = tanh(−K s) is what the actor says, u = atanh a what is done, and Q^K(s, a) a known function      (2)
    ∇_K J = −E_s [∂Q^K/∂a · ∂μ_K/∂K],  s drawn as Σ_t γᵗ P(s_t = s)                        Silver et al., theorem 1 (3)

Look for: (left) with the states of (3) one goes down the hill of J. With other states, as a replay has them, the path
is another, but K* is where both end: there ∂Q/∂a = 0 in every state. (Middle) a difference of J has a best step h, and
not all digits even then. (Right) DDPG learns Q, and the actor is told its slope at the actor's action, not its height.
"""

from pathlib import Path

import numpy as np
import tyro
from matplotlib.figure import Figure

from scratchrl.exact import linear_quadratic as lq
from scratchrl.maths import deterministic, initialization, mlp, optimizers, state_action, targets

A, B = np.array([[1.0, 0.3], [0.0, 1.0]]), np.array([[0.045], [0.3]])
WORLD = lq.Problem(A, B, np.diag([1.0, 0.1]), 0.3 * np.eye(1), 0.95, np.diag([0.3, 0.1]), np.zeros((2, 2)))
FIRST, CRITIC = np.array([[0.4, 2.4]]), mlp.MLP((3, 64, 64, 1))
REPLAY = np.random.default_rng(0).standard_normal((64, 2)) * [0.2, 0.5]


def true_critic(gain, obs, action):
    """Q^K(s, a) and ∂Q^K/∂a of (2)."""
    h, both = lq.action_value(WORLD, gain)[0], np.hstack([obs, np.arctanh(action)])
    return -((both @ h) * both).sum(axis=1), -2 * (both @ h)[:, 2:] / (1 - action**2)


def chain_rule(gain, obs):
    """The derivative in K of −(1/B) Σ Q(s, μ_K(s)), as DDPG's actor step computes it: (3) for the states of K."""
    actor, theta = mlp.MLP((2, 1)), np.append(-gain, 0.0)  # no hidden layers: u = θ₁ s₁ + θ₂ s₂ + θ₃
    return -deterministic.loss_and_grad(actor, theta, obs, lambda a: true_critic(gain, obs, a))[1][None, :2]


def own_states(gain):
    """Two states with the second moment Σ_t γᵗ E[s sᵀ] of the policy: all that (3) asks of them."""
    return np.sqrt(2) * np.linalg.cholesky(lq.second_moment(WORLD, gain)).T


def learnt_critic(gain, steps, rng):
    """φ after so many of DDPG's critic steps, on random states and actions."""
    copy = phi = initialization.init(CRITIC, rng)
    adam, no = optimizers.adam_init(phi), np.zeros(128, bool)
    for _ in range(steps):
        obs, u = rng.standard_normal((128, 2)), np.arctanh(rng.uniform(-0.9, 0.9, (128, 1)))
        reward, after = -(obs**2 @ [1.0, 0.1] + 0.3 * u[:, 0] ** 2), obs @ A.T + u @ B.T
        q = state_action.value(CRITIC, copy, after, np.tanh(-after @ gain.T))[0]
        y = targets.ddpg_target(reward, q, no, no, WORLD.gamma)
        adam, step = optimizers.adam(adam, state_action.loss_and_grad(CRITIC, phi, obs, np.tanh(u), y)[1], 1e-3)
        phi, copy = phi + step, targets.polyak_update(phi + step, copy, 0.02)
    return phi


def main(out: Path = Path("pictures/16_ddpg_chain_rule.png"), quick: bool = False, seed: int = 0):
    """Climb with the true critic, differentiate by differences, learn a critic."""
    figure, best = Figure(figsize=(15, 4.6), layout="constrained"), lq.optimal_gain(WORLD)
    left, middle, right = figure.subplots(1, 3)
    x, y = np.meshgrid(np.linspace(0.2, 2.2, 40), np.linspace(0.9, 2.6, 40))
    costs = [lq.cost(WORLD, np.array([k])) for k in zip(x.flat, y.flat, strict=True)]
    left.contour(x, y, np.log(np.reshape(costs, x.shape) / lq.cost(WORLD, best)), 20, cmap="Greys_r")
    for name, states, rate in (("its own states", own_states, 0.06), ("a replay's states", lambda _: REPLAY, 3.0)):
        gains = [FIRST]
        for _ in range(400):
            gains.append(gains[-1] - rate * chain_rule(gains[-1], states(gains[-1])))
        print(f"{name}: from K* {np.abs(FIRST - best).max():.4f} first, {np.abs(gains[-1] - best).max():.6f} at last")
        left.plot(*np.vstack(gains).T, ".-", markersize=4, label=name)
    exact, h = lq.cost_gradient(WORLD, FIRST)[0, 0], np.logspace(-13, -0.5, 60)
    rise = [lq.cost(WORLD, FIRST + d) - lq.cost(WORLD, FIRST - d) for d in np.multiply.outer(h, [[1.0, 0.0]])]
    error, chain = np.abs(rise / (2 * h * exact) - 1), abs(chain_rule(FIRST, own_states(FIRST))[0, 0] / exact - 1)
    print(f"relative error: central difference {error.min():.1e} at its best step, chain rule {chain:.1e}")
    middle.loglog(h, error, label="(J(K + h) − J(K − h)) / 2h")
    middle.axhline(max(chain, 1e-17), color="k", label="chain rule")
    a, at = np.linspace(-0.9, 0.9, 61)[:, None], np.tanh(-(s := np.array([[1.0, -0.1]])) @ FIRST.T)
    for steps in (100, 400, 800) if quick else (100, 1000, 10_000):
        phi = learnt_critic(FIRST, steps, np.random.default_rng(seed))
        q, slope = state_action.value_and_d_action(CRITIC, phi, s, at)
        right.plot(a, state_action.value(CRITIC, phi, np.repeat(s, 61, 0), a)[0], label=f"{steps} steps")
        print(f"critic after {steps} steps: Q {q.item():.3f}, slope {slope.item():.3f}")
    q, slope = true_critic(FIRST, s, at)
    right.plot(a, true_critic(FIRST, np.repeat(s, 61, 0), a)[0], "k--", label="exact")
    right.axline((at.item(), q.item()), slope=slope.item(), color="0.6", label="slope at μ(s)")
    print(f"exact: Q {q.item():.3f}, slope {slope.item():.3f}")
    left.plot(*best[0], "k*", markersize=12, label="K*")
    left.set(title="J(K), and where the chain rule leads", xlabel="gain of the position", ylabel="gain of the velocity")
    middle.set(title="Error of ∂J/∂K₁", xlabel="h", ylabel="relative error")
    right.set(title="Q(s, ·) and its slope where the actor is", xlabel="a", ylabel="Q")
    for axes in (left, middle, right):
        axes.legend()
    out.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(out, dpi=110)
    print(f"picture: {out}")


if __name__ == "__main__":
    tyro.cli(main)

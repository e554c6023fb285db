r"""The weights Φ of policy gradient estimators on enumerated trajectories, to be judged by `expectation`.

    ĝ = Σ_t w_t ∇ log π_θ(a_t|s_t),      E[ĝ] = ∇J for  w_t = γᵗ Φ_t  and each of the seed's five Φ:         (1)

    total_return            w_t = R(τ) = Σ_k γᵏ r_k       (γᵗ is inside: R counts from the first step)
    reward_to_go            w_t = γᵗ R̂_t,  R̂_t = Σ_{k≥t} γ^{k−t} r_k
    reward_to_go_baseline   w_t = γᵗ (R̂_t − V_t(s_t))
    q                       w_t = γᵗ Q_t(s_t, a_t)
    advantage               w_t = γᵗ (Q_t(s_t, a_t) − V_t(s_t))

Why they agree: what came before t, and any b(s_t), is known when a_t is drawn, and E[∇ log π(a_t|s_t) | s_t] = 0; what
comes after has mean Q_t(s_t, a_t) given (s_t, a_t). Why their variances differ: see `variance_table`.

Practice leaves γᵗ out. Then E[ĝ] = Σ_t Σ_s P(s_t = s) Σ_a ∇π(a|s) Q_t(s, a): states counted without discount, values
with it. That is no gradient of anything (its Jacobian is not symmetric; Nota & Thomas 2020), though at γ = 1 it is ∇J.

Values carry a clock, V (T + 1, S) and Q (T, S, A) of `finite_horizon_values`, because they depend on the steps to go;
tables without one, (S,), serve for bootstrapping at a horizon that is only a cut.
"""

from typing import NamedTuple

import numpy as np

from scratchrl.exact import baselines, families
from scratchrl.exact.enumeration import Trajectories, probability, trajectories
from scratchrl.exact.expectation import gradient_moments
from scratchrl.exact.families import Family
from scratchrl.exact.finite_horizon import finite_horizon_values
from scratchrl.exact.gradients import policy_gradient
from scratchrl.exact.mdp import MDP
from scratchrl.maths import returns


def discounts(batch: Trajectories, gamma: float) -> np.ndarray:
    """γᵗ as a column (T, 1)."""
    return gamma ** np.arange(len(batch.state))[:, None]


def value_along(batch: Trajectories, value: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V_t(s_t) and V_{t+1}(s_{t+1}), each (T, K), from V (S,), or (T + 1, S) with a clock.

    Checked in tests/exact/test_estimators.py.
    """
    clocked = np.broadcast_to(value, (len(batch.state) + 1, value.shape[-1]))
    step = np.arange(len(batch.state))[:, None]
    return clocked[step, batch.state], clocked[step + 1, batch.next_state]


def q_along(batch: Trajectories, q: np.ndarray) -> np.ndarray:
    """Q_t(s_t, a_t), (T, K), from Q (S, A), or (T, S, A) with a clock."""
    clocked = np.broadcast_to(q, (len(batch.state), *q.shape[-2:]))
    return clocked[np.arange(len(batch.state))[:, None], batch.state, batch.action]


def five_weights(batch: Trajectories, value: np.ndarray, q: np.ndarray, gamma: float) -> dict[str, np.ndarray]:
    """The five w of this module by their names (those of algorithms/vpg.py), each (T, K).

    Args:
      value: (T + 1, S); q: (T, S, A); of the policy that plays, discounted by gamma.
    Checked in tests/exact/test_estimators.py: E[ĝ] = ∇J to 1e-12 for each, on random MDPs.
    """
    flags, discount = (batch.terminated, batch.truncated), discounts(batch, gamma)
    to_go = discount * returns.reward_to_go(batch.reward, *flags, gamma)
    v, q_t = discount * value_along(batch, value)[0], discount * q_along(batch, q)
    return {
        "total_return": returns.total_return(batch.reward, *flags, gamma),
        "reward_to_go": to_go,
        "reward_to_go_baseline": to_go - v,
        "q": q_t,
        "advantage": q_t - v,
    }


def gae_weights(batch: Trajectories, value: np.ndarray, gamma: float, lam: float) -> np.ndarray:
    """γᵗ Â_t with Â = GAE(γ, λ) from any V, right or wrong, (T, K).

    At the horizon GAE bootstraps from V_T(s_T): 0 in a table with a clock (the objective ends there), V(s_T) in a
    table without (the objective goes on). Exact V: unbiased for every λ, the variance grows with λ as a rule. Wrong V
    with V_T = 0: bias E[Σ_t γᵗψ_t Σ_k (γλ)ᵏ(γ e_{t+k+1} − e_{t+k})], e = error of V, which telescopes away at λ = 1.

    Checked in tests/exact/test_estimators.py: both statements; bias down and variance up with λ, on a stated MDP.
    """
    v, next_v = value_along(batch, value)
    advantage = returns.gae(batch.reward, v, next_v, batch.terminated, batch.truncated, gamma, lam)
    return discounts(batch, gamma) * advantage


def ratios(batch: Trajectories, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    r"""ρ_t = π_new(a_t|s_t)/π_old(a_t|s_t), (T, K), 1 on padding.

    For trajectories of old, E_old[f Π_{k≤t} ρ_k] = E_new[f] for f known at t + 1: the product of all ratios so far,
    `np.cumprod(ratios, axis=0)`, gives the exact ∇J(θ_new), by Σ_t ψ_t Σ_{k≥t} γᵏ (Π_{j≤k} ρ_j) r_k. One ratio in its
    place, ρ_t alone as TRPO and PPO have it, corrects the action and leaves the states where old put them:
    see `surrogates`.

    Checked in tests/exact/test_estimators.py.
    """
    return np.where(batch.valid, new[batch.state, batch.action] / old[batch.state, batch.action], 1.0)


class Row(NamedTuple):
    """An estimator, ‖E[ĝ] − ∇J‖, and tr Cov[ĝ] for one trajectory."""

    name: str
    bias: float
    variance: float


def variance_table(mdp: MDP, family: Family, theta: np.ndarray, horizon: int) -> list[Row]:
    r"""Bias and variance of the five Φ, and of the reward-to-go minus the best constant and the best b_t(s).

    With H_t everything known before a_t is drawn, the variance of R̂_t is split by conditioning on (s_t, a_t), then on
    s_t: noise of the future, E[Var(R̂_t|s_t, a_t)]; spread over actions, Var(A); spread over states, V(s_t)².

        total_return            all three, and the rewards of the past
        reward_to_go            all three
        reward_to_go_baseline   no V²
        q                       no future noise
        advantage               neither: what is left is the choice of the action itself

    So advantage is lowest as a rule and total_return highest, but no order holds on every MDP: V is not the best
    baseline and on many small MDPs worse than none (a likely action has a short score, a rare one a long one, and V
    centres as if they were equal), and rewards of the past may happen to cancel those of the future.

    Returns:
      seven rows, bias at rounding.
    Checked in tests/exact/test_estimators.py: unbiased; the order on the MDP stated there.
    """
    policy = families.table(family, theta)
    batch = trajectories(mdp, horizon)
    chances = probability(batch, policy)
    value, q = finite_horizon_values(mdp, policy, horizon, mdp.gamma)
    weights = five_weights(batch, value, q, mdp.gamma)
    to_go = weights["reward_to_go"]
    arguments = family, theta, batch, chances, to_go
    weights["constant_baseline"] = to_go - baselines.best_constant(*arguments)
    weights["best_baseline"] = to_go - value_along(batch, np.pad(baselines.best(*arguments), ((0, 1), (0, 0))))[0]
    truth = policy_gradient(mdp, family, theta, horizon)
    rows = []
    for name, weight in weights.items():
        mean, covariance = gradient_moments(family, theta, batch, chances, weight)
        rows.append(Row(name, float(np.linalg.norm(mean - truth)), float(np.trace(covariance))))
    return rows


def render(rows: list[Row]) -> str:
    """The table as text.

    >>> print(render([Row("q", 0.0, 2.5)]))
    estimator                  bias    variance
    q                       0.0e+00      2.5000
    """
    lines = [f"{'estimator':<22}{'bias':>9}{'variance':>12}"]
    return "\n".join(lines + [f"{row.name:<22}{row.bias:>9.1e}{row.variance:>12.4f}" for row in rows])

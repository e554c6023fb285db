"""Q-learning, SARSA and TD(λ) on tables: sampled shadows of T*, T^π and the λ-return, with the same fixed points.

Each is a loop of   x(s) ← x(s) + n(s)^{−ω} · (target − x(s)),   n(s) the visits so far, ½ < ω ≤ 1: then Σ steps = ∞ and
Σ steps² < ∞ (Robbins and Monro), and where every entry is visited for ever the table converges with probability 1 to
the x whose mean target is x. Targets stop at `terminated`, never at `truncated`.
"""

from collections.abc import Callable, Iterable

import numpy as np

from scratchrl.exact.sampling import Transition


def q_learning(experience: Iterable[Transition], q: np.ndarray, gamma: float, omega: float = 0.8) -> np.ndarray:
    """q(s, a) ← q(s, a) + n(s, a)^{−ω} (r + γ max_{a'} q(s', a') − q(s, a)): converges to Q*.

    The mean of the target given (s, a) is (T*q)(s, a), whatever policy acts: off-policy.

    Args:
      experience: transitions, read once, in order.
      q: (S, A), changed in place, so that a policy that looks at it acts on the newest values.
    Returns:
      q.
    Checked in tests/exact/test_learners.py: Q* within a stated tolerance.
    Paper: Watkins & Dayan (1992).

    >>> step = Transition(0, 0, 3.0, 1, 0, terminated=True, truncated=False)
    >>> q_learning([step], np.zeros((2, 1)), gamma=0.9).tolist()
    [[3.0], [0.0]]
    """
    visits = np.zeros(q.shape)
    for s, a, reward, successor, _, terminated, _ in experience:
        visits[s, a] += 1.0
        target = reward if terminated else reward + gamma * q[successor].max()
        q[s, a] += visits[s, a] ** -omega * (target - q[s, a])
    return q


def sarsa(experience: Iterable[Transition], q: np.ndarray, gamma: float, omega: float = 0.8) -> np.ndarray:
    """q(s, a) ← q(s, a) + n(s, a)^{−ω} (r + γ q(s', a') − q(s, a)), a' the action taken next.

    For a fixed policy the mean target is T^π q, and q → Q^π. If the policy is ε-greedy for q itself, the mean target is
    r + γ E_{s'}[(1 − ε) max q(s', ·) + ε mean q(s', ·)]: the optimum of the MDP whose actions are
    themselves ε-randomised.

    Args and Returns as `q_learning`.
    Checked in tests/exact/test_learners.py: both limits within a stated tolerance.
    Paper: Rummery & Niranjan (1994); convergence Singh et al. (2000).

    >>> step = Transition(0, 0, 3.0, 1, 0, terminated=False, truncated=False)
    >>> sarsa([step], np.array([[0.0], [2.0]]), gamma=0.5).tolist()
    [[4.0], [2.0]]
    """
    visits = np.zeros(q.shape)
    for s, a, reward, successor, next_action, terminated, _ in experience:
        visits[s, a] += 1.0
        target = reward if terminated else reward + gamma * q[successor, next_action]
        q[s, a] += visits[s, a] ** -omega * (target - q[s, a])
    return q


def td_lambda(
    experience: Iterable[Transition], value: np.ndarray, gamma: float, lam: float, omega: float = 0.8
) -> np.ndarray:
    """v ← v + n^{−ω} δ e,  δ = r + γ v(s') − v(s),  e ← γλ e + 1_s: converges to V^π of the acting policy, for any λ.

    e(s) = Σ_k (γλ)^{t−k} 1[s_k = s] is an accumulating trace: summed over an episode, the updates of a visit at time k
    are Σ_t (γλ)^{t−k} δ_t = λ-return − v(s_k), to first order in the step size. λ = 0 is TD(0), λ = 1 every-visit
    Monte Carlo.
    The trace is cut at terminated | truncated; the bootstrap stops at terminated alone.

    Args:
      value: (S,), changed in place.
      lam: λ in [0, 1].
    Returns:
      value.
    Checked in tests/exact/test_learners.py: V^π for λ = 0, ½, 0.9, 1 within a stated tolerance.
    Paper: Sutton (1988); convergence Dayan & Sejnowski (1994).

    >>> path = [Transition(0, 0, 0.0, 1, 0, False, False), Transition(1, 0, 8.0, 2, 0, True, False)]
    >>> td_lambda(path, np.zeros(3), gamma=0.5, lam=0.5).tolist()  # δ = 8 reaches state 0 through e = γλ = ¼
    [2.0, 8.0, 0.0]
    """
    visits, trace = np.zeros(value.shape), np.zeros(value.shape)
    for s, _, reward, successor, _, terminated, truncated in experience:
        visits[s] += 1.0
        trace *= gamma * lam
        trace[s] += 1.0
        error = (reward if terminated else reward + gamma * value[successor]) - value[s]
        value += np.maximum(visits, 1.0) ** -omega * error * trace
        if terminated or truncated:
            trace[:] = 0.0
    return value


def follow(policy: np.ndarray, rng: np.random.Generator) -> Callable[[int], int]:
    """state -> a ~ π(·|s), for `sampling.walk`. policy (S, A)."""
    cumulative = np.cumsum(policy, axis=1)
    cumulative /= cumulative[:, -1:]
    return lambda state: int(cumulative[state].searchsorted(rng.random(), side="right"))


def epsilon_greedy(q: np.ndarray, epsilon: float, rng: np.random.Generator) -> Callable[[int], int]:
    """state -> uniform with probability ε, else the first maximiser of q(s, ·) as q is at that moment. q (S, A)."""
    actions = q.shape[1]
    return lambda state: int(rng.integers(actions) if rng.random() < epsilon else q[state].argmax())

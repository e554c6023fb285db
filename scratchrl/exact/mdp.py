"""A finite Markov decision process, and the reader of Gymnasium's toy-text models.

    ⟨S, A, R, P, ρ₀⟩ with discount γ:   s₀ ~ ρ₀,   s_{t+1} ~ P(·|s_t, a_t),   r_t = R(s_t, a_t, s_{t+1})

An episode ends on *entering* a terminal state: the reward of that last transition counts, nothing follows it, the
value of a terminal state is 0. The rows that a model gives for leaving a terminal state are therefore meaningless;
they are replaced by self-loops with reward 0, so that every row is a distribution and T-step products stay one.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

ROW_SUM_BOUND = 1e-10


@dataclass(frozen=True, eq=False)
class MDP:
    """⟨P, R, γ, ρ₀, terminal⟩, checked and normalised on construction; arrays are read-only views.

    Args:
      transition: P(s'|s, a), (S, A, S); rows sum to 1 within ROW_SUM_BOUND (never silently rescaled).
      reward: R(s, a, s'), (S, A, S); or (S, A, 1), or (S, A), where the successor does not matter. Kept as (S, A, S)
        or (S, A, 1); `np.broadcast_to(mdp.reward, mdp.transition.shape)` is R(s, a, s') either way.
      gamma: discount in [0, 1].
      start: ρ₀, (S,).
      terminal: (S,) bool; all False for a task that never ends.
    Raises:
      ValueError: a shape, a probability, a reward or gamma is not as above; the message names it.
    Checked in tests/exact/test_mdp.py: every refusal, and that rows of terminal states do not matter.

    >>> coin = MDP([[[0.5, 0.5]], [[0.0, 0.0]]], [[[0.0, 6.0]], [[9.0, 9.0]]], 0.9, [1.0, 0.0], [False, True])
    >>> coin.mean_reward.ravel().tolist()  # ½·0 + ½·6, and nothing after the end
    [3.0, 0.0]
    """

    transition: np.ndarray
    reward: np.ndarray
    gamma: float
    start: np.ndarray
    terminal: np.ndarray

    def __post_init__(self):
        transition, start = np.asarray(self.transition, float), np.asarray(self.start, float)
        _check_shapes(transition, start, np.asarray(self.reward), np.asarray(self.terminal))
        terminal, reward = np.asarray(self.terminal), np.asarray(self.reward, float)
        reward = reward[:, :, None] if reward.ndim == 2 else reward
        if terminal.any():
            transition, reward = _absorb(transition, reward, np.flatnonzero(terminal))
        _check_numbers(transition, reward, self.gamma, start)
        object.__setattr__(self, "gamma", float(self.gamma))
        for name, array in [("transition", transition), ("reward", reward), ("start", start), ("terminal", terminal)]:
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    @cached_property
    def mean_reward(self) -> np.ndarray:
        """r(s, a) = Σ_{s'} P(s'|s, a) R(s, a, s'), (S, A)."""
        if self.reward.shape[2] == 1:
            return self.reward[:, :, 0]
        return np.einsum("sat,sat->sa", self.transition, self.reward)

    @cached_property
    def branching(self) -> int:
        """The largest number of successors of any (s, a)."""
        return int(np.count_nonzero(self.transition, axis=2).max())

    @cached_property
    def reward_bound(self) -> float:
        """max |R(s, a, s')|."""
        return float(max(-self.reward.min(), self.reward.max()))


def _absorb(transition, reward, terminal):
    transition, reward = transition.copy(), reward.copy()
    transition[terminal] = 0.0
    transition[terminal, :, terminal] = 1.0
    reward[terminal] = 0.0
    return transition, reward


def _check_shapes(transition, start, reward, terminal):
    if transition.ndim != 3 or transition.shape[0] != transition.shape[2] or 0 in transition.shape:
        raise ValueError(f"transition: expected shape (S, A, S) with S, A ≥ 1, got {transition.shape}")
    states, actions, _ = transition.shape
    if reward.shape not in ((states, actions, states), (states, actions, 1), (states, actions)):
        raise ValueError(
            f"reward: expected shape {(states, actions, states)}, {(states, actions, 1)} or "
            f"{(states, actions)}, got {reward.shape}"
        )
    if start.shape != (states,):
        raise ValueError(f"start: expected shape {(states,)}, got {start.shape}")
    if terminal.shape != (states,) or terminal.dtype != bool:
        raise ValueError(f"terminal: expected bool of shape {(states,)}, got {terminal.dtype} of {terminal.shape}")


def _check_numbers(transition, reward, gamma, start):
    if not 0.0 <= gamma <= 1.0:
        raise ValueError(f"gamma: expected a number in [0, 1], got {gamma}")
    if not np.isfinite([reward.min(), reward.max()]).all():
        raise ValueError("reward: expected finite numbers, got nan or inf")
    for name, probability in (("transition", transition), ("start", start)):
        if probability.min() < 0.0:
            raise ValueError(f"{name}: expected probabilities, got the negative number {probability.min()}")
        total = probability.sum(axis=-1)
        wrong = np.argwhere(~(np.abs(total - 1.0) <= ROW_SUM_BOUND))
        if len(wrong):
            row = tuple(wrong[0].tolist())
            raise ValueError(f"{name}: expected rows that sum to 1 ± {ROW_SUM_BOUND}, row {row} sums to {total[row]}")


def from_gymnasium(env, gamma: float = 1.0) -> MDP:
    """The MDP of a toy-text model, env.unwrapped.P[s][a] = [(probability, s', reward, terminated), ...].

    Entries of one (s, a) with the same successor are merged,

        P(s'|s, a) = Σᵢ pᵢ,      R(s, a, s') = Σᵢ pᵢ rᵢ / Σᵢ pᵢ = E[r | s, a, s'].                  (1)

    By the tower rule every value function is unchanged by (1). What merging loses is the spread of r given
    (s, a, s'): the law of the return, its variance among others. Of Gymnasium's models only slippery CliffWalking has
    such entries: at the start, falling off (−100) and bumping into a wall (−1) both lead back to the start.

    Gymnasium marks *transitions* as terminated, an MDP has terminal *states*. A state entered only with terminated=True
    is terminal. A state that another state also enters alive (or that ρ₀ starts in) stays alive and gets a terminal
    twin, an index appended after the model's own, which receives its terminated transitions. Taxi needs four twins,
    the other models none; the first S indices are always Gymnasium's observations.

    Args:
      env: an environment whose unwrapped form has `P` and `initial_state_distrib`.
      gamma: discount; 1 is the return Gymnasium reports.
    Returns:
      the MDP, rows divided by their sums.
    Raises:
      ValueError: env has no such model, or probabilities of an (s, a) are off 1 by more than 1e-8.
    Checked in tests/exact/test_gymnasium_models.py: against the raw model, state by state, for every toy-text model.
    """
    model = getattr(env.unwrapped, "P", None)
    start = getattr(env.unwrapped, "initial_state_distrib", None)
    if model is None or start is None:
        raise ValueError(f"env: expected a model `P` and `initial_state_distrib`, {env.unwrapped} lacks them")
    start = np.asarray(start, float)
    rows = [(s, a, *row) for s in model for a in model[s] for row in model[s][a] if row[0] > 0.0]
    s, a, p, successor, r, ended = (np.array(column) for column in zip(*rows, strict=True))
    successor, twins = _split_endings(s, successor, ended, start > 0.0)
    states = len(start) + len(twins)
    shape = (states, int(a.max()) + 1, states)
    transition, reward, shift = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    np.add.at(transition, (s, a, successor), p)
    reward[s, a, successor] = r
    np.add.at(shift, (s, a, successor), p * (r - reward[s, a, successor]))
    reward += np.divide(shift, transition, out=shift, where=transition > 0.0)  # (1), exact where all rᵢ are equal
    total = transition[: len(start)].sum(axis=2, keepdims=True)
    if np.abs(total - 1.0).max() > 1e-8:
        raise ValueError(f"env: expected probabilities that sum to 1, got sums from {total.min()} to {total.max()}")
    transition[: len(start)] /= total
    terminal = np.zeros(states, bool)
    terminal[successor[ended]] = True
    return MDP(transition, reward, gamma, np.pad(start, (0, len(twins))), terminal)


def _split_endings(s, successor, ended, starts):
    """Send terminated transitions into states that are also entered alive to new indices, one per such state."""
    alive, final = starts.copy(), np.zeros_like(starts)
    alive[successor[~ended & (s != successor)]] = True
    final[successor[ended]] = True
    twins = np.flatnonzero(alive & final)
    twin_of = np.arange(len(starts))
    twin_of[twins] = len(starts) + np.arange(len(twins))
    return np.where(ended, twin_of[successor], successor), twins

"""Sampled transitions of an MDP: the experience that learners see, drawn from the very arrays that solvers read."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from scratchrl.exact.mdp import MDP


class Transition(NamedTuple):
    """(s, a, r, s', a') and how it ended; next_action is the one taken next if the episode goes on."""

    state: int
    action: int
    reward: float
    next_state: int
    next_action: int
    terminated: bool
    truncated: bool


def draw(rng: np.random.Generator, probability) -> int:
    """i ~ probability, by inversion: the first i with p₀ + … + pᵢ > u·Σp, u uniform on [0, 1).

    Dividing the sums by the last makes it exactly 1 > u, so an outcome of probability 0 is never drawn.

    Checked in tests/exact/test_sampling.py: frequencies by a χ² test, zero probabilities never.

    >>> draw(np.random.default_rng(0), [0.0, 1.0, 0.0])
    1
    """
    cumulative = np.cumsum(probability)
    return int(np.searchsorted(cumulative / cumulative[-1], rng.random(), side="right"))


def sample_step(mdp: MDP, state: int, action: int, rng: np.random.Generator) -> tuple[float, int, bool]:
    """(R(s, a, s'), s', terminal(s')) with s' ~ P(·|s, a).

    Checked in tests/exact/test_sampling.py: frequencies of s' by a χ² test.
    """
    successor = draw(rng, mdp.transition[state, action])
    reward = mdp.reward[state, action, successor if mdp.reward.shape[2] > 1 else 0]
    return float(reward), successor, bool(mdp.terminal[successor])


def walk(
    mdp: MDP, act: Callable[[int], int], rng: np.random.Generator, steps: int, horizon: int | None = None
) -> Iterator[Transition]:
    """`steps` transitions, episode after episode, each started from ρ₀.

    The next action is chosen before the transition is handed out and carried out after it: a learner that changes
    what `act` reads (SARSA) is on-policy in the textbook's order.

    Args:
      act: state -> action; its own randomness is its own business.
      horizon: an episode of so many steps is truncated; None never truncates.
    Raises:
      ValueError: ρ₀ puts mass on a terminal state, where no step can be taken.
    Checked in tests/exact/test_sampling.py: successive states and actions link up, flags are never both true.
    """
    if mdp.start[mdp.terminal].any():
        raise ValueError("mdp: expected a start distribution on states that are not terminal")
    fresh = True
    for _ in range(steps):
        if fresh:
            state, age = draw(rng, mdp.start), 0
            action = act(state)
        reward, successor, terminated = sample_step(mdp, state, action, rng)
        age += 1
        truncated = not terminated and age == horizon
        next_action = act(successor)
        yield Transition(state, action, reward, successor, next_action, terminated, truncated)
        state, action, fresh = successor, next_action, terminated or truncated

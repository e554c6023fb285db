"""Which states can be reached, and from which an episode can last forever: questions about P > 0 only."""

import numpy as np

from scratchrl.exact.mdp import MDP


def reachable(edge: np.ndarray, source: np.ndarray) -> np.ndarray:
    """States that a path of any length ≥ 0 along the edges joins to a source, (S,) bool.

    Args:
      edge: (S, S) bool, edge[i, j] from i to j.
      source: (S,) bool.

    >>> reachable(np.array([[0, 1, 0], [0, 0, 0], [1, 0, 0]], bool), np.array([True, False, False])).tolist()
    [True, True, False]
    """
    seen, frontier = source.copy(), source
    while frontier.any():
        frontier = edge[frontier].any(axis=0) & ~seen
        seen |= frontier
    return seen


def endless(edge: np.ndarray, terminal: np.ndarray) -> np.ndarray:
    """States from which a finite Markov chain may, with positive probability, never terminate, (S,) bool.

    A finite chain ends up in its closed classes with probability 1. So it terminates with probability 1 from s exactly
    if no state that s can reach has lost every path to a terminal state.

    Args:
      edge: (S, S) bool, whether the chain's P(j|i) > 0.
    Checked in tests/exact/test_evaluation.py: against powers of the chain.

    >>> endless(np.array([[0, 1, 1], [0, 1, 0], [0, 0, 1]], bool), np.array([False, True, False])).tolist()
    [True, False, True]
    """
    lost = ~reachable(edge.T, terminal)
    return reachable(edge.T, lost)


def can_last_forever(mdp: MDP) -> bool:
    """Is there a policy and a state from which termination is not certain?

    Such a policy has a closed class of states that are not terminal. The largest set that some policy can stay in
    forever is found from above: drop every state all of whose actions may leave the set, until none is dropped.

    Checked in tests/exact/test_certificate.py: against all deterministic policies of small MDPs.
    """
    stay, shrinking = ~mdp.terminal, True
    escape = mdp.transition[:, :, mdp.terminal].sum(axis=2) > 0.0  # (S, A): leaving the set has positive probability
    while shrinking:
        dropped = stay & escape.all(axis=1)
        escape |= mdp.transition[:, :, dropped].sum(axis=2) > 0.0
        stay, shrinking = stay & ~dropped, bool(dropped.any())
    return bool(stay.any())


def closing_actions(mdp: MDP) -> tuple[np.ndarray, np.ndarray]:
    """An action per state that may bring termination one step nearer, (S,), and the states that have none, (S,) bool.

    Followed forever, such actions terminate with probability 1: from every state, S steps end the episode with a
    probability bounded away from 0. So if no state lacks one, they are a proper policy.

    Checked in tests/exact/test_certificate.py.
    """
    action, seen = np.zeros(len(mdp.start), int), mdp.terminal.copy()
    frontier = mdp.terminal
    while frontier.any():
        enters = mdp.transition[:, :, frontier].sum(axis=2) > 0.0
        frontier = enters.any(axis=1) & ~seen
        action[frontier] = enters[frontier].argmax(axis=1)
        seen |= frontier
    return action, ~seen

"""Small MDPs whose answers are known in closed form (all but garnet), each derived under its name.

name          task                          answer
two_state     a loop of two states          V^π and V* are two linear equations
chain         a row with a slippery step    V* is a power of one geometric series
random_walk   a row with two ends           V^π solves a two-term recurrence: gambler's ruin
gridworld     walk to the corner            V* counts Manhattan steps
cliff         the long safe way round       V* counts steps along the edge; equals Gymnasium's CliffWalking
garnet        random                        no closed form
"""

from dataclasses import replace

import numpy as np

from scratchrl.exact.mdp import MDP

UP, RIGHT, DOWN, LEFT = (-1, 0), (0, 1), (1, 0), (0, -1)


def two_state(success: float = 0.8, gamma: float = 0.9) -> MDP:
    """Two states, actions stay (0) and move (1, works with probability `success`); state 1 pays 1 per step. Never ends.

    Let π move from 0 to 1 with probability x = π(move|0)·success and back with y = π(move|1)·success, D = V(1) − V(0):

        V(0) = γ(V(0) + xD),     V(1) = 1 + γ(V(1) − yD)                                                (1)
        D = 1/(1 − γ(1 − x − y))            the second of (1) minus the first                             (2)
        V(0) = γxD/(1 − γ),      V(1) = V(0) + D                                                         (3)

    D > 0, so the best policy moves from 0 and stays in 1 (x = success, y = 0): V*(1) = 1/(1 − γ).

    Checked in tests/exact/test_zoo.py: (3) for random policies, and V*.
    """
    stay, move = np.eye(2), (1.0 - success) * np.eye(2) + success * np.eye(2)[::-1]
    transition = np.stack([stay, move], axis=1)
    return MDP(transition, np.array([[0.0, 0.0], [1.0, 1.0]]), gamma, np.array([1.0, 0.0]), np.zeros(2, bool))


def chain(length: int = 5, success: float = 0.8, gamma: float = 0.9) -> MDP:
    """States 0 … length, start 0, end `length`; action 0 returns to 0, action 1 advances with probability `success`.

    Arriving at the end pays 1, all else 0. Advancing one place takes N steps, N geometric:

        g = E[γᴺ] = Σ_{n≥1} γⁿ (1 − p)ⁿ⁻¹ p = γp/(1 − γ(1 − p)),     p = success                         (1)

    and the reward is discounted once less than the steps it takes, so always advancing is worth

        V*(s) = g^{length − s}/γ,                                                                        (2)

    increasing in s: going back never helps. γ = 1 gives V* = 1.

    Checked in tests/exact/test_zoo.py: (2).
    """
    states = np.arange(length + 1)
    transition = np.zeros((length + 1, 2, length + 1))
    transition[:, 0, 0] = 1.0
    transition[states, 1, states] = 1.0 - success
    transition[states[:-1], 1, states[1:]] += success
    reward = np.zeros_like(transition)
    reward[:-1, :, -1] = 1.0
    return MDP(transition, reward, gamma, np.eye(length + 1)[0], states == length)


def random_walk(length: int = 5, gamma: float = 1.0) -> MDP:
    """States 0 … length + 1, both ends terminal, start in the middle; left (0) and right (1); 1 for the right end.

    With π(right) = p, q = 1 − p, u(i) = E[γᵀ; right end | i] and V = u/γ (the last reward is discounted γ^{T−1}):

        u(i) = γ(p u(i+1) + q u(i−1)),     u(0) = 0,  u(length + 1) = 1                                   (1)
        V(i) = (x₁ⁱ − x₂ⁱ)/(x₁ⁿ − x₂ⁿ)/γ,  n = length + 1,  x₁, x₂ the roots of γp x² − x + γq = 0              (2)

    At γ = 1 the roots are 1 and q/p: V(i) = (1 − (q/p)ⁱ)/(1 − (q/p)ⁿ), gambler's ruin; and for p = ½, where they
    coincide, V(i) = i/n. V*, always right: γ^{length − i}.

    Checked in tests/exact/test_zoo.py: (2), ruin, i/n, V*.
    Source of the task: Sutton & Barto, example 6.2.
    """
    states = np.arange(length + 2)
    transition = np.zeros((length + 2, 2, length + 2))
    transition[states[1:], 0, states[1:] - 1] = 1.0
    transition[states[:-1], 1, states[:-1] + 1] = 1.0
    reward = np.zeros_like(transition)
    reward[length, 1, length + 1] = 1.0
    terminal = (states == 0) | (states == length + 1)
    return MDP(_self_loops(transition), reward, gamma, np.eye(length + 2)[(length + 1) // 2], terminal)


def gridworld(height: int = 4, width: int = 4, gamma: float = 1.0) -> MDP:
    """A grid walked up, right, down, left (0 … 3), −1 a step, start top left, end bottom right; walls stop.

    The end is d = (height − 1 − row) + (width − 1 − column) steps away and no step gains more than 1, so

        V* = −(1 + γ + … + γ^{d−1}) = −(1 − γᵈ)/(1 − γ),     −d at γ = 1                                     (1)

    Optimal: right and down wherever they are possible.

    Checked in tests/exact/test_zoo.py: (1) and the optimal actions.
    """
    transition = _grid(height, width)
    states = height * width
    return MDP(transition, np.full((states, 4), -1.0), gamma, np.eye(states)[0], np.arange(states) == states - 1)


def cliff(height: int = 4, width: int = 12, gamma: float = 1.0) -> MDP:
    """The gridworld with start bottom left, and between start and end a cliff: −100 and back to the start.

    Above the cliff, at (row, column), the way is right along any row and down the last column; from the start, one
    up first. With n steps, V* = −(1 − γⁿ)/(1 − γ), −n at γ = 1, where

        n = (height − 1 − row) + (width − 1 − column) above,   n = width + 1 at the start                   (1)

    Falling only leads to the start and costs 100: never better. Cliff cells are never occupied.

    Checked in tests/exact/test_zoo.py: (1); array by array equal to Gymnasium's CliffWalking-v1.
    Source of the task: Sutton & Barto, example 6.6.
    """
    transition, states = _grid(height, width), height * width
    start, fall = states - width, np.arange(states - width + 1, states - 1)
    falls = transition[:, :, fall].sum(axis=2)
    transition[:, :, fall] = 0.0
    transition[:, :, start] += falls
    reward = np.full(transition.shape, 0.0)
    reward[transition > 0.0] = -1.0
    reward[:, :, start][falls > 0.0] = -100.0
    return MDP(transition, reward, gamma, np.eye(states)[start], np.arange(states) == states - 1)


def garnet(
    rng: np.random.Generator,
    states: int = 10,
    actions: int = 3,
    branching: int = 3,
    gamma: float = 0.9,
    terminals: int = 0,
) -> MDP:
    """GARNET(S, A, b): each (s, a) has b distinct successors, drawn uniformly; probabilities from b − 1 uniform cuts.

    The gaps between b − 1 uniform points of [0, 1] are Dirichlet(1, …, 1). R(s, a) ~ N(0, 1), ρ₀ uniform on the
    states that are not terminal; the last `terminals` states are. No closed form: solvers are compared with each other.

    Args:
      rng: draws everything.
      branching: b ≤ S.
    Checked in tests/exact/test_zoo.py: b successors each, rows sum to 1, the same rng gives the same MDP.
    Paper: Archibald, McKinnon & Thomas (1995); the form of Bhatnagar et al. (2009).
    """
    shape = (states, actions)
    successor = rng.random((*shape, states)).argsort(axis=2)[:, :, :branching]
    cuts = np.sort(rng.random((*shape, branching - 1)), axis=2)
    gaps = np.diff(np.pad(cuts, ((0, 0), (0, 0), (1, 1)), constant_values=(0.0, 1.0)), axis=2)
    transition = np.zeros((*shape, states))
    np.put_along_axis(transition, successor, gaps, axis=2)
    terminal = np.arange(states) >= states - terminals
    return MDP(transition, rng.normal(size=shape), gamma, ~terminal / (states - terminals), terminal)


def slippery(mdp: MDP, slip: float) -> MDP:
    r"""The same MDP on ice: with probability `slip` the action is replaced by one drawn uniformly, reward and all.

        P′(s′|s,a) = (1 − slip) P(s′|s,a) + slip · (1/A) Σ_b P(s′|s,b),    r′(s,a) likewise from r(s,a)      (1)

    Slipping is part of the world here, but it might as well be part of the policy: V^π in the slippery MDP is V^π′ in
    the old one, for π′ = (1 − slip) π + slip/A. Rewards are those expected, r(s,a): which action had paid is not kept.

    Args:
      slip: in [0, 1].
    Raises:
      ValueError: slip is not a probability.

    Checked in tests/exact/test_zoo.py: the equality of the two views.

    >>> slippery(two_state(success=1.0), 0.5).transition[0]
    array([[0.75, 0.25],
           [0.25, 0.75]])
    """
    if not 0 <= slip <= 1:
        raise ValueError(f"slip: expected a probability, got {slip}")
    mixed = [(1 - slip) * x + slip * x.mean(axis=1, keepdims=True) for x in (mdp.transition, mdp.mean_reward)]  # (1)
    return replace(mdp, transition=mixed[0], reward=mixed[1])


def _grid(height, width):
    """(S, 4, S): one step in each direction, or none where a wall is; states are numbered row by row."""
    rows, columns = np.divmod(np.arange(height * width), width)
    transition = np.zeros((height * width, 4, height * width))
    for action, (down, right) in enumerate((UP, RIGHT, DOWN, LEFT)):
        target = np.clip(rows + down, 0, height - 1) * width + np.clip(columns + right, 0, width - 1)
        transition[np.arange(height * width), action, target] = 1.0
    return transition


def _self_loops(transition):
    """Rows with no successor (terminal states only) lead to themselves."""
    state, action = np.nonzero(transition.sum(axis=2) == 0.0)
    transition[state, action, state] = 1.0
    return transition

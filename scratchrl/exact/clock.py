r"""A finite horizon is an MDP whose state carries a clock: (t, s) ↦ (t + 1, s′), and at t = T everything is over.

So whatever is derived for the infinite horizon (values, occupancies, gradients, Hessians) holds for T steps without
a second derivation, at γ = 1 too, where every policy is proper because the clock runs out.
"""

import numpy as np

from scratchrl.exact.families import Family
from scratchrl.exact.mdp import MDP


def clocked(mdp: MDP, horizon: int) -> MDP:
    """The MDP on states (t, s), t = 0 … horizon, numbered t·S + s; those with t = horizon are terminal.

    Dense: ((T + 1)S)²A numbers, for small problems. Its V at (t, s) is V_t(s) of `finite_horizon_values`.

    Args:
      horizon: T ≥ 1 steps, that is T rewards.
    Checked in tests/exact/test_clock.py: V, Q and occupancy of the finite horizon.

    >>> one = MDP([[[1.0]]], [[2.0]], 1.0, [1.0], [False])
    >>> clocked(one, 3).transition[:, 0].tolist()[:2]
    [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    states, actions, _ = mdp.transition.shape
    transition = np.zeros((horizon + 1, states, actions, horizon + 1, states))
    reward = np.zeros_like(transition)
    for t in range(horizon):
        transition[t, :, :, t + 1] = mdp.transition
        reward[t, :, :, t + 1] = mdp.reward
    shape = ((horizon + 1) * states, actions, (horizon + 1) * states)
    terminal = np.tile(mdp.terminal, horizon + 1)
    terminal[-states:] = True
    transition[horizon, :, :, horizon, 0] = 1.0  # rows of terminal states have no meaning, but must be distributions
    start = np.pad(mdp.start, (0, horizon * states))
    return MDP(transition.reshape(shape), reward.reshape(shape), mdp.gamma, start, terminal)


def blind(family: Family, horizon: int) -> Family:
    """The same family on the clocked MDP: it sees s and not t, so θ ↦ J_T(θ) is the same function.

    Checked in tests/exact/test_clock.py.
    """
    return family._replace(features=np.tile(family.features, (horizon + 1, 1)))

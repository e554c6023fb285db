"""Mistakes of n-step returns. Each takes the right one apart: its rewards, its bootstrap, and how many rewards."""

import numpy as np

from scratchrl.oracle.mistake import BUG, mistake
from scratchrl.oracle.shifted import later


@mistake("nstep-gamma1", "n_step_return", BUG, "jakegrigsby/AdvancedPacmanDQNs#2", "younggyoseo/FastTD3#6")
def bootstrap_discounted_once(n_step_return, gamma, **rest):
    """G_t = Σ_{k<n} γ^k r_{t+k} + γ v′

    The bootstrap is n steps away and is discounted as if it were one. Use γ^n.
    """
    rewards, bootstrap = _parts(n_step_return, gamma, rest)
    return rewards + gamma * bootstrap


@mistake("nstep-truncated-exponent", "n_step_return", BUG, "ray-project/ray#4626", "DLR-RM/stable-baselines3#2144")
def bootstrap_of_a_short_window_discounted_n_times(n_step_return, gamma, n, **rest):
    """G_t = Σ_{k<j} γ^k r_{t+k} + γ^n v′ where the window ends after j < n steps

    Where an episode or the array cuts the window short, the bootstrap is j steps away. Use γ^j.
    """
    rewards, bootstrap = _parts(n_step_return, gamma, rest | {"n": n})
    return rewards + gamma**n * bootstrap


@mistake("nstep-crosses-write-pointer", "n_step_return", BUG, "younggyoseo/FastTD3#6", "thu-ml/tianshou#135")
def window_runs_on_into_the_oldest_rows(n_step_return, n, **rest):
    """row T := row 0

    In a full ring buffer the row after the newest is the oldest, of another episode. A window that reaches the write
    pointer has to stop there and bootstrap.
    """
    steps = len(rest["reward"])
    more = min(n, steps) - 1
    longer = {k: np.concatenate([v, v[:more]]) if np.ndim(v) else v for k, v in rest.items()}
    return n_step_return(n=min(n, steps), **longer)[:steps]


@mistake("nstep-reward-offset", "n_step_return", BUG, "conglu1997/v-d4rl#8")
def rewards_one_step_late(n_step_return, reward, **rest):
    """G_t = Σ_{k<n} γ^k r_{t+k+1} + γ^n v′

    The window of rewards begins one row late: the reward of action t is lost. Gather rows t to t+n−1.
    """
    return n_step_return(reward=later(reward, 0 * reward[-1:]), **rest)


def _parts(n_step_return, gamma, rest):
    """The discounted rewards, and the masked value at the end of each window without its discount."""
    reward, next_value = rest["reward"], rest["next_value"]
    rewards = n_step_return(**rest | {"next_value": 0 * next_value}, gamma=gamma)
    return rewards, n_step_return(**rest | {"reward": 0 * reward}, gamma=1.0)

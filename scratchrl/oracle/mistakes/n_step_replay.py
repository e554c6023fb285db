"""Mistakes of n-step replays: where a run breaks off, and what its end is worth where it began."""

import numpy as np

from scratchrl.oracle.mistake import BUG, EITHER, mistake

SPEC = "n_step_replay"


def never(flags):
    """No ends at all."""
    return np.zeros_like(flags)


def next_rows(env):
    """(C,) the row of the same environment that comes after each one around the ring, the write pointer ignored."""
    size = len(env)
    ahead = [next(j for j in range(1, size + 1) if env[(i + j) % size] == env[i]) for i in range(size)]
    return (np.arange(size) + ahead) % size


@mistake("nstep-gamma1", SPEC, BUG, "jakegrigsby/AdvancedPacmanDQNs#2", "younggyoseo/FastTD3#6")
def discounted_once(replay, gamma, **ring):
    """discount := γ

    The successor of the last transition is k steps away and is discounted as if it were one. Use γ^k.
    """
    total, last, discount, terminated = replay(gamma=gamma, **ring)
    return total, last, gamma + 0 * discount, terminated


@mistake("nstep-truncated-exponent", SPEC, BUG, "ray-project/ray#4626", "DLR-RM/stable-baselines3#2144")
def short_runs_discounted_n_times(replay, n, gamma, **ring):
    """discount := γ^n

    Where a run breaks off after k < n transitions, its end is only k steps away. Use γ^k.
    """
    total, last, discount, terminated = replay(n=n, gamma=gamma, **ring)
    return total, last, gamma**n + 0 * discount, terminated


@mistake("nstep-discount-off-by-one", SPEC, BUG, variants=({"off": -1}, {"off": 1}))
def one_step_more_or_less(replay, gamma, off, **ring):
    """discount := γ^(k−1) or γ^(k+1)

    The exponent is the index of the last reward, or one more than there are rewards. Use their number.
    """
    total, last, discount, terminated = replay(gamma=gamma, **ring)
    return total, last, discount * gamma if off == 1 else discount / gamma, terminated


@mistake("nstep-crosses-write-pointer", SPEC, BUG, "younggyoseo/FastTD3#6", "thu-ml/tianshou#135",
         variants=({"unfilled": True}, {"unfilled": False}))  # fmt: skip
def runs_on_into_the_oldest_rows(replay, position, size, rows, unfilled, **ring):
    """row after the newest := the oldest one, or one that is not filled

    What follows the newest transition is not remembered yet: the row after it is of another time. Break off there.
    """
    capacity = len(ring["reward"])
    if size < capacity and not unfilled:
        return replay(position=position, size=size, rows=rows, **ring)
    each = [replay(position=row, size=capacity, rows=np.array([row]), **ring) for row in rows.tolist()]
    return tuple(np.concatenate(output) for output in zip(*each, strict=True))


@mistake("nstep-crosses-episode-end", SPEC, BUG, variants=({"masked": False}, {"masked": True}))
def runs_on_into_the_next_episode(replay, terminated, truncated, masked, **ring):
    """c_t := 1: n transitions, whatever ends among them

    Rewards of the next episode are credited to this one. Break off after terminated ∨ truncated.
    """
    total, last, discount, _ = replay(terminated=never(terminated), truncated=never(truncated), **ring)
    broken_off = replay(terminated=terminated, truncated=truncated, **ring)[3]
    return total, last, discount, terminated[last] | broken_off if masked else terminated[last]


@mistake("nstep-crosses-truncation", SPEC, BUG)
def runs_on_after_a_time_limit(replay, truncated, **ring):
    """c_t := 1 − terminated_t

    After a time limit comes another episode: break off there too, and bootstrap from the final observation.
    """
    return replay(truncated=never(truncated), **ring)


@mistake("target-trunc-masked", SPEC, BUG, "rlevo#170", "rlevo#344", "dopamine@c443e88", "strands-labs/robots#967")
def time_limits_are_deaths(replay, truncated, **ring):
    """terminated := terminated ∨ truncated of the last transition

    A time limit then wipes out the future as a death would. Only termination stops the bootstrap.
    """
    total, last, discount, terminated = replay(truncated=truncated, **ring)
    return total, last, discount, terminated | truncated[last]


@mistake("nstep-mixes-environments", SPEC, BUG)
def next_row_whoever_wrote_it(replay, env, **ring):
    """row after i := i + 1

    The rows of several environments take turns; the next transition of the same one is further on.
    """
    return replay(env=0 * env, **ring)


@mistake("nstep-terminated-of-first", SPEC, BUG)
def only_the_first_can_end(replay, terminated, rows, **ring):
    """terminated := that of the first transition

    Where the episode ends later in the run, its end is given a future. Take the flag of the last transition.
    """
    total, last, discount, _ = replay(terminated=terminated, rows=rows, **ring)
    return total, last, discount, terminated[rows]


@mistake("nstep-bootstrap-at-first", SPEC, BUG)
def bootstraps_after_one_step(replay, rows, **ring):
    """last := first

    n rewards, and then the value of the state after the first of them. Take the successor of the last transition.
    """
    total, _, discount, terminated = replay(rows=rows, **ring)
    return total, rows, discount, terminated


@mistake("nstep-bootstrap-beyond", SPEC, BUG)
def bootstraps_n_steps_on(replay, env, rows, n, **ring):
    """last := the row n − 1 steps on, even where the run broke off before

    The value is then one of another episode, or of a row of another time. Take the successor of the last transition.
    """
    total, _, discount, terminated = replay(env=env, rows=rows, n=n, **ring)
    after = next_rows(env)
    for _ in range(n - 1):
        rows = after[rows]
    return total, rows, discount, terminated


@mistake("nstep-row-after", SPEC, EITHER)
def row_of_the_successor(replay, env, **ring):
    """last := the row after the last

    Meant as the row whose observation is the successor. Behind a time limit and behind the newest row there is another
    one: store successors beside their transitions, or break off one step earlier there.
    """
    total, last, discount, terminated = replay(env=env, **ring)
    return total, next_rows(env)[last], discount, terminated


@mistake("nstep-reward-offset", SPEC, BUG, "conglu1997/v-d4rl#8")
def rewards_one_step_late(replay, reward, env, **ring):
    """R = Σ_{i<k} γ^i r_{i+1}

    The window of rewards begins one transition late: the reward of the first action is lost.
    """
    return replay(reward=reward[next_rows(env)], env=env, **ring)

"""Mistakes of hindsight: episodes that go around the end of the ring, and where one ends."""

import numpy as np

from scratchrl.oracle.mistake import BUG, EITHER, mistake

SPEC = "hindsight_row"


@mistake("her-ring-wrap", SPEC, BUG, "tianshou#817")
def cut_at_the_end_of_the_array(future, terminated, truncated, position, size, rows, uniform):
    """the last of the episode := at most the last row of the array

    An episode that goes on at the beginning of the ring is cut there: what came after is never a goal. Count modulo C.
    """
    behind = np.arange(len(terminated)) == len(terminated) - 1
    return future(terminated, truncated | behind, position, size, rows, uniform)


@mistake("her-crosses-episode-end", SPEC, BUG)
def goals_of_the_next_episode(future, terminated, truncated, **case):
    """the last of the episode := the newest transition

    Goals are taken from later episodes, that this one had no part in reaching.
    """
    return future(terminated=np.zeros_like(terminated), truncated=np.zeros_like(truncated), **case)


@mistake("her-crosses-truncation", SPEC, BUG)
def goals_after_a_time_limit(future, truncated, **case):
    """the last of the episode := the one that terminated

    Most goals are never reached: almost every episode ends by a time limit, and there another one begins.
    """
    return future(truncated=np.zeros_like(truncated), **case)


@mistake("her-final", SPEC, EITHER)
def the_last_of_all(future, uniform, **case):
    """i + L − 1

    Always the last state of the episode: the strategy `final`.
    """
    return future(uniform=1023 / 1024 + 0 * uniform, **case)


@mistake("her-strictly-later", SPEC, EITHER)
def never_itself(future, terminated, truncated, position, size, rows, uniform):
    """i + 1 + ⌊u (L − 1)⌋

    Not the transition itself, whose own outcome is as good a goal; the last one of an episode has none left.
    """
    ends = future(terminated, truncated, position, size, rows, 1023 / 1024 + 0 * uniform)
    left = (ends - rows) % len(terminated)
    steps = (uniform[:, None] * left[:, None] >= np.arange(1, size + 1)).sum(axis=1)
    return (rows + np.minimum(1 + steps, left)) % len(terminated)

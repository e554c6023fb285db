"""The spec of hindsight: which later transition of the same episode lends its goal."""

import numpy as np

from scratchrl.maths.n_step_replay import runs
from scratchrl.oracle.cases import hindsight as cases
from scratchrl.oracle.episode_ends import DONE_FLAGS, TERMINATED, TRUNCATED, roles
from scratchrl.oracle.roles import plain
from scratchrl.oracle.scripted_draws import rng
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.specs.n_step_replay import FULL, POSITION, ROWS, SIZE


def hindsight_row(terminated, truncated, position, size, rows, uniform):
    """i + ⌊u L⌋ around the ring: one of the L transitions from i to the last of its episode, each as likely.

    The last is the one that ended the episode, or the newest while it goes on.

    Checked in tests/oracle/specs/test_hindsight.py.

    >>> end = np.array([True, False, False, False])  # the newest row is 1: rows 2, 3, 0 are one episode, 1 another
    >>> hindsight_row(end, end & False, 2, 4, np.array([2, 3, 1]), np.array([0.75, 0.25, 0.5]))
    array([0, 3, 1])
    """
    one, same = np.ones(len(terminated)), np.zeros(len(terminated), int)
    count = runs(one, terminated, truncated, same, position, size, rows, size, 1.0, 1)[0]
    steps = (uniform[:, None] * count[:, None] >= np.arange(1, size + 1)).sum(axis=1)
    return (rows + steps) % len(terminated)


def never(canonical):
    """What the absence of `truncated` means."""
    return np.zeros(canonical["terminated"].shape, bool)


tame, stress, edges = cases.kinds()
HINDSIGHT_ROW = Spec(
    name="hindsight_row",
    formula="i + ⌊u L⌋ around the ring, L transitions from i to the last of its episode",
    source="Andrychowicz et al. 2017, the strategy `future`",
    reference=hindsight_row,
    outputs=("row",),
    tame=tame, stress=stress, edges=edges,
    roles=(
        TERMINATED, TRUNCATED, *roles(DONE_FLAGS), POSITION, SIZE, FULL, ROWS,
        plain("uniform", "u", "draws", "uniforms", "random", "rand", "r"), rng(uniform="uniform"),
    ),
    absent={"truncated": never},
)  # fmt: skip

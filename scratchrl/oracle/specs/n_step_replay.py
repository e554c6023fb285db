"""The spec of a replay that sums n transitions up as one."""

import numpy as np

from scratchrl.maths.n_step_replay import runs
from scratchrl.oracle.cases import n_step_replay as cases
from scratchrl.oracle.episode_ends import DONE_FLAGS, MASKS, TERMINATED, TRUNCATED, roles
from scratchrl.oracle.roles import Role, plain
from scratchrl.oracle.specification import Identity, Spec
from scratchrl.oracle.specs.trajectory_identities import first
from scratchrl.oracle.trajectory_roles import GAMMA, REWARD, N


def n_step_replay(reward, terminated, truncated, env, position, size, rows, n, gamma):
    """R, the last row, γ^k and its termination, of the runs of a ring from these rows on.

    Checked in tests/oracle/specs/test_n_step_replay.py.

    >>> no = np.zeros(3, bool)
    >>> n_step_replay(np.array([4.0, 1.0, 2.0]), no, no, np.zeros(3, int), 1, 3, np.array([1, 0]), n=2, gamma=0.5)
    (array([2., 4.]), array([2, 0]), array([0.25, 0.5 ]), array([False, False]))
    """
    streams = int(env.max()) + 1
    total, last, discount = runs(reward, terminated, truncated, env, position, size, rows, n, gamma, streams)
    return total, last, discount, terminated[last]


def one_step(f, reward, rows, n, **case):
    """f(n = 1) − r."""
    return first(f(reward=reward, rows=rows, n=1, **case)) - reward[rows]


def linear(f, reward, **case):
    """f(2r) − 2 f(r)."""
    return first(f(reward=2 * reward, **case)) - 2 * first(f(reward=reward, **case))


def not_remembered(f, reward, size, **case):
    """What is in rows that are not filled does not matter."""
    other = np.where(np.arange(len(reward)) < size, reward, reward + 1)
    return first(f(reward=other, size=size, **case)) - first(f(reward=reward, size=size, **case))


ENV = plain("env", "envs", "env_id", "env_ids", "env_index", "env_idx", "env_indices", "stream", "streams", "worker")
POSITION = plain(
    "position", "pos", "ptr", "pointer", "head", "cursor", "write_pos", "insert_index", "insertion_index", "next_idx",
    "add_count", "index", "write_index", "current_index", "next_index", "cursor_position",
)  # fmt: skip
SIZE = plain("size", "length", "num_entries", "n_entries", "filled", "count", "len_", "current_size", "buffer_size")
FULL = Role(
    "full", ("is_full", "wrapped"), ("size",), lambda case: case["size"] == len(case["reward"]),
    lambda given: {"size": len(given["reward"]) if given["full"] else given["position"]},
    needs=("position",), excludes=("size",), flags=True,
)  # fmt: skip
ROWS = plain(
    "rows", "indices", "inds", "idxs", "idx", "index", "indexes", "batch_inds", "batch_indices", "start", "starts",
    "sampled_indices", "batch_idx", "row", "i",
)  # fmt: skip


def one_environment(canonical):
    """What the absence of `env` means."""
    return np.zeros(canonical["reward"].shape, int)


def never(canonical):
    """What the absence of `truncated` means."""
    return np.zeros(canonical["reward"].shape, bool)


tame, stress, edges = cases.kinds()
N_STEP_REPLAY = Spec(
    name="n_step_replay",
    formula="R = Σ_{i<k} γ^i r_i, the last row, γ^k, terminated of the last;  k = n, or less where the run breaks off",
    source="Sutton and Barto 2018, section 7.1; Hessel et al. 2018",
    reference=n_step_replay,
    outputs=("reward", "last", "discount", "terminated"),
    tame=tame, stress=stress, edges=edges,
    roles=(
        REWARD, TERMINATED, TRUNCATED, *(role for form in (DONE_FLAGS, MASKS) for role in roles(form)),
        ENV, POSITION, SIZE, FULL, ROWS, N, GAMMA,
    ),
    absent={"truncated": never, "env": one_environment},
    identities=(
        Identity("a run of one transition is that transition", one_step),
        Identity("twice the rewards are twice the sums", linear),
        Identity("rows that are not filled are not read", not_remembered),
    ),
)  # fmt: skip

"""Definition of the kernel that walks through a replay: runs of n transitions. `kernels.x` is the compiled `x_py`."""

from numpy.typing import NDArray


def _following(env: NDArray, position: int, size: int, row: int, num_envs: int) -> int:
    """The next row of the same environment, or −1 if this is its newest."""
    capacity = len(env)
    age = (row - position) % capacity if size == capacity else row  # 0 is the oldest
    for ahead in range(1, min(num_envs, size - 1 - age) + 1):
        candidate = (row + ahead) % capacity
        if env[candidate] == env[row]:
            return candidate
    return -1


def _same(before: NDArray, after: NDArray) -> bool:
    """Whether two rows are equal in every column."""
    different = 0
    for i in range(len(before)):
        different += before[i] != after[i]
    return not different


def runs_py(
    reward: NDArray, terminated: NDArray, truncated: NDArray, env: NDArray, position: int, size: int,
    obs: NDArray, next_obs: NDArray, rows: NDArray, n: int, factor: NDArray, num_envs: int,
    total: NDArray, last: NDArray, discount: NDArray,
) -> None:  # fmt: skip
    """`n_step_replay.runs`, row by row: R, the last row and γ^k are written into total, last, discount.

    factor: γ in the dtype of reward, (1,); obs, next_obs (C, O): a run goes on where the one is the other.
    """
    for b in range(len(rows)):
        row, total[b], discount[b] = rows[b], reward[rows[b]], factor[0]
        for _ in range(n - 1):
            after = _following(env, position, size, row, num_envs)
            if after < 0 or terminated[row] or truncated[row] or not _same(next_obs[row], obs[after]):
                break
            row = after
            total[b] += discount[b] * reward[row]
            discount[b] *= factor[0]
        last[b] = row


HELPERS = (_following, _same)

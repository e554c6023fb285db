r"""All trajectories of a small MDP: expectations become sums, and an estimator can be judged without sampling.

    P(τ|π) = chance(τ) Π_t π(a_t|s_t),     chance(τ) = ρ₀(s₀) Π_t P(s_{t+1}|s_t, a_t)             (1)

chance belongs to the world and is kept; π enters by a table lookup (`probability`), so one enumeration serves every
policy, complex ones included, and a network is evaluated once a state however many trajectories there are.

A trajectory is a column: arrays are time-major (T, K). It ends on entering a terminal state (terminated), or with its
T-th step (truncated: the horizon is a cut, whether it is also the end of the objective is the estimator's business).
Rows after the end are padding: valid False, state and next_state stay, action and reward 0.
"""

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np

from scratchrl.exact.mdp import MDP


class Trajectories(NamedTuple):
    """K trajectories of at most T steps."""

    state: np.ndarray  # (T, K)
    action: np.ndarray  # (T, K)
    reward: np.ndarray  # (T, K)
    next_state: np.ndarray  # (T, K)
    terminated: np.ndarray  # (T, K) bool
    truncated: np.ndarray  # (T, K) bool
    valid: np.ndarray  # (T, K) bool
    chance: np.ndarray  # (K,)


class _Outcomes(NamedTuple):
    """All that one step can do, (s, a, s′) with P(s′|s, a) > 0 sorted by s; a terminal state has one, to stay."""

    state: np.ndarray
    action: np.ndarray
    next_state: np.ndarray
    chance: np.ndarray
    first: np.ndarray  # (S,) where the outcomes of s begin
    number: np.ndarray  # (S,) how many it has


class _Prefixes(NamedTuple):
    """Beginnings of trajectories, in lexicographic order."""

    path: np.ndarray  # (t, K) indices of outcomes
    state: np.ndarray  # (K,) where they have arrived
    chance: np.ndarray  # (K,)


def count(mdp: MDP, horizon: int) -> int:
    """The number of trajectories, by recursion: n_T(s) = Σ n_{T−1}(s′) over the outcomes of s; 1 at the end.

    >>> two = MDP([[[0.5, 0.5]] * 2, [[0.0, 1.0]] * 2], np.zeros((2, 2)), 0.9, [1.0, 0.0], [False, True])
    >>> [count(two, T) for T in (1, 2, 3)]  # each step has two ways to end and two to go on: n_T = 2 + 2 n_{T−1}
    [4, 10, 22]
    """
    return int(_completions(_outcomes(mdp), horizon)[horizon][mdp.start > 0.0].sum())


def trajectories(mdp: MDP, horizon: int, limit: int = 2_000_000) -> Trajectories:
    """Every trajectory of up to `horizon` steps with positive chance, once, in lexicographic order of (s₀, a₀, s₁, …).

    The tree is grown level by level; a level's outcomes are then repeated as often as they have completions, so that
    row t of the result is one `np.repeat`. About 40 bytes a step; `chunks` for more than memory holds (and faster).

    Args:
      horizon: T ≥ 1.
      limit: refuse more trajectories than this.
    Raises:
      ValueError: horizon < 1, or more than `limit` trajectories.
    Checked in tests/exact/test_enumeration.py: recursion in plain Python; Σ P(τ|π) = 1; J.

    >>> two = MDP([[[0.0, 1.0]], [[0.0, 1.0]]], [[5.0], [0.0]], 0.9, [1.0, 0.0], [False, True])
    >>> one = trajectories(two, 2)  # one step, then the end: the second row is padding
    >>> one.reward.ravel().tolist(), one.terminated.ravel().tolist(), one.valid.ravel().tolist()
    ([5.0, 0.0], [True, False], [True, False])
    """
    total = count(mdp, horizon)
    if total > limit:
        raise ValueError(f"horizon: expected at most {limit} trajectories, {horizon} steps have {total} (see chunks)")
    return next(chunks(mdp, horizon, max(total, 1)))


def chunks(mdp: MDP, horizon: int, size: int = 2**17) -> Iterator[Trajectories]:
    """The same trajectories in the same order, at most `size` at a time: sums over them are sums over chunks.

    A set of prefixes with too many completions is split in two, a single one is extended by a step.

    Checked in tests/exact/test_enumeration.py: joined together they are `trajectories`.
    """
    outcomes = _outcomes(mdp)
    completions = _completions(outcomes, horizon)
    start = np.flatnonzero(mdp.start)
    waiting = [_Prefixes(np.zeros((0, len(start)), np.int32), start, mdp.start[start])]
    while waiting:
        prefixes = waiting.pop()
        left = completions[horizon - len(prefixes.path)][prefixes.state]
        if left.sum() <= size:
            yield _complete(mdp, outcomes, completions, prefixes, horizon)
        elif len(left) == 1:
            waiting.append(_extend(outcomes, prefixes))
        else:
            half = len(left) // 2
            waiting += [_Prefixes(*(array[..., part] for array in prefixes)) for part in (np.s_[half:], np.s_[:half])]


def probability(batch: Trajectories, policy: np.ndarray) -> np.ndarray:
    """P(τ|π) of (1), (K,); sums to 1 over all trajectories.

    Args:
      policy: π(a|s), (S, A), or (T, S, A) with a clock; complex entries allowed.
    Checked in tests/exact/test_enumeration.py: Σ = 1, J and its complex-step gradient.
    """
    result = batch.chance
    for step in along(policy, batch):
        result = result * step  # (1)
    return result


def along(table: np.ndarray, batch: Trajectories) -> Iterator[np.ndarray]:
    """π(a_t|s_t) row by row, (K,) for each t, and 1 on padding; args as for `probability`."""
    clocked = np.broadcast_to(table, (len(batch.state), *table.shape[-2:]))
    for policy, state, action, valid in zip(clocked, batch.state, batch.action, batch.valid, strict=True):
        yield np.where(valid, policy[state, action], 1.0)


def columns(batch: Trajectories, index) -> Trajectories:
    """Some of the trajectories, in any order and any number of times: a batch of N for an index of length N."""
    return Trajectories(*(array[..., index] for array in batch))


def batches(batch: Trajectories, chances: np.ndarray, size: int) -> Iterator[tuple[float, Trajectories]]:
    """All Kᴺ batches of N = size independent trajectories, with their probabilities Π P(τ_i).

    What depends on the whole batch (a leave-one-out baseline, normalised advantages) is an expectation over these and
    over nothing smaller. For small K: the number of trajectories is a base, N its exponent.

    Args:
      chances: P(τ|π), (K,).
    Yields:
      (probability, Trajectories with N columns).
    Checked in tests/exact/test_enumeration.py: probabilities sum to 1; the mean over a batch has 1/N of the variance.
    """
    for index in product(range(len(chances)), repeat=size):
        yield float(np.prod(chances[list(index)])), columns(batch, list(index))


def _outcomes(mdp):
    possible = mdp.transition > 0.0
    possible[mdp.terminal, 1:] = False
    state, action, next_state = np.nonzero(possible)
    number = np.bincount(state, minlength=len(mdp.start))
    chance = mdp.transition[state, action, next_state]
    return _Outcomes(state, action, next_state, chance, np.cumsum(number) - number, number)


def _completions(outcomes, horizon):
    """[n_0, n_1, …, n_T]: in how many ways a trajectory can go on for so many steps, (S,) each."""
    if horizon < 1:
        raise ValueError(f"horizon: expected at least 1 step, got {horizon}")
    ways: list[np.ndarray] = [np.ones(len(outcomes.number))]
    for _ in range(horizon):
        ways.append(np.bincount(outcomes.state, ways[-1][outcomes.next_state]))
    return ways


def _extend(outcomes, prefixes):
    number = outcomes.number[prefixes.state]
    begin = np.cumsum(number) - number
    step = np.arange(number.sum()) + np.repeat(outcomes.first[prefixes.state] - begin, number)
    path = np.concatenate([np.repeat(prefixes.path, number, axis=1), step[None].astype(np.int32)])
    return _Prefixes(path, outcomes.next_state[step], np.repeat(prefixes.chance, number) * outcomes.chance[step])


def _complete(mdp, outcomes, completions, prefixes, horizon):
    done = len(prefixes.path)
    ways = completions[horizon - done][prefixes.state].astype(np.int64)
    path = np.empty((horizon, ways.sum()), np.int32)
    path[:done] = np.repeat(prefixes.path, ways, axis=1)
    level = _Prefixes(np.zeros((0, len(prefixes.state)), np.int32), prefixes.state, prefixes.chance)
    for t in range(done, horizon):
        level = _extend(outcomes, level._replace(path=np.zeros((0, len(level.state)), np.int32)))
        path[t] = np.repeat(level.path[0], completions[horizon - t - 1][level.state].astype(np.int64))
    return _read(mdp, outcomes, path, level.chance)


def _read(mdp, outcomes, path, chance):
    reward_of = np.broadcast_to(mdp.reward, mdp.transition.shape)[outcomes.state, outcomes.action, outcomes.next_state]
    alive = ~mdp.terminal
    ended = mdp.terminal[outcomes.next_state]
    valid, terminated = alive[outcomes.state][path], (alive[outcomes.state] & ended)[path]
    truncated = np.zeros_like(valid)
    truncated[-1] = valid[-1] & ~terminated[-1]
    state, action, next_state = (column[path] for column in outcomes[:3])
    return Trajectories(state, action, reward_of[path], next_state, terminated, truncated, valid, chance)

r"""Returns and advantages: algebra over one reverse scan.

Legend: arrays are time-major, (T,) or (T, N) for N streams side by side. r_t reward of the transition t; v_t = V(s_t);
v′_t = V(true successor of s_t), also at truncation, where the true successor is the final observation and not the
first one after the reset. Two flags, never merged:

    bootstrapping stops where the episode terminated       m_t = 1 − terminated_t
    the trace is cut where it ends for whatever reason     c_t = 1 − (terminated_t ∨ truncated_t)

The last row has no next row in the array, so whatever follows it is what v′ says. On data of a rollout
v′_t = v_{t+1} inside an episode; the identities below hold then.

[GAE eq. 11, 16] -> gae · [Sutton & Barto eq. 12.9] -> lambda_return · off-policy returns: off_policy.py
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels
from scratchrl.maths.constants import exact


def reverse_scan(x: NDArray, decay: NDArray) -> NDArray:
    """y_t = x_t + decay_t y_{t+1} from the last row to the first, y_T = 0: the one loop below everything here.

    Args:
      x: (T, ...); decay: broadcastable to x.
    Returns:
      y (T, ...).

    Checked in tests/maths/test_returns.py: the kernel against its definition; linear in x.

    >>> reverse_scan(np.array([1.0, 2.0, 4.0]), np.full(3, 0.5))
    array([3., 4., 4.])
    """
    if not x.size:
        return x
    flat = np.ascontiguousarray(x).reshape(len(x), -1)
    factors = np.ascontiguousarray(np.broadcast_to(decay, x.shape)).astype(flat.dtype, copy=False).reshape(flat.shape)
    return kernels.select("reverse_scan", flat)(flat, factors).reshape(x.shape)


def discounted_return(reward: NDArray, gamma: float) -> NDArray:
    """R(τ) = Σ_t γ^t r_t over the whole first axis: with γ = 1 the finite-horizon undiscounted return of the T rows.

    Args:
      reward: (T,) or (T, N).
    Returns:
      scalar array or (N,).

    Checked in tests/maths/test_returns.py against the sum of powers.

    >>> discounted_return(np.array([1.0, 2.0, 4.0]), 0.5).item()
    3.0
    """
    return reverse_scan(reward, np.asarray(gamma))[0] if len(reward) else reward.sum(axis=0)


def reward_to_go(reward: NDArray, terminated: NDArray, truncated: NDArray, gamma: float) -> NDArray:
    """R̂_t = r_t + γ c_t R̂_{t+1}: the rewards from t to the end of the episode, nothing from before and no bootstrap.

    Args:
      reward, terminated, truncated: (T,) or (T, N).
    Returns:
      like reward.

    Checked in tests/maths/test_returns.py: double sum, concatenation of episodes, causality.

    >>> end = np.array([False, True, False])
    >>> reward_to_go(np.array([1.0, 2.0, 4.0]), end, ~end & False, 0.5)
    array([2., 2., 4.])
    """
    check(reward, terminated=terminated, truncated=truncated)
    return reverse_scan(reward, gamma * ~(terminated | truncated))


def total_return(reward: NDArray, terminated: NDArray, truncated: NDArray, gamma: float) -> NDArray:
    """R(τ) of the episode that row t belongs to, the same number for each of its rows, discounted from its first row.

    As a weight of the score it has the mean that the gradient of E[R(τ)] asks for, at any γ: the discount is counted
    from the episode's first row. The rewards of the past contribute nothing on average and usually cost variance.

    Args and Returns as for `reward_to_go`.

    Checked in tests/maths/test_returns.py.

    >>> end = np.array([False, True, False])
    >>> total_return(np.array([1.0, 2.0, 4.0]), end, ~end & False, 0.5)
    array([2., 2., 4.])
    """
    to_go = reward_to_go(reward, terminated, truncated, gamma)
    done = terminated | truncated
    first = np.concatenate([np.ones_like(done[:1]), done[:-1]])
    row = np.arange(len(reward)).reshape(-1, *[1] * (reward.ndim - 1))
    return np.take_along_axis(to_go, np.maximum.accumulate(np.where(first, row, 0), axis=0), axis=0)


def n_step_return(
    reward: NDArray, next_value: NDArray, terminated: NDArray, truncated: NDArray, gamma: float, n: int
) -> NDArray:
    r"""G⁽ⁿ⁾_t = Σ_{k<j} γ^k r_{t+k} + γ^j m v′_{t+j−1}, j = n or as many rows as the episode and the array allow.

    One row more is one reward more, so the definition is a recursion over n:

        G⁽¹⁾_t = r_t + γ m_t v′_t                                                      (1)
        G⁽ⁿ⁾_t = r_t + γ (G⁽ⁿ⁻¹⁾_{t+1} where the trace goes on, else m_t v′_t)         (2)

    A window cut short at k < n rows bootstraps with γ^k, not γ^n.

    Args:
      reward, next_value, terminated, truncated: (T,) or (T, N); n: at least 1.
    Returns:
      like reward.

    Checked in tests/maths/test_returns.py: explicit windows; n = 1 is TD(0), n ≥ T Monte Carlo.

    >>> no = np.zeros(3, bool)
    >>> n_step_return(np.array([1.0, 2.0, 4.0]), np.array([8.0, 8.0, 8.0]), no, no, 0.5, 2)
    array([4., 6., 8.])
    """
    check(reward, next_value=next_value, terminated=terminated, truncated=truncated)
    if n < 1:
        raise ValueError(f"n: expected at least 1, got {n}")
    bootstrap = ~terminated * next_value
    goes_on = ~(terminated | truncated)[:-1]
    target = reward + gamma * bootstrap  # (1)
    for _ in range(min(n, len(reward)) - 1):
        after = np.concatenate([np.where(goes_on, target[1:], bootstrap[:-1]), bootstrap[-1:]])
        target = reward + gamma * after  # (2)
    return target


def lambda_return(
    reward: NDArray, next_value: NDArray, terminated: NDArray, truncated: NDArray, gamma: float, lam: float
) -> NDArray:
    r"""G^λ_t = (1−λ) Σ_{n≥1} λ^{n−1} G⁽ⁿ⁾_t, with all remaining weight on the longest window there is.

    Splitting off the first reward turns the mixture into a recursion; where the trace ends only v′ is left:

        G^λ_t = r_t + γ [ (1−λ) v′_t + λ G^λ_{t+1} ]        while it goes on           (1)
        G^λ_t = r_t + γ m_t v′_t                            at a cut and in the last row

    Args:
      reward, next_value, terminated, truncated: (T,) or (T, N); lam in [0, 1].
    Returns:
      like reward.

    Checked in tests/maths/test_returns.py: the explicit mixture of n-step returns; equal to gae + value.

    >>> no = np.zeros(2, bool)
    >>> lambda_return(np.array([1.0, 2.0]), np.array([8.0, 4.0]), no, no, 0.5, 0.5)
    array([4., 4.])
    """
    check(reward, next_value=next_value, terminated=terminated, truncated=truncated)
    goes_on = (~(terminated | truncated)).astype(reward.dtype)
    goes_on[-1:] = 0
    bootstrap = ~terminated * next_value
    gamma, lam = exact(gamma, reward), exact(lam, reward)
    return reverse_scan(reward + gamma * (1 - lam * goes_on) * bootstrap, gamma * lam * goes_on)  # (1)


def gae(
    reward: NDArray,
    value: NDArray,
    next_value: NDArray,
    terminated: NDArray,
    truncated: NDArray,
    gamma: float,
    lam: float,
) -> NDArray:
    r"""A_t = Σ_{k≥0} (γλ)^k δ_{t+k} within the episode, δ_t = r_t + γ m_t v′_t − v_t.

    δ is the advantage estimate that trusts V after one reward; adding the next δ's trusts it later. The sum is

        A_t = δ_t + γλ c_t A_{t+1}                                                     (1)

    λ = 0 gives δ (low variance, biased by V's error), λ = 1 the return minus V (unbiased whatever V is).
    At truncation δ still bootstraps, from the final observation, and only the trace is cut.

    Args:
      reward, value, next_value, terminated, truncated: (T,) or (T, N); gamma, lam in [0, 1].
    Returns:
      advantage, like reward.
    Paper: Schulman et al. (2016), Generalized advantage estimation, eq. 11 and 16.

    Checked in tests/maths/test_returns.py: λ = 0, λ = 1, concatenation, causality, exact V gives 0.

    >>> no = np.zeros(2, bool)
    >>> gae(np.array([1.0, 2.0]), np.array([1.0, 8.0]), np.array([8.0, 4.0]), no, no, 0.5, 0.5)
    array([ 3., -4.])
    """
    check(reward, value=value, next_value=next_value, terminated=terminated, truncated=truncated)
    if reward.size and kernels.are_alike(reward, value, next_value):
        return kernels.gae(reward, value, next_value, terminated, truncated, float(gamma), float(lam))
    gamma, lam = exact(gamma, reward), exact(lam, reward)
    delta = reward + gamma * (~terminated * next_value) - value
    return reverse_scan(delta, gamma * lam * ~(terminated | truncated))  # (1)


def normalize_advantage(advantage: NDArray) -> NDArray:
    """(A − mean A) / std A with the population standard deviation; a constant A becomes 0.

    No ε: where the spread is exactly zero every deviation is zero too, and 0 is the only answer that does not depend
    on a constant somebody chose.

    Args:
      advantage: any shape; the statistics are over all of it.
    Returns:
      like advantage, mean 0 and variance 1 (or all 0).

    Checked in tests/maths/test_returns.py: mean, variance, invariance to shift and scale.
    Checked in tests/maths/test_kernels.py: two numbers far from 0.

    >>> normalize_advantage(np.array([1.0, 3.0]))
    array([-1.,  1.])
    """
    if not advantage.size:
        return advantage
    if advantage.dtype.char in "fd":
        return kernels.standardize(advantage.ravel()).reshape(advantage.shape)
    if (advantage == advantage.flat[0]).all():
        return 0 * advantage
    deviation = advantage - advantage.mean()
    deviation = deviation - deviation.mean()  # 0 but for the rounding of the mean, which is much where A hardly differs
    variance = deviation.ravel() @ deviation.ravel() / advantage.size
    return deviation / np.sqrt(variance) if variance > 0 else 0 * deviation


def check(reward: NDArray, **others: NDArray) -> None:
    """Raises a ValueError unless all arrays have the shape of reward and the two flags are boolean.

    >>> check(np.zeros(2), terminated=np.zeros(2, bool))
    """
    for name, array in others.items():
        if array.shape != reward.shape:
            raise ValueError(f"{name}: expected the shape of reward, {reward.shape}, got {array.shape}")
        if name in ("terminated", "truncated") and array.dtype != bool:
            raise ValueError(f"{name}: expected booleans, got dtype {array.dtype}")

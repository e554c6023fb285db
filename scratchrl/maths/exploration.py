r"""Exploration of real actions: noise on top of what a deterministic actor does.

Legend: a action, (..., A); ξ ~ N(0, 1), drawn for every entry of an action by itself; low, high the bounds of actions,
(A,) or numbers, h = ½ (high − low). Noise x is in units of h, so that 0.1 is the same share of every range.

    Gaussian               x = σ ξ                                           each step anew
    Ornstein-Uhlenbeck     x ← x + θ (μ − x) dt + σ √dt ξ                    remembers: drifts the same way for a while

Functions of the draws ξ, which the caller makes with a generator of his own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.constants import exact


def perturbed(action: NDArray, noise: NDArray, low: NDArray | float, high: NDArray | float) -> NDArray:
    r"""clip(a + h ∘ x, low, high): noise x in half ranges, and never an action that the environment does not have.

    What is clipped is also what is remembered: a critic that is told a + h x learns the value of an action nobody took.

    Args:
      action, noise: (..., A); low, high: (A,) or numbers.
    Returns:
      (..., A), of action's dtype if the bounds are numbers or of the same dtype.
    Raises:
      ValueError: noise is not shaped like action, or low > high.

    Checked in tests/maths/test_exploration.py.

    >>> perturbed(np.array([[1.0, 1.0, 1.0]]), np.array([[0.5, -0.5, 3.0]]), -2.0, 2.0)  # h = 2
    array([[2., 0., 2.]])
    """
    if noise.shape != action.shape:
        raise ValueError(f"noise: expected the shape of action, {action.shape}, got {noise.shape}")
    if np.any(np.greater(low, high)):
        raise ValueError(f"high: expected at least low = {low}, got {high}")
    return np.minimum(np.maximum(action + (high - low) / 2 * noise, low), high)


def ornstein_uhlenbeck(
    x: NDArray, noise: NDArray, theta: float, sigma: float, dt: float, mean: NDArray | float = 0.0
) -> NDArray:
    r"""x + θ (μ − x) dt + σ √dt ξ: one Euler-Maruyama step of dx = θ (μ − x) dt + σ dW.

    W gathers variance dt in a time dt, hence √dt: without it the process would depend on how finely time is cut, and
    with dt = 1 nobody would notice. As a recursion, with k = 1 − θ dt,

        x − μ ← k (x − μ) + σ √dt ξ                                        (1)

    which is stable for |k| < 1 and then has the variance of `stationary_variance` and, n steps apart, correlation kⁿ.

    Args:
      x, noise: (..., A), one ξ for every entry; theta: θ ≥ 0, how fast x is drawn back, in 1/time;
      sigma: σ ≥ 0, in units of x per √time; dt > 0, time; mean: μ.
    Returns:
      the new x (..., A). At the beginning of an episode x is set to 0 by the caller.
    Raises:
      ValueError: noise is not shaped like x, or not 0 ≤ θ dt < 2 (no stationary process), or dt ≤ 0, or σ < 0.
    Paper: Uhlenbeck and Ornstein (1930), On the theory of the Brownian motion; Lillicrap et al. (2016), section 7.

    Checked in tests/maths/test_exploration.py: mean and covariance after n steps, exactly; halving dt.

    >>> ornstein_uhlenbeck(np.array([2.0]), np.array([3.0]), theta=0.5, sigma=1.0, dt=0.25)  # 2 − ¼ + ½·3
    array([3.25])
    """
    if noise.shape != x.shape:
        raise ValueError(f"noise: expected the shape of x, {x.shape}, got {noise.shape}")
    for name, holds in (("dt", dt > 0), ("sigma", sigma >= 0), ("theta", 0 <= theta * dt < 2)):
        if not holds:
            raise ValueError(f"{name}: expected dt > 0, sigma ≥ 0, 0 ≤ theta · dt < 2, got {dt}, {sigma}, {theta}")
    drift, spread = exact(theta, x) * dt, exact(dt, x) ** 0.5 * sigma
    return x + drift * (mean - x) + spread * noise  # (1)


def stationary_variance(theta: Any, sigma: Any, dt: float) -> Any:
    r"""Var x = σ² / (θ (2 − θ dt)): the spread that `ornstein_uhlenbeck` settles at.

    Taking variances on both sides of its (1), v = k² v + σ² dt with 1 − k² = θ dt (2 − θ dt). For dt → 0 it is the
    σ²/2θ of the continuous process, and always more than that.

    Args:
      theta: θ > 0, sigma: σ, numbers or arrays; dt > 0, with θ dt < 2.
    Raises:
      ValueError: there is no stationary process.

    Checked in tests/maths/test_exploration.py: the fixed point of the recursion, and a long run.

    >>> stationary_variance(0.5, 3.0, 2.0)  # k = 0: white noise of variance σ² dt
    18.0
    """
    if not (np.all(np.greater(theta, 0)) and np.all(np.less(theta * dt, 2)) and dt > 0):
        raise ValueError(f"theta: expected 0 < θ dt < 2, got θ = {theta}, dt = {dt}")
    return sigma * sigma / (theta * (2 - theta * dt))

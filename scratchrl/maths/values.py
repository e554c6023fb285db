"""Losses of a value function, per sample: each returns (value, d_value), the loss and its derivative; and one measure.

Nothing is averaged here. The mean over samples and its 1/B belong to the caller's `loss_and_grad`.
"""

import numpy as np


def mse(value, target):
    """½ (v − R)² and its derivative v − R.

    The ½ makes the derivative the error itself. Without it the same learning rate steps twice as far.

    Args:
      value: v, (B,) or any shape.
      target: R, the same shape, a constant: no derivative flows into it.
    Returns:
      loss, d_value: both shaped like value; not averaged.

    Checked in tests/maths/test_values.py: complex step.

    >>> mse(np.array([3.0]), np.array([1.0]))
    (array([2.]), array([2.]))
    """
    error = value - target
    return error**2 / 2, error


def clipped_value_loss(value, value_old, target, clip):
    r"""½ max((v − R)², (v_c − R)²) with v_c = v_old + clip(v − v_old, −c, c), and its derivative in v.

    PPO's value clipping. Moving both ends of the clip by v_old,

        v_c = clip(v, v_old − c, v_old + c)                                (1)

    which is v itself, to the last bit, as long as v stays within c of v_old. The larger error counts, and so

        ∂/∂v = 0         where (v − R)² < (v_c − R)²                       (2)
             = v − R     elsewhere

    In the first case v_c ≠ v, so v_c rests on an end of the clip and does not move with v: outside the interval and
    nearer to R than its end, the sample asks for no more. In the second v_c = v, or v is the farther one and is called
    back. At a kink the derivative jumps between 0 and v − R, and v − R is returned.

    Args:
      value, value_old: v now and v when the batch was collected, (B,) or any shape.
      target: R, a constant.
      clip: c > 0, in units of the value: unlike PPO's ratio clip it depends on the scale of the reward.
    Returns:
      loss, d_value: both shaped like value; not averaged.
    Raises:
      ValueError: when clip is not positive.

    Checked in tests/maths/test_values.py:
      complex step; one-sided differences at the kinks and at v = v_old ± c
      never below `mse`; equal to it within the clip, gradient included, to the bit
    Paper: none; baselines' ppo2. Erratum: Engstrom et al. (2020), Implementation Matters, print min for this max.

    >>> clipped_value_loss(np.array([3.0, 3.0]), np.zeros(2), np.array([4.0, -1.0]), clip=1.0)  # v_c = 1
    (array([4.5, 8. ]), array([0., 4.]))
    """
    if not clip > 0:
        raise ValueError(f"clip: expected a positive number, got {clip}")
    value_clipped = np.clip(value, value_old - clip, value_old + clip)  # (1)
    error, error_clipped = value - target, value_clipped - target
    kept = value_clipped == value  # then the two squares are one, which balls cannot see
    left_towards_target = np.where(kept, 0 * error, error**2 - error_clipped**2) < 0
    loss = np.where(left_towards_target, error_clipped, error) ** 2 / 2
    return loss, np.where(left_towards_target, 0.0, error)  # (2)


def huber(error, delta):
    r"""H_δ(e) = ½ e² for |e| ≤ δ and δ (|e| − ½ δ) beyond, and its derivative clip(e, −δ, δ).

    With the clipped error c both branches are one formula, and c is the derivative:

        c = clip(e, −δ, δ),   H_δ(e) = c (e − ½ c)                         (1)
        H_δ′(e) = c                                                        (2)

    Within, c = e and (1) is ½ e². Beyond, c = ±δ stands still: δ (|e| − ½ δ), of slope c. Value and slope are
    continuous at |e| = δ. One outlier pulls with δ at most: (2) is the gradient of `mse`, clipped sample by sample.

    Args:
      error: e = v − R, (B,) or any shape; the derivative is then also the one in v.
      delta: δ > 0, in units of the value; ∞ is allowed and gives ½ e².
    Returns:
      loss, d_error: both shaped like error; not averaged.
    Raises:
      ValueError: when delta is not positive.
    Paper: Huber (1964), Robust estimation of a location parameter. With δ = 1 the error clipping of Mnih et al. (2015).

    Checked in tests/maths/test_values.py: complex step, the two branches, continuity at ±δ, δ → ∞ and δ → 0.

    >>> huber(np.array([0.5, 3.0]), delta=1.0)
    (array([0.125, 2.5  ]), array([0.5, 1. ]))
    """
    if not delta > 0:
        raise ValueError(f"delta: expected a positive number, got {delta}")
    d_error = np.minimum(delta, np.maximum(-delta, error))  # (2)
    return d_error * (error - d_error / 2), d_error  # (1)


def explained_variance(value, target):
    """1 − Var(R − v)/Var(R), the share of the target's variance that v accounts for.

    1 is perfect up to an offset, 0 is what a constant v achieves, below 0 is worse than a constant.
    A constant target has no variance to explain and the formula reads x/0. By definition here it is then 1 if R − v is
    constant too (nothing to explain, nothing added) and 0 otherwise. Everything is
    measured in units of the target's largest deviation.

    Args:
      value: v, (B,) or any shape.
      target: R, the same shape.
    Returns:
      one number, at most 1.
    Raises:
      ValueError: when there are no samples.

    Checked in tests/maths/test_values.py: the squared correlation, for the least-squares v; unmoved by v + k and by
    scaling both; the constant cases.

    >>> float(explained_variance(np.array([0.0, 1.0, 2.0]), np.array([0.0, 2.0, 4.0])))  # half the slope: 1 − ¼
    0.75
    """
    if np.size(target) == 0:
        raise ValueError("target: expected at least one sample, got none")
    residual = target - value
    if target.max() == target.min():
        return 1.0 if residual.max() == residual.min() else 0.0
    unit = np.abs(target - target.mean()).max()  # so that no square under- or overflows that need not
    return 1 - _spread(residual / unit) / _spread(target / unit)


def _spread(x):
    return ((x - x.mean()) ** 2).sum()

"""Dueling heads: action values as the value of the state and the advantages of the actions over their mean."""

from numpy.typing import NDArray


def dueling_q(value: NDArray, advantage: NDArray) -> NDArray:
    """Q(s, a) = V(s) + A(s, a) − (1/|A|) Σ_a′ A(s, a′).

    V + A alone would leave a constant free to move between them. Less the mean, V is the mean of Q over the actions.

    Args:
      value: V (B,); advantage: A (B, A).
    Returns:
      Q (B, A).
    Raises:
      ValueError: a shape is wrong.
    Paper: Wang et al. (2016), Dueling network architectures for deep reinforcement learning, eq. 9.

    Checked in tests/maths/test_dueling.py: the mean over actions is V; a constant added to A changes nothing.

    >>> import numpy as np
    >>> dueling_q(np.array([1.0]), np.array([[2.0, 4.0]]))
    array([[0., 2.]])
    """
    if advantage.ndim != 2 or advantage.shape[:1] != value.shape or not advantage.shape[1]:
        raise ValueError(f"advantage: expected (B, A), a row for each of {value.shape}, got {advantage.shape}")
    return value[:, None] + advantage - advantage.sum(axis=1, keepdims=True) / advantage.shape[1]

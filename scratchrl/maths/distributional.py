r"""C51: the distribution of the return on a fixed grid of atoms, its Bellman update, and the loss that fits it.

Legend: K atoms z_i = v_min + i Δ, i = 0 … K−1, Δ = (v_max − v_min)/(K−1); p (B, K) the probabilities of the return of
(s, a); its mean Σ_i p_i z_i is Q(s, a).

Paper: Bellemare, Dabney, Munos (2017), A distributional perspective on reinforcement learning, section 4.
"""

import math

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import categorical, kernels
from scratchrl.maths.constants import exact
from scratchrl.maths.returns import check


def support(v_min: float, v_max: float, atoms: int, like: NDArray) -> NDArray:
    """z_i = v_min (K−1−i)/(K−1) + v_max i/(K−1), i = 0 … K−1: both ends exact, and −z is the mirror image of z.

    Args:
      v_min < v_max: finite, in units of the return; atoms: K ≥ 2; like: an array of the wanted number system.
    Returns:
      z (K,), of like's dtype.
    Raises:
      ValueError: v_min ≥ v_max, one of them is not finite, or atoms < 2.

    Checked in tests/maths/test_distributional.py.

    >>> support(-1.0, 1.0, 5, np.zeros(1))
    array([-1. , -0.5,  0. ,  0.5,  1. ])
    """
    _check_support(v_min, v_max, atoms)
    right = np.arange(atoms).astype(like.dtype) * exact(1, like) / (atoms - 1)
    return v_min * right[::-1] + v_max * right


def categorical_mean(probs: NDArray, v_min: float, v_max: float) -> NDArray:
    """Q = Σ_i p_i z_i.

    Args:
      probs: (..., K); v_min < v_max.
    Returns:
      (...), in units of the return.

    Checked in tests/maths/test_distributional.py: within the support, linear, moved by r + γ Q under the projection.

    >>> categorical_mean(np.array([[0.5, 0.0, 0.5], [0.0, 0.0, 1.0]]), 0.0, 2.0)
    array([1., 2.])
    """
    return (probs * support(v_min, v_max, probs.shape[-1], probs)).sum(axis=-1)


def c51_projection(
    probs: NDArray,
    reward: NDArray,
    terminated: NDArray,
    truncated: NDArray,
    gamma: float | NDArray,
    v_min: float,
    v_max: float,
) -> NDArray:
    r"""The distribution of r + γ m Z for Z ~ p on the atoms z, moved back onto them: the target of C51.

    Atom j moves to r + γ m z_j, and from there to the nearer end if it lies outside. Counted in atoms from v_min,

        b_j = clip( (r + γ m v_min − v_min)/Δ + γ m j,  0,  K−1 )                      (1)

    Its mass is split linearly between the two atoms around it, by the hat of width one: w_ij = max(0, 1 − |b_j − i|).
    With the share of j that has crossed from i to i+1 the hat is a difference of two neighbours,

        s_ij = clip(b_j − i, 0, 1),   w_ij = s_{i−1,j} − s_ij,   s_{−1,j} = 1,   s_{K−1,j} = 0        (2)
        p′_i = Σ_j w_ij p_j                                                            (3)

    (b_j in [i, i+1] makes s_ij the fraction, all shares before it 1 and all after it 0.) Three things follow:
      mass    Σ_i w_ij telescopes to 1, also when b_j is an integer. The often printed p_j (u − b) and p_j (b − l) with
              l = ⌊b⌋, u = ⌈b⌉ lose it there, l = u: at both ends, so in every transition that terminates beyond them.
      mean    Σ_i i w_ij = Σ_i s_ij = b_j, so the mean is r + γ m E[Z] unless an end was in the way.
      F       P′(Z ≤ z_i) = 1 − Σ_j p_j s_ij is the mean of the moved distribution function between z_i and z_{i+1}.
              Averages do not expand squares: in Σ_i (F_i − F̃_i)² one update contracts by γ (Rowland et al. 2018).

    Args:
      probs: p (B, K), of the action chosen in the successor; reward, terminated, truncated: (B,); truncated masks
      nothing; gamma in [0, 1], one number or one a row; v_min < v_max.
    Returns:
      p′ (B, K).
    Raises:
      ValueError: v_min ≥ v_max, fewer than two atoms, a wrong shape, a flag that is not boolean.
    Paper: Bellemare et al. (2017), eq. 7 and algorithm 1. Erratum: algorithm 1 loses the mass of integer b.

    Checked in tests/maths/test_distributional.py: mass, mean, integer positions, ends, shifts, contraction; the
    compiled kernel, O(K) a row, against (1) to (3).

    >>> no = np.zeros(1, bool)
    >>> c51_projection(np.array([[0.0, 1.0, 0.0]]), np.array([0.25]), no, no, 0.5, 0.0, 2.0)  # 1 moves to 0.75
    array([[0.25, 0.75, 0.  ]])
    """
    check(reward, terminated=terminated, truncated=truncated)
    if probs.ndim != 2 or probs.shape[:1] != reward.shape or probs.shape[1] < 2:
        raise ValueError(f"probs: expected (B, K ≥ 2), a row for each reward of {reward.shape}, got {probs.shape}")
    _check_support(v_min, v_max, probs.shape[1])
    v_min, v_max = exact(v_min, reward), exact(v_max, reward)
    stride = exact(gamma, reward) * (~terminated).astype(reward.dtype)
    start = (reward + (stride - 1) * v_min) / ((v_max - v_min) / (probs.shape[1] - 1))
    dtype = np.result_type(probs, start)
    if dtype.char not in "fd":
        return split_linearly(probs, start, stride)
    start, stride = start.astype(dtype, copy=False), stride.astype(dtype, copy=False)
    return kernels.c51_projection(np.require(probs, dtype, ["C", "A", "W"]), start, stride)


def split_linearly(probs: NDArray, start: NDArray, stride: NDArray) -> NDArray:
    """Equations (1) to (3) of `c51_projection` as they stand, atom j of row b moving to start_b + stride_b j.

    The bounds of a clip come first: a ball that straddles one is then returned whole, and still holds the truth.

    Args:
      probs: (B, K); start, stride: (B,), counted in atoms.
    Returns:
      (B, K).

    Checked in tests/maths/test_distributional.py; `kernels.c51_projection` is the same in O(K) a row.

    >>> split_linearly(np.array([[1.0, 0.0]]), np.array([0.25]), np.array([1.0]))
    array([[0.75, 0.25]])
    """
    atom = np.arange(probs.shape[1]).astype(start.dtype)
    moved = start[:, None] + stride[:, None] * atom
    moved = np.minimum(len(atom) - 1, np.maximum(0, moved))[:, None, :]  # (1): (B, 1, K)
    crossed = np.minimum(1, np.maximum(0, moved - atom[:-1, None]))  # s: (B, K−1, K)
    whole = 1 + 0 * moved
    weight = np.concatenate([whole, crossed], axis=1) - np.concatenate([crossed, 0 * whole], axis=1)  # (2)
    return (weight * probs[:, None, :]).sum(axis=-1)  # (3)


def c51_loss(logits: NDArray, target_probs: NDArray) -> tuple[NDArray, NDArray]:
    r"""L = −Σ_i p′_i log softmax(l)_i, the cross-entropy: KL(p′‖softmax l) but for the entropy of p′, a constant.

    ∂ log softmax(l)_i/∂l_k = [i = k] − softmax(l)_k (`categorical.score`), so

        ∂L/∂l_k = −Σ_i p′_i ([i = k] − softmax(l)_k) = softmax(l)_k Σ_i p′_i − p′_k                    (1)

    For a target of mass 1 that is softmax − p′. The sum is kept: (1) holds for any p′, and every row sums to zero.

    Args:
      logits: (B, K), of the action taken; target_probs: p′ (B, K), a constant.
    Returns:
      (value, d_logits): (B,) and (B, K), not averaged.
    Raises:
      ValueError: shapes differ.
    Paper: Bellemare et al. (2017), algorithm 1.

    Checked in tests/maths/test_distributional.py: complex step, KL plus entropy, rows that sum to zero.

    >>> value, d_logits = c51_loss(np.log(np.array([[1.0, 3.0]])), np.array([[1.0, 0.0]]))  # softmax = ¼, ¾
    >>> (value / np.log(2)).round(12), d_logits.round(12)
    (array([2.]), array([[-0.75,  0.75]]))
    """
    if logits.shape != target_probs.shape:
        raise ValueError(f"target_probs: expected {logits.shape}, the shape of logits, got {target_probs.shape}")
    log_p = categorical.log_softmax(logits)
    mass = target_probs.sum(axis=-1, keepdims=True)
    return -(target_probs * log_p).sum(axis=-1), np.exp(log_p) * mass - target_probs  # (1)


def _check_support(v_min: float, v_max: float, atoms: int) -> None:
    if not -math.inf < v_min < v_max < math.inf:
        raise ValueError(f"v_min: expected finite v_min < v_max, got {v_min} and {v_max}")
    if atoms < 2:
        raise ValueError(f"atoms: expected at least 2, got {atoms}")

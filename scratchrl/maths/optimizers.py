"""From a gradient to a step: `(state, gradient, lr, ...) -> (state, step)`; θ + step goes downhill.

Every optimizer works on one flat vector and is a recursion with a small memory. To climb, hand in minus the gradient.

    sgd        step = −lr g                                                      no memory
    momentum   v ← μ v + g,              step = −lr v                            Polyak (1964)
    rmsprop    s ← ρ s + (1−ρ) g²,       step = −lr g/(√(s + eps_root) + eps)    Hinton (2012), Mnih et al. (2016)
    adam       m, s as below,            step = −lr m̂/(√v̂ + eps)                Kingma and Ba (2015)

eps guards a division, and where it stands is a convention: outside the root in Adam's paper and in most libraries,
inside it in A3C's RMSProp. With eps = 0 the last two do not see the scale of g, and 0/0 at g = 0 is nan.
"""

from typing import NamedTuple

import numpy as np

from scratchrl.maths import kernels

# ---- gradient descent ----


def sgd_init(theta):
    """No memory: the state is the empty tuple, so that the four optimizers are called alike.

    >>> sgd_init(np.zeros(3))
    ()
    """
    return ()


def sgd(state, gradient, lr):
    """step = −lr g.

    Checked in tests/maths/test_optimizers.py: on ½λθ² the iterates are (1 − lr λ)ᵗ θ₀.

    >>> sgd((), np.array([2.0, -4.0]), lr=0.5)
    ((), array([-1.,  2.]))
    """
    return state, -lr * gradient


class Momentum(NamedTuple):
    """v = Σₖ μᵏ gₜ₋ₖ, a discounted sum of the gradients so far."""

    v: np.ndarray  # (P,)


def momentum_init(theta):
    """v = 0, shaped like θ.

    >>> momentum_init(np.ones(2)).v
    array([0., 0.])
    """
    return Momentum(np.zeros_like(theta))


def momentum(state, gradient, lr, mu=0.9):
    """v ← μ v + g,  step = −lr v: a heavy ball.

    Under a constant gradient v climbs to the geometric sum g/(1 − μ), so steps grow 1/(1 − μ) times as long.
    The other convention, v ← μ v − lr g, differs as soon as lr changes.

    Args:
      state: Momentum.
      gradient: g, (P,).
      lr: learning rate.
      mu: μ in [0, 1); 0 is plain gradient descent.
    Returns:
      state, step (P,).

    Checked in tests/maths/test_optimizers.py: v is Σₖ μᵏ gₜ₋ₖ; μ = 0 is `sgd`.
    Paper: Polyak (1964), Some methods of speeding up the convergence of iteration methods.

    >>> momentum(Momentum(np.array([4.0])), np.array([1.0]), lr=0.5, mu=0.5)
    (Momentum(v=array([3.])), array([-1.5]))
    """
    v = mu * state.v + gradient
    return Momentum(v), -lr * v


# ---- steps measured in standard deviations ----


class RMSProp(NamedTuple):
    """s, a running mean of g²."""

    s: np.ndarray  # (P,)


def rmsprop_init(theta):
    """s = 0, shaped like θ.

    >>> rmsprop_init(np.ones(2)).s
    array([0., 0.])
    """
    return RMSProp(np.zeros_like(theta))


def rmsprop(state, gradient, lr, decay=0.99, eps=1e-8, eps_root=0.0):
    """s ← ρ s + (1 − ρ) g²,  step = −lr g/(√(s + eps_root) + eps): g over its running root mean square.

    Args:
      state: RMSProp.
      gradient: g, (P,).
      lr: learning rate.
      decay: ρ in [0, 1).
      eps: added to the root (PyTorch).
      eps_root: added under the root (A3C, with eps = 0).
    Returns:
      state, step (P,).

    Checked in tests/maths/test_optimizers.py: a scalar loop in 50 digits; at eps = 0, g → c g changes nothing.
    Paper: Hinton (2012), lecture 6e; Mnih et al. (2016), A3C, "shared RMSProp".

    >>> rmsprop(RMSProp(np.array([0.0])), np.array([4.0]), lr=1.0, decay=0.75, eps=0.0)  # s = ¼ 4², √s = 2
    (RMSProp(s=array([4.])), array([-2.]))
    """
    s = decay * state.s + (1 - decay) * gradient**2
    return RMSProp(s), -lr * gradient / (np.sqrt(s + eps_root) + eps)


class Adam(NamedTuple):
    """m and v, running means of g and g² that started at 0, and t, the number of steps so far."""

    m: np.ndarray  # (P,)
    v: np.ndarray  # (P,)
    t: int


def adam_init(theta):
    """m = v = 0, shaped like θ, and t = 0.

    >>> adam_init(np.ones(2)).t
    0
    """
    return Adam(np.zeros_like(theta), np.zeros_like(theta), 0)


def adam(state, gradient, lr, beta1=0.9, beta2=0.999, eps=1e-8, max_norm=np.inf):
    r"""Adam: a running mean of g over a running root mean square of g, both corrected for having started at 0.

        m ← β₁ m + (1 − β₁) g                                              (1)
        v ← β₂ v + (1 − β₂) g²                                             (2)

    Unrolled from m₀ = 0, mₜ = (1 − β₁) Σₖ β₁ᵏ gₜ₋ₖ over k = 0…t−1: weights whose sum is not 1 but, by the geometric
    series, 1 − β₁ᵗ. Dividing by it makes m̂ a true weighted mean, and v̂ likewise:

        m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)                                (3)
        step = −lr m̂/(√v̂ + eps)                                           (4)

    So the first step is −lr g/(|g| + eps): lr long, whatever the scale of g.

    Args:
      state: Adam.
      gradient: g, (P,).
      lr: learning rate.
      beta1, beta2: memories of (1) and (2), in [0, 1).
      eps: outside the root, after the bias correction, as in Algorithm 1 of the paper. (The faster form given after
        it, lr √(1−β₂ᵗ)/(1−β₁ᵗ) · m/(√v + eps), has an eps that shrinks with t: another number.)
      max_norm: a gradient longer than this is shortened to it first, as by `clip_by_global_norm`.
    Returns:
      state with t + 1, step (P,).

    Checked in tests/maths/test_optimizers.py:
      a scalar loop in 50 digits
      a constant gradient g gives −lr g/(|g| + eps) at every t      m̂ = g, v̂ = g²
      g → c g changes no step when eps = 0                          exactly, for c a power of two
    Paper: Kingma and Ba (2015), Adam, Algorithm 1.

    >>> state, step = adam(adam_init(np.zeros(2)), np.array([3.0, -0.5]), lr=0.1, beta1=0.5, beta2=0.75, eps=0.0)
    >>> state.m, state.v, step  # halves, quarters of squares, and −lr sign(g)
    (array([ 1.5 , -0.25]), array([2.25  , 0.0625]), array([-0.1,  0.1]))
    """
    _check_norm(max_norm)
    t = int(state.t) + 1
    if state.m.dtype == state.v.dtype == gradient.dtype and gradient.dtype.char in "fd":
        step, m, v = np.empty_like(gradient), np.empty_like(gradient), np.empty_like(gradient)
        kernels.adam(state.m, state.v, t, gradient, lr, beta1, beta2, eps, max_norm, step, m, v)
        return Adam(m, v, t), step
    if max_norm < np.inf:
        gradient, _ = clip_by_global_norm(gradient, max_norm)
    m = beta1 * state.m + (1 - beta1) * gradient  # (1)
    v = beta2 * state.v + (1 - beta2) * gradient**2  # (2)
    m_hat = m / (1 - beta1**t)  # (3)
    v_hat = v / (1 - beta2**t)  # (3)
    return Adam(m, v, t), -lr * m_hat / (np.sqrt(v_hat) + eps)  # (4)


# ---- before the step ----


def clip_by_global_norm(gradient, max_norm):
    """g · min(1, c/‖g‖₂): the same direction, no longer than c. Within the ball g comes back untouched.

    Args:
      gradient: g, (P,), all parameters at once: clipping W and b apart would turn the direction.
      max_norm: c > 0; inf never clips.
    Returns:
      the clipped gradient (P,), and ‖g‖₂ before clipping (inf or nan if g is past saving: look at it).
    Raises:
      ValueError: when max_norm is not positive.

    Checked in tests/maths/test_optimizers.py: norm min(‖g‖, c), direction of g; inside the ball, the same bits.

    >>> clip_by_global_norm(np.array([3.0, 4.0]), max_norm=1.0)
    (array([0.6, 0.8]), np.float64(5.0))
    """
    _check_norm(max_norm)
    norm = np.sqrt(gradient @ gradient)
    return (gradient if norm <= max_norm else gradient * (max_norm / norm)), norm


def _check_norm(max_norm):
    if not max_norm > 0:
        raise ValueError(f"max_norm: expected a positive number, got {max_norm}")

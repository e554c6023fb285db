r"""The second derivative of a network, one direction at a time: R{·} applied to the backward pass.

With g(θ, u) = Jᵀu, J = ∂y/∂θ the Jacobian of the MLP, a Hessian-vector product of any L(y(θ)), u = ∂L/∂y, is

    d/dt g(θ + tv, u + tu̇) |₀  =  Jᵀu̇  +  (Σ uᵀ ∂²y/∂θ²) v                              (1)

The first term is a `vjp`. The second, which the Gauss-Newton and Fisher matrices leave out, needs the network's own
curvature. Writing R for d/dt at 0, the product rule is all there is to it: applied to the forward pass it gives `jvp`,
applied to the backward pass it gives (1) at the cost of two gradients, and no matrix is formed.
"""

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.mlp import MLP, layers


def vjp_derivative(
    net: MLP, theta: NDArray, cache: list[NDArray], d_y: NDArray, direction: NDArray, d_y_change: NDArray
) -> NDArray:
    r"""R{Jᵀu} with R = d/dt along θ + t·direction, u + t·d_y_change: equation (1) of this module.

    The two passes of an MLP, h_l the hidden outputs and d_l the pulled-back covectors (d_L = u),

        z_l = h_{l−1} W_l + b_l,           h_l = φ(z_l)                                        (1)
        d_{l−1} = (d_l W_lᵀ) ∘ φ′(z_{l−1}),   d_W_l = h_{l−1}ᵀ d_l,   d_b_l = Σ_b d_l          (2)

    By the product rule, with Ẇ, ḃ the direction and R{φ′(z)} = φ″(z) ∘ R{z},

        R{z_l} = h_{l−1} Ẇ_l + ḃ_l + R{h_{l−1}} W_l,    R{h_l} = φ′ ∘ R{z_l}                     (3)
        R{d_{l−1}} = (R{d_l} W_lᵀ + d_l Ẇ_lᵀ) ∘ φ′ + (d_l W_lᵀ) ∘ φ″ ∘ R{z_{l−1}}                (4)
        R{d_W_l} = R{h_{l−1}}ᵀ d_l + h_{l−1}ᵀ R{d_l},   R{d_b_l} = Σ_b R{d_l}                    (5)

    For tanh φ″ ∘ R{z} = −2h φ′ ∘ R{z} = −2h ∘ R{h}; for relu and identity it is 0.

    Args:
      cache: from `mlp.forward` at the same theta.
      d_y: u, (B, sizes[-1]); d_y_change: R{u}, of the same shape.
      direction: v, (size,).
    Returns:
      (size,).
    Paper: Pearlmutter (1994), Fast exact multiplication by the Hessian.

    Checked in tests/maths/test_pearlmutter.py: complex step of `mlp.vjp`; symmetric in two directions.

    >>> net, one = MLP((1, 1)), np.ones((1, 1))  # y = wx + b is linear in θ: only Jᵀu̇ is left
    >>> vjp_derivative(net, np.array([5.0, 6.0]), [3 * one], one, np.array([7.0, 8.0]), 2 * one).tolist()
    [6.0, 2.0]
    """
    weights, change = layers(net, theta), layers(net, direction)
    r_h = _hidden_change(net, cache, weights, change)
    result = np.empty(theta.shape, np.result_type(theta, cache[0], d_y, direction, d_y_change))
    d, r_d = d_y, d_y_change
    for l in range(len(weights) - 1, -1, -1):
        r_w, r_b = layers(net, result)[l]
        r_w[...] = r_h[l].T @ d + cache[l].T @ r_d  # (5)
        r_b[...] = r_d.sum(axis=0)  # (5)
        back, r_back = d @ weights[l][0].T, r_d @ weights[l][0].T + d @ change[l][0].T
        slope = _slope(cache[l], net.activation)
        d, r_d = back * slope, r_back * slope + back * _slope_change(cache[l], r_h[l], net.activation)  # (2), (4)
    return result


def _hidden_change(net, cache, weights, change):
    """[R{h₀}, …, R{h_{L−1}}] by (3); the input does not move."""
    r_h = [0 * cache[0]]
    for (w, _), (w_change, b_change), h, above in zip(weights, change, cache, cache[1:], strict=False):
        r_h.append((h @ w_change + b_change + r_h[-1] @ w) * _slope(above, net.activation))  # (3)
    return r_h


def _slope(h, activation):
    if activation == "tanh":
        return 1 - h * h
    return h > 0 if activation == "relu" else np.ones_like(h)


def _slope_change(h, r_h, activation):
    return -2 * h * r_h if activation == "tanh" else 0 * h

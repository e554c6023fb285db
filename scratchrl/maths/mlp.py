r"""The multilayer perceptron y = f_θ(x), its Jacobian from both sides, and nothing hidden.

With h₀ = x, layers l = 1..L and an activation φ applied to all of them but the last,

    z_l = h_{l−1} W_l + b_l        h_l = φ(z_l)        y = z_L                        (1)

θ is one flat vector: W₁ row by row, b₁, W₂, b₂, … Layers are views into it, so an optimizer, conjugate gradient or a
checkpoint sees a vector and the network sees matrices, and nothing is ever copied between the two.

Every φ here has a slope that is a function of its own output, so the forward pass needs to remember only the h_l:

    tanh: φ′ = 1 − h²        relu: φ′ = [h > 0]        identity: φ′ = 1               (2)

Differentiating (1) in the direction (dθ, dx) gives the Jacobian times a vector (`jvp`), and reading the same chain
from the output backwards gives a covector times the Jacobian (`vjp`): each is exactly the transpose of the other,
⟨u, J v⟩ = ⟨Jᵀ u, v⟩, which the dot test in tests/maths/test_mlp.py holds to rounding.
"""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import kernels

ACTIVATIONS = {"identity": 0, "tanh": 1, "relu": 2}
ROOM = 256  # rows: no block of the kernels has more


class MLP(NamedTuple):
    """The shape of a network: sizes (input, hidden ..., output) and the activation of its hidden layers."""

    sizes: tuple[int, ...]
    activation: str = "tanh"


@lru_cache(maxsize=256)
def _slices(sizes: tuple[int, ...]) -> tuple[tuple[slice, slice, tuple[int, int]], ...]:
    slices, start = [], 0
    for n, m in pairwise(sizes):
        slices.append((slice(start, start + n * m), slice(start + n * m, start + n * m + m), (n, m)))
        start += n * m + m
    return tuple(slices)


@lru_cache(maxsize=256)
def size(net: MLP) -> int:
    """The number of parameters, Σ_l (n_{l−1} + 1) n_l.

    >>> size(MLP((3, 2, 1)))
    11
    """
    return sum((n + 1) * m for n, m in pairwise(net.sizes))


def layers(net: MLP, theta: NDArray) -> list[tuple[NDArray, NDArray]]:
    """The views [(W₁, b₁), …] into a flat vector of parameters, or of their derivatives: W_l (in, out), b_l (out,)."""
    return [(theta[w].reshape(shape), theta[b]) for w, b, shape in _slices(net.sizes)]


def _activate(z: NDArray, activation: str) -> NDArray:
    if activation == "tanh":
        return np.tanh(z, out=z)
    return np.where(z > 0, z, 0 * z) if activation == "relu" else z


def _times_slope(d: NDArray, h: NDArray, activation: str) -> NDArray:  # (2)
    if activation == "tanh":
        return d * (1 - h * h)
    return d * (h > 0) if activation == "relu" else d


def forward(net: MLP, theta: NDArray, x: NDArray) -> tuple[NDArray, list[NDArray]]:
    """y = f_θ(x) by (1), and the cache [h₀, …, h_{L−1}] that the derivatives need.

    Args:
      theta: (size,); x: (B, sizes[0]).
    Returns:
      y (B, sizes[-1]) and the cache.
    Raises:
      ValueError: theta or x has the wrong shape, or the activation is not known.

    Checked in tests/maths/test_mlp.py against a loop over single neurons.

    >>> y, _ = forward(MLP((2, 1)), np.array([3.0, 4.0, 5.0]), np.array([[1.0, 10.0]]))
    >>> y.item()  # 3·1 + 4·10 + 5
    48.0
    """
    _check(net, theta)
    _check_input(net, x)
    if is_narrow(theta) and is_narrow(x):
        return _forward_float32(net, theta, x)
    *body, (w_out, b_out) = layers(net, theta)
    cache = [x]
    for w, b in body:
        z = cache[-1] @ w
        cache.append(_activate(np.add(z, b, out=z), net.activation))  # (1)
    return cache[-1] @ w_out + b_out, cache


def outputs(net: MLP, rows: int) -> list[NDArray]:
    """Room for every layer's output in float32, [(rows, n_1), …, (rows, n_L)]: what the kernels write into."""
    return [np.empty((rows, m), np.float32) for m in net.sizes[1:]]


def _forward_float32(net: MLP, theta: NDArray, x: NDArray) -> tuple[NDArray, list[NDArray]]:
    """`forward` in one compiled pass; its tanh is within 6 ulp of the true one for every float32."""
    room = outputs(net, len(x))
    kernels.mlp_forward(theta, net.sizes, ACTIVATIONS[net.activation], x, tuple(room))
    return room[-1], [x, *room[:-1]]


def output(net: MLP, theta: NDArray, x: NDArray) -> NDArray:
    """y = f_θ(x) without the cache: in float32 no more room is taken than the layers of one block of rows need.

    Args and errors as for `forward`. Returns y (B, sizes[-1]).

    Checked in tests/maths/test_mlp.py to equal `forward` to the bit.

    >>> output(MLP((2, 1)), np.array([3.0, 4.0, 5.0]), np.array([[1.0, 10.0]]))
    array([[48.]])
    """
    if not (is_narrow(theta) and is_narrow(x)):
        return forward(net, theta, x)[0]
    _check(net, theta)
    _check_input(net, x)
    *hidden, _ = outputs(net, min(len(x), ROOM))
    y = np.empty((len(x), net.sizes[-1]), np.float32)
    kernels.mlp_forward(theta, net.sizes, ACTIVATIONS[net.activation], x, (*hidden, y))
    return y


def predictor(net: MLP, theta: NDArray) -> Callable[[NDArray], NDArray]:
    """x (B, I) -> f_θ(x) for one θ and many x: checks and buffers are done once, which is most of the cost of a row.

    The result is overwritten by the next call.

    Checked in tests/maths/test_mlp.py to equal `forward` to the bit.

    >>> predictor(MLP((2, 1)), np.array([3.0, 4.0, 5.0]))(np.array([[1.0, 10.0]]))
    array([[48.]])
    """
    _check(net, theta)
    if not is_narrow(theta):
        return lambda x: output(net, theta, x)
    run = repeated(net, theta, kernels.mlp_forward)

    def predict(x: NDArray) -> NDArray:
        return run(x)[0][-1] if is_narrow(x) else output(net, theta, x)

    return predict


def is_narrow(array: NDArray) -> bool:
    """Whether the kernels that go through a whole network take this array: float32, contiguous, writeable.

    >>> is_narrow(np.zeros(2, np.float32)), is_narrow(np.zeros(2))
    (True, False)
    """
    return array.dtype.char == "f" and array.flags.carray


def fits(net: MLP, thetas: tuple[NDArray, ...], inputs: tuple[NDArray, ...], chosen: NDArray, *rows: NDArray) -> bool:
    """Whether the kernels that go through a whole network, forward and back, take these. They trust their callers.

    Args:
      thetas: (size,) each; inputs: (B, sizes[0]) each; chosen: (B,), the output each row is about; rows: (B,) each.

    >>> net, theta, x = MLP((1, 2)), np.zeros(4, np.float32), np.zeros((2, 1), np.float32)
    >>> [fits(net, (theta,), (x,), np.array(chosen)) for chosen in ([0, 1], [0, 2], [0])]
    [True, False, False]
    """
    count = chosen.shape
    return (
        is_narrow(thetas[0])
        and kernels.are_alike(*thetas, *inputs, *rows)
        and all(theta.shape == (size(net),) for theta in thetas)
        and all(x.shape == (*count, net.sizes[0]) for x in inputs)
        and all(row.shape == count for row in rows)
        and chosen.ndim == 1
        and chosen.dtype.kind in "iu"
        and kernels.are_below(chosen, net.sizes[-1])
    )


def repeated(net: MLP, theta: NDArray, kernel: Callable[..., Any]) -> Callable[..., tuple[tuple[NDArray, ...], Any]]:
    """(x (B, I), …) → every layer's output, and the result of a kernel (θ, sizes, activation, x, outputs, …).

    For one θ and many x, both as `is_narrow` says: the room for the outputs is kept, and overwritten by the next call.

    Checked in tests/maths/test_mlp.py.
    """
    _check(net, theta)
    activation = ACTIVATIONS[net.activation]
    room: tuple[NDArray, ...] = ()
    shape: tuple[int, ...] = ()

    def run(x: NDArray, *others: Any) -> tuple[tuple[NDArray, ...], Any]:
        nonlocal room, shape
        if x.shape != shape:
            _check_input(net, x)
            room, shape = tuple(outputs(net, len(x))), x.shape
        return room, kernel(theta, net.sizes, activation, x, room, *others)

    return run


def vjp(net: MLP, theta: NDArray, cache: list[NDArray], d_y: NDArray) -> NDArray:
    r"""d_θ = Σ_b d_y[b]ᵀ ∂y[b]/∂θ: the covector d_y pulled back to the parameters.

    With d_L = d_y, the chain rule on (1) gives, from the last layer to the first,

        d_W_l = h_{l−1}ᵀ d_l        d_b_l = Σ_b d_l                                    (3)
        d_{l−1} = (d_l W_lᵀ) ∘ φ′(z_{l−1})                                             (4)

    The sum over the batch is part of the pull-back; any 1/B belongs into d_y, where the caller can see it.

    Args:
      cache: from `forward` at the same theta; d_y: (B, sizes[-1]).
    Returns:
      d_theta (size,).

    Checked in tests/maths/test_mlp.py: complex step to 1e-12, dot test with `jvp`.

    >>> net, theta = MLP((2, 1)), np.array([3.0, 4.0, 5.0])
    >>> vjp(net, theta, forward(net, theta, np.array([[1.0, 10.0]]))[1], np.array([[2.0]]))
    array([ 2., 20.,  2.])
    """
    if kernels.are_alike(theta, d_y, *cache):
        return kernels.mlp_vjp(theta, net.sizes, ACTIVATIONS[net.activation], tuple(cache), d_y)
    d_theta = np.empty(theta.shape, np.result_type(theta, cache[0], d_y))
    weights, gradients = layers(net, theta), layers(net, d_theta)
    d = d_y
    for l in range(len(weights) - 1, -1, -1):
        gradients[l][0][...] = cache[l].T @ d  # (3)
        gradients[l][1][...] = d.sum(axis=0) if d.dtype == object else np.ones(len(d), d.dtype) @ d  # (3)
        if l > 0:
            d = _times_slope(d @ weights[l][0].T, cache[l], net.activation)  # (4)
    return d_theta


def vjp_input(net: MLP, theta: NDArray, cache: list[NDArray], d_y: NDArray) -> NDArray:
    """d_x[b] = d_y[b]ᵀ ∂y[b]/∂x[b]: recursion (4) down to the input, a row for a row (nothing is summed).

    Args and errors as for `vjp`. Returns d_x (B, sizes[0]).

    Checked in tests/maths/test_mlp.py: complex step to 1e-12, dot test with `jvp_input`.

    >>> net, theta = MLP((2, 1)), np.array([3.0, 4.0, 5.0])
    >>> vjp_input(net, theta, forward(net, theta, np.array([[1.0, 10.0]]))[1], np.array([[2.0]]))
    array([[6., 8.]])
    """
    if kernels.are_alike(theta, d_y, *cache):
        return kernels.mlp_vjp_input(theta, net.sizes, ACTIVATIONS[net.activation], tuple(cache), d_y)
    weights, d = layers(net, theta), d_y
    for l in range(len(weights) - 1, 0, -1):
        d = _times_slope(d @ weights[l][0].T, cache[l], net.activation)  # (4)
    return d @ weights[0][0].T


def jvp(net: MLP, theta: NDArray, cache: list[NDArray], d_theta: NDArray) -> NDArray:
    r"""d_y[b] = (∂y[b]/∂θ) d_θ: Pearlmutter's R-operator, the derivative of the output in the direction d_θ.

    The product rule on (1), with d_h₀ = 0 since the input does not move:

        d_z_l = h_{l−1} d_W_l + d_b_l + d_h_{l−1} W_l        d_h_l = φ′(z_l) ∘ d_z_l   (5)

    Args:
      cache: from `forward` at the same theta; d_theta: a direction (size,).
    Returns:
      d_y (B, sizes[-1]).
    Paper: Pearlmutter (1994), Fast exact multiplication by the Hessian.

    Checked in tests/maths/test_mlp.py: complex step to 1e-12, dot test with `vjp`.

    >>> net, theta = MLP((2, 1)), np.array([3.0, 4.0, 5.0])
    >>> jvp(net, theta, forward(net, theta, np.array([[1.0, 10.0]]))[1], np.array([1.0, 0.0, 7.0])).item()
    8.0
    """
    weights, directions = layers(net, theta), layers(net, d_theta)
    d_z = cache[0] @ directions[0][0] + directions[0][1]
    for l in range(1, len(weights)):
        d_h = _times_slope(d_z, cache[l], net.activation)
        d_z = cache[l] @ directions[l][0] + directions[l][1] + d_h @ weights[l][0]  # (5)
    return d_z


def jvp_input(net: MLP, theta: NDArray, cache: list[NDArray], d_x: NDArray) -> NDArray:
    """d_y[b] = (∂y[b]/∂x[b]) d_x[b]: recursion (5) with θ held still and d_h₀ = d_x.

    Args: d_x (B, sizes[0]). Returns d_y (B, sizes[-1]).

    Checked in tests/maths/test_mlp.py: complex step to 1e-12, dot test with `vjp_input`.

    >>> net, theta = MLP((2, 1)), np.array([3.0, 4.0, 5.0])
    >>> jvp_input(net, theta, forward(net, theta, np.array([[1.0, 10.0]]))[1], np.array([[1.0, 1.0]])).item()
    7.0
    """
    weights = layers(net, theta)
    d_z = d_x @ weights[0][0]
    for l in range(1, len(weights)):
        d_z = _times_slope(d_z, cache[l], net.activation) @ weights[l][0]  # (5)
    return d_z


def _check(net: MLP, theta: NDArray) -> None:
    if net.activation not in ACTIVATIONS:
        raise ValueError(f"activation: expected one of {', '.join(ACTIVATIONS)}, got {net.activation!r}")
    if theta.shape != (size(net),):
        raise ValueError(f"theta: expected shape ({size(net)},) for sizes {net.sizes}, got {theta.shape}")


def _check_input(net: MLP, x: NDArray) -> None:
    if x.ndim != 2 or x.shape[1] != net.sizes[0]:
        raise ValueError(f"x: expected shape (B, {net.sizes[0]}), got {x.shape}")

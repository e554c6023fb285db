r"""Definitions of the kernels that walk through a network: forward, pull-back, Fisher product.

Rows are taken in blocks, so that a block's activations are still in the cache when the next layer, or the way back,
needs them; BLAS does the products, the loops everything between. `kernels.x` is the compiled form of `x_py`.
"""

import numpy as np
from numpy.typing import NDArray

BLOCK = 128  # rows: the activations of a 64-wide net for one block fill a fraction of an L2 cache
WIDE = 64  # a layer wider than that is worth twice the rows: its products are what costs, and they like them long

# tanh x ≈ x P(x²)/Q(x²) on |x| ≤ 9.02, where float32 has reached 1: minimax in relative error, 1.3e-9 before rounding
TANH_END = np.float32(9.02)
TANH_P = np.array(
    [0.9999999986924136, 0.13679916087180752, 0.0038683290285104976, 2.8007484983470225e-05,
     3.0585084919298026e-08, -1.2203510970047588e-11], np.float32,
)  # fmt: skip
TANH_Q = np.array(
    [1.0, 0.4701324814797602, 0.027245843482106725, 0.0003938633387612702, 1.2873684237863044e-06], np.float32
)


def _block(sizes: tuple) -> int:
    """How many rows are taken at once."""
    widest = 0
    for n in sizes:
        widest = max(widest, n)
    return BLOCK if widest <= WIDE else 2 * BLOCK


def _product(h: NDArray, w: NDArray, z: NDArray) -> None:
    """z = h w; by hand for one or two rows, where a call to BLAS costs more than the product."""
    if h.shape[0] > 2:
        np.dot(h, w, z)
        return
    for b in range(h.shape[0]):
        for j in range(w.shape[1]):
            z[b, j] = 0
        for i in range(w.shape[0]):
            for j in range(w.shape[1]):
                z[b, j] += h[b, i] * w[i, j]


def _activate(z: NDArray, bias: NDArray, activation: int) -> None:
    """φ(z + bias) in place, float32; tanh by its rational approximation, which vectorises and never leaves [−1, 1]."""
    one = np.float32(1)
    for b in range(z.shape[0]):
        for j in range(z.shape[1]):
            x = z[b, j] + bias[j]
            if activation == 1:
                x = min(max(x, -TANH_END), TANH_END)
                y = x * x
                p = TANH_P[4] + y * TANH_P[5]
                p = TANH_P[0] + y * (TANH_P[1] + y * (TANH_P[2] + y * (TANH_P[3] + y * p)))
                q = TANH_Q[0] + y * (TANH_Q[1] + y * (TANH_Q[2] + y * (TANH_Q[3] + y * TANH_Q[4])))
                x = min(max(x * p / q, -one), one)
            elif activation == 2:
                x = max(x, np.float32(0))
            z[b, j] = x


def _run(theta: NDArray, sizes: tuple, activation: int, x: NDArray, outputs: tuple) -> None:
    """Every layer's output (B, m), float32, into `outputs`; the last is y. Where a layer's room has less than B rows
    each block writes over the one before: at least `BLOCK` rows, twice as many where a layer is wider than `WIDE`."""
    block = _block(sizes)
    for first in range(0, len(x), block):
        last = min(first + block, len(x))
        h, start = x[first:last], 0
        for layer in range(len(sizes) - 1):
            n, m = sizes[layer], sizes[layer + 1]
            matrix, bias = start + n * m, start + n * m + m
            z = outputs[layer][first:last] if len(outputs[layer]) == len(x) else outputs[layer][: last - first]
            _product(h, theta[start:matrix].reshape(n, m), z)
            _activate(z, theta[matrix:bias], activation if layer < len(sizes) - 2 else 0)
            h, start = z, bias


def mlp_forward_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, x: NDArray, outputs: tuple[NDArray, ...]
) -> None:
    """`mlp.forward` in float32: every layer's output (B, m) is written into `outputs`, the last is y."""
    _run(theta, sizes, activation, x, outputs)


def _times_slope(d: NDArray, h: NDArray, activation: int) -> None:
    """d ∘ φ′ in place, φ′ from the activations h."""
    for b in range(d.shape[0]):
        for j in range(d.shape[1]):
            if activation == 1:
                d[b, j] *= h.dtype.type(1) - h[b, j] * h[b, j]
            elif activation == 2 and h[b, j] <= 0:
                d[b, j] = 0


def _times_fisher(u: NDArray, w: NDArray, segments: NDArray) -> None:
    """w∘u − w (w·u within each segment) in place, row by row; u counted from that of the largest w of its segment."""
    for b in range(u.shape[0]):
        for k in range(segments.shape[0]):
            largest = segments[k, 0]
            for a in range(segments[k, 0], segments[k, 1]):
                if w[b, a] > w[b, largest]:
                    largest = a
            mean, origin = u.dtype.type(0), u[b, largest]
            for a in range(segments[k, 0], segments[k, 1]):
                u[b, a] -= origin
                mean += w[b, a] * u[b, a]
            for a in range(segments[k, 0], segments[k, 1]):
                u[b, a] -= mean
        for a in range(u.shape[1]):
            u[b, a] *= w[b, a]


def _turned(theta: NDArray, sizes: tuple) -> NDArray:
    """θ with every small W transposed: d Wᵀ is then faster than by BLAS's own way of turning it."""
    turned, start = np.empty_like(theta), 0
    for layer in range(len(sizes) - 1):
        n, m = sizes[layer], sizes[layer + 1]
        if n * m <= WIDE * WIDE:
            turned[start : start + n * m].reshape(m, n)[:] = theta[start : start + n * m].reshape(n, m).T
        start += n * m + m
    return turned


def _back(d: NDArray, theta: NDArray, turned: NDArray, start: int, n: int, m: int) -> NDArray:
    """d Wᵀ, W the n × m matrix that begins at `start`."""
    if n * m <= WIDE * WIDE:
        return np.dot(d, turned[start : start + n * m].reshape(m, n))
    return np.dot(d, theta[start : start + n * m].reshape(n, m).T)


def _push(theta: NDArray, sizes: tuple, activation: int, cache: tuple, first: int, last: int, vector: NDArray):
    """J v for rows first..last: the tangent from the first layer to the output."""
    start, layers = 0, len(sizes) - 1
    tangent = np.zeros((last - first, 1), theta.dtype)
    for layer in range(layers):
        n, m = sizes[layer], sizes[layer + 1]
        matrix, bias = start + n * m, start + n * m + m
        z, d_bias = np.dot(cache[layer][first:last], vector[start:matrix].reshape(n, m)), vector[matrix:bias]
        through = np.dot(tangent, theta[start:matrix].reshape(n, m)) if layer > 0 else z[:0]
        for b in range(last - first):
            for j in range(m):
                z[b, j] += d_bias[j]
        for b in range(len(through)):
            for j in range(m):
                z[b, j] += through[b, j]
        if layer < layers - 1:
            _times_slope(z, cache[layer + 1][first:last], activation)
        start, tangent = bias, z
    return tangent


def _pull(
    theta: NDArray, turned: NDArray, sizes: tuple, activation: int, cache: tuple, first: int, last: int, d: NDArray,
    out: NDArray,
) -> None:  # fmt: skip
    """out += Jᵀ d for rows first..last: the cotangent from the output back to every layer's parameters.

    The first block is written straight into `out`, which holds nothing yet.
    """
    start, block = theta.size, out if first == 0 else np.zeros_like(out)
    ones = np.ones(last - first, theta.dtype)
    for layer in range(len(sizes) - 2, -1, -1):
        n, m = sizes[layer], sizes[layer + 1]
        start -= n * m + m
        matrix, bias = start + n * m, start + n * m + m
        np.dot(cache[layer][first:last].T, d, block[start:matrix].reshape(n, m))
        np.dot(ones, d, block[matrix:bias])
        if layer > 0:
            d = _back(d, theta, turned, start, n, m)
            _times_slope(d, cache[layer][first:last], activation)
    if first > 0:
        for i in range(out.size):
            out[i] += block[i]


def _pull_back(theta: NDArray, sizes: tuple, activation: int, cache: tuple, d_y: NDArray, out: NDArray) -> None:
    """Σ_b J_bᵀ d_y[b] into `out`, which holds zeros, block by block."""
    block, turned = _block(sizes), _turned(theta, sizes)
    for first in range(0, len(d_y), block):
        last = min(first + block, len(d_y))
        _pull(theta, turned, sizes, activation, cache, first, last, d_y[first:last], out)


def mlp_vjp_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, cache: tuple[NDArray, ...], d_y: NDArray
) -> NDArray:
    """Σ_b J_bᵀ d_y[b], `mlp.vjp`, block by block."""
    out = np.zeros_like(theta)
    _pull_back(theta, sizes, activation, cache, d_y, out)
    return out


def mlp_vjp_input_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, cache: tuple[NDArray, ...], d_y: NDArray
) -> NDArray:
    """d_x[b] = J_bᵀ d_y[b], `mlp.vjp_input`: all rows at once, but for those whose d_y is 0, which cost nothing."""
    asked = np.array([b for b in range(len(d_y)) if np.any(d_y[b] != 0)], np.int64)
    start, d, turned = theta.size, d_y[asked], _turned(theta, sizes)
    for layer in range(len(sizes) - 2, -1, -1):
        n, m = sizes[layer], sizes[layer + 1]
        start -= n * m + m
        d = _back(d, theta, turned, start, n, m)
        if layer > 0:
            for row in range(len(asked)):
                _times_slope(d[row : row + 1], cache[layer][asked[row] : asked[row] + 1], activation)
    out = np.zeros((len(d_y), sizes[0]), theta.dtype)
    for row in range(len(asked)):
        out[asked[row]] = d[row]
    return out


def fisher_vector_product_py(
    theta: NDArray,
    sizes: tuple[int, ...],
    activation: int,
    cache: tuple[NDArray, ...],
    weight: NDArray,
    segments: NDArray,
    vector: NDArray,
) -> NDArray:
    """Σ_b J_bᵀ F_b J_b v for an MLP, block by block: J v, then F in the output space, then Jᵀ, while all is in cache.

    F_b u = w∘u − w (w·u within each segment), w = weight[b] of sum 1 in each: the categorical Fisher with w = p, one
    segment per distribution. With no segments F_b = diag(w), the Gaussian's. `segments` (S, 2) holds starts and ends.
    """
    out, block, turned = np.zeros_like(theta), _block(sizes), _turned(theta, sizes)
    for first in range(0, len(weight), block):
        last = min(first + block, len(weight))
        tangent = _push(theta, sizes, activation, cache, first, last, vector)
        _times_fisher(tangent, weight[first:last], segments)
        _pull(theta, turned, sizes, activation, cache, first, last, tangent, out)
    return out


# ---- whole gradients, and acting: float32, in one call ----


def value_regression_py(
    phi: NDArray, sizes: tuple[int, ...], activation: int, obs: NDArray, outputs: tuple[NDArray, ...], target: NDArray
) -> tuple[float, NDArray]:
    """`critic.loss_and_grad` in float32, forward and back in one call: (loss, d_phi).

    Of several critics side by side in phi, one after another: the sum of their losses, as `state_action.loss_and_grad`.
    """
    y, rows, loss, size = outputs[-1], len(obs), 0.0, 0
    for layer in range(len(sizes) - 1):
        size += (sizes[layer] + 1) * sizes[layer + 1]
    out = np.zeros_like(phi)
    for start in range(0, phi.size, size):
        one = phi[start : start + size]
        _run(one, sizes, activation, obs, outputs)
        for b in range(rows):
            error = y[b, 0] - target[b]
            loss += 0.5 * error * error
            y[b, 0] = error / rows
        _pull_back(one, sizes, activation, (obs, *outputs[:-1]), y, out[start : start + size])
    return loss / rows, out


def categorical_ppo_clip_py(
    theta: NDArray,
    sizes: tuple[int, ...],
    activation: int,
    obs: NDArray,
    outputs: tuple[NDArray, ...],
    action: NDArray,
    log_prob_old: NDArray,
    advantage: NDArray,
    clip: float,
) -> tuple[float, NDArray]:
    """PPO-Clip's loss and gradient for a categorical policy in float32, forward and back in one call: (loss, d_theta).

    The logits in outputs[-1] are overwritten by −(1/B) w (e_a − p), w the weight of `objectives.ppo_clip`.
    """
    _run(theta, sizes, activation, obs, outputs)
    logits, rows, total = outputs[-1], len(obs), 0.0
    low, high = np.float32(1 - clip), np.float32(1 + clip)
    for b in range(rows):
        top = logits[b].max()
        chosen, mass = logits[b, action[b]] - top, np.float32(0)
        for a in range(logits.shape[1]):
            logits[b, a] = np.exp(logits[b, a] - top)
            mass += logits[b, a]
        rho, gain = np.exp(chosen - np.log(mass) - log_prob_old[b]), advantage[b] > 0
        active = not rho > high if gain else not rho < low  # nan stays active, and so visible
        total += (rho if active else high if gain else low) * advantage[b]
        weight = rho * advantage[b] / rows if active else np.float32(0)
        for a in range(logits.shape[1]):
            logits[b, a] *= weight / mass
        logits[b, action[b]] -= weight
    out = np.zeros_like(theta)
    _pull_back(theta, sizes, activation, (obs, *outputs[:-1]), logits, out)
    return -total / rows, out


def categorical_policy_gradient_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, obs: NDArray, outputs: tuple[NDArray, ...],
    action: NDArray, weights: NDArray, coefficient: float, scale: float,
) -> tuple[float, NDArray]:  # fmt: skip
    """s Σ_b (w log π(a) + c H) and its gradient for a categorical policy in float32, in one call: (value, d_theta).

    s = 1, c = 0: `policies.weighted_score`; s = −1/B, w = A: `a2c.loss_and_grad`. The logits in outputs[-1] are
    overwritten by s (w (e_a − p) − c p∘(l − p·l)).
    """
    _run(theta, sizes, activation, obs, outputs)
    logits, total, c, s = outputs[-1], 0.0, np.float32(coefficient), np.float32(scale)
    p = np.empty(logits.shape[1], np.float32)
    for b in range(len(obs)):
        largest, others, mean = _largest(logits[b]), np.float32(0), np.float32(0)
        top, weight = logits[b, largest], weights[b]
        for a in range(len(p)):
            logits[b, a] -= top
            p[a] = np.exp(logits[b, a])
            others += p[a] if a != largest else np.float32(0)
        for a in range(len(p)):
            p[a] /= np.float32(1) + others
            mean += p[a] * logits[b, a]
        log_mass = np.log1p(others)
        total += weight * (logits[b, action[b]] - log_mass) + c * (log_mass - mean)
        for a in range(len(p)):
            logits[b, a] = -s * p[a] * (weight + c * (logits[b, a] - mean))
        logits[b, action[b]] += s * weight
    out = np.zeros_like(theta)
    _pull_back(theta, sizes, activation, (obs, *outputs[:-1]), logits, out)
    return scale * total, out


def categorical_act_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, x: NDArray, outputs: tuple[NDArray, ...],
    uniform: NDArray,
) -> NDArray:  # fmt: skip
    """`categorical.sample` of the network's outputs by these uniform numbers, in float32 and one call: actions (B,)."""
    _run(theta, sizes, activation, x, outputs)
    logits, chosen = outputs[-1], np.zeros(len(x), np.int64)
    for b in range(len(x)):
        top, total = logits[b].max(), np.float32(0)
        for a in range(logits.shape[1]):
            logits[b, a] = np.exp(logits[b, a] - top)
            total += logits[b, a]
        passed, threshold = logits[b, 0], uniform[b] * total
        while passed <= threshold and chosen[b] < logits.shape[1] - 1:
            chosen[b] += 1
            passed += logits[b, chosen[b]]
    return chosen


def epsilon_greedy_py(
    theta: NDArray, sizes: tuple[int, ...], activation: int, x: NDArray, outputs: tuple[NDArray, ...],
    uniform: NDArray, epsilon: float,
) -> NDArray:  # fmt: skip
    """`action_values.epsilon_greedy` of the network's outputs, in float32 and one call: actions (B,)."""
    _run(theta, sizes, activation, x, outputs)
    q, actions = outputs[-1], sizes[-1]
    chosen = np.empty(len(x), np.int64)
    for b in range(len(x)):
        chosen[b] = _largest(q[b])
        if uniform[b] < epsilon:
            chosen[b] = min(actions - 1, int(uniform[b] / epsilon * actions))
    return chosen


def _largest(q: NDArray) -> int:
    """The first index of the largest entry."""
    largest = 0
    for a in range(1, len(q)):
        if q[a] > q[largest]:
            largest = a
    return largest


def q_learning_py(
    theta: NDArray, target: NDArray, sizes: tuple[int, ...], activation: int, obs: NDArray, action: NDArray,
    reward: NDArray, next_obs: NDArray, terminated: NDArray, discount: NDArray, double: bool, delta: float,
    outputs: tuple[NDArray, ...],
) -> tuple[float, NDArray]:  # fmt: skip
    """DQN's loss and gradient in float32, three times forward and once back in one call: (loss, d_theta).

    `targets.dqn_target` or, if double, `targets.double_dqn_target` of the network θ⁻ = target, then
    `action_values.loss_and_grad`. `outputs` is room for all three passes, one after the other.
    """
    rows, q, best, loss = len(obs), outputs[-1], np.empty(len(obs), np.int64), 0.0
    if double:
        _run(theta, sizes, activation, next_obs, outputs)
        for b in range(rows):
            best[b] = _largest(q[b])
    _run(target, sizes, activation, next_obs, outputs)
    y = reward.copy()
    for b in range(rows):
        if not terminated[b]:
            y[b] += discount[b] * q[b, best[b] if double else _largest(q[b])]
    _run(theta, sizes, activation, obs, outputs)
    for b in range(rows):
        error = q[b, action[b]] - y[b]
        slope = min(np.float32(delta), max(np.float32(-delta), error))
        loss += slope * (error - slope / 2)
        q[b, :] = 0
        q[b, action[b]] = slope / rows
    out = np.zeros_like(theta)
    _pull_back(theta, sizes, activation, (obs, *outputs[:-1]), q, out)
    return loss / rows, out


HELPERS = (
    _block, _product, _activate, _run, _times_slope, _times_fisher, _turned, _back, _push, _pull, _pull_back, _largest,
)  # fmt: skip

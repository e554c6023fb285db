r"""network + distribution = policy π_θ(a|o), and the three products of its Jacobian that learning needs.

θ = [parameters of the MLP | free parameters]. One row of distribution parameters is the network's output followed by
the free parameters, the same for every row (a Gaussian's state-independent log σ; usually there are none):

    params[b] = [ f_θ(o_b) | θ_free ]                                                  (1)

So a gradient with respect to rows splits: its left part goes back through the network, its right part is summed over
the rows, because every row shares the same free parameters. Everything else about a policy is its distribution.

Every policy gradient is then one line: Σ_b w_b ∇_θ log π(a_b|o_b) = vjp(w ∘ score). REINFORCE, A2C, PPO and TRPO
differ in the weights w only.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchrl.maths import categorical, chunks, curvature, initialization, kernels, mlp
from scratchrl.maths.distributions import (
    GAUSSIAN,
    Distribution,
    categorical_distribution,
    multi_categorical_distribution,
)
from scratchrl.maths.mlp import MLP

HELD = 1 << 29  # bytes: as many of a batch's activations are remembered from one product with F to the next


class Policy(NamedTuple):
    """The shape of a policy: network, number of free parameters appended to its output, distribution."""

    mlp: MLP
    free: int
    distribution: Distribution


def categorical_policy(observation: int, actions: int, hidden: tuple[int, ...] = (64, 64), activation: str = "tanh"):
    """Discrete actions: the network puts out one logit each."""
    return Policy(MLP((observation, *hidden, actions), activation), 0, categorical_distribution(actions))


def multi_categorical_policy(
    observation: int, sizes: tuple[int, ...], hidden: tuple[int, ...] = (64, 64), activation: str = "tanh"
):
    """Several discrete choices at once, independent given the observation."""
    return Policy(MLP((observation, *hidden, sum(sizes)), activation), 0, multi_categorical_distribution(sizes))


def gaussian_policy(observation: int, actions: int, hidden: tuple[int, ...] = (64, 64), activation: str = "tanh"):
    """Continuous actions: the network puts out μ, log σ is free: σ does not depend on the state."""
    return Policy(MLP((observation, *hidden, actions), activation), actions, GAUSSIAN)


def state_dependent_gaussian_policy(
    observation: int, actions: int, hidden: tuple[int, ...] = (64, 64), activation: str = "tanh"
):
    """Continuous actions: the network puts out μ and log σ, sharing all layers but the last."""
    return Policy(MLP((observation, *hidden, 2 * actions), activation), 0, GAUSSIAN)


def is_categorical(policy: Policy) -> bool:
    """Whether an action is one integer a row, drawn from the softmax of the network's output.

    >>> is_categorical(categorical_policy(4, 2)), is_categorical(multi_categorical_policy(4, (2,)))
    (True, False)
    """
    return policy.distribution.sample is categorical.sample


def size(policy: Policy) -> int:
    """The number of parameters in θ."""
    return mlp.size(policy.mlp) + policy.free


def init(policy: Policy, rng: np.random.Generator, gain: float = 0.01, dtype: DTypeLike = np.float64) -> NDArray:
    """θ₀: the network by `initialization.init`, its last layer shrunk to `gain`, free parameters 0 (σ = 1)."""
    return np.concatenate([initialization.init(policy.mlp, rng, gain, dtype=dtype), np.zeros(policy.free, dtype)])


def _split(policy: Policy, theta: NDArray) -> tuple[NDArray, NDArray]:
    if theta.shape != (size(policy),):
        raise ValueError(f"theta: expected shape ({size(policy)},), got {theta.shape}")
    cut = len(theta) - policy.free
    return theta[:cut], theta[cut:]


def _beside(y: NDArray, free: NDArray) -> NDArray:
    if not len(free):
        return y
    return np.concatenate([y, np.broadcast_to(free, (len(y), len(free)))], axis=1)  # (1)


def forward(policy: Policy, theta: NDArray, obs: NDArray) -> tuple[NDArray, list[NDArray]]:
    """Rows of distribution parameters (1) for obs (B, O), and the network's cache.

    Checked in tests/maths/test_policies.py.
    """
    weights, free = _split(policy, theta)
    y, cache = mlp.forward(policy.mlp, weights, obs)
    return _beside(y, free), cache


def parameters(policy: Policy, theta: NDArray, obs: NDArray) -> NDArray:
    """Rows (1) without the network's cache.

    Checked in tests/maths/test_policies.py to equal `forward`.
    """
    weights, free = _split(policy, theta)
    return _beside(mlp.output(policy.mlp, weights, obs), free)


def vjp(policy: Policy, theta: NDArray, cache: list[NDArray], d_params: NDArray) -> NDArray:
    """d_θ = Σ_b d_params[b]ᵀ ∂params[b]/∂θ; free parameters receive the plain sum over the rows.

    Checked in tests/maths/test_policies.py: complex step, dot test with `jvp`.
    """
    weights, _ = _split(policy, theta)
    output = policy.mlp.sizes[-1]
    d_weights = mlp.vjp(policy.mlp, weights, cache, d_params[:, :output])
    return np.concatenate([d_weights, d_params[:, output:].sum(axis=0)]) if policy.free else d_weights


def jvp(policy: Policy, theta: NDArray, cache: list[NDArray], d_theta: NDArray) -> NDArray:
    """d_params[b] = (∂params[b]/∂θ) d_θ, the transpose of `vjp`.

    Checked in tests/maths/test_policies.py: complex step, dot test with `vjp`.
    """
    weights, _ = _split(policy, theta)
    d_weights, d_free = _split(policy, d_theta)
    return _beside(mlp.jvp(policy.mlp, weights, cache, d_weights), d_free)


def sample(policy: Policy, theta: NDArray, obs: NDArray, rng: np.random.Generator) -> NDArray:
    """a ~ π_θ(·|o), a row for a row of obs."""
    return policy.distribution.sample(rng, parameters(policy, theta, obs))


def sampler(policy: Policy, theta: NDArray, rng: np.random.Generator) -> Callable[[NDArray], NDArray]:
    """obs (B, O) -> a ~ π_θ(·|o) for one θ and many obs: `sample` without its checks, for acting step by step.

    Checked in tests/maths/test_policies.py: the same bits as `sample`.
    """
    if is_categorical(policy) and mlp.is_narrow(theta):
        run = mlp.repeated(policy.mlp, theta, kernels.categorical_act)
        return lambda obs: run(obs, rng.random(len(obs)))[1] if mlp.is_narrow(obs) else sample(policy, theta, obs, rng)
    weights, free = _split(policy, theta)
    predict, draw = mlp.predictor(policy.mlp, weights), policy.distribution.sample
    return (lambda obs: draw(rng, _beside(predict(obs), free))) if policy.free else lambda obs: draw(rng, predict(obs))


def mode(policy: Policy, theta: NDArray, obs: NDArray) -> NDArray:
    """argmax_a π_θ(a|o): how a trained policy acts when it no longer needs to explore."""
    return policy.distribution.mode(parameters(policy, theta, obs))


def log_prob(policy: Policy, theta: NDArray, obs: NDArray, action: NDArray) -> NDArray:
    """log π_θ(a_b|o_b), (B,)."""
    return policy.distribution.log_prob(parameters(policy, theta, obs), action)


def weighted_score(policy: Policy, theta: NDArray, obs: NDArray, action: NDArray, weight: NDArray) -> NDArray:
    """Σ_b w_b ∇_θ log π_θ(a_b|o_b): every policy gradient there is.

    Args:
      obs (B, O); action (B, ...); weight (B,).
    Returns:
      d_theta (size,).

    Checked in tests/maths/test_policies.py: complex step.
    """
    if is_categorical(policy) and mlp.fits(policy.mlp, (theta,), (obs,), action, weight):
        run = mlp.repeated(policy.mlp, theta, kernels.categorical_policy_gradient)
        return run(obs, action, weight, 0.0, 1.0)[1][1]
    params, cache = forward(policy, theta, obs)
    return vjp(policy, theta, cache, weight[:, None] * policy.distribution.score(params, action))


def fisher_vector_product(
    policy: Policy, theta: NDArray, params: NDArray, cache: list[NDArray], vector: NDArray, damping: float = 0.0
) -> NDArray:
    r"""F v + damping · v with F = (1/B) Σ_b J_bᵀ F_b J_b, the Fisher matrix of the policy averaged over observations.

    J_b = ∂params[b]/∂θ, and F_b is the Fisher matrix of the distribution in its own parameters. F is E[score scoreᵀ]
    by the chain rule (score_θ = Jᵀ score_params), and the Hessian of the mean KL(π_θ‖π_·) at θ, because there the KL's
    first derivative is zero and the second derivatives of the network drop out. Three products, no matrix:
    J v forward, F_b in the output space, Jᵀ back; compiled and blocked for float32 and float64.

    Args:
      params, cache: from `forward` at the same theta; vector: (size,).
    Returns:
      (size,).
    Paper: Schulman et al. (2015), TRPO, appendix C.1.

    Checked in tests/maths/test_policies.py: dense Fisher, Hessian of the KL, E[score scoreᵀ]; kernel = definition.
    """
    if vector.dtype.char not in "fd" or vector.dtype != params.dtype:
        push, pull = partial(jvp, policy, theta, cache), partial(vjp, policy, theta, cache)
        fisher = partial(policy.distribution.fisher_matvec, params)
        return curvature.fisher_vector_product(push, fisher, pull, vector, damping)
    return _fused_fisher_vector_product(policy, theta, params, cache, vector) / len(params) + damping * vector


def fisher(policy: Policy, theta: NDArray, obs: NDArray, damping: float = 0.0) -> Callable[[NDArray], NDArray]:
    """v -> F v + damping · v for one θ and many v, chunk after chunk, a mean over all rows.

    The products ask for the same activations again and again. They are remembered if they take at most `HELD` bytes, as
    making them anew costs a third of a product; those of a larger batch are made anew for each, a chunk's at a time.

    Args:
      obs (B, O). The function's v and result: (size,).

    Checked in tests/maths/test_chunks.py: `fisher_vector_product` of all rows, remembered or not.
    """
    rows: Any = obs
    ahead: Callable[[Any], tuple[NDArray, list[NDArray]]] = partial(forward, policy, theta)
    if len(obs) * sum(policy.mlp.sizes[1:]) * theta.itemsize <= HELD:
        params, cache = forward(policy, theta, obs)
        rows, ahead = (params, *cache), lambda part: (part[0], list(part[1:]))
    return lambda vector: chunks.mean(
        lambda part: fisher_vector_product(policy, theta, *ahead(part), vector, damping), rows
    )


def _fused_fisher_vector_product(
    policy: Policy, theta: NDArray, params: NDArray, cache: list[NDArray], vector: NDArray
) -> NDArray:
    """Σ_b J_bᵀ F_b J_b v by the kernel. F is block-diagonal between network and free parameters: they never mix."""
    net, output = policy.mlp, policy.mlp.sizes[-1]
    weight = policy.distribution.fisher_weights(params)
    segments = np.array(policy.distribution.segments, np.int64).reshape(-1, 2)
    weights, _ = _split(policy, theta)
    v_weights, v_free = _split(policy, vector)
    weights, v_weights, w, *cache = (  # the kernel takes one type of array: contiguous, writeable, of one dtype
        np.require(array, vector.dtype, ["C", "W"]) for array in (weights, v_weights, weight[:, :output], *cache)
    )
    fused = kernels.select("fisher_vector_product", vector)(
        weights, net.sizes, mlp.ACTIVATIONS[net.activation], tuple(cache), w, segments, v_weights
    )
    if not policy.free:
        return fused
    return np.concatenate([fused, weight[:, output:].sum(axis=0) * v_free])

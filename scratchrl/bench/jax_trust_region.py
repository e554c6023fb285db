"""TRPO's policy step as one would write it in JAX: products by jvp and vjp, everything in one compiled function."""

from collections.abc import Callable
from typing import Any

from scratchrl.bench import jax_peer
from scratchrl.maths.mlp import MLP


def _params(net: MLP) -> Callable[[Any, Any], tuple[Any, Any]]:
    """(tree, obs) → μ (B, A), log σ (A,)."""
    forward = jax_peer.forward(net)
    return lambda tree, obs: (forward(tree, obs), tree[-1])


def _product(net: MLP, damping: float) -> Callable[[Any, Any, Any], Any]:
    jax = jax_peer.library()
    jnp, params = jax.numpy, _params(net)

    def product(tree: Any, obs: Any, vector: Any) -> Any:
        (_, log_std), (v_mean, v_log_std) = jax.jvp(lambda at: params(at, obs), (tree,), (vector,))
        _, pull = jax.vjp(lambda at: params(at, obs), tree)
        (found,) = pull((v_mean * jnp.exp(-2 * log_std) / len(obs), 2 * v_log_std))
        return jax.tree.map(lambda f, v: f + damping * v, found, vector)

    return product


def product(net: MLP, damping: float) -> Callable[..., Any]:
    """(tree, obs, vector) → F v + damping · v, compiled."""
    return jax_peer.library().jit(_product(net, damping))


def _losses(net: MLP) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """(tree, obs, action, log_prob_old, advantage) → the surrogate; (tree, obs, μ_old, log σ_old) → the mean KL."""
    jnp, params = jax_peer.library().numpy, _params(net)

    def surrogate(tree: Any, obs: Any, action: Any, log_prob_old: Any, advantage: Any) -> Any:
        mean, log_std = params(tree, obs)
        z = (action - mean) * jnp.exp(-log_std)
        log_prob = -(0.5 * z * z + log_std + 0.5 * jnp.log(2 * jnp.pi)).sum(1)
        return (jnp.exp(log_prob - log_prob_old) * advantage).mean()

    def kl(tree: Any, obs: Any, mean_old: Any, log_std_old: Any) -> Any:
        mean, log_std = params(tree, obs)
        ratio, z = jnp.exp(log_std_old - log_std), (mean - mean_old) * jnp.exp(-log_std)
        return (0.5 * (ratio * ratio + z * z - 1) - jnp.log(ratio)).sum(1).mean()

    return surrogate, kl


def _solve(matvec: Callable[[Any], Any], b: Any, iterations: int) -> Any:
    jax = jax_peer.library()

    def body(_: Any, held: Any) -> Any:
        x, r, p, rr = held
        a_p = matvec(p)
        alpha = rr / (p @ a_p)
        x, r = x + alpha * p, r - alpha * a_p
        new = r @ r
        return x, r, r + new / rr * p, new

    return jax.lax.fori_loop(0, iterations, body, (0 * b, b, b, b @ b))[0]


def step(net: MLP, damping: float, delta: float, iterations: int, backtracks: int = 10) -> Callable[..., Any]:
    """(tree, obs, action, log_prob_old, advantage) → the tree after one step, compiled."""
    jax = jax_peer.library()
    from jax.flatten_util import ravel_pytree

    jnp, fisher, (surrogate, kl), params = jax.numpy, _product(net, damping), _losses(net), _params(net)

    def whole(tree: Any, obs: Any, *rest: Any) -> Any:
        theta, unravel = ravel_pytree(tree)
        before, gradient = jax.value_and_grad(surrogate)(tree, obs, *rest)
        old = params(tree, obs)
        matvec = lambda v: ravel_pytree(fisher(tree, obs, unravel(v)))[0]  # noqa: E731
        x = _solve(matvec, ravel_pytree(gradient)[0], iterations)
        full = jnp.sqrt(2 * delta / (x @ matvec(x))) * x

        def refused(held: Any) -> Any:
            k, _, accepted = held
            return ~accepted & (k <= backtracks)

        def attempt(held: Any) -> Any:
            k, _, _ = held
            candidate = theta + 0.5**k * full
            at = unravel(candidate)
            return k + 1, candidate, (surrogate(at, obs, *rest) > before) & (kl(at, obs, *old) <= delta)

        _, found, accepted = jax.lax.while_loop(refused, attempt, (0, theta, False))
        return unravel(jnp.where(accepted, found, theta))

    return jax.jit(whole)

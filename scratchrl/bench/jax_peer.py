"""Our networks in JAX: the same layout of parameters, so that results compare as they are.

JAX fixes its settings when it starts. It gets those that were fastest at these sizes: one thread, and computation in
the thread that asks for it (handing it over and waiting costs 40 µs a call).
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import mlp
from scratchrl.maths.mlp import MLP


def library() -> Any:
    """jax, set up."""
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
    import jax

    jax.config.update("jax_cpu_enable_async_dispatch", False)
    return jax


def layers(net: MLP, theta: NDArray) -> list[Any]:
    """[(W, b), …] as JAX arrays, and what is left of θ behind them (log σ) as the last one, if anything is."""
    jnp = library().numpy
    pairs = mlp.layers(net, theta)
    rest = theta[mlp.size(net) :]
    tree: list[Any] = [(jnp.asarray(w), jnp.asarray(b)) for w, b in pairs]
    return [*tree, jnp.asarray(rest)] if len(rest) else tree


def forward(net: MLP) -> Callable[[Any, Any], Any]:
    """(layers, x) → f_θ(x)."""
    jax = library()
    jnp = jax.numpy
    activate = {"tanh": jnp.tanh, "relu": jax.nn.relu}[net.activation]
    count = len(net.sizes) - 1

    def apply(tree: Any, x: Any) -> Any:
        for w, b in tree[: count - 1]:
            x = activate(x @ w + b)
        w, b = tree[count - 1]
        return x @ w + b

    return apply


def flat(tree: Any) -> NDArray:
    """As one vector in our order."""
    return np.concatenate([np.ravel(leaf) for leaf in library().tree.leaves(tree)])


def waiting(compiled: Callable[..., Any], *arguments: Any) -> Callable[[], Any]:
    """A call that returns when its result is there."""
    jax = library()
    return lambda: jax.block_until_ready(compiled(*arguments))

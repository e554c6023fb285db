"""JAX subjects: arrays in the dtype asked for (float64 only if JAX was told to keep it), gradients by jax.grad."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scratchrl.oracle.frameworks import loss_of


def to_native(value: Any, dtype: np.dtype) -> Any:
    """A JAX array; Python numbers stay what they are, functions of arrays become functions of JAX arrays."""
    if isinstance(value, np.ndarray | np.generic):
        floating = jnp.float64 if dtype == np.float64 and jax.config.jax_enable_x64 else jnp.float32
        return jnp.asarray(value, dtype=floating if value.dtype.kind == "f" else None)
    if isinstance(value, list):
        return [to_native(item, dtype) for item in value]
    if callable(value):
        return lambda *arrays: _returned(value(*map(np.asarray, arrays)), dtype)
    return value


def _returned(result: Any, dtype: np.dtype) -> Any:
    if isinstance(result, tuple):
        return tuple(_returned(item, dtype) for item in result)
    return to_native(np.asarray(result), dtype)


def to_numpy(result: Any) -> np.ndarray:
    """On the host."""
    return np.asarray(result)


def gradient(function: Any, natives: dict[str, Any], names: tuple[str, ...]) -> Any:
    """(outputs, gradients of the sum of the first)."""

    def first(leaves: dict[str, Any]) -> Any:
        return jnp.sum(loss_of(function(natives | leaves)))

    found = jax.grad(first)({name: natives[name] for name in names})
    return function(natives), [found[name] for name in names]

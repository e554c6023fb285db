"""torch subjects: tensors in the dtype asked for, gradients by their autograd."""

from typing import Any

import numpy as np
import torch

from scratchrl.oracle.frameworks import loss_of

DTYPES = {"float64": torch.float64, "float32": torch.float32, "float16": torch.float16}


def to_native(value: Any, dtype: np.dtype) -> Any:
    """A tensor of its own memory; Python numbers stay as they are, functions of arrays become functions of tensors."""
    if isinstance(value, np.ndarray | np.generic):
        return torch.tensor(np.array(value), dtype=DTYPES[dtype.name] if value.dtype.kind == "f" else None)
    if isinstance(value, list):
        return [to_native(item, dtype) for item in value]
    if callable(value):
        return lambda *tensors: _returned(value(*map(to_numpy, tensors)), dtype)
    return value


def _returned(result: Any, dtype: np.dtype) -> Any:
    if isinstance(result, tuple):
        return tuple(_returned(item, dtype) for item in result)
    return to_native(np.asarray(result), dtype)


def to_numpy(result: Any) -> np.ndarray:
    """Detached, on the CPU, lists of tensors too."""
    if isinstance(result, list | tuple):
        return np.asarray([to_numpy(item) for item in result])
    return result.detach().cpu().numpy() if isinstance(result, torch.Tensor) else np.asarray(result)


def gradient(function: Any, natives: dict[str, Any], names: tuple[str, ...]) -> Any:
    """(outputs, gradients of the sum of the first): 0 from a tensor without a graph, None where it is no tensor."""
    leaves = {name: natives[name].clone().requires_grad_() for name in names}
    outputs = function(natives | leaves)
    first = loss_of(outputs)
    if not isinstance(first, torch.Tensor):
        return outputs, None
    if not first.requires_grad:
        return outputs, [torch.zeros_like(x) for x in leaves.values()]
    found = torch.autograd.grad(first.sum(), list(leaves.values()), allow_unused=True)
    return outputs, [torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves.values(), strict=True)]

"""Reading a recording: what is there, in one layout, or an error that names the array, what was expected, what came."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths.distributions import GAUSSIAN, categorical_distribution
from scratchrl.maths.mlp import MLP
from scratchrl.maths.policies import Policy
from scratchrl.oracle.numbers import BITS
from scratchrl.oracle.traces import names, validation


@dataclass(frozen=True)
class Recording:
    """A recording, checked: arrays of the rollout (T, N, …), those of a network as one flat θ each.

    arrays: by name, float arrays in the dtype they came in, flags as booleans, settings as Python numbers or words.
    policy, value: shapes of the two networks, if weights were recorded.
    thetas: "before/policy" → θ as in maths/policies.py, float64.
    bits: of the precision it was recorded in.
    """

    arrays: Mapping[str, Any]
    policy: Policy | None
    value: Policy | None
    thetas: Mapping[str, NDArray]
    bits: int

    def has(self, *wanted: str) -> bool:
        """Whether all of these are there, networks too."""
        return not self.lacks(*wanted)

    def lacks(self, *wanted: str) -> tuple[str, ...]:
        """Those of these that are not."""
        return tuple(name for name in wanted if name not in self.arrays and name not in self.thetas)

    def __getitem__(self, name: Any) -> Any:
        return self.thetas[name] if name in self.thetas else self.arrays[name]


def read(source: Mapping[str, Any] | str | PathLike[str]) -> Recording:
    """A dict of arrays or the path of an .npz file, checked.

    Raises:
      ValueError: names the array, says what was expected and what came.
    """
    raw = {name: np.asarray(value) for name, value in _opened(source).items() if not name.startswith("extra/")}
    for name, array in raw.items():
        validation.check_name(name)
        validation.check_dtype(name, array)
    layers = {name: array for name, array in raw.items() if "/" in name}
    arrays = validation.one_layout({name: array for name, array in raw.items() if "/" not in name})
    arrays.setdefault("distribution", _guessed(layers, arrays))
    validation.check_actions(arrays)
    policy, value = (_network(net, layers, arrays) for net in names.NETS)
    bits = min((BITS[a.dtype] for n, a in raw.items() if n not in names.SETTINGS and a.dtype in BITS), default=53)
    return Recording(_batch(arrays), policy, value, _thetas(layers, policy, value), bits)


def _guessed(layers: Mapping[str, NDArray], arrays: Mapping[str, NDArray]) -> str:
    """The distribution, where it was not said: log σ and fractions are a Gaussian's."""
    fractions = any(arrays[name].dtype.kind == "f" for name in ("action", "batch_action") if name in arrays)
    return "gaussian" if fractions or any(name.endswith("/log_std") for name in layers) else "categorical"


def dtype_of(bits: int) -> np.dtype:
    """The floating-point type of that precision.

    >>> dtype_of(24)
    dtype('float32')
    """
    found: np.dtype = next(dtype for dtype in map(np.dtype, ("f2", "f4", "f8")) if BITS[dtype] == bits)
    return found


def _opened(source: Mapping[str, Any] | str | PathLike[str]) -> Mapping[str, Any]:
    if isinstance(source, Mapping):
        return source
    try:
        with np.load(source, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise ValueError(f"recording: {source}: no such file") from error
    except Exception as error:
        raise ValueError(f"recording: cannot read {str(source)!r} as an .npz file: {error}") from error



def _batch(arrays: dict[str, Any]) -> dict[str, Any]:
    """With what the minibatch takes from the rollout, where it was not recorded apart."""
    sampled = {"obs": "batch_obs", "action": "batch_action", "log_prob_old": "batch_log_prob_old",
               "value": "batch_value_old", "advantage": "batch_advantage", "target": "batch_target"}  # fmt: skip
    taken = dict(arrays)
    if "index" in arrays or not any(name in arrays for name in sampled.values()):
        for name, batch in sampled.items():
            if name in arrays and batch not in arrays:
                rows = arrays[name].reshape(-1, *arrays[name].shape[2:])
                taken[batch] = _gathered(rows, arrays["index"]) if "index" in arrays else rows
    in_loss = taken.get("advantage_normalized", taken.get("batch_advantage"))
    return taken if in_loss is None else taken | {"loss_advantage": in_loss}


def _gathered(rows: NDArray, index: NDArray) -> NDArray:
    if index.size and not 0 <= index.min() <= index.max() < len(rows):
        raise ValueError(f"recording: index: expected 0 to {len(rows) - 1}, got {index.min()} to {index.max()}")
    return rows[index]


# ---- networks ----


def _network(net: str, layers: Mapping[str, NDArray], arrays: Mapping[str, Any]) -> Policy | None:
    """The shape of a network, from the first set of weights that was recorded."""
    when = next((w for w in names.WHENS if f"{w}/{net}/W1" in layers), None)
    if when is None:
        return None
    weights: list[NDArray] = []
    while (name := f"{when}/{net}/W{len(weights) + 1}") in layers:
        weights.append(layers[name])
        if weights[-1].ndim != 2:
            raise ValueError(f"recording: {name}: expected shape (in, out), got {weights[-1].shape}")
    for l, (a, b) in enumerate(pairwise(weights), 2):
        if a.shape[1] != b.shape[0]:
            raise ValueError(f"recording: {when}/{net}/W{l}: expected ({a.shape[1]}, …) after W{l - 1}, got {b.shape}")
    mlp = MLP((weights[0].shape[0], *(w.shape[1] for w in weights)), arrays.get("activation", "tanh"))
    if net == "value" or arrays["distribution"] == "categorical":
        return Policy(mlp, 0, categorical_distribution(mlp.sizes[-1]))
    return Policy(mlp, mlp.sizes[-1] if f"{when}/policy/log_std" in layers else 0, GAUSSIAN)


def parts(policy: Policy) -> list[tuple[str, tuple[int, ...]]]:
    """The arrays that θ consists of, in its order, with their shapes."""
    sizes = policy.mlp.sizes
    found: list[tuple[str, tuple[int, ...]]] = []
    for l, (n, m) in enumerate(pairwise(sizes), 1):
        found += [(f"W{l}", (n, m)), (f"b{l}", (m,))]
    return [*found, ("log_std", (policy.free,))] if policy.free else found


def _thetas(layers: Mapping[str, NDArray], policy: Policy | None, value: Policy | None) -> dict[str, NDArray]:
    thetas = {}
    for net, shape in (("policy", policy), ("value", value)):
        for when in names.WHENS:
            found = {name for name in layers if name.startswith(f"{when}/{net}/")}
            if found and shape is not None:
                thetas[f"{when}/{net}"] = _theta(f"{when}/{net}", shape, layers, found)
    for net in names.NETS:
        if f"before/{net}" in thetas:
            thetas.setdefault(f"old/{net}", thetas[f"before/{net}"])
    return thetas


def _theta(prefix: str, shape: Policy, layers: Mapping[str, NDArray], found: set[str]) -> NDArray:
    expected = {f"{prefix}/{part}": size for part, size in parts(shape)}
    if unknown := found - set(expected):
        raise ValueError(f"recording: {min(unknown)}: expected only {', '.join(expected)}")
    for name, size in expected.items():
        if name not in layers:
            raise ValueError(f"recording: {name}: expected beside {', '.join(sorted(found))}, got nothing")
        if layers[name].shape != size:
            raise ValueError(f"recording: {name}: expected shape {size}, got {layers[name].shape}")
    return np.concatenate([layers[name].ravel() for name in expected]).astype(np.float64)

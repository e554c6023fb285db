"""What a recording must be like, array by array: every refusal names the array, what was expected and what came."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.numbers import BITS
from scratchrl.oracle.traces import names


def check_name(name: str) -> None:
    """Refuses what is no name of the format, with the nearest one that is."""
    known = [*names.SHAPES, *names.WORDS]
    when, *rest = name.split("/")
    if rest:
        good = when in names.WHENS and len(rest) == 2 and rest[0] in names.NETS
        if good and re.fullmatch(r"[Wb][1-9]\d*|log_std", rest[1]):
            return
        raise ValueError(f"recording: {name!r}: expected WHEN/NET/W1, /b1, … or /log_std, WHEN one of {names.WHENS}")
    if name not in known:
        near = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"recording: {name!r} is no name of the format{hint} (your own go under extra/)")


def check_dtype(name: str, array: NDArray) -> None:
    """Refuses words that are not known, objects and complex numbers, flags other than 0 and 1."""
    if name in names.WORDS:
        if array.shape or str(array) not in names.WORDS[name]:
            raise ValueError(f"recording: {name}: expected one of {', '.join(names.WORDS[name])}, got {array!r}")
        return
    if array.dtype.kind not in "fiub" or (array.dtype.kind == "f" and array.dtype not in BITS):
        raise ValueError(f"recording: {name}: expected float16, 32 or 64, integers or flags, got {array.dtype}")
    if name in names.FLAGS and not np.isin(array, (0, 1)).all():
        other = array[~np.isin(array, (0, 1))][0]
        raise ValueError(f"recording: {name}: expected flags, or 0 and 1, got values like {other}")
    if name == "index" and array.dtype.kind not in "iu":
        raise ValueError(f"recording: index: expected integers, got {array.dtype}")
    if names.SHAPES.get(name) == "" and array.size != 1:
        raise ValueError(f"recording: {name}: expected one number, got shape {array.shape}")


# ---- shapes that fit together ----


def one_layout(arrays: dict[str, NDArray]) -> dict[str, Any]:
    """Rollouts of one stream get their axis N; settings become Python values; every letter is one size."""
    flat = any(arrays[name].ndim == 1 for name, axes in names.ROLLOUT.items() if axes == "TN" and name in arrays)
    sizes: dict[str, tuple[int, str]] = {}
    done: dict[str, Any] = {}
    for name, array in arrays.items():
        axes = names.SHAPES.get(name, "")
        if flat and name in names.ROLLOUT:
            array = array[:, None]
        _check_axes(name, array, axes, sizes)
        done[name] = array.astype(bool) if name in names.FLAGS else array
        if name in names.SETTINGS or name in names.WORDS:
            done[name] = array.reshape(()).item()
        elif name in names.RESULTS:
            done[name] = array.reshape(())
    return done


def _check_axes(name: str, array: NDArray, axes: str, sizes: dict[str, tuple[int, str]]) -> None:
    if not axes:
        return
    some = axes.endswith("*")  # an action: with or without its own axis
    axes = axes.rstrip("*")
    if array.ndim != len(axes) and not (some and array.ndim == len(axes) + 1):
        raise ValueError(f"recording: {name}: expected shape ({', '.join(axes)}{', A' * some}), got {array.shape}")
    for letter, size in zip(axes, array.shape, strict=False):
        expected, where = sizes.setdefault(letter, (size, name))
        if size != expected:
            same = f"{letter} = {expected} as in {where}"
            raise ValueError(f"recording: {name}: expected {same}, got shape {array.shape}")


def check_actions(arrays: Mapping[str, Any]) -> None:
    """Refuses actions that are not of the distribution: integers, or one number for each dimension."""
    discrete = arrays["distribution"] == "categorical"
    for name in ("action", "batch_action"):
        if name not in arrays:
            continue
        action = arrays[name]
        axes = (2 if name == "action" else 1) + (not discrete)
        if action.ndim != axes or (action.dtype.kind in "iu") != discrete:
            wanted = "integers, one a row" if discrete else "floats, A a row"
            raise ValueError(f"recording: {name}: expected {wanted}, got {action.dtype} of shape {action.shape}")

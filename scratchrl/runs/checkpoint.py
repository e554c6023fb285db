"""One .npz file that holds a whole training run in mid-flight: arrays, and a tag that says whose they are.

No pickles: every array is plain numbers, so a checkpoint from a stranger can be wrong but cannot run code.
"""

import json
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np

from scratchrl.runs.atomic import replacing

FORMAT = "scratchrl-checkpoint"
VERSION = 1
TAG = "scratchrl.json"  # the entry of the archive that holds {"format", "version", "names", "meta"}
SCALARS = {bool: "b", int: "iu", float: "f"}  # Python type -> kinds of 0-d array it may be stored as
BROKEN = (zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, KeyError, RuntimeError)


class CheckpointError(ValueError):
    """A checkpoint that cannot be used; the message is one line that names the file and the reason."""


# ---- the file ----


def save(path, arrays, meta):
    """Writes `arrays` and `meta` to `path` atomically: a crash in the middle leaves the previous file untouched.

    Args:
      path: the .npz file.
      arrays: name -> array of any dtype but object.
      meta: what JSON can hold (numbers, text, lists, dicts).
    Raises: ValueError for an array of Python objects, which could be stored only as a pickle.
    Checked in tests/runs/test_checkpoint.py.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "c.npz")
    >>> save(path, {"theta": np.ones(2)}, {"step": 7})
    >>> arrays, meta = load(path)
    >>> arrays["theta"].tolist(), meta["step"]
    ([1.0, 1.0], 7)
    """
    arrays = {name: np.asarray(array) for name, array in arrays.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject or name == TAG:
            raise ValueError(f"arrays[{name!r}]: expected plain numbers under another name than {TAG!r}, "
                             f"got dtype {array.dtype}")  # fmt: skip
    tag = json.dumps({"format": FORMAT, "version": VERSION, "names": sorted(arrays), "meta": meta}, sort_keys=True)
    with replacing(path, "wb") as file:
        np.savez(file, **{TAG: np.frombuffer(tag.encode(), np.uint8), **arrays})


def load(path):
    """The `(arrays, meta)` of `save`.

    Every entry's CRC-32 is compared before anything is believed, so a flipped bit does not become a flipped weight; and
    the names are compared with those saved, since no checksum guards the archive's table of contents.

    Raises: CheckpointError if the file is missing, cut short, corrupt, foreign, or of a newer format.
    Checked in tests/runs/test_checkpoint.py: every truncation and every flipped byte is caught or harmless.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such checkpoint")
    try:
        entries = _entries(path)
    except BROKEN as error:
        raise CheckpointError(f"{path}: corrupt or cut short, not a readable .npz file ({_line(error)})") from error
    tag = _tag(path, entries.pop(TAG, None))
    if tag["version"] > VERSION:
        raise CheckpointError(f"{path}: format version {tag['version']}, this scratchrl reads up to {VERSION}; upgrade")
    if tag.get("names") != sorted(entries):
        raise CheckpointError(f"{path}: corrupt, its table of contents does not list what was saved")
    return entries, tag["meta"]


def _entries(path):
    with zipfile.ZipFile(path) as archive:
        damaged = archive.testzip()
        if damaged is not None:
            raise zipfile.BadZipFile(f"bad checksum of {damaged}")
    with np.load(path, allow_pickle=False) as archive:
        if TAG not in archive.files:
            return {}
        return {name: archive[name] for name in archive.files}


def _tag(path, array):
    try:
        tag = json.loads(array.tobytes())
        if tag["format"] == FORMAT and isinstance(tag["version"], int) and isinstance(tag["meta"], dict):
            return tag
    except (AttributeError, ValueError, TypeError, KeyError):
        pass
    raise CheckpointError(f"{path}: not a scratchrl checkpoint (an .npz of something else)")


def _line(error):
    return " ".join(str(error).split()) or type(error).__name__


# ---- trees of named tuples <-> flat names ----


def flatten(tree, name=""):
    """name -> array of a nested NamedTuple, field names joined by dots; tuples count from 0; None holds nothing.

    >>> from typing import NamedTuple
    >>> class Adam(NamedTuple):
    ...     m: np.ndarray
    ...     t: int
    >>> class State(NamedTuple):
    ...     theta: np.ndarray
    ...     adam: Adam
    >>> flatten(State(np.zeros(2), Adam(np.ones(2), 3)))
    {'theta': array([0., 0.]), 'adam.m': array([1., 1.]), 'adam.t': array(3)}

    Checked in tests/runs/test_checkpoint.py: unflatten(tree, flatten(tree)) is tree.
    """
    if tree is None:
        return {}
    if not isinstance(tree, tuple):
        return {name: np.asarray(tree)}
    flat: dict[str, np.ndarray] = {}
    for key, child in _children(tree):
        flat |= flatten(child, f"{name}.{key}" if name else key)
    return flat


def unflatten(template, arrays, name=""):
    """The tree shaped like `template` with its leaves taken from `arrays`; Python scalars come back as such.

    Raises: CheckpointError naming the first leaf that is missing or of another shape or dtype than the template's,
      or the first array that has no place in the template.
    """
    expected = flatten(template, name)
    extra = sorted(set(arrays) - set(expected))
    if extra:
        raise CheckpointError(f"{extra[0]}: in the checkpoint, but the algorithm as configured has no such array")
    return _build(template, arrays, name)


def _build(template, arrays, name):
    if template is None:
        return None
    if not isinstance(template, tuple):
        return _leaf(template, arrays, name)
    children = [_build(child, arrays, f"{name}.{key}" if name else key) for key, child in _children(template)]
    return type(template)(*children) if hasattr(template, "_fields") else tuple(children)


def _leaf(template, arrays, name):
    if name not in arrays:
        raise CheckpointError(f"{name}: missing from the checkpoint")
    got, wanted = arrays[name], np.asarray(template)
    if got.shape != wanted.shape:
        raise CheckpointError(f"{name}: expected shape {wanted.shape}, got {got.shape}")
    kinds = SCALARS.get(type(template))
    if got.dtype != wanted.dtype if kinds is None else got.dtype.kind not in kinds:
        raise CheckpointError(f"{name}: expected dtype {wanted.dtype}, got {got.dtype}")
    if kinds is not None:
        return type(template)(got)
    return got[()] if isinstance(template, np.generic) else got


def _children(tree):
    return list(zip(getattr(tree, "_fields", map(str, range(len(tree)))), tree, strict=True))

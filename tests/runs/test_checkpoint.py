"""Checkpoints: what goes in comes out, nothing else gets in, and a crash in a save costs nothing."""

from typing import NamedTuple

import numpy as np
import pytest

from scratchrl.runs import checkpoint
from scratchrl.runs.checkpoint import CheckpointError, flatten, load, save, unflatten

DTYPES = ["?", "i1", "i4", "i8", "u1", "u8", "f2", "f4", "f8", "c8", "c16", "U5"]


class Adam(NamedTuple):
    m: np.ndarray
    t: int


class State(NamedTuple):
    theta: np.ndarray
    adam: Adam
    pair: tuple
    scaler: object
    rate: float
    done: bool
    count: np.int64


def state(fill=1.0):
    pair = (np.full((2, 0), fill), np.full((), fill, np.float32))
    return State(np.full(3, fill, np.float32), Adam(np.full(2, fill), 7), pair, None, 0.5, True, np.int64(3))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.npz"


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3)])
def test_arrays_of_every_dtype_come_back_to_the_bit(path, dtype, shape):
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    save(path, {"a.b": array, "c": np.array([np.nan, -0.0])}, {})
    arrays, _ = load(path)
    assert arrays["a.b"].dtype == array.dtype
    assert arrays["a.b"].shape == shape
    assert arrays["a.b"].tobytes() == array.tobytes()
    assert arrays["c"].tobytes() == np.array([np.nan, -0.0]).tobytes()


def test_the_random_stream_goes_on_where_it_stopped(path):
    rng = np.random.default_rng(0)
    rng.integers(3, dtype=np.int32)  # leaves half a word in the generator's buffer
    save(path, {}, {"rng": rng.bit_generator.state})
    again = np.random.default_rng(1)
    again.bit_generator.state = load(path)[1]["rng"]
    assert again.integers(3, size=9, dtype=np.int32).tolist() == rng.integers(3, size=9, dtype=np.int32).tolist()


def test_nested_tuples_and_python_scalars_come_back(path):
    save(path, flatten(state(2.0), "state"), {"step": 1})
    back = unflatten(state(0.0), {k.removeprefix("state."): v for k, v in load(path)[0].items()})
    assert repr(back) == repr(state(2.0))
    assert [type(leaf) for leaf in (back.adam.t, back.rate, back.done, back.count)] == [int, float, bool, np.int64]


def test_objects_are_refused_before_the_old_file_is_touched(path):
    save(path, {"a": np.ones(2)}, {})
    with pytest.raises(ValueError, match=r"arrays\['b'\].*object"):
        save(path, {"b": np.array([None])}, {})
    assert list(load(path)[0]) == ["a"]


def test_a_crash_in_the_middle_of_a_save_leaves_the_old_file(path, monkeypatch):
    save(path, {"a": np.zeros(2)}, {"step": 1})

    def half(file, **arrays):
        file.write(b"PK\3\4 half an archive")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", half)
    with pytest.raises(OSError, match="no space"):
        save(path, {"a": np.ones(2)}, {"step": 2})
    assert load(path)[1] == {"step": 1}
    assert list(path.parent.iterdir()) == [path]


# ---- what cannot be used ----


def refused(path, reason):
    with pytest.raises(CheckpointError, match=reason) as error:
        load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_missing(path):
    refused(path, "no such checkpoint")


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY\1\0", b"\x80\x04K\x01.", b"hello"])
def test_not_an_archive(path, content):
    path.write_bytes(content)
    refused(path, "corrupt or cut short")


def test_foreign(path):
    np.savez(path, weights=np.ones(3))
    refused(path, "not a scratchrl checkpoint")
    np.savez(path, **{checkpoint.TAG: np.frombuffer(b'{"format": "other"}', np.uint8)})
    refused(path, "not a scratchrl checkpoint")


def test_a_pickle_is_never_opened(path):
    np.savez(path, weights=np.array([{"a": 1}], object))
    refused(path, "not a scratchrl checkpoint")
    np.savez(path, **{checkpoint.TAG: np.zeros(1, np.uint8)}, weights=np.array([{"a": 1}], object))
    refused(path, "corrupt.*allow_pickle")


def test_newer_format(path, monkeypatch):
    monkeypatch.setattr(checkpoint, "VERSION", 2)
    save(path, {}, {})
    monkeypatch.undo()
    refused(path, "format version 2, this scratchrl reads up to 1")


def test_every_truncation_is_refused(path):
    save(path, {"theta": np.arange(5.0)}, {"step": 1})
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            load(path)


def test_every_flipped_byte_is_refused_or_harmless(path):
    save(path, {"theta": np.arange(5.0)}, {"step": 1})
    content, refusals = path.read_bytes(), 0
    for position in range(len(content)):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        try:
            arrays, meta = load(path)
        except CheckpointError:
            refusals += 1
        else:
            assert meta == {"step": 1}
            assert arrays["theta"].tobytes() == np.arange(5.0).tobytes()
    assert refusals > len(content) / 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda flat: flat.pop("adam.m"), r"adam\.m: missing"),
        (lambda flat: flat.update({"adam.v": np.zeros(1)}), r"adam\.v: in the checkpoint, but"),
        (lambda flat: flat.update({"theta": np.zeros(4, np.float32)}), r"theta: expected shape \(3,\), got \(4,\)"),
        (lambda flat: flat.update({"theta": np.zeros(3)}), "theta: expected dtype float32, got float64"),
        (lambda flat: flat.update({"adam.t": np.array(1.5)}), r"adam\.t: expected dtype int64, got float64"),
        (lambda flat: flat.update({"count": np.array(1, np.int32)}), "count: expected dtype int64, got int32"),
    ],
)
def test_the_first_leaf_that_does_not_fit_is_named(change, message):
    flat = flatten(state())
    change(flat)
    with pytest.raises(CheckpointError, match=message):
        unflatten(state(), flat)

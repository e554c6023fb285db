"""Cases that are kept are the cases that would be drawn, whatever becomes of the files."""

import pickle

import pytest

from scratchrl.oracle import drawn, specs
from scratchrl.oracle.search import draw

ASKED = ("gae", "tame", "ordinary trajectories", 12, 5)


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "scratchrl"


def anew():
    """As a new process would have them."""
    return drawn.drawn.__wrapped__(*ASKED)


def same(a, b):
    return pickle.dumps(a) == pickle.dumps(b)


def expected():
    return draw(specs.get("gae").tame["ordinary trajectories"], 12, 5)


def test_what_is_kept_is_what_would_be_drawn(folder):
    assert same(anew(), expected())
    (file,) = folder.iterdir()
    assert same(pickle.loads(file.read_bytes()), expected())
    assert same(anew(), expected())


def test_another_seed_or_another_source_is_another_file(folder, monkeypatch):
    anew()
    drawn.drawn.__wrapped__(*ASKED[:-1], 6)
    monkeypatch.setattr(drawn, "sources", lambda: "edited")
    anew()
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("content", [b"", b"garbage", b"\x80\x04\x95"])
def test_a_broken_file_is_drawn_again_and_mended(folder, content):
    anew()
    (file,) = folder.iterdir()
    file.write_bytes(content)
    assert same(anew(), expected())
    assert same(pickle.loads(file.read_bytes()), expected())


def test_where_nothing_can_be_written_nothing_is_kept(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
    assert same(anew(), expected())


def test_users_without_a_home_are_served(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.home", homeless)
    assert same(anew(), expected())

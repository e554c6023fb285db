"""Cases once drawn are kept, in memory and in the user's cache folder: drawing takes longer than asking.

A file holds the cases of one strategy, count and seed. Its name is a digest of these, of the versions of Python, NumPy
and Hypothesis and of every line of the specs and their cases, so that nothing stale is ever read. What cannot be read
is drawn again, and where nothing can be written nothing is kept. The folder is $XDG_CACHE_HOME/scratchrl, or
~/.cache/scratchrl, and can be deleted at any time.
"""

import contextlib
import hashlib
import os
import pickle
import sys
import tempfile
from functools import cache
from pathlib import Path

import hypothesis
import numpy as np

from scratchrl.oracle import specs
from scratchrl.oracle.roles import Case
from scratchrl.oracle.search import draw


@cache
def drawn(name: str, kind: str, label: str, count: int, seed: int) -> list[Case]:
    """The same cases for every subject of a spec: of its strategy of that kind and label.

    Checked in tests/oracle/test_drawn.py: what is kept is what would be drawn.
    """
    file = f"{_digest(sources(), name, kind, label, str(count), str(seed))}.cases"
    with contextlib.suppress(Exception):  # whatever is wrong with a file, its cases can be drawn
        return pickle.loads((_folder() / file).read_bytes())
    cases = draw(getattr(specs.get(name), kind)[label], count, seed)
    with contextlib.suppress(Exception):  # a folder that is full, or not ours; users without a home
        _keep(_folder() / file, pickle.dumps(cases))
    return cases


def sample(name: str, kind: str, count: int, seed: int) -> list[Case]:
    """As many cases of each strategy of that kind."""
    return [case for label in getattr(specs.get(name), kind) for case in drawn(name, kind, label, count, seed)]


@cache
def sources() -> str:
    """A digest of all that decides which cases are drawn."""
    here = Path(__file__).parent
    files = sorted([*here.glob("cases/*.py"), *here.glob("specs/*.py"), *here.glob("s*.py"), Path(__file__)])
    lines = [path.read_text(encoding="utf-8") for path in files]
    return _digest(sys.version, np.__version__, hypothesis.__version__, *lines)


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "scratchrl")


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:32]


def _keep(path: Path, content: bytes) -> None:
    """Written beside and renamed: whoever reads finds all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)

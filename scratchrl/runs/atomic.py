"""Files that appear whole or not at all."""

import os
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path, mode="w"):
    """A file that takes the place of `path` once all of it is on disk; if anything goes wrong, `path` stays as it was.

    The bytes go to a hidden neighbour `.NAME.tmp`, are forced to the disk, and only then renamed: a rename inside one
    folder is a single step of the file system, so a reader, a crash or a `kill -9` meets the old file or the new one.

    Args:
      path: the file to write or replace.
      mode: "w" for text (UTF-8, newlines as written) or "wb" for bytes.
    Yields: the open temporary file.
    Checked in tests/runs/test_atomic.py.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt")
    >>> with replacing(path) as file:
    ...     _ = file.write("one")
    >>> path.read_text()
    'one'
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.tmp")
    encoding, newline = (None, None) if "b" in mode else ("utf-8", "")
    try:
        with open(temporary, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

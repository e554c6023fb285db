"""Suggestions: what somebody may have meant who wrote a name that there is not."""

import difflib
from collections.abc import Iterable

ALIKE = 0.65  # of the letters of both names: two of three exchanged still are, "nothing" and "td3_smoothing" are not


def instead(name: str, known: Iterable[str], otherwise: str) -> str:
    """The known names that look like `name`, as a question; if none does, `otherwise`.

    Checked in tests/oracle/test_suggestions.py.

    >>> instead("gea", ["gae", "vtrace"], "expected gae or vtrace")
    'did you mean gae?'
    >>> instead("nothing", ["gae", "vtrace"], "expected gae or vtrace")
    'expected gae or vtrace'
    """
    close = difflib.get_close_matches(name.lower(), list(dict.fromkeys(known)), n=3, cutoff=ALIKE)
    return f"did you mean {' or '.join(close)}?" if close else otherwise

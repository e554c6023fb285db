"""config.json: everything needed to start the same run again."""

import json
from pathlib import Path

from scratchrl.runs.atomic import replacing

KEYS = {"scratchrl", "algorithm", "run", "config"}


def write(path, settings):
    """Writes the settings, keys sorted, atomically.

    Args:
      path: the JSON file.
      settings: {"scratchrl": version, "algorithm": name, "run": {...}, "config": {...}}.
    Checked in tests/runs/test_settings.py.
    """
    text = json.dumps(settings, sort_keys=True, indent=2)
    with replacing(path) as file:
        file.write(text + "\n")


def read(path):
    """The settings of `write`, JSON lists as tuples.

    Raises: ValueError, one line, if the file is missing, not JSON, or not the settings of a run.
    """
    path = Path(path)
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file; a run's folder holds one") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error
    if not isinstance(settings, dict) or set(settings) != KEYS:
        raise ValueError(f"{path}: expected the keys {', '.join(sorted(KEYS))}: not the settings of a run")
    return _tuples(settings)


def differing(old, new):
    """The names of the fields that differ between two flat dicts, in order of appearance.

    >>> differing({"gamma": 0.99, "lam": 0.95}, {"gamma": 0.99, "lam": 1.0, "clip": 0.2})
    ['lam', 'clip']
    """
    missing = object()
    return [key for key in {**old, **new} if old.get(key, missing) != new.get(key, missing)]


def _tuples(value):
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value

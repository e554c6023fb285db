"""Limits: what a Config's numbers may be. Each function raises a ValueError that names the field, what was expected and
what came; None is a field that is switched off."""

from typing import Any


def positive(config: Any, *fields: str) -> None:
    """Every field > 0.

    >>> from types import SimpleNamespace
    >>> positive(SimpleNamespace(steps=0), "steps")
    Traceback (most recent call last):
    ValueError: steps: expected a number above 0, got 0
    """
    _require(config, fields, lambda value: value > 0, "a number above 0")


def not_negative(config: Any, *fields: str) -> None:
    """Every field ≥ 0."""
    _require(config, fields, lambda value: value >= 0, "a number of at least 0")


def fraction(config: Any, *fields: str) -> None:
    """Every field in [0, 1]."""
    _require(config, fields, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def _require(config: Any, fields: tuple[str, ...], holds: Any, expected: str) -> None:
    for field in fields:
        value = getattr(config, field)
        if value is not None and not holds(value):
            raise ValueError(f"{field}: expected {expected}, got {value}")

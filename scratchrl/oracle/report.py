"""The oracle's answer: a value, a page to read, and JSON for machines."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchrl.oracle import page
from scratchrl.oracle.mistake import Mistake
from scratchrl.oracle.roles import Case


@dataclass(frozen=True)
class Report:
    """What the oracle says about one subject."""

    subject: str
    against: str
    verdict: str  # correct, convention, unstable or wrong
    formula: str  # of the spec
    source: str
    reading: tuple[str, ...]  # how the subject was called, one line each
    conventions: tuple[str, ...] = ()  # in words, those that the reading needed
    untested: tuple[str, ...] = ()  # what could not be asked
    beware: tuple[str, ...] = ()  # other shapes it takes without complaint, and answers wrongly
    outputs: tuple[str, ...] = ()  # names of what is compared, in order
    entries: tuple[Mistake, ...] = ()  # of the catalogue, that together reproduce the subject
    others: tuple[Mistake, ...] = ()  # single entries that no case tells from it
    where: str = ""  # the kind of input on which the subject left the reference
    complaint: str = ""  # what it did instead of answering
    counterexample: Case = field(default_factory=dict)  # by the subject's parameters
    expected: Any = None  # array, tuple of arrays, or the outputs that differ by name
    got: Any = None
    tolerance: Any = None
    identities: tuple[str, ...] = ()  # those that fail
    cases: int = 0
    undecidable: int = 0
    dtype: str = "float64"
    declared: tuple[str, ...] = ()  # slugs and roles the caller expects

    @property
    def slugs(self) -> tuple[str, ...]:
        """Catalogue entries, most likely first; empty if correct or unknown."""
        return tuple(entry.slug for entry in (*self.entries, *self.others))

    @property
    def accepted(self) -> bool:
        """Correct, or under conventions that were all declared."""
        found = {entry.slug for entry in self.entries} | {line.split(":")[0] for line in self.conventions}
        fine = {"correct", "convention"} | ({"unstable"} & set(self.declared))
        return self.verdict in fine and found <= set(self.declared)

    def to_json(self) -> str:
        """All fields, arrays as nested lists, floats as decimals that read back to the same number."""
        fields = {name: _plain(getattr(self, name)) for name in self.__dataclass_fields__}
        return json.dumps(fields | {"slugs": self.slugs, "accepted": self.accepted}, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        return page.text(self)


def _plain(value: Any) -> Any:
    if isinstance(value, Mistake):
        fields = ("slug", "kind", "formula", "difference", "evidence")
        return {name: getattr(value, name) for name in fields} | {"variant": dict(value.variant)}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else repr(value)

"""One stage judged: what was recorded against what its recorded inputs give, and the name of what was done instead."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle import mistakes
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, Mistake
from scratchrl.oracle.traces.bounded import Bounded

SAME, CONVENTION, DIFFERS, UNDECIDABLE, ABSENT = "same", "convention", "differs", "undecidable", "not recorded"
SIGNS = ("objective-sign", "neglogp", "update-subtracted")  # conventions elsewhere; the format fixes the signs
SUSPECT, NEAR = 100.0, 20.0  # times our own rounding error: no run of the same formula is that unlucky, or it may be


class Example(NamedTuple):
    """The number farthest off."""

    where: tuple[int, ...]
    recorded: float
    right: float
    tolerance: float


class Remark(NamedTuple):
    """A name for what was done: an entry of the catalogue, or one that only a whole update can show."""

    slug: str
    kind: str
    formula: str
    difference: str = ""
    evidence: tuple[str, ...] = ()


class Judged(NamedTuple):
    """What a stage came to.

    worst: the largest error in units of its tolerance; above 1 rounding does not explain it.
    rounding: the same in units of our own error in the recording's precision; nan where that was not measured.
    function: what later stages are to compute with, where a convention was found.
    """

    verdict: str
    worst: float = 0.0
    remarks: tuple[Remark, ...] = ()
    example: Example | None = None
    rounding: float = float("nan")
    function: Callable[..., Any] | None = None
    note: str = ""


class Variant(NamedTuple):
    """Something else that a stage may have done, as a function, so that it costs nothing unasked."""

    remark: Remark
    values: Callable[[], Any]


def remark(entry: Mistake) -> Remark:
    """An entry of the catalogue as a remark."""
    settings = ", ".join(f"{name} = {value:g}" for name, value in entry.variant.items())
    formula = f"{entry.formula}, {settings}" if settings else entry.formula
    return Remark(entry.slug, entry.kind, formula, entry.difference, entry.evidence)


def known(slug: str, kind: str, formula: str) -> Remark:
    """The catalogue's words for a slug, if it has that entry; else these."""
    entry = next((entry for entry in mistakes.catalogue() if entry.slug == slug), None)
    return Remark(slug, kind, formula, *((entry.difference, entry.evidence) if entry else ()))


def is_convention(remarks: Iterable[Remark]) -> bool:
    """Whether a recording may do that and still be right."""
    return all(remark.kind != BUG and remark.slug not in SIGNS for remark in remarks)


def tolerance_of(expected: Bounded, factor: float) -> NDArray:
    """factor × the bound, one rounding of the stored number included."""
    return factor * (expected.error + expected.unit * np.abs(expected.value) + np.finfo(np.float32).tiny)


def compare(
    recorded: NDArray, expected: Bounded, factor: float = 1.0,
    variants: Iterable[Variant] = (), twin: NDArray | None = None,
) -> Judged:  # fmt: skip
    """Recorded numbers against bounded ones, and if they differ against the variants, the first that fits.

    Args:
      recorded, expected: of one shape.
      factor: by which the tolerance exceeds the bound: 1 where the bound holds for every way to compute the stage.
      twin: the same stage in the recording's precision by our own hand, for `Judged.rounding`. Bounds of whole networks
        are wide, and a small mistake may hide in one; numbers that are SUSPECT times farther off than our own are
        looked up among the variants too, and one that is within NEAR of our own errors is what was done.
    """
    room = tolerance_of(expected, factor)
    shares = _shares(recorded, expected.value, room)
    example = _example(recorded, expected.value, room, shares)
    own = np.nan if twin is None else _farthest(twin, expected)
    times = _farthest(np.asarray(recorded, np.float64), expected) / own
    judged = Judged(SAME, _largest(shares), rounding=float(times))
    if judged.worst > 1:
        return _named(judged._replace(verdict=DIFFERS, example=example), recorded, room, expected.unit, variants)
    if times > SUSPECT:
        near = np.full(shares.shape, own * NEAR)
        return _named(judged._replace(example=example), recorded, near, expected.unit, variants)
    return judged


def _farthest(numbers: NDArray, expected: Bounded) -> float:
    """The largest distance from what was expected, one rounding of the largest number at least."""
    right = np.abs(expected.value).max(initial=0.0)
    return float(max(np.abs(numbers - expected.value).max(initial=0.0), expected.unit * right, np.finfo(float).tiny))


def _named(judged: Judged, recorded: NDArray, room: NDArray, unit: float, variants: Iterable[Variant]) -> Judged:
    """With the first variant that is within the room, or within FACTOR roundings of its own numbers beyond it."""
    for found, values in variants:
        with np.errstate(all="ignore"):
            other = np.asarray(values(), dtype=np.float64)
        if _largest(_shares(recorded, other, room + FACTOR * unit * np.abs(other))) <= 1:
            return judged._replace(verdict=CONVENTION if is_convention([found]) else DIFFERS, remarks=(found,))
    return judged


def _shares(recorded: NDArray, right: NDArray, room: NDArray) -> NDArray:
    """|recorded − right|/tolerance; inf where one of them is no number and the other is."""
    recorded = np.asarray(recorded, np.float64)
    with np.errstate(all="ignore"):
        shares = np.abs(recorded - right) / room
    same = (recorded == right) | (np.isnan(recorded) & np.isnan(right))
    return np.where(same, 0.0, np.where(np.isnan(shares), np.inf, shares))


def _largest(shares: NDArray) -> float:
    return float(np.max(shares, initial=0.0))


def _example(recorded: NDArray, right: NDArray, room: NDArray, shares: NDArray) -> Example | None:
    if not shares.size:
        return None
    where = np.unravel_index(int(np.argmax(shares)), shares.shape)
    room = np.broadcast_to(room, shares.shape)
    return Example(tuple(int(i) for i in where), float(recorded[where]), float(right[where]), float(room[where]))


def identical(recorded: NDArray, expected: NDArray) -> Judged:
    """Numbers that were copied and not computed: bit for bit."""
    nothing = np.zeros(np.shape(expected))
    judged = compare(recorded, Bounded(expected, nothing))
    return judged

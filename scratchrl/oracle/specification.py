"""What a spec is made of: the reference of one function, the cases it is asked, and how outsiders may shape it."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.roles import Case, Role


class Layout(NamedTuple):
    """How the axes of a canonical case are laid out for a subject; scalars are left alone."""

    name: str
    fit: Callable[[Case], Case]  # what of a case can be shaped so
    give: Callable[[Any], Any]  # one argument
    take: Callable[[NDArray], NDArray]  # one output, back
    note: str = ""  # what makes it a convention, if it is one

    @property
    def is_part(self) -> bool:
        """Whether it leaves streams or rows of a case out."""
        return self.fit is not _itself


def _itself(anything: Any) -> Any:
    return anything


def _first_stream(case: Case) -> Case:
    return {name: value[:, :1] if np.ndim(value) > 1 else value for name, value in case.items()}


AS_DOCUMENTED = Layout("as documented", _itself, _itself, _itself)
TIME_MAJOR = Layout("(T, N)", _itself, _itself, _itself)
ONE_STREAM = Layout(
    "(T,)",
    _first_stream,
    lambda array: array[..., 0] if np.ndim(array) else array,
    lambda output: output[..., None] if output.ndim else output,
)
BATCH_MAJOR = Layout(
    "(N, T)",
    _itself,
    lambda array: np.ascontiguousarray(array.T) if np.ndim(array) > 1 else array,
    lambda output: output.T,
    "batch-major arrays (N, T)",
)
LIST_OF_NUMBERS = Layout(
    "as lists of T numbers",
    _first_stream,
    lambda array: array[..., 0].tolist() if np.ndim(array) else array,
    ONE_STREAM.take,
)
LIST_OF_ROWS = Layout(
    "as lists of T rows (N,)", _itself, lambda array: list(array) if np.ndim(array) > 1 else array, _itself
)
TIME_LAYOUTS = (TIME_MAJOR, ONE_STREAM, BATCH_MAJOR, LIST_OF_NUMBERS, LIST_OF_ROWS)


class Identity(NamedTuple):
    """An equation the right function obeys, told without its values: `gap(f, **case)` is zero for the reference."""

    name: str
    gap: Callable[..., Any]


class Spec(NamedTuple):
    """One function of the field, as the oracle knows it.

    name: as in --against; formula: one line of maths; source: paper or book.
    reference: canonical keyword arguments -> one array or a tuple, in NumPy algebra, so that it runs on balls.
    outputs: their names; the first is what a subject has to return, the others are checked if they come along.
    tame, stress, edges: label -> Hypothesis strategy of canonical cases (dicts). Tame: ordinary numbers. Stress: right
      in theory, hard in floating point. Edges: small and degenerate shapes and flags with one right answer.
    roles, layouts: how a subject may be called, in order of preference.
    absent: canonical argument -> its value when no parameter of the subject determines it.
    formulas: other writings of the reference that are fair in floating point on tame input.
    differentiate: canonical arguments that the outputs after the first are derivatives by, in their order.
    identities: equations to report when they fail.
    keys: other names -> outputs. A spec that has some is answered by name, a dict or a named tuple of any outputs.
    settle: answered outputs by name -> the same, with what does not count put to zero.
    """

    name: str
    formula: str
    source: str
    reference: Callable[..., Any]
    outputs: tuple[str, ...]
    tame: Mapping[str, Any]
    stress: Mapping[str, Any]
    edges: Mapping[str, Any]
    roles: tuple[Role, ...]
    layouts: tuple[Layout, ...] = (AS_DOCUMENTED,)
    absent: Mapping[str, Callable[[Case], Any]] = {}
    formulas: tuple[Callable[..., Any], ...] = ()
    differentiate: tuple[str, ...] = ()
    identities: tuple[Identity, ...] = ()
    keys: Mapping[str, str] = {}
    settle: Callable[[dict[str, NDArray]], dict[str, NDArray]] = _itself

    @property
    def required(self) -> tuple[str, ...]:
        """Canonical arguments that a subject's parameters have to determine."""
        names = dict.fromkeys(name for role in self.roles for name in role.determines)
        return tuple(name for name in names if name not in self.absent)

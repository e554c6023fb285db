r"""Agreement: a number is right when rounding explains its distance from the truth.

    |subject − truth| ≤ FACTOR · max over the fair formulas of the proven bound of that formula        (1)

with bounds from numbers.py at the precision the subject answered in. FACTOR leaves room for another order of the same
operations, and for elementary functions that are off by more than one rounding; the bound has the size and the
condition of the problem in it already. Beyond 10 bounds every subject fails.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.numbers import BITS, TRUE_BITS, Undecidable, bounds, distances, evaluate, rounded
from scratchrl.oracle.roles import Case
from scratchrl.oracle.subjects import Answer, Failure, Outputs, Reading

FACTOR = 8.0


class Verdict(NamedTuple):
    """One answer, judged. Arrays of one output each; empty where the subject did not answer."""

    agrees: bool
    expected: tuple[NDArray, ...]
    got: tuple[NDArray, ...]
    tolerance: tuple[NDArray, ...]
    complaint: str  # of a failure or a wrong shape; empty where numbers differ


def in_words(function: Callable[..., Any], reading: Reading) -> Callable[..., Any]:
    """A canonical function as a function of what the subject is given, gradients included."""
    binding, spec = reading.binding, reading.spec

    def of_given(**given: Any) -> Any:
        outputs = function(**binding.means(given, spec.absent))
        if not spec.differentiate or not isinstance(outputs, tuple | list):
            return outputs
        return (outputs[0], *_pulled(outputs[1:], given, reading))

    return of_given


def _pulled(gradients: Sequence[Any], given: Case, reading: Reading) -> list[Any]:
    """Derivatives by what was given; those by arguments that the subject does not have are left out."""
    found = []
    for name, gradient in zip(reading.spec.differentiate, gradients, strict=True):
        role = next((role for _, role in reading.binding.roles if role.determines[:1] == (name,)), None)
        if role is not None:
            found.append(role.pull(given, gradient) if role.pull else gradient)
    return found


def judge(function: Callable[..., Any], reading: Reading, given: Case, answer: Answer, fair: bool) -> Verdict:
    """Compares an answer with what `function`, the reference or a mistake, says.

    Args:
      given: as `Reading.given` made it.
      fair: whether the spec's other formulas count too: on tame input they do.
    Raises:
      Undecidable: no bound exists, because a branch depends on the rounding or the truth does not fit the dtype.
    """
    try:
        true = evaluate(in_words(function, reading), TRUE_BITS, given)
    except Undecidable:
        raise
    except Exception as error:
        return _about_failing_functions(error, answer)
    if isinstance(answer, Failure):
        return Verdict(False, _floats(true), (), (), f"{answer.kind}: {answer.text}")
    compared = min(len(true), len(answer.arrays))
    true = true[:compared]
    got, complaint = _fitted(answer, true)
    if complaint:
        return Verdict(False, _floats(true), got, (), complaint)
    if all(map(_is_nearest, got, true)):
        return Verdict(True, got, got, tuple(np.zeros(leaf.shape) for leaf in true), "")
    tolerance = _tolerances(function, reading, given, answer.dtype, true, fair)
    return Verdict(all(map(_within, got, true, tolerance)), _floats(true), got, tolerance, "")


def _about_failing_functions(error: Exception, answer: Answer) -> Verdict:
    """A mistake that raises is reproduced by a subject that raises the same."""
    same = isinstance(answer, Failure) and answer.kind == "raises" and answer.text.startswith(type(error).__name__)
    return Verdict(same, (), (), (), f"raises {type(error).__name__}")


def _floats(true: Sequence[NDArray]) -> tuple[NDArray, ...]:
    return tuple(np.array(np.frompyfunc(float, 1, 1)(leaf), dtype=np.float64) for leaf in true)


def _fitted(answer: Outputs, true: Sequence[NDArray]) -> tuple[tuple[NDArray, ...], str]:
    """The outputs in the expected shapes; axes of length 1 may be more or fewer."""
    got = []
    for array, leaf in zip(answer.arrays, true, strict=False):
        if array.size != leaf.size or [n for n in array.shape if n > 1] != [n for n in leaf.shape if n > 1]:
            return tuple(answer.arrays[: len(true)]), f"shape {array.shape} instead of {leaf.shape}"
        got.append(array.reshape(leaf.shape))
    return tuple(got), ""


def _tolerances(
    function: Callable[..., Any], reading: Reading, given: Case, dtype: np.dtype, true: Sequence[NDArray], fair: bool
) -> tuple[NDArray, ...]:
    """(1), for each output."""
    formulas = [function]
    if fair and function is reading.spec.reference:
        formulas += reading.spec.formulas
    found = [_bounds(formula, reading, given, dtype, true) for formula in formulas]
    return tuple(FACTOR * (np.max(each, axis=0) + np.finfo(dtype).tiny) for each in zip(*found, strict=True))


def _bounds(
    formula: Callable[..., Any], reading: Reading, given: Case, dtype: np.dtype, true: Sequence[NDArray]
) -> list[NDArray]:
    rough = evaluate(in_words(formula, reading), BITS[dtype], given)
    found = [bounds(t, r, BITS[dtype]) for t, r in zip(true, rough, strict=False)]
    largest = float(np.finfo(dtype).max)
    for bound, leaf in zip(found, true, strict=True):
        known = ~np.isnan(np.asarray(_floats([leaf])[0]))
        if np.isinf(bound[known]).any() or (np.abs(_floats([leaf])[0][known]) > largest).any():
            raise Undecidable("no number of this precision is near")
    return found


def _is_nearest(got: NDArray, true: NDArray) -> bool:
    """Whether each number is the one nearest to the truth: then no bound is needed, and bounds cost most."""
    if got.dtype.kind != "f":
        return False
    try:
        return np.array_equal(got, rounded(true).astype(got.dtype), equal_nan=True)
    except Undecidable:
        return False


def _within(got: NDArray, true: NDArray, tolerance: NDArray) -> bool:
    far = distances(got.astype(np.float64) if got.dtype.kind == "f" else got, true)
    both_nan = np.isnan(np.asarray(got, dtype=np.float64)) & np.isnan(_floats([true])[0])
    both_infinite = np.isinf(np.asarray(got, dtype=np.float64)) & (np.asarray(got, np.float64) == _floats([true])[0])
    return bool(np.all((far <= tolerance) | both_nan | both_infinite))

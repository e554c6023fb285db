r"""Agreement: a number is right when rounding explains its distance from the truth.

    |subject − truth| ≤ FACTOR · max over the fair formulas of the proven bound of that formula        (1)

with bounds from numbers.py at the precision the subject answered in. Where floating point is put to the test only the
reference's own formula is fair, and what rounding each input once does to the truth is a bound beside it. FACTOR leaves
room for another order of the same operations, and for elementary functions that are off by more than one rounding; the
bound has the size and the condition of the problem in it already. Beyond 10 bounds every subject fails.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle.answers import Answer, Failure, Outputs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.numbers import BITS, TRUE_BITS, bounds, distances, evaluate, overlap, rounded
from scratchrl.oracle.roles import Case
from scratchrl.oracle.specification import Spec
from scratchrl.oracle.subjects import Reading
from scratchrl.oracle.ulps import as_one_vector, sensitivity

FACTOR = 8.0


class Verdict(NamedTuple):
    """One answer, judged. Arrays of one output each; empty where the subject did not answer."""

    agrees: bool
    expected: tuple[NDArray, ...]
    got: tuple[NDArray, ...]
    tolerance: tuple[NDArray, ...]
    complaint: str  # of a failure or a wrong shape; empty where numbers differ
    names: tuple[str, ...] = ()  # of these outputs, where a subject answers by name: those that differ


def in_words(function: Callable[..., Any], reading: Reading, names: Sequence[str] = ()) -> Callable[..., Any]:
    """A canonical function as a function of what the subject is given, gradients included; names: of some outputs."""
    binding, spec = reading.binding, reading.spec

    def of_given(**given: Any) -> Any:
        outputs = function(**binding.means(given, spec.absent))
        if names:
            return tuple(outputs[spec.outputs.index(name)] for name in names)
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
      fair: whether the spec's other formulas count too: they do but where floating point is put to the test.
    Raises:
      Undecidable: no bound exists, because a branch depends on the rounding or the truth does not fit the dtype.
    """
    names = () if isinstance(answer, Failure) else answer.names
    try:
        true = evaluate(in_words(function, reading, names), TRUE_BITS, given)
    except Undecidable:
        raise
    except Exception as error:
        return _about_failing_functions(error, answer)
    if isinstance(answer, Failure):
        expected = () if reading.spec.keys else _floats(true)
        return Verdict(False, expected, (), (), f"{answer.kind}: {answer.text}")
    compared = min(len(true), len(answer.arrays))
    true = true[:compared]
    for i, (array, leaf) in enumerate(zip(answer.arrays, true, strict=False)):
        if not _fits(array, leaf):
            shown = slice(i, i + 1) if names else slice(compared)
            complaint = f"shape {array.shape} instead of {leaf.shape}"
            return Verdict(False, _floats(true[shown]), answer.arrays[shown], (), complaint, names[shown])
    got = tuple(array.reshape(leaf.shape) for array, leaf in zip(answer.arrays, true, strict=False))
    if all(map(_is_nearest, got, true)):
        return Verdict(True, got, got, tuple(np.zeros(leaf.shape) for leaf in true), "")
    tolerance = _tolerances(function, reading, given, answer, true, fair)
    agrees = tuple(map(_within, got, true, tolerance))
    seen = partial(_differing, agrees) if names else tuple
    return Verdict(all(agrees), seen(_floats(true)), seen(got), seen(tolerance), "", seen(names))


def _differing(agrees: Sequence[bool], items: Sequence[Any]) -> tuple[Any, ...]:
    """Of many outputs by name, those to look at."""
    return tuple(item for item, agreeing in zip(items, agrees, strict=True) if not agreeing)


def _about_failing_functions(error: Exception, answer: Answer) -> Verdict:
    """A mistake that raises is reproduced by a subject that raises the same."""
    same = isinstance(answer, Failure) and answer.kind == "raises" and answer.text.startswith(type(error).__name__)
    return Verdict(same, (), (), (), f"raises {type(error).__name__}")


def _floats(true: Sequence[NDArray]) -> tuple[NDArray, ...]:
    return tuple(np.array(np.frompyfunc(float, 1, 1)(leaf), dtype=np.float64) for leaf in true)


def _fits(array: NDArray, leaf: NDArray) -> bool:
    """Whether it has the expected shape; axes of length 1 may be more or fewer."""
    return array.size == leaf.size and [n for n in array.shape if n > 1] == [n for n in leaf.shape if n > 1]


def _tolerances(
    function: Callable[..., Any], reading: Reading, given: Case, answer: Outputs, true: Sequence[NDArray], fair: bool
) -> tuple[NDArray, ...]:
    """(1), for each output."""
    tiny = np.finfo(answer.dtype).tiny
    formulas = writings(function, reading.spec) if fair else [function]
    own, *others = [in_words(formula, reading, answer.names) for formula in formulas]
    worded = [own, *(formula for formula in others if _says(formula, given, true))]
    found = [_bounds(formula, given, answer.dtype, true) for formula in worded]
    if not fair:
        found.append(_room_of_inputs(own, given, answer.dtype, true))
    return tuple(FACTOR * (np.max(each, axis=0) + tiny) for each in zip(*found, strict=True))


def _says(formula: Callable[..., Any], given: Case, true: Sequence[NDArray]) -> bool:
    """Whether another formula has the same value here; some are the same only where a rollout could have been."""
    return all(map(overlap, evaluate(formula, TRUE_BITS, given), true))


def writings(function: Callable[..., Any], spec: Spec) -> list[Callable[..., Any]]:
    """The function, and with each other fair formula in the place of the reference: mistakes are made in those too."""
    if function is spec.reference:
        return [function, *spec.formulas]
    if isinstance(function, partial) and function.args:
        first, *rest = function.args
        return [partial(function.func, one, *rest, **function.keywords) for one in writings(first, spec)]
    return [function]


def _bounds(formula: Callable[..., Any], given: Case, dtype: np.dtype, true: Sequence[NDArray]) -> list[NDArray]:
    rough = evaluate(formula, BITS[dtype], given)
    found = [bounds(t, r, BITS[dtype]) for t, r in zip(true, rough, strict=False)]
    largest = float(np.finfo(dtype).max)
    for bound, leaf in zip(found, true, strict=True):
        known = ~np.isnan(np.asarray(_floats([leaf])[0]))
        if not np.isfinite(bound[known]).all() or (np.abs(_floats([leaf])[0][known]) > largest).any():
            raise Undecidable("no number of this precision is near")
    return found


def _room_of_inputs(
    function: Callable[..., Any], given: Case, dtype: np.dtype, true: Sequence[NDArray]
) -> list[NDArray]:
    """u Σ_i |∂y/∂x_i| |x_i|: how far rounding each input once moves the truth. 0 where there is no derivative."""
    room = [np.zeros(leaf.shape) for leaf in true]
    f, x = as_one_vector((lambda *values: function(**dict(zip(given, values, strict=True))), list(given.values())))
    try:
        with np.errstate(all="ignore"):
            moved = 2.0 ** -BITS[dtype] * sensitivity(f, x)
    except Exception:  # not every role of every subject is analytic
        return room
    for leaf, place in zip(true, room, strict=True):
        if leaf.dtype == object:
            place[...], moved = moved[: leaf.size].reshape(leaf.shape), moved[leaf.size :]
    return room


def _is_nearest(got: NDArray, true: NDArray) -> bool:
    """Whether each number is the one nearest to the truth: then no bound is needed, and bounds cost most."""
    if got.dtype.kind != "f":
        return true.dtype.kind in "biu" and np.array_equal(got, true)
    try:
        with np.errstate(over="ignore"):
            return np.array_equal(got, rounded(true).astype(got.dtype), equal_nan=True)
    except Undecidable:
        return False


def _within(got: NDArray, true: NDArray, tolerance: NDArray) -> bool:
    far = distances(got.astype(np.float64) if got.dtype.kind == "f" else got, true)
    both_nan = np.isnan(np.asarray(got, dtype=np.float64)) & np.isnan(_floats([true])[0])
    both_infinite = np.isinf(np.asarray(got, dtype=np.float64)) & (np.asarray(got, np.float64) == _floats([true])[0])
    return bool(np.all((far <= tolerance) | both_nan | both_infinite))

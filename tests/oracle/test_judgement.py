"""Agreement is decided by proven bounds: rounding passes in either precision, ten bounds do not."""

import numpy as np
import pytest

from scratchrl.maths import returns
from scratchrl.oracle import specs
from scratchrl.oracle.answers import Failure, Outputs
from scratchrl.oracle.balls import Undecidable
from scratchrl.oracle.judgement import FACTOR, judge
from scratchrl.oracle.numbers import truth
from scratchrl.oracle.search import draw
from scratchrl.oracle.subjects import readings

SPECS = pytest.mark.parametrize("name", specs.every())


def reading(name):
    spec = specs.get(name)
    return next(readings(spec.reference, spec, {}, ["numpy"], np.dtype(np.float64), 10.0))


def judged(way, given, arrays, dtype=np.float64):
    answer = Outputs(tuple(np.asarray(a) for a in arrays), np.dtype(dtype), False)
    return judge(way.spec.reference, way, given, answer, fair=False)


def decidable(way, dtype, count=20):
    """(given, truth, proven bound) of the tame cases of a spec that have both, in this precision.

    The bound is what `judge` allows, divided by its factor; a hopeless answer makes it tell.
    """
    for strategy in way.spec.tame.values():
        for case in draw(strategy, count, seed=3):
            given = way.given(case)
            try:
                exact = truth(way.spec.reference, **given)
                far = [leaf + 1e30 if leaf.dtype.kind == "f" else leaf for leaf in exact]
                hopeless = judged(way, given, far, dtype)
                yield given, exact, [tolerance / FACTOR for tolerance in hopeless.tolerance]
            except Undecidable:
                continue


@SPECS
@pytest.mark.parametrize("dtype", [np.dtype(np.float32), np.dtype(np.float64)])
def test_ten_proven_bounds_off_is_wrong_and_one_is_not(name, dtype):
    way, decided = reading(name), 0
    for given, exact, bounds in decidable(way, dtype):
        if not bounds or exact[0].size == 0:
            continue
        rest, decided = exact[1:], decided + 1
        if exact[0].dtype.kind != "f":
            assert not judged(way, given, [exact[0] + 1, *rest], dtype).agrees
            continue
        off = bounds[0] + np.spacing(np.abs(exact[0]))
        assert judged(way, given, [exact[0] + bounds[0] / 4, *rest], dtype).agrees
        assert not judged(way, given, [exact[0] + 10 * off, *rest], dtype).agrees
    assert decided >= 3


def test_eight_is_the_factor_and_it_is_below_ten():
    assert FACTOR == 8


def test_float32_answers_are_held_to_float32():
    way = reading("gae")
    given, exact, _ = max(decidable(way, np.dtype(np.float64)), key=lambda found: np.abs(found[1][0]).max())
    rough = exact[0] * (1 + 2.0**-24)
    assert judged(way, given, [rough], np.float32).agrees
    assert not judged(way, given, [rough], np.float64).agrees


def test_nan_is_no_number_and_a_shape_is_a_shape():
    way = reading("gae")
    given, exact, _ = next(iter(decidable(way, np.dtype(np.float64))))
    assert not judged(way, given, [exact[0] * np.nan]).agrees
    assert judged(way, given, [exact[0][None]]).agrees
    wrong = judged(way, given, [np.zeros((7, 5))])
    assert (wrong.agrees, wrong.complaint) == (False, f"shape (7, 5) instead of {exact[0].shape}")


def test_a_failure_agrees_only_with_a_function_that_fails_alike():
    way = reading("gae")
    given, *_ = next(iter(decidable(way, np.dtype(np.float64))))

    def raising(**case):
        raise IndexError("of course")

    index, value = Failure("raises", "IndexError: 3"), Failure("raises", "ValueError: 3")
    assert judge(raising, way, given, index, True).agrees
    assert not judge(raising, way, given, value, True).agrees
    assert judge(returns.gae, way, given, index, True).complaint == "raises: IndexError: 3"

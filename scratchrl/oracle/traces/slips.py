"""What else a gradient may be: a term left out, a factor, or the derivative of a loss that the catalogue knows.

A mistake can leave a loss as it is and spoil its derivative (a detached ratio), so the entries of the catalogue are
asked again here, with the derivatives that they return beside their values.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.oracle import mistakes, specs
from scratchrl.oracle.mistake import BUG, Mistake
from scratchrl.oracle.traces.bounded import Bounded
from scratchrl.oracle.traces.judging import Remark, Variant, known, remark

BONUS = known("entropy-bonus-sign", BUG, "+ c_e H in the loss")
NO_BONUS = Remark("entropy-left-out", BUG, "no entropy bonus in the gradient")
SIGN = known("pg-sign", BUG, "+ the objective, made small")
SUM = known("loss-sum-vs-mean", BUG, "the sum over the batch instead of the mean")
NO_COEFFICIENT = Remark("value-coefficient-left-out", BUG, "L_v without c_v")
Pull = Callable[[Bounded, float], NDArray]  # (derivative of the loss, entropy's or coefficient) -> gradient


def of_policy(spec: str, case: dict[str, Any], slope: NDArray, entropy: float, pull: Pull) -> tuple[Variant, ...]:
    """Around the gradient pull(slope, −entropy)."""
    right, batch = Bounded(slope), len(slope)
    bonus = (
        Variant(BONUS, cache(lambda: pull(right, entropy))),
        Variant(NO_BONUS, cache(lambda: pull(right, 0.0))),
    )
    return (
        *(bonus if entropy else ()),
        Variant(SIGN, cache(lambda: -pull(right, -entropy))),
        Variant(SUM, cache(lambda: batch * pull(right, -entropy))),
        *_by_catalogue(spec, case, right, lambda slope: pull(slope, -entropy)),
    )


def of_value(spec: str, case: dict[str, Any], slope: NDArray, coefficient: float, pull: Pull) -> tuple[Variant, ...]:
    """Around the gradient pull(slope, coefficient)."""
    right, batch = Bounded(slope), len(slope)
    return (
        Variant(NO_COEFFICIENT, cache(lambda: pull(right, 1.0))),
        Variant(SUM, cache(lambda: pull(right, batch * coefficient))),
        *_by_catalogue(spec, case, right, lambda slope: pull(slope, coefficient)),
    )


def _by_catalogue(
    spec: str, case: dict[str, Any], right: Bounded, pull: Callable[[Bounded], NDArray]
) -> Iterator[Variant]:
    floats = {name: np.float64(value) if isinstance(value, np.ndarray) else value for name, value in case.items()}

    def gradient(entry: Mistake) -> Callable[[], Any]:
        def values() -> Any:
            try:
                return pull(Bounded(entry.around(specs.get(spec).reference)(**floats)[1]))
            except Exception:  # it has no answer here, or none with a derivative
                return np.nan * pull(right)

        return cache(values)

    for entry in sorted(mistakes.against(spec), key=lambda entry: entry.kind == BUG):
        yield Variant(remark(entry), gradient(entry))

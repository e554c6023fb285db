r"""What conjugate gradient found, s with (F + λI) s = g, in the norm in which it works: ‖e‖² = eᵀ(F + λI)e.

A direction after ten iterations is not a solution and not a function of its inputs that rounding moves a little: two
right programs differ by far more than ulps. What the method promises is a distance from the solution s* that falls from
iteration to iteration, so that distance is the measure, and the yardstick what our own runs have left after as many:

    ‖s − s*‖  ≤  8 · max(‖s₅₃ − s*‖, ‖s_p − s*‖),     s₅₃ in float64, s_p in the recording's precision           (1)

s* is ours, after ten times as many iterations. This is the only tolerance of the replay that is measured, not proven.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.maths import curvature, policies
from scratchrl.oracle.judgement import FACTOR
from scratchrl.oracle.mistake import BUG, EITHER
from scratchrl.oracle.traces.judging import CONVENTION, DIFFERS, SAME, Judged, Remark, is_convention, known
from scratchrl.oracle.traces.networks import parameters
from scratchrl.oracle.traces.recording import Recording
from scratchrl.oracle.traces.stage import Arithmetic, Found, Stage, native

NEEDS = ("before/policy", "batch_obs", "gradient/policy", "damping", "cg_iterations")
NEARER = 10  # times nearer than the solution is what was solved instead
MORE = 10  # times the iterations of the recording until our own direction is taken for the solution
ABSOLUTE = known("cg-abs-tol", EITHER, "stopped at ‖r‖² < 1e-10, whatever the length of g")
UNDAMPED = Remark("cg-undamped", BUG, "F s = g, though a damping is among the settings")
DOWNHILL = Remark("cg-downhill", BUG, "(F + λI) s = −g: the objective is made small")
VANILLA = Remark("cg-not-used", BUG, "s = g, the plain gradient")
FEWER = Remark("cg-fewer-iterations", BUG, "stopped earlier than the settings say")


def matvec(recording: Recording, damping: float, arithmetic: Arithmetic) -> Callable[[NDArray], NDArray]:
    """v -> F v + damping · v, the forward pass done once."""
    policy, theta = recording.policy, arithmetic.lift(recording["before/policy"])
    assert policy is not None
    rows, cache = parameters(recording, "before/policy", recording["batch_obs"], arithmetic)
    return lambda v: policies.fisher_vector_product(policy, theta, rows, cache, v, damping)


def _direction(recording: Recording, found: Found) -> Judged:
    gradient, iterations = recording["gradient/policy"], int(recording["cg_iterations"])
    damping, own = float(recording["damping"]), native(recording.bits)
    apply = matvec(recording, damping, native(53))
    solution = curvature.conjugate_gradient(apply, gradient, MORE * iterations, 0.0)[0]
    fine = curvature.conjugate_gradient(apply, gradient, iterations)[0]
    coarse = curvature.conjugate_gradient(matvec(recording, damping, own), own.plain(gradient), iterations)[0]

    def distance(a: NDArray, b: NDArray) -> float:
        return float(np.sqrt(max(0.0, (a - b) @ apply(a - b))))

    room = FACTOR * max(distance(fine, solution), distance(coarse.astype(np.float64), solution), 1e-300)
    direction = recording["direction/policy"]
    off = distance(direction, solution)
    whole = distance(solution, 0 * solution)
    judged = Judged(SAME, off / room, note=f"‖s − s*‖ is {off / whole:.1e} of ‖s*‖" if whole else "")
    if off <= room:
        return judged
    for told, values in _others(recording, gradient, iterations, apply):
        other = values()
        stopped = told in (ABSOLUTE, FEWER)  # on the way to the same solution: (1) with what such a solver has left
        left = distance(other, solution)
        if off <= FACTOR * left if stopped else NEARER * distance(direction, other) <= left:
            return judged._replace(verdict=CONVENTION if is_convention([told]) else DIFFERS, remarks=(told,))
    return judged._replace(verdict=DIFFERS)


def _others(
    recording: Recording, gradient: NDArray, iterations: int, apply: Callable[[NDArray], NDArray]
) -> list[tuple[Remark, Callable[[], NDArray]]]:
    """What else a solver may have been doing."""

    def solved(matrix: Any, b: NDArray, steps: int, rtol: float = 0.0) -> Callable[[], NDArray]:
        return lambda: curvature.conjugate_gradient(matrix, b, steps, rtol)[0]

    length = float(np.linalg.norm(gradient)) or 1.0
    others = [
        (DOWNHILL, solved(apply, -gradient, iterations)),
        (VANILLA, lambda: gradient),
        (UNDAMPED, solved(matvec(recording, 0.0, native(53)), gradient, iterations)),
        (ABSOLUTE, solved(apply, gradient, iterations, 1e-5 / length)),
    ]
    return others + [(FEWER, solved(apply, gradient, steps)) for steps in range(iterations - 1, 0, -1)]


STAGES = (Stage("direction", "s = (F + λI)⁻¹ g by conjugate gradient", NEEDS, _direction, "direction/policy"),)

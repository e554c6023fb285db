"""Mistakes of conjugate gradients: when they stop, and what stands beside p·Ap."""

import numpy as np

from scratchrl.oracle.mistake import CONVENTION, EITHER, mistake

DAMPINGS = ({"damping": 0.1}, {"damping": 0.01}, {"damping": 1e-3})


def steps(matrix, b, count, eps=0.0, start=0.0):
    """(x, r·r) after each of `count` steps of conjugate gradients, from a start of equal entries."""
    x = start + 0 * b
    r = b - matrix @ x
    p, rr = r, r @ r
    for _ in range(count):
        product = matrix @ p
        alpha = rr / (p @ product + eps)
        x, r = x + alpha * p, r - alpha * product
        rr, before = r @ r, rr
        p = r + rr / before * p
        yield x, rr


@mistake(
    "cg-abs-tol", "conjugate_gradient", EITHER, "baselines cg.py", "tianshou", "sb3-contrib", "pfrl",
    variants=({"tol": 1e-10, "looks_first": 0}, {"tol": 1e-10, "looks_first": 1}),
)  # fmt: skip
def stops_at_an_absolute_residual(solve, matrix, b, tol, looks_first):
    """ends when ‖r‖² < 1e-10, whatever ‖b‖ is

    A gradient of length 1e-5 is then solved to 10 per cent, one of 1e-6 hardly at all. Compare with ‖b‖²: ‖r‖² < tol
    ‖b‖². Who looks only after the first step divides 0 by 0 at b = 0.
    """
    if looks_first and b @ b < tol:
        return 0 * b
    if not looks_first and np.all(b == 0):
        return b / (b @ b)
    for x, rr in steps(matrix, b, len(b) - 1):
        if rr < tol:
            return x
    return solve(matrix, b)


@mistake("cg-no-eps", "conjugate_gradient", CONVENTION, "boyu-ai/Hands-on-RL#108")
def zero_by_zero(solve, matrix, b):
    """α = r·r / p·Ap, also where r = 0

    At b = 0 that is 0/0, and the step is nan. A loop that stops at r·r ≤ tol · b·b never gets there.
    """
    return solve(matrix, b) * ((b @ b) / (b @ b))


@mistake(
    "cg-eps-in-step", "conjugate_gradient", CONVENTION, "openai/spinningup trpo.py",
    variants=({"eps": 1e-8, "count": 10}, {"eps": 1e-8, "count": 20}, {"eps": 1e-10, "count": 10}),
)  # fmt: skip
def epsilon_beside_the_curvature(solve, matrix, b, eps, count):
    """α = r·r / (p·Ap + ε)

    Every step is too short by ε/(p·Ap): x is off by about ε relative for gradients of length 1, useless for those
    shorter than √ε. It does not prevent 0/0 in β.
    """
    return list(steps(matrix, b, count, eps))[-1][0]


@mistake("cg-damping", "conjugate_gradient", CONVENTION, variants=DAMPINGS)
def damped(solve, matrix, b, damping):
    """(A + λI) x = b

    Damping inside the solver: a shorter x, the more so along flat directions.
    """
    return solve(matrix + damping * np.eye(len(b)) * (1 + 0 * b), b)


@mistake(
    "cg-random-start", "conjugate_gradient", CONVENTION, "sb3-contrib conjugate_gradient_solver",
    equivalent="n steps of conjugate gradients from any start end at the one x with A x = b",
)  # fmt: skip
def another_start(solve, matrix, b):
    """x₀ ≠ 0, such as noise of size 1e-4

    The start is forgotten after n steps, to rounding errors of its own size.
    """
    start = b / 16
    return start + solve(matrix, b - matrix @ start)

"""Derivatives that owe nothing to the formula under test, and what to compare them with.

    complex_step            the derivative of an analytic program, to rounding: nothing is subtracted
    central_difference      a second witness for any smooth function, with an error bar
    one_sided_difference    the same from one side, where the function has a kink
    subgradient_excess      a derivative given at a kink must lie between the one-sided ones: by how much does it not?
    dot_test                a forward and a reverse derivative must be each other's transpose: by how much are they not?
    relative_error          one number for two arrays

Functions go from arrays to arrays (or numbers); x is taken in float64.

Papers: Squire and Trapp (1998), Using complex variables to estimate derivatives of real functions;
Ridders (1982), Accurate computation of F′(x) and F′(x)F″(x).
"""

from typing import NamedTuple

import numpy as np

IMAGINARY_STEP = 2.0**-100  # about 10⁻³⁰, in units of x; dividing by a power of two rounds nothing
FIRST_STEP, LEVELS = 2.0**-4, 13  # differences begin at 1/16 in units of x and halve twelve times, to 1.5·10⁻⁵


class Estimate(NamedTuple):
    """A derivative and how wrong it may be, entry by entry. The error is inf where no estimate was possible."""

    value: np.ndarray
    error: np.ndarray


# ---- without subtraction ----


def complex_step(f, x):
    r"""J = ∂f/∂x from f(x + ih) = f(x) + ih f′(x) − h² f″(x)/2 − …, that is f′(x) = Im f(x + ih)/h + O(h²).

    No two close numbers are subtracted, so h can be 10⁻³⁰ and what is left is the rounding of f itself. f has to be
    analytic around x: + − · /, exp, log, tanh, and comparisons that choose a branch (NumPy compares complex numbers by
    the real part first), but no abs, no conjugate, no cast to real. An f that answers in real numbers is refused.

    Args:
      f: array -> array or number, of any shapes.
      x: real, any shape; one call of f for each entry, which is stepped by 2⁻¹⁰⁰ of its own size (of 1 if it is 0).
    Returns:
      J, of shape f.shape + x.shape.
    Raises:
      ValueError: when f has lost the imaginary part.

    Checked in tests/oracle/test_differentiation.py: closed-form Jacobians to 1e-14, at sizes of x from 1e-100 to 1e100.

    >>> complex_step(lambda x: x**2, np.array([2.0, 5.0]))
    array([[ 4.,  0.],
           [ 0., 10.]])
    """
    x = np.asarray(x, dtype=np.float64)
    return _by_columns(lambda unit, size: _imaginary_slope(f, x, unit, IMAGINARY_STEP * size), x)


def complex_step_directional(f, x, v):
    """J v = d f(x + t v)/dt at t = 0: one complex step along v, whatever the size of x; otherwise as `complex_step`.

    Args:
      f, x: as in `complex_step`.
      v: direction, shaped like x, not 0.
    Returns:
      J v, of f's shape.

    >>> float(complex_step_directional(lambda x: x[0] * x[1], np.array([2.0, 3.0]), np.array([1.0, 1.0])))
    5.0
    """
    x, v = np.asarray(x, dtype=np.float64), np.asarray(v, dtype=np.float64)
    step = IMAGINARY_STEP * _power_of_two(np.abs(x).max()) / _power_of_two(np.abs(v).max())
    return _imaginary_slope(f, x, v, step)


def _by_columns(slope, x):
    """slope(unit vector, size of the entry) for each entry of x, stacked along the axes of x, at the end."""
    columns = []
    for index in np.ndindex(x.shape):
        unit = np.zeros_like(x)
        unit[index] = 1.0
        columns.append(slope(unit, _power_of_two(x[index])))
    return np.stack(columns, axis=-1).reshape(columns[0].shape + x.shape)


def _power_of_two(size):
    """The power of two above |size|, 1 for 0: a scale that rounds nothing. At least 2⁻⁸⁰⁰: no step may vanish."""
    return np.ldexp(1.0, max(np.frexp(size)[1], -800))


def _imaginary_slope(f, x, v, step):
    value = np.asarray(f(x + 1j * step * v))
    if not np.iscomplexobj(value):
        raise ValueError(f"f: expected complex numbers from a complex argument, got {value.dtype}: f is not analytic")
    return value.imag / step


# ---- with subtraction, and an error bar ----


def central_difference(f, x):
    """J = ∂f/∂x with error bars, by (f(x + h) − f(x − h))/2h = f′ + c₂h² + c₄h⁴ + …, extrapolated to h = 0.

    Args:
      f: array -> array or number; smooth within 1/16 of x, and better not just at x.
      x: real, any shape; 26 calls of f for each entry, stepped in units of max(1, |entry|).
    Returns:
      Estimate of two arrays, f.shape + x.shape.

    Checked in tests/oracle/test_differentiation.py: the true error is below the bar, and the bar is below 1e-8.

    >>> value, error = central_difference(np.exp, np.zeros(1))
    >>> bool(abs(value[0, 0] - 1) <= error[0, 0] < 1e-11)
    True
    """
    x = np.asarray(x, dtype=np.float64)

    def column(unit, size):
        size = max(1.0, size)
        return _extrapolate(lambda t: f(x + t * unit * size), lambda t: f(x - t * unit * size), 4, 2.0) / size

    return Estimate(*_by_columns(column, x))


def one_sided_difference(f, x, v):
    """lim (f(x + t v) − f(x))/t for t ↓ 0 with error bars, by f′ + c₁t + c₂t² + …, extrapolated to t = 0.

    Args:
      f: array -> array or number; smooth on the open stretch from x to x + v/16, whatever it does at x.
      x, v: one shape. From the left: minus the estimate along −v.
    Returns:
      Estimate of two arrays of f's shape.

    Checked in tests/oracle/test_differentiation.py: relu, |x| and exp(|x|) at 0.

    >>> float(one_sided_difference(np.abs, np.zeros(1), -np.ones(1)).value[0])  # |x| rises to the left too
    1.0
    """
    x, v = np.asarray(x, dtype=np.float64), np.asarray(v, dtype=np.float64)
    return Estimate(*_extrapolate(lambda t: f(x + t * v), lambda t: f(x), 2, 1.0))


def _extrapolate(ahead, behind, base, width):
    """Richardson's tableau of (ahead(t) − behind(t))/(width t), and of it the entry that agrees best with its parents.

    Column j removes the j-th term of the error: Aⱼ = Aⱼ₋₁ + (Aⱼ₋₁ − its coarser neighbour)/(baseʲ − 1). The bar is the
    larger distance to these two parents, plus what rounding of f and of x can do at this step.
    """
    value, error = np.array(np.nan), np.array(np.inf)
    coarser_row: list[np.ndarray] = []
    for t in FIRST_STEP * 0.5 ** np.arange(LEVELS):
        with np.errstate(all="ignore"):  # a long step may leave f's domain; nan is never chosen
            a, b = np.asarray(ahead(t), dtype=np.float64), np.asarray(behind(t), dtype=np.float64)
            row = [(a - b) / (width * t)]
            rounding = 16 * np.finfo(np.float64).eps * (np.abs(a) + np.abs(b) + np.abs(row[0])) / t
            for j, coarser in enumerate(coarser_row, 1):
                row.append(row[-1] + (row[-1] - coarser) / (base**j - 1))
                bar = np.maximum(np.abs(row[-1] - row[-2]), np.abs(row[-1] - coarser)) + rounding
                value, error = np.where(bar < error, row[-1], value), np.where(bar < error, bar, error)
        coarser_row = row
    return np.stack([value, error])


# ---- comparisons ----


def subgradient_excess(f, x, gradient):
    """How far each derivative lies outside the interval from the left to the right derivative of f, beyond their bars.

    At a kink of f (relu at 0, PPO's ratio at 1 ± clip) every slope between the one-sided ones is a fair derivative and
    no other is; where f is smooth the interval is one point. So 0 certifies a derivative, anywhere, up to the bars.

    Args:
      f: elementwise: entry i of f(x) depends on entry i of x only; no second kink within max(1, |x|)/16 on either side
        (a nearer one costs precision, and within 2⁻¹⁶ goes unnoticed).
      x, gradient: one shape.
    Returns:
      excess ≥ 0 of that shape.

    Checked in tests/oracle/test_differentiation.py: any slope in [0, 1] passes for relu at 0, none outside.

    >>> relu = lambda x: np.where(x > 0, x, 0 * x)
    >>> subgradient_excess(relu, np.zeros(3), np.array([0.25, 0.75, 1.5])).round(6)
    array([0. , 0. , 0.5])
    """
    size = np.maximum(1.0, np.abs(x))
    right, right_error = np.stack(one_sided_difference(f, x, size)) / size
    left, left_error = np.stack(one_sided_difference(f, x, -size)) / size
    low, high = np.minimum(-left - left_error, right - right_error), np.maximum(-left + left_error, right + right_error)
    return np.maximum(0.0, np.maximum(low - gradient, gradient - high))


def dot_test(jvp, vjp, v, u):
    """|⟨u, J v⟩ − ⟨Jᵀu, v⟩| relative to max(‖u‖‖J v‖, ‖Jᵀu‖‖v‖); 0/0 is 0.

    For random u and v, jvp and vjp that are not each other's transpose fail it almost surely. That they are wrong
    together it cannot see: one of them needs a complex step as well.

    Args:
      jvp: v -> J v.
      vjp: u -> Jᵀ u.
      v, u: shaped like the input and the output of the function.
    Returns:
      a number ≥ 0, of the order of rounding (1e-15) when they agree and of 1 when they do not.

    >>> J = np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> dot_test(lambda v: J @ v, lambda u: J.T @ u, np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    0.0
    """
    forward, reverse = jvp(v), vjp(u)
    room = max(np.linalg.norm(u) * np.linalg.norm(forward), np.linalg.norm(reverse) * np.linalg.norm(v))
    gap = np.abs(np.vdot(u, forward) - np.vdot(reverse, v))
    return 0.0 if gap == 0 else float(gap / room)


def relative_error(got, truth):
    """max|got − truth| / max|truth|; 0/0 is 0, x/0 is inf, and any nan makes it nan.

    Args:
      got, truth: arrays of one shape. Broadcasting is refused: (B,) against (B, 1) is a mistake, not a comparison.
    Returns:
      a number ≥ 0.
    Raises:
      ValueError: when the shapes differ.

    >>> relative_error(np.array([1.0, 2.5]), np.array([1.0, 2.0]))
    0.25
    """
    if np.shape(got) != np.shape(truth):
        raise ValueError(f"got: expected shape {np.shape(truth)} like truth, got {np.shape(got)}")
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(np.subtract(got, truth)).max(initial=0.0)
        return 0.0 if error == 0 else float(error / np.abs(truth).max(initial=0.0))

r"""Numba's only door: `kernels.x` is the compiled form of the plain Python definition `x_py`.

The definitions are ordinary functions in the files named …loops.py, where tests, coverage and mutation tools can see
them. A kernel is compiled when it is first asked for, and cached on disk; Numba itself is imported only then, so a
program that needs none of these loops never pays for it. Arrays that Numba cannot hold (complex step, ball arithmetic)
go through the definition, or through the NumPy formula of the public function. A kernel's helpers stand in its own
file: what Numba has cached is out of date when that file has changed, and it looks at no other.

Checked in tests/maths/test_kernels.py: every kernel against its definition and against the plain formula.
"""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from scratchrl.maths import blas, loops, network_loops, replay_loops, scan_loops, squashed_loops

HOMES = (loops, network_loops, replay_loops, scan_loops, squashed_loops)


def __getattr__(name: str) -> Callable[..., Any]:
    definition = f"{name.removesuffix('_py')}_py"
    home = next((module for module in HOMES if hasattr(module, definition)), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no kernel {name!r}")
    if name.endswith("_py"):
        return getattr(home, definition)
    from numba import njit
    from numba.extending import register_jitable

    blas.load()
    for helper in (helper for module in HOMES for helper in module.HELPERS):
        register_jitable(helper)
    globals()[name] = kernel = njit(getattr(home, definition), cache=True, error_model="numpy")
    return kernel


def select(name: str, *arrays: NDArray) -> Callable[..., Any]:
    """The compiled kernel when every array is float32 or float64, else its plain definition.

    >>> import numpy as np
    >>> select("reverse_scan", np.zeros(3, dtype=complex)) is scan_loops.reverse_scan_py
    True
    """
    compiled = all(array.dtype.char in "fd" for array in arrays)
    full = name if compiled else f"{name}_py"
    return globals().get(full) or __getattr__(full)


def holds_rows(array: NDArray) -> bool:
    """Whether the row-wise kernels take this array: two axes, float32 or float64.

    >>> import numpy as np
    >>> holds_rows(np.zeros((2, 3))), holds_rows(np.zeros(3))
    (True, False)
    """
    return array.ndim == 2 and array.dtype.char in "fd"


def are_alike(first: NDArray, *others: NDArray) -> bool:
    """Whether a kernel of several arrays takes these as they are: all float32 or all float64, contiguous, writeable.

    >>> import numpy as np
    >>> are_alike(np.zeros(2), np.ones((3, 4))), are_alike(np.zeros(2), np.zeros(2, np.float32))
    (True, False)
    """
    dtype = first.dtype
    return dtype.char in "fd" and first.flags.carray and all(a.dtype == dtype and a.flags.carray for a in others)

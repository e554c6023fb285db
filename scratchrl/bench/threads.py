"""How many threads everybody may use: BLAS (NumPy's and SciPy's), torch, Numba."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def limited(count: int) -> Iterator[None]:
    """So many for each library that is loaded; torch and Numba keep them afterwards, BLAS does not.

    JAX fixes its threads when it starts: see jax_peer.py.
    """
    import scipy.linalg.cython_blas  # noqa: F401  (the BLAS of the compiled kernels, loaded so that it is limited too)

    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    if numba := sys.modules.get("numba"):
        numba.set_num_threads(min(count, numba.config.NUMBA_NUM_THREADS))
    with threadpool_limits(count):
        yield

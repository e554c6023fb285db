"""How many threads everybody may use: BLAS (NumPy's and SciPy's) and torch. Our own kernels have one each."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits


@contextmanager
def limited(count: int) -> Iterator[None]:
    """So many for each library that is loaded; torch keeps them afterwards, BLAS does not.

    JAX fixes its threads when it starts: see jax_peer.py.
    """
    import scipy.linalg.cython_blas  # noqa: F401  (the BLAS of the compiled kernels, loaded so that it is limited too)

    if torch := sys.modules.get("torch"):
        torch.set_num_threads(count)
    with threadpool_limits(count):
        yield

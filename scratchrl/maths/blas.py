"""The matrix library of the compiled kernels is SciPy's: Numba asks for it by the name of one extension module.

Imported the ordinary way, that module brings all of scipy.linalg along, for which a kernel's first call would wait
0.15 s, and 20 MB until the run ends. Nothing of that is needed, so the one module is loaded by itself, under its own
name: whoever imports it afterwards, or all of scipy.linalg, gets the same one. (An import binds a module to its package
only where it loads it: after a plain `import scipy.linalg.cython_blas` say `from scipy.linalg import cython_blas`.)
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from threading import Lock

NAME = "scipy.linalg.cython_blas"


ONE_AT_A_TIME = Lock()


def load() -> None:
    """Makes `scipy.linalg.cython_blas` one of the loaded modules, once, however many threads ask.

    Checked in tests/maths/test_blas.py: it is what an import finds afterwards, and comes alone.
    """
    with ONE_AT_A_TIME:
        if NAME not in sys.modules:
            _load()


def _load() -> None:
    import scipy  # says where its libraries are

    spec = PathFinder.find_spec(NAME, [str(Path(folder, "linalg")) for folder in scipy.__path__])
    if spec is None or spec.loader is None:
        importlib.import_module(NAME)
        return
    sys.modules[NAME] = module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[NAME]
        raise

"""The matrix library of the compiled kernels is SciPy's: Numba asks for it by the name of one extension module.

Imported the ordinary way, that module brings all of scipy.linalg along, for which a kernel's first call would
wait 0.15 s, and 20 MB until the run ends. Nothing of that is needed, so the one module is loaded by itself, under its
own name: whoever imports it afterwards, or all of scipy.linalg, gets the same one.
"""

import importlib.util
import sys
from importlib.machinery import PathFinder
from pathlib import Path

NAME = "scipy.linalg.cython_blas"


def load() -> None:
    """Makes `scipy.linalg.cython_blas` one of the loaded modules, once.

    Checked in tests/maths/test_blas.py: it is what an import finds afterwards, and comes alone.
    """
    if NAME in sys.modules:
        return
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

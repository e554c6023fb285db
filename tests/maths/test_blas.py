"""One extension module of SciPy without the rest of scipy.linalg, and with it when somebody asks for that."""

import subprocess
import sys
from pathlib import Path

import scratchrl


def run(code):
    root = Path(scratchrl.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_module_comes_alone():
    loaded = run("from scratchrl.maths import blas; blas.load(); import sys; print(*sys.modules)")
    assert "scipy.linalg.cython_blas" in loaded
    assert "scipy.linalg" not in loaded


def test_a_kernel_needs_no_more_of_it():
    loaded = run(
        "import numpy as np; from scratchrl.maths import mlp; net = mlp.MLP((2, 3, 1));"
        "mlp.forward(net, np.ones(13, np.float32), np.ones((9, 2), np.float32)); import sys; print(*sys.modules)"
    )
    assert "numba" in loaded
    assert "scipy.linalg" not in loaded


def test_later_imports_find_the_same_module_and_the_rest():
    code = (
        "from scratchrl.maths import blas; blas.load(); blas.load(); import sys; one = sys.modules[blas.NAME];"
        "import scipy.linalg.cython_blas as again; from scipy.linalg import cython_blas; import scipy.signal;"
        "print(again is one, cython_blas is one, round(float(scipy.linalg.det([[2.0, 0.0], [0.0, 3.0]]))))"
    )
    assert run(code) == ["True", "True", "6"]


def test_threads_that_ask_at_once_get_it_once():
    code = (
        "import sys; sys.setswitchinterval(1e-6); from concurrent.futures import ThreadPoolExecutor as Pool;"
        "from scratchrl.maths import blas; pool = Pool(8); asked = [pool.submit(blas.load) for _ in range(8)];"
        "print(*(one.result() for one in asked))"
    )
    assert run(code) == ["None"] * 8


def test_an_import_that_came_before_is_left_as_it_is():
    code = (
        "import scipy.linalg.cython_blas as one; from scratchrl.maths import blas; blas.load();"
        "import scipy.linalg; print(scipy.linalg.cython_blas is one)"
    )
    assert run(code) == ["True"]

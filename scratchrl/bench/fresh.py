"""A fresh interpreter: what a process costs that has loaded nothing yet."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import scratchrl

ROOT = Path(scratchrl.__file__).parent.parent
MEMORY = Path("/proc/self/status")  # Linux's


def output(*arguments: str) -> str:
    """What `python ARGUMENTS` prints, with one thread of BLAS, torch and OpenMP; bytecode is cached as for any user.

    >>> output("-c", "print(6 * 7)")
    '42'
    """
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    settings = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=os.environ | settings, check=True)
    return done.stdout.strip()


def require(package: str) -> None:
    """Raises ImportError unless the package is installed; does not load it.

    >>> require("numpy")
    """
    if find_spec(package) is None:
        raise ImportError(f"{package} is not installed", name=package)


def megabytes(line: str) -> float:
    """A line of this process's memory in MB = 10⁶ bytes: VmRSS, what it holds now; VmHWM, the most it ever held.

    Unlike getrusage's, the latter is of this program alone, and not of the one that has started it.
    """
    status = dict(entry.split(":", 1) for entry in MEMORY.read_text(encoding="utf-8").splitlines())
    return int(status[line].removesuffix("kB")) * 1024 / 1e6

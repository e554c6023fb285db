"""What this machine is and can do: the limits that others' speed and ours are a share of."""

import os
import platform
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchrl.bench import threads
from scratchrl.bench.work import Run, Setup

SIDE = 1024
LIBRARIES = (
    "scratchrl", "numpy", "scipy", "numba", "gymnasium", "torch", "stable-baselines3", "sb3-contrib", "jax", "rlax",
)  # fmt: skip


def description() -> dict[str, Any]:
    """Versions, CPU, threads that BLAS would use by itself."""
    found = {name: version for name in LIBRARIES if (version := _version(name))}
    return {"cpu": cpu(), "cores": os.cpu_count(), "python": platform.python_version(), "versions": found}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def cpu() -> str:
    """The name that the operating system knows."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


# ---- the peak of matrix products ----


def gemm(dtype: Any = np.float32) -> Run:
    """A product of two square matrices so large that it runs at BLAS's peak: 2·SIDE³ operations."""
    rng = np.random.default_rng(0)
    a, b = (rng.random((SIDE, SIDE), dtype=np.float32).astype(dtype) for _ in range(2))
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)


def sgemm(operations: float) -> tuple[Setup, float]:
    """The contender `sgemm` for work of so many floating-point operations, and the amount of it that a call does."""
    return gemm, 2 * SIDE**3 / operations


def peaks(seconds: Any) -> dict[str, float]:
    """GFLOP/s of matrix products, by precision and threads; GB/s of reading one array and writing another.

    Args:
      seconds: run → seconds of a call.
    """
    found = {}
    for count in range(1, (os.cpu_count() or 1) + 1)[:2]:
        with threads.limited(count):
            for name, dtype in (("sgemm", np.float32), ("dgemm", np.float64)):
                found[f"{name} GFLOP/s, {count} thread{'s'[: count - 1]}"] = 2e-9 * SIDE**3 / seconds(gemm(dtype))
    found["copy GB/s, 1 thread"] = 2e-9 * COPIED / seconds(copy())
    return found


# ---- memory ----

COPIED = 1 << 27  # bytes, more than any cache


def copy() -> Run:
    """Reads COPIED bytes, writes as many."""
    source = np.zeros(COPIED // 8)
    target = source.copy()
    return lambda: np.copyto(target, source)


def streaming(loop: Callable[..., None], *arrays: NDArray) -> Run:
    """The contender `bandwidth`: a plain loop that reads and writes what the work does and hardly computes, compiled.

    Its output arrays are there already, and nothing in it waits for the step before.
    """
    from numba import njit

    compiled = njit(loop, fastmath=True)
    return lambda: compiled(*arrays)

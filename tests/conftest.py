"""Hypothesis profile for the whole suite: no deadline (the first call of a kernel compiles), always the same draws."""

import matplotlib
import tyro  # noqa: F401  (its import hashes every builtin, and a doctest leaves its last array in builtins._)
from hypothesis import settings

matplotlib.use("Agg")
settings.register_profile("scratchrl", deadline=None, derandomize=True, max_examples=50, print_blob=True)
settings.load_profile("scratchrl")

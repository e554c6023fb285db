"""One file per paper, the same sections in the same order."""

from scratchrl import submodules

__getattr__ = submodules(__name__)

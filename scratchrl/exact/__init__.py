"""Truth without sampling: finite MDPs solved, differentiated and enumerated; linear-quadratic control."""

from scratchrl import submodules

__getattr__ = submodules(__name__)

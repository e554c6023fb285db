"""Arrays to arrays: the formulas of policy optimisation and their derivatives."""

from scratchrl import submodules

__getattr__ = submodules(__name__)

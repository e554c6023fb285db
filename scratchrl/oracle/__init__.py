"""The kit for outsiders: derivatives certified, functions judged."""

from scratchrl import submodules

__getattr__ = submodules(__name__, diagnose="diagnosis", assert_matches="diagnosis", replay="trace")

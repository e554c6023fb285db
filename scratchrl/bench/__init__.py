"""How fast, beside others: the same work done by us, by each installed peer, and at the speed of the hardware."""

from scratchrl import submodules

__getattr__ = submodules(__name__)

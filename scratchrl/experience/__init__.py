"""The world: environments, rollouts and what is remembered of them."""

from scratchrl import submodules

__getattr__ = submodules(__name__)

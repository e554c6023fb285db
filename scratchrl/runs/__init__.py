"""What a run leaves behind: log, checkpoint, picture."""

from scratchrl import submodules

__getattr__ = submodules(__name__)

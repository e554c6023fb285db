"""scratchrl: deep reinforcement learning in NumPy, every derivative by hand, every number certified."""

__version__ = "0.1.0"

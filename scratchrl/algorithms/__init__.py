"""One file per paper, the same sections in the same order."""

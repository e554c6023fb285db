"""Truth without sampling: finite MDPs solved, differentiated and enumerated."""

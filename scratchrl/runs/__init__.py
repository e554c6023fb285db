"""What a run leaves behind: log, checkpoint, picture."""

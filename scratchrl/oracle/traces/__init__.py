"""Replaying recorded updates: the format, its arithmetic, and the stages in the order of data flow."""

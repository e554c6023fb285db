"""The kit for outsiders: derivatives certified, functions judged."""

"""Hypothesis strategies of canonical cases for the specs, one file per family: dicts of arrays and numbers."""

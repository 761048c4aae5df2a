"""The live console of a run, and its static twin."""

"""Runs of other processes: the Run protocol over HTTP."""

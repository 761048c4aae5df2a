"""Graphs to begin with, on real data."""

"""Running a graph: channels, turns, barriers, the ways to end, and the Status."""

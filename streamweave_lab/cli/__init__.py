"""The command streamweave-lab."""

"""Event time: frontiers and windows, as arithmetic."""

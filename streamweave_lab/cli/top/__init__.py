"""`streamweave-lab top`: a run of another process, live in the terminal."""

"""How fast, how quick to answer, how small: `python -m tests.benchmarks` measures, and says which bars are met."""

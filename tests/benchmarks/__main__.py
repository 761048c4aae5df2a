"""`python -m tests.benchmarks`: measure everything, print a table with the bars, end with 1 if one is not met."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from pathlib import Path

from tests.benchmarks import throughput
from tests.benchmarks.report import Result, as_json, table, told

OTHERS = (
    "aggregates",
    "metrics",
    "latency",
    "lag",
    "workers",
    "memory",
    "startup",
    "console",
    "kernel",
    "browser",
    "checkpoints",
)


def groups() -> dict[str, Callable[[int], list[Result]]]:
    """What can be measured, by name: a function of the number of rounds."""
    found: dict[str, Callable[[int], list[Result]]] = {
        workload: partial(throughput.measure, workload) for workload in throughput.CONTENDERS
    }
    return found | {name: import_module(f"tests.benchmarks.{name}").measure for name in OTHERS}


def main() -> int:
    """Measure what was asked for."""
    known = groups()
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=known, help="measure this group; can be given again")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of which the median counts")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there as well")
    asked = parser.parse_args()
    results: list[Result] = []
    for name in asked.only or known:
        found = known[name](asked.rounds)
        told("")
        sys.stdout.write(table(found) + "\n")
        sys.stdout.flush()
        results += found
    if asked.json:
        asked.json.write_text(as_json(results) + "\n")
    missed = sum(result.met is False for result in results)
    sys.stdout.write(f"\n{sum(result.met is True for result in results)} bars met, {missed} not met\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

"""One measurement in a process of its own: `python -m tests.benchmarks.one CONTENDER WORKLOAD SIZE`."""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable
from math import inf
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from tests.benchmarks.report import answer
from tests.benchmarks.right import HOW_MANY, RIGHT
from tests.benchmarks.workloads import count_inputs, given

SMALL = {"W2": 20_000, "W3": 30_000, "W5": 500}

Work = Callable[..., Any]


def contender(name: str, workload: str) -> tuple[Work, Callable[[str, Any], Any]] | None:
    """How this contender does a workload and how it wants the input; None where it cannot."""
    module = importlib.import_module(f"tests.benchmarks.{name}")
    work = module.CAN.get(workload)
    return work and (work, getattr(module, "as_given", lambda _, items: items))


def check(name: str, workload: str, work: Work, as_given: Callable[[str, Any], Any]) -> None:
    """Exactly the right items must come out; of a loop written by hand as many."""
    items = given(workload, SMALL.get(workload, 3000))
    expected = RIGHT[workload](items)
    if name == "hand":
        assert work(items) == len(expected), f"{name} {workload}: a wrong result"
    else:
        assert sorted(work(as_given(workload, items), True)) == sorted(expected), f"{name} {workload}: a wrong result"


def measured(name: str, workload: str, size: int) -> dict[str, float]:
    """Items a second, and the MB by which memory grew at its peak; the results checked, before and after.

    Seconds of processor time, so that what else the machine does counts for nobody; of W5, which waits, real ones.
    """
    found = contender(name, workload)
    assert found is not None, f"{name} cannot do {workload}"
    work, as_given = found
    check(name, workload, work, as_given)
    items = given(workload, size)
    expected, inputs = HOW_MANY[workload](items), count_inputs(workload, items)
    items = as_given(workload, items)
    clock = perf_counter if workload == "W5" else process_time
    gc.collect()
    before, fastest, turns = start_peak(), inf, 0
    while turns == 0 or (turns < 3 and fastest < 1.5):
        turns += 1
        began = clock()
        count = work(items)
        fastest = min(fastest, clock() - began)
        assert count == expected, f"{name} {workload}: {count} items came out and not {expected}"
    return {"rate": inputs / fastest, "megabytes": (peak() - before) / 2**20}


def start_peak() -> int:
    """Forget the peak memory of this process so far, and return what it has now, in bytes."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return peak()
    return _memory("VmRSS")


def peak() -> int:
    """The most memory this process has had, in bytes."""
    return _memory("VmHWM")


def _memory(field: str) -> int:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


if __name__ == "__main__":
    answer(measured(sys.argv[1], sys.argv[2], int(sys.argv[3])))

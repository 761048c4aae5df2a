"""A function that keeps a processor busy for 36 µs an item: called on the loop, and by two workers."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from time import perf_counter
from typing import Any

import streamweave_lab as sw
from tests.benchmarks.lag import timer_lags
from tests.benchmarks.report import Result, alone, answer, median, percentile, told

SECONDS = 3.0
KINDS: dict[str, dict[str, Any]] = {
    "here": {},
    "processes": {"workers": 2},
    "threads": {"workers": 2, "on": "threads"},
}


def busy(item: int) -> int:
    """About 36 µs of work that holds the GIL."""
    total = item
    for number in range(450):
        total = (total * 31 + number) % 1_000_003
    return total


async def _measured(kind: str) -> dict[str, float]:
    path = sw.Replay("numbers", count()) >> sw.Map("busy", busy, **KINDS[kind]) >> sw.Count("end")
    run = sw.Graph("workers", path).start()
    await asyncio.sleep(0.7)
    began, before = perf_counter(), run["end"].count
    lags = await timer_lags(SECONDS)
    rate = (run["end"].count - before) / (perf_counter() - began)
    await run.stop()
    return {"rate": rate, "p50": percentile(lags, 0.5), "p99": percentile(lags, 0.99)}


def measure(rounds: int) -> list[Result]:
    """Rates, what two processes gain, and how late the loop's other callers get their turn meanwhile."""
    found: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(min(rounds, 3)):
        for kind in KINDS:
            told(f"a CPU-heavy map: {kind}")
            found[kind].append(alone("workers", kind))
    rate = {kind: median([each["rate"] for each in every]) for kind, every in found.items()}
    late = {kind: median([each["p99"] for each in every]) * 1000 for kind, every in found.items()}
    group = f"A map of {1e6 / rate['here']:.0f} µs an item"
    return [
        Result(group, "on the loop", rate["here"] / 1000, "k items/s"),
        Result(group, "two processes", rate["processes"] / 1000, "k items/s"),
        Result(group, "two threads", rate["threads"] / 1000, "k items/s"),
        Result(group, "two processes, times as fast as on the loop", rate["processes"] / rate["here"], "x", 1.5, True),
        Result(group, "a timer fires late by, p99, two processes", late["processes"], "ms", 15.0),
        Result(group, "a timer fires late by, p99, on the loop", late["here"], "ms"),
    ]


if __name__ == "__main__":
    answer(asyncio.run(_measured(sys.argv[1])))

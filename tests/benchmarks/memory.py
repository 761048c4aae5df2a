"""Ten million items through two nodes into a slow sink: memory may grow by what the channels hold, and no more."""

from __future__ import annotations

import asyncio
import gc
import sys
from time import perf_counter

import streamweave_lab as sw
from streamweave_lab.graph.port import DEFAULT_CAPACITY
from tests.benchmarks.one import peak, start_peak
from tests.benchmarks.report import Result, alone, answer, told

ITEMS = 10_000_000
BYTES_AN_ITEM = 32 + 8
"""An int that is not small, and its place in a list."""
CHANNELS = 3
SLACK = 2.0
"""MB for the lists that are being filled, and the allocator's own arenas."""


class SlowSink(sw.Sink[int]):
    """Takes about a third of a microsecond more than the nodes before it, so that they wait."""

    def opened(self) -> None:
        """Begin to count."""
        self.count = 0

    def on_batch(self, port: str, batch: sw.Batch) -> None:
        """Spin."""
        end = perf_counter() + len(batch.items) * 0.6e-6
        self.count += len(batch.items)
        while perf_counter() < end:
            pass


async def _measured(items: int) -> dict[str, float]:
    warm = sw.Graph("warm", sw.Replay("few", range(100_000)) >> sw.Map("one", _one) >> sw.Count("end")).start()
    await warm.done()
    path = sw.Replay("numbers", range(1000, items + 1000)) >> sw.Map("one", _one) >> sw.Map("two", _one)
    graph = sw.Graph("memory", path >> SlowSink("sink"))
    gc.collect()
    before = start_peak()
    run = graph.start()
    status = await run.done()
    assert run["sink"].count == items
    waited = sum(edge.blocked_seconds for edge in status.edges)
    return {"megabytes": (peak() - before) / 2**20, "waited": waited, "peak": max(e.peak for e in status.edges)}


def _one(x: int) -> int:
    return x + 1


def measure(rounds: int) -> list[Result]:
    """Once is enough: nothing here is a matter of luck."""
    told("ten million items into a slow sink")
    found = alone("memory", ITEMS)
    bar = CHANNELS * DEFAULT_CAPACITY * BYTES_AN_ITEM / 2**20 + SLACK
    group = "Memory, ten million items through two nodes into a slow sink"
    return [
        Result(group, "growth (bar: three full channels and 2 MB)", found["megabytes"], "MB", bar),
        Result(group, "the fullest channel held", found["peak"], "items", DEFAULT_CAPACITY),
        Result(group, "senders waited for", found["waited"], "s"),
    ]


if __name__ == "__main__":
    answer(asyncio.run(_measured(int(sys.argv[1]))))

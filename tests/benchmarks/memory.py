"""Ten million items through two nodes into a slow sink: memory may grow by what the channels hold, and no more."""

from __future__ import annotations

import asyncio
import gc
import sys
from time import perf_counter
from typing import Any

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


async def _later(_: int) -> None:
    await asyncio.sleep(0.001)


SINKS = {"spins": lambda: SlowSink("sink"), "awaits": lambda: sw.ForEach("sink", _later, concurrency=100)}
"""One that takes time on the loop, which therefore nobody gets ahead of; one that waits, so that channels fill up."""


async def _measured(items: int, kind: str) -> dict[str, float]:
    await _run(100_000, sw.Count("sink"))  # what is loaded and kept for good is there now
    gc.collect()
    before = start_peak()
    status = await _run(items, SINKS[kind]())
    assert status.node("sink").items_in == {"in": items}
    waited = sum(edge.blocked_seconds for edge in status.edges)
    return {"megabytes": (peak() - before) / 2**20, "waited": waited, "peak": max(e.peak for e in status.edges)}


async def _run(items: int, sink: sw.Sink[Any]) -> sw.Status:
    path = sw.Replay("numbers", range(1000, items + 1000)) >> sw.Map("one", _one) >> sw.Map("two", _one)
    return await sw.Graph("memory", path >> sink).start().done()


def _one(x: int) -> int:
    return x + 1


def measure(rounds: int) -> list[Result]:
    """Once is enough: nothing here is a matter of luck."""
    results = []
    bar = CHANNELS * DEFAULT_CAPACITY * BYTES_AN_ITEM / 2**20 + SLACK
    for kind, items in (("spins", ITEMS), ("awaits", ITEMS // 20)):
        told(f"memory: {items:,} items into a sink that {kind}")
        found = alone("memory", items, kind)
        group = f"Memory, {items:,} items through two nodes into a slow sink that {kind}"
        results += [
            Result(group, "growth (bar: three full channels and 2 MB)", found["megabytes"], "MB", bar),
            Result(group, "the fullest channel held", found["peak"], "items", DEFAULT_CAPACITY),
            Result(group, "senders waited for", found["waited"], "s"),
        ]
    return results


if __name__ == "__main__":
    answer(asyncio.run(_measured(int(sys.argv[1]), sys.argv[2])))

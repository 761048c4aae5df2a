"""How long an item takes over five hops, from the moment it is there to the moment the sink has it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from time import perf_counter

import streamweave_lab as sw
from tests.benchmarks.report import Result, alone, answer, median, percentile, told

SECONDS = 4.0


class Ticks(sw.AsyncSource[float]):
    """Brings in the time of day, `rate` times a second."""

    def __init__(self, name: str, rate: float) -> None:
        super().__init__(name)
        self.rate = rate

    async def stream(self) -> AsyncIterator[list[float]]:
        """Sleep where there is time for it; a loop cannot sleep 100 µs, so otherwise let others run and look again."""
        due, end = perf_counter(), perf_counter() + SECONDS
        while due < end:
            due += 1 / self.rate
            if (spare := due - perf_counter()) > 0.002:
                await asyncio.sleep(spare)
            while perf_counter() < due:  # noqa: ASYNC110 - nobody tells when a moment has come
                await asyncio.sleep(0)
            yield [perf_counter()]


class Arrivals(sw.Sink[float]):
    """Keeps how old each item is when it comes."""

    def opened(self) -> None:
        """Begin with none."""
        self.ages: list[float] = []

    def on_batch(self, port: str, batch: sw.Batch) -> None:
        """Read the clock once for all that came together."""
        now = perf_counter()
        self.ages += [now - time for time in batch.items]


def _same(time: float) -> float:
    return time


async def _measured(rate: float) -> dict[str, float]:
    path = Ticks("ticks", rate) >> sw.Map("one", _same)
    for name in ("two", "three", "four"):
        path = path >> sw.Map(name, _same)
    run = sw.Graph("latency", path >> Arrivals("five")).start()
    await run.done()
    ages = run["five"].ages
    ages = ages[len(ages) // 4 :]
    return {"p50": percentile(ages, 0.5), "p99": percentile(ages, 0.99), "rate": len(run["five"].ages) / SECONDS}


def measure(rounds: int) -> list[Result]:
    """At 100 items a second, where the loop sleeps between them, and at 10,000."""
    results = []
    for rate, bars in ((100, {"p50": 80.0}), (10_000, {"p99": 300.0})):
        told(f"latency at {rate} items/s")
        found = [alone("latency", rate) for _ in range(min(rounds, 3))]
        for share in ("p50", "p99"):
            value = median([each[share] for each in found]) * 1e6
            what = f"at {rate:,} items/s, {share}"
            results.append(Result("Latency over five hops", what, value, "µs", bars.get(share)))
    return results


if __name__ == "__main__":
    answer(asyncio.run(_measured(float(sys.argv[1]))))

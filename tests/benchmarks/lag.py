"""How late the loop's other callers get their turn while a graph runs flat out."""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from time import perf_counter

import streamweave_lab as sw
from tests.benchmarks.report import Result, alone, answer, median, percentile, told

SECONDS = 5.0


def _fast(x: int) -> int:
    return x + 1


def _slow(x: int) -> int:
    """50 µs of work."""
    end = perf_counter() + 50e-6
    while perf_counter() < end:
        pass
    return x


async def timer_lags(seconds: float) -> list[float]:
    """How late a timer fires, every 5 ms, in seconds."""
    loop, lags = asyncio.get_running_loop(), []
    end = loop.time() + seconds
    while loop.time() < end:
        due, fired = loop.time() + 0.005, loop.create_future()
        loop.call_at(due, fired.set_result, None)
        await fired
        lags.append(loop.time() - due)
    return lags


async def _chains() -> list[float]:
    """How long four turns of the loop take: a request to a kernel needs as many."""
    loop, chains = asyncio.get_running_loop(), []
    end = loop.time() + SECONDS
    while loop.time() < end:
        await asyncio.sleep(0.005)
        began = loop.time()
        for _ in range(4):
            await asyncio.sleep(0)
        chains.append(loop.time() - began)
    return chains


async def _measured(kind: str) -> dict[str, float]:
    work = {"fast": _fast, "slow": _slow}[kind]
    path = sw.Replay("numbers", count()) >> sw.Map("one", work) >> sw.Map("two", _fast) >> sw.Count("end")
    run = sw.Graph("lag", path).start()
    await asyncio.sleep(0.5)
    before = run["end"].count
    lags, chains = await asyncio.gather(timer_lags(SECONDS), _chains())
    rate = (run["end"].count - before) / SECONDS
    await run.stop()
    return {
        "p50": percentile(lags, 0.5), "p99": percentile(lags, 0.99), "chain": percentile(chains, 0.99), "rate": rate,
    }  # fmt: skip


def measure(rounds: int) -> list[Result]:
    """With nodes that do next to nothing, and with one that takes 50 µs an item."""
    results = []
    for kind, title, bar in (("fast", "fast nodes", None), ("slow", "a node of 50 µs an item", 15.0)):
        told(f"loop lag with {title}")
        found = [alone("lag", kind) for _ in range(min(rounds, 3))]
        middle = {key: median([each[key] for each in found]) for key in found[0]}
        group = f"Loop lag under full load, {title} ({middle['rate'] / 1000:,.0f} k items/s)"
        results += [
            Result(group, "a timer fires late by, p50", middle["p50"] * 1000, "ms"),
            Result(group, "a timer fires late by, p99", middle["p99"] * 1000, "ms", bar),
            Result(group, "four turns of the loop take, p99", middle["chain"] * 1000, "ms"),
        ]
    return results


if __name__ == "__main__":
    answer(asyncio.run(_measured(sys.argv[1])))

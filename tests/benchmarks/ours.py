"""The workloads on streamweave_lab's public API, on an event loop as a user would run them, all metrics on."""

from __future__ import annotations

import asyncio
from typing import Any

import streamweave_lab as sw
from tests.benchmarks.workloads import (
    CONCURRENCY,
    DISORDER,
    add,
    affine,
    answer,
    digits,
    half,
    is_even,
    itself,
    key_of,
    one_more,
    time_of,
    triple,
    words,
)


def sink(keep: bool) -> Any:
    return sw.Collect[Any]("end") if keep else sw.Count("end")


def run_graph(graph: sw.Graph) -> Any:
    async def work() -> Any:
        run = graph.start()
        await run.done()
        return run["end"]

    end = asyncio.run(work())
    return end.items if isinstance(end, sw.Collect) else end.count


def numbers(items: Any, keep: bool = False) -> Any:
    steps = sw.Replay("numbers", items) >> sw.Map("affine", affine) >> sw.Filter("even", is_even)
    return run_graph(sw.Graph("W1", steps >> sw.Map("digits", digits) >> sink(keep)))


def word_count(items: Any, keep: bool = False) -> Any:
    split = sw.Replay("lines", items) >> sw.FlatMap("words", words)
    return run_graph(sw.Graph("W2", split >> sw.Reduce("count", one_more, initial=0, key=itself) >> sink(keep)))


def window_sums(items: Any, keep: bool = False) -> Any:
    sums = sw.Window("sums", sw.fold(0, add), sw.Tumbling(seconds=1), key=key_of)
    results = run_graph(
        sw.Graph(
            "W3",
            sw.Replay("readings", items, time=time_of, lag=DISORDER) >> sums >> sink(keep),
        )
    )
    return [(result.key, result.start, result.value) for result in results] if keep else results


def parity(items: Any, keep: bool = False) -> Any:
    route, end = sw.Route("parity", even=is_even), sink(keep)
    even = route["even"] >> sw.Map("half", half) >> end
    odd = route.rest >> sw.Map("triple", triple) >> end
    return run_graph(sw.Graph("W4", sw.Replay("numbers", items) >> route, even, odd))


def awaiting(items: Any, keep: bool = False) -> Any:
    ask = sw.MapAsync("ask", answer, concurrency=CONCURRENCY, ordered=True)
    return run_graph(sw.Graph("W5", sw.Replay("numbers", items) >> ask >> sink(keep)))


CAN = {"W1": numbers, "W2": word_count, "W3": window_sums, "W4": parity, "W5": awaiting}

"""The workloads on streamz."""

from __future__ import annotations

import asyncio
from typing import Any

from streamz import Stream

from tests.benchmarks.tally import Tally
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


def _emitted(source: Stream, items: Any) -> None:
    for item in items:
        source.emit(item)


def numbers(items: Any, keep: bool = False) -> Any:
    tally, source = Tally(keep), Stream()
    source.map(affine).filter(is_even).map(digits).sink(tally.take)
    _emitted(source, items)
    return tally.result()


def word_count(items: Any, keep: bool = False) -> Any:
    def count(counts: dict[str, int], word: str) -> tuple[dict[str, int], int]:
        key = itself(word)
        counts[key] = value = one_more(counts.get(key, 0), word)
        return counts, value

    tally, source = Tally(keep), Stream()
    source.map(words).flatten().accumulate(count, start={}, returns_state=True).sink(tally.take)
    _emitted(source, items)
    return tally.result()


class _Windows:
    """streamz has no windows of event time: this is what one would write into its `accumulate`."""

    def __init__(self) -> None:
        self.panes: dict[int, dict[str, int]] = {}
        self.newest, self.next_end = 0.0, 1.0

    def take(self, item: Any) -> list[tuple[str, float, int]]:
        key, time = key_of(item), time_of(item)
        closed: list[tuple[str, float, int]] = []
        if time > self.newest:
            self.newest = time
            while self.newest - DISORDER >= self.next_end:
                closed += self.close(int(self.next_end) - 1)
                self.next_end += 1
        pane = self.panes.setdefault(int(time), {})
        pane[key] = add(pane.get(key, 0), item)
        return closed

    def close(self, second: int) -> list[tuple[str, float, int]]:
        return [(name, float(second), total) for name, total in self.panes.pop(second, {}).items()]


def window_sums(items: Any, keep: bool = False) -> Any:
    def windowed(windows: _Windows, item: Any) -> tuple[_Windows, list[Any]]:
        return windows, windows.take(item)

    tally, source, windows = Tally(keep), Stream(), _Windows()
    source.accumulate(windowed, start=windows, returns_state=True).flatten().sink(tally.take)
    _emitted(source, items)
    for second in sorted(windows.panes):
        for result in windows.close(second):
            tally.take(result)
    return tally.result()


def parity(items: Any, keep: bool = False) -> Any:
    tally, source = Tally(keep), Stream()
    even = source.filter(is_even).map(half)
    odd = source.filter(lambda x: not is_even(x)).map(triple)
    even.union(odd).sink(tally.take)
    _emitted(source, items)
    return tally.result()


def awaiting(items: Any, keep: bool = False) -> Any:
    async def work() -> Any:
        tally, done = Tally(keep), asyncio.Event()
        source = Stream(asynchronous=True)

        def take(item: int) -> None:
            tally.take(item)
            if tally.count == len(items):
                done.set()

        source.map_async(answer, parallelism=CONCURRENCY).sink(take)
        for item in items:
            await source.emit(item)
        await done.wait()
        return tally.result()

    return asyncio.run(work())


CAN = {"W1": numbers, "W2": word_count, "W3": window_sums, "W4": parity, "W5": awaiting}

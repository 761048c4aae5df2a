"""The workloads as loops written by hand: no engine, no bounds, no metrics; the measure of all the others.

Each contender module is alike: `CAN` maps a workload to a function of its input that returns how many items
came out at the end. All but this one can be asked to `keep` the items instead, for a check.
"""

from __future__ import annotations

import asyncio
from typing import Any

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


def numbers(items: Any) -> int:
    count = 0
    for x in items:
        y = affine(x)
        if is_even(y):
            digits(y)
            count += 1
    return count


def word_count(items: Any) -> int:
    count = 0
    counts: dict[str, int] = {}
    for line in items:
        for word in words(line):
            key = itself(word)
            counts[key] = one_more(counts.get(key, 0), word)
            count += 1
    return count


def window_sums(items: Any) -> int:
    """Sums of each key in each second, sent as soon as no earlier item can come."""
    sent: list[tuple[str, float, int]] = []
    panes: dict[int, dict[str, int]] = {}
    newest, next_end = 0.0, 1.0
    for item in items:
        key, time = key_of(item), time_of(item)
        if time > newest:
            newest = time
            while newest - DISORDER >= next_end:
                sent += [(name, next_end - 1, total) for name, total in panes.pop(int(next_end) - 1, {}).items()]
                next_end += 1
        second = int(time)
        pane = panes.get(second)
        if pane is None:
            pane = panes[second] = {}
        pane[key] = add(pane.get(key, 0), item)
    for second in sorted(panes):
        sent += [(name, float(second), total) for name, total in panes[second].items()]
    return len(sent)


def parity(items: Any) -> int:
    count = 0
    for x in items:
        if is_even(x):
            half(x)
        else:
            triple(x)
        count += 1
    return count


def awaiting(items: Any) -> int:
    """100 bare coroutines that share one iterator."""
    count = 0

    async def worker(source: Any) -> None:
        nonlocal count
        for x in source:
            await answer(x)
            count += 1

    async def work() -> None:
        source = iter(items)
        await asyncio.gather(*(worker(source) for _ in range(CONCURRENCY)))

    asyncio.run(work())
    return count


CAN = {"W1": numbers, "W2": word_count, "W3": window_sums, "W4": parity, "W5": awaiting}

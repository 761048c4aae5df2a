"""The workloads on aiostream. It has no windows of event time, and no split of one stream into two."""

from __future__ import annotations

import asyncio
from typing import Any

from aiostream import pipe, stream

from tests.benchmarks.tally import Tally
from tests.benchmarks.workloads import CONCURRENCY, affine, answer, digits, is_even, itself, one_more, words


def _run(built: Any, keep: bool) -> Any:
    async def work() -> Any:
        tally = Tally(keep)
        async with built.stream() as streamer:
            async for item in streamer:
                tally.take(item)
        return tally.result()

    return asyncio.run(work())


def numbers(items: Any, keep: bool = False) -> Any:
    return _run(stream.iterate(items) | pipe.map(affine) | pipe.filter(is_even) | pipe.map(digits), keep)


def word_count(items: Any, keep: bool = False) -> Any:
    counts: dict[str, int] = {}

    def count(word: str) -> int:
        key = itself(word)
        counts[key] = value = one_more(counts.get(key, 0), word)
        return value

    split = stream.iterate(items) | pipe.concatmap(lambda line: stream.iterate(words(line)), task_limit=1)
    return _run(split | pipe.map(count), keep)


def awaiting(items: Any, keep: bool = False) -> Any:
    return _run(stream.iterate(items) | pipe.map(answer, ordered=True, task_limit=CONCURRENCY), keep)


CAN = {"W1": numbers, "W2": word_count, "W5": awaiting}

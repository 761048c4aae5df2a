"""The workloads on reactivex. It has no windows of event time."""

from __future__ import annotations

import asyncio
from typing import Any

import reactivex as rx
from reactivex import operators as ops

from tests.benchmarks.tally import Tally
from tests.benchmarks.workloads import (
    CONCURRENCY,
    affine,
    answer,
    digits,
    half,
    is_even,
    itself,
    one_more,
    triple,
    words,
)


def _run(stream: rx.Observable[Any], keep: bool) -> Any:
    tally = Tally(keep)
    errors: list[Exception] = []
    stream.subscribe(tally.take, errors.append)
    if errors:
        raise errors[0]
    return tally.result()


def numbers(items: Any, keep: bool = False) -> Any:
    return _run(rx.from_iterable(items).pipe(ops.map(affine), ops.filter(is_even), ops.map(digits)), keep)


def word_count(items: Any, keep: bool = False) -> Any:
    def count(state: tuple[dict[str, int], int], word: str) -> tuple[dict[str, int], int]:
        counts, key = state[0], itself(word)
        counts[key] = value = one_more(counts.get(key, 0), word)
        return counts, value

    start: tuple[dict[str, int], int] = ({}, 0)
    split = rx.from_iterable(items).pipe(ops.flat_map(lambda line: rx.from_iterable(words(line))))
    return _run(split.pipe(ops.scan(count, start), ops.map(lambda state: state[1])), keep)


def parity(items: Any, keep: bool = False) -> Any:
    source = rx.from_iterable(items).pipe(ops.publish())
    even = source.pipe(ops.filter(is_even), ops.map(half))
    odd = source.pipe(ops.filter(lambda x: not is_even(x)), ops.map(triple))
    tally = Tally(keep)
    rx.merge(even, odd).subscribe(tally.take)
    source.connect()
    return tally.result()


def awaiting(items: Any, keep: bool = False) -> Any:
    async def work() -> Any:
        tally, done = Tally(keep), asyncio.get_running_loop().create_future()
        asked = ops.map(lambda x: rx.defer(lambda _: rx.from_future(asyncio.ensure_future(answer(x)))))
        stream = rx.from_iterable(items).pipe(asked, ops.merge(max_concurrent=CONCURRENCY))
        stream.subscribe(tally.take, done.set_exception, lambda: done.set_result(None))
        await done
        return tally.result()

    return asyncio.run(work())


CAN = {"W1": numbers, "W2": word_count, "W4": parity, "W5": awaiting}

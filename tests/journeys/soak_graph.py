"""A graph that is always at full load, and knows at any time what must have come out of it."""

from __future__ import annotations

import asyncio
from typing import Any

import streamweave_lab as sw
from streamweave_lab.graph.source import Poll

EVERY = 1009
"""Of so many numbers one is refused by `parse`."""


class SoakConfig(sw.Config):
    """What is reloaded meanwhile."""

    least: int = sw.live(0, ge=0, description="smaller remainders are left out")


class Endless(sw.Source[int]):
    """0, 1, 2, … as fast as it goes; a thousand of them are a second of event time."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.time = by_the_thousand

    def opened(self) -> None:
        self.position = 0

    def seek(self, position: int) -> None:
        self.position = position

    def poll(self, limit: int) -> Poll[int]:
        first, self.position = self.position, self.position + limit
        return [*range(first, first + limit)]


class Tally(sw.Sink[Any]):
    """How many items came, and their sum; nothing of it is lost when the run goes on from a checkpoint."""

    guarantee = "effectively once"

    def opened(self) -> None:
        self.count = self.total = 0

    def on_batch(self, port: str, batch: sw.Batch) -> None:
        self.count += len(batch)
        self.total += sum(map(value_of, batch.items))

    def snapshot(self) -> list[int]:
        return [self.count, self.total]

    def restore(self, state: list[int]) -> None:
        self.count, self.total = state


def value_of(item: Any) -> int:
    """The number that an item stands for."""
    if isinstance(item, sw.Failure):
        return int(item.item)
    return int(item.value if isinstance(item, sw.WindowResult) else item)


def by_the_thousand(number: int) -> float:
    return number / 1000


def parse(number: int) -> int:
    if number % EVERY == EVERY - 1:
        raise ValueError("no number")
    return number


def square(number: int) -> int:
    """For a worker process."""
    return number * number


async def fetch(number: int) -> int:
    await asyncio.sleep(0.001)
    return number


def enough(number: int, config: SoakConfig) -> bool:
    return number % 1000 >= config.least


def soak_graph() -> sw.Graph:
    """Every kind of node state: polled, plain, windowed, keyed, awaited, in a worker process."""
    parsed = sw.Map("parse", parse)
    some = sw.Filter("some", lambda number: number % 1000 == 0)
    windows = sw.Window("windows", sw.sum(float), sw.Tumbling(seconds=1), key=lambda number: number % 7)
    running = sw.Reduce("running", lambda most, number: max(most, number), initial=0, key=lambda number: number % 1000)
    return sw.Graph(
        "soak",
        Endless("numbers") >> parsed >> Tally("all"),
        parsed >> windows >> Tally("sums"),
        parsed >> sw.Filter("enough", enough, config=SoakConfig) >> running >> sw.Count("most"),
        parsed >> some >> sw.MapAsync("fetch", fetch, concurrency=8) >> Tally("fetched"),
        some >> sw.Map("square", square, workers=1) >> sw.Count("squares"),
        parsed.error >> Tally("refused"),
        drills=True,
    )  # fmt: skip


def check(run: sw.LocalRun) -> None:
    """Of a drained run: everything that the source ever brought has come out, once. Raises: AssertionError."""
    position = run["numbers"].position
    counted = run["all"].count + run["refused"].count
    assert counted == position, f"{position} numbers, {counted} of them came out"
    total = run["all"].total + run["refused"].total
    assert total == position * (position - 1) // 2, f"the sum of what came out is {total}, with {position} numbers"
    assert run["sums"].total == run["all"].total, f"windows have {run['sums'].total}, not {run['all'].total}"
    assert run["fetched"].count == run["squares"].count, (
        f"{run['fetched'].count} fetched, {run['squares'].count} squared"
    )

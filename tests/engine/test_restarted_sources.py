"""Law 9 for sources: one that begins again goes on where it was, and brings nothing twice."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, ClassVar

from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import END, AsyncSource, Poll, Source
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, ForEach
from streamweave_lab.testing.loop import run_virtual


class Ticks(AsyncSource[int]):
    """A number a second; it goes on from its position, and counts its streams that are open."""

    most: ClassVar[int]

    def __init__(self, name: str, n: int) -> None:
        super().__init__(name)
        self.n, self.streams = n, 0

    async def stream(self) -> AsyncIterator[list[int]]:
        self.streams += 1
        Ticks.most = max(Ticks.most, self.streams)
        try:
            for number in range(self.position, self.n):
                await asyncio.sleep(1.0)
                self.position = number + 1
                yield [number]
        finally:
            self.streams -= 1

    def seek(self, position: int) -> None:
        self.position = position


class FailsOnce(Step[int, int]):
    """Fails as a whole where it meets 3 for the first time."""

    def opened(self) -> None:
        self.failed = getattr(self, "failed", False)

    def on_item(self, item: int) -> None:
        if item == 3 and not self.failed:
            self.failed = True
            raise ValueError(item)
        self.emit(self.out, item)


class Heard(Source[int]):
    """What it has brought cannot be had again; it fails once, on its way to the fourth item."""

    failed = False

    def poll(self, limit: int) -> Poll[int]:
        if self.position == 3 and not self.failed:
            self.failed = True
            raise OSError("nothing is heard")
        if self.position == 6:
            return END
        self.position += 1
        return [self.position - 1]


class Counted(Heard):
    """One that knows all the same how far it has come."""

    def opened(self) -> None:
        self.position = 0

    def snapshot(self) -> Any:
        return self.position

    def restore(self, state: Any) -> None:
        self.position = state


def test_a_source_that_is_awaited_and_begins_again_with_its_group_brings_each_item_once() -> None:
    async def main() -> list[int]:
        Ticks.most, group = 0, Supervision(policy="restart_group", group="both", backoff=2.5)
        graph = Graph("g", Ticks("t", 9) >> FailsOnce("f") >> Collect("all"), supervise={"t": group, "f": group})
        run = graph.start()
        await run.done()
        items: list[int] = run["all"].items
        return items

    assert run_virtual(main()) == [0, 1, 2, 4, 5, 6, 7, 8]
    assert Ticks.most == 1


def test_what_such_a_source_has_in_hand_when_its_group_rests_comes_after_the_rest() -> None:
    seen: list[int] = []

    async def slow(item: int) -> None:
        await asyncio.sleep(4.0)
        if item == 1:
            raise ValueError(item)
        seen.append(item)

    async def main() -> None:
        Ticks.most, group = 0, Supervision(policy="restart_group", group="both", backoff=2.5)
        sink = ForEach("slow", slow)
        graph = Graph("g", (Ticks("t", 9) >> sink).capacity(1), supervise={"t": group, "slow": group})
        await graph.start().done()

    run_virtual(main())
    assert seen == [0, 2, 3, 4, 5, 6, 7, 8]


def test_a_source_without_a_way_back_goes_on_where_it_was_if_it_keeps_that() -> None:
    graph = Graph("g", Counted("heard") >> Collect("all"), supervise={"heard": "restart"})
    assert graph.run_to_end()["all"].items == [0, 1, 2, 3, 4, 5]


def test_a_drain_ends_well_while_a_source_rests_that_could_not_begin_again() -> None:
    async def main() -> None:
        resting = Supervision(policy="restart", backoff=20.0)
        run = Graph("g", Heard("heard") >> Collect("all"), supervise={"heard": resting}).start()
        await asyncio.sleep(1.0)
        report = await run.drain(timeout=5.0)
        assert (report.complete, report.seconds) == (True, 0.0)
        assert (run["all"].items, run.failure) == ([0, 1, 2], None)

    run_virtual(main())

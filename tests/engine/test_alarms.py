"""Nodes that ask to be woken at a certain moment."""

import asyncio
from typing import Any

from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.testing.loop import run_virtual


class Rare(Source[int]):
    """An item every ten seconds."""

    def poll(self, limit: int) -> Poll[int]:
        self.position += 1
        return [self.position] if self.position % 2 else Wait(10.0)


class Echo(Step[int, Any]):
    """Says each item again after one and after three seconds."""

    def on_item(self, item: int) -> None:
        self.wake_at(self.clock.now() + 3.0)
        self.wake_at(self.clock.now() + 1.0)

    def woken(self, now: float) -> None:
        self.emit(self.out, round(now, 6))


def test_a_node_is_woken_at_each_of_the_times_it_asked_for() -> None:
    async def main() -> None:
        run = Graph("echo", Rare("rare") >> Echo("echo") >> Collect("said")).start()
        await asyncio.sleep(15)
        assert run["said"].items == [1.0, 3.0, 11.0, 13.0]
        await run.drain()

    run_virtual(main())


def test_a_paused_run_wakes_nobody_and_catches_up_afterwards() -> None:
    async def main() -> None:
        run = Graph("echo", Rare("rare") >> Echo("echo") >> Collect("said")).start()
        await asyncio.sleep(0.5)
        await run.pause()
        await asyncio.sleep(4.5)
        assert run["said"].items == []
        await run.resume()
        await asyncio.sleep(0.1)
        assert run["said"].items == [5.0]
        await run.stop()

    run_virtual(main())


def test_a_run_that_ends_leaves_no_alarm_behind() -> None:
    async def main() -> None:
        run = Graph("echo", Replay("one", [1]) >> Echo("echo") >> Collect("said")).start()
        await run.done()
        assert run["said"].items == []
        loop: Any = asyncio.get_running_loop()
        assert [handle for handle in loop._scheduled if not handle.cancelled()] == []

    run_virtual(main())

"""A pause holds the clock of sources that are paced by it: they go on where they stood."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from streamweave_lab.clock import HeldClock, VirtualClock
from streamweave_lab.connectors.hostmetrics import HostMetrics
from streamweave_lab.connectors.recorded import Recorded
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource, Poll, Source, Wait
from streamweave_lab.operators import Collect
from streamweave_lab.testing.loop import run_virtual
from tests.engine.test_truth import Ticking


class Paced(Ticking):
    """One item a second of its own clock."""

    pauses = True

    @property
    def backlog(self) -> int:  # type: ignore[override]
        return max(0, int(self.clock.now()) + 1 - self.position)


class Silent(Source[int]):
    pauses = True

    def poll(self, limit: int) -> Poll[int]:
        return Wait(10.0)


class Streaming(AsyncSource[int]):
    """One item a second, whether the run is paused or not."""

    async def stream(self) -> AsyncIterator[list[int]]:
        for item in range(1000):
            yield [item]
            await asyncio.sleep(1.0)


def while_running(source: Source[int], act: Callable[[LocalRun], Awaitable[None]]) -> None:
    async def main() -> None:
        run = Graph("paced", source >> Collect("end")).start()
        await asyncio.sleep(2.5)
        await act(run)
        await run.stop()

    run_virtual(main())


def test_a_held_clock_runs_on_from_where_it_stood() -> None:
    outer = VirtualClock()
    clock = HeldClock(outer)
    readings = []
    for act in (clock.hold, clock.hold, clock.go_on, clock.go_on, lambda: clock.skip(5.0)):
        outer.move_to(outer.now() + 1.0)
        act()
        readings.append((clock.now(), outer.now()))
    assert readings == [(1.0, 1.0), (1.0, 2.0), (1.0, 3.0), (2.0, 4.0), (8.0, 5.0)]


def test_after_a_pause_a_paced_source_goes_on_where_it_stood_and_does_not_catch_up() -> None:
    async def act(run: LocalRun) -> None:
        await run.pause()
        await asyncio.sleep(100.0)
        await run.resume()
        assert run["end"].items == [0, 1, 2]
        await asyncio.sleep(0.4)
        assert run["end"].items == [0, 1, 2]
        await asyncio.sleep(0.2)
        assert run["end"].items == [0, 1, 2, 3]

    while_running(Paced("n"), act)


def test_a_paused_replay_is_not_said_to_fall_behind() -> None:
    async def act(run: LocalRun) -> None:
        await run.pause()
        await asyncio.sleep(100.0)
        status = run.status()
        assert status.pause is not None
        assert (status.pause.seconds, status.pause.grown) == (100.0, {})

    while_running(Paced("n"), act)


def test_a_step_jumps_to_the_next_item_and_the_run_goes_on_from_there() -> None:
    async def act(run: LocalRun) -> None:
        await run.pause()
        await asyncio.sleep(100.0)
        for expected in (3, 4, 5):
            stepped = await run.step(items=1)
            assert (stepped.items, stepped.ended_by, run["end"].items[-1]) == (1, None, expected)
        await run.resume()
        await asyncio.sleep(0.9)
        assert run["end"].items[-1] == 5
        await asyncio.sleep(0.2)
        assert run["end"].items[-1] == 6

    while_running(Paced("n"), act)


def test_a_step_to_a_frontier_takes_no_longer_than_its_items() -> None:
    async def act(run: LocalRun) -> None:
        await run.pause()
        before = run.core.clock.now()
        stepped = await run.step(until=60.0)
        assert (stepped.items, run["end"].items[-1]) == (58, 60)
        assert run.core.clock.now() - before < 10

    source = Paced("n")
    source.time = float
    while_running(source, act)


def test_a_step_gives_up_on_a_source_that_only_waits() -> None:
    async def act(run: LocalRun) -> None:
        await run.pause()
        stepped = await run.step(items=1, timeout=0.5)
        assert (stepped.items, stepped.ended_by) == (0, "n has nothing now")

    while_running(Silent("n"), act)


def test_what_happens_outside_goes_on_during_a_pause() -> None:
    assert Recorded.pauses
    assert not HostMetrics.pauses
    assert not Source.pauses


def test_an_asynchronous_source_sends_nothing_while_the_run_is_paused_and_loses_nothing_by_it() -> None:
    async def act(run: LocalRun) -> None:
        await run.pause()
        await asyncio.sleep(100.0)
        status = run.status()
        assert (status.node("n").items_out["out"], status.edges[0].queued) == (3, 0)
        await run.resume()
        await asyncio.sleep(1.5)
        assert run["end"].items == [0, 1, 2, 3, 4]

    while_running(Streaming("n"), act)

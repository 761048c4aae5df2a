"""Law 8, the rest: how a run ends by itself, is stopped, or is replaced; and what its nodes are told of it."""

import asyncio
from typing import Any

import pytest

from streamweave_lab.engine.registry import runs
from streamweave_lab.engine.reports import Stopped
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Count, ForEach, Map, MapAsync, Replay
from streamweave_lab.testing.loop import run_virtual


class Ticking(Replay[int]):
    """One item a second, without end."""

    def __init__(self, name: str = "ticks") -> None:
        super().__init__(name, range(10**9))

    def poll(self, limit: int) -> Poll[int]:
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


async def a_second(item: int) -> int:
    await asyncio.sleep(1.0)
    return item


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


def events(run: LocalRun) -> list[str]:
    return [event.event for event in reversed(run.status().events)]


def test_a_run_ends_when_all_its_sources_have() -> None:
    async def main() -> None:
        run = Graph("finite", Replay("numbers", range(5)) >> Count("n")).start()
        status = await run.done()
        assert (status.state, status.ready, status.reasons) == ("stopped", False, ("stopped",))
        assert events(run) == ["run.started", "source.ended", "run.stopped"]
        assert [node.state for node in status.nodes] == ["ended", "ended"]
        assert status.ended_at is not None

    run_virtual(main())


def test_a_stop_ends_at_once_and_counts_what_it_lost() -> None:
    async def main() -> None:
        path = (Replay("numbers", range(10**9)) >> Map("step", abs)).capacity(20)
        run = Graph("stopped", (path >> ForEach("hang", hang, concurrency=3)).capacity(10)).start()
        await asyncio.sleep(1)
        report = await run.stop()
        lost = {"numbers.out -> step.in": 20, "step.out -> hang.in": 10, "hang": 6}
        assert report == Stopped(seconds=0.0, dropped=lost)
        assert run.status().events[0].message == "stopped; 36 items dropped"
        assert (await run.stop()).dropped == lost  # said again, and not done again
        assert (await run.done()).state == "stopped"

    run_virtual(main())


def test_a_paused_run_can_be_stopped() -> None:
    async def main() -> None:
        run = Graph("paused", (Replay("numbers", range(100)) >> ForEach("write", a_second)).capacity(10)).start()
        await asyncio.sleep(2.5)
        await run.pause()
        await asyncio.sleep(60)
        position = run["numbers"].position
        assert sum((await run.stop()).dropped.values()) == position - 3  # the third came back in the pause
        assert run.status().state == "stopped"

    run_virtual(main())


def test_to_stop_waiting_for_a_run_leaves_the_run_alone() -> None:
    async def main() -> None:
        run = Graph("alone", Ticking() >> Count("n")).start()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.done(), 2.5)
        waiting = asyncio.ensure_future(run.done())
        await asyncio.sleep(1)
        waiting.cancel()
        await asyncio.sleep(10)
        assert (run.status().state, run["n"].count) == ("running", 14)
        await run.stop()

    run_virtual(main())


class Noted(Step[int, int]):
    """Writes down what it is told."""

    log: list[str]

    def __init__(self, name: str, log: list[str]) -> None:
        super().__init__(name)
        self.log = log

    def opened(self) -> None:
        self.log.append(f"{self.name} opened")

    def on_item(self, item: int) -> None:
        if item == 13:
            raise ValueError(item)
        self.emit(self.out, item)

    def finished(self) -> None:
        self.log.append(f"{self.name} finished")

    def closed(self) -> None:
        self.log.append(f"{self.name} closed")


def test_every_node_that_was_opened_is_closed_once_however_the_run_ends() -> None:
    async def main() -> None:
        log: list[str] = []

        def graph(items: Any) -> Graph:
            return Graph("noted", items >> Noted("a", log) >> Noted("b", log) >> Count("end"))

        opened = ["b opened", "a opened"]
        await graph(Replay("n", [1, 2])).start().done()
        assert log == [*opened, "a finished", "a closed", "b finished", "b closed"]
        log.clear()
        run = graph(Ticking()).start()
        await asyncio.sleep(1)
        await run.stop()
        assert log == [*opened, "a closed", "b closed"]
        log.clear()
        with pytest.raises(RunFailedError):
            await graph(Replay("n", [13])).start().done()
        assert log == [*opened, "a closed", "b closed"]

    run_virtual(main())


def test_the_earlier_run_of_a_name_is_drained_before_the_new_one_begins() -> None:
    async def main() -> None:
        def graph() -> Graph:
            return Graph("same", Ticking() >> ForEach("write", a_second, concurrency=2))

        first = graph().start()
        await asyncio.sleep(3.5)
        second = graph().start()
        assert runs()["same"] is second
        await asyncio.sleep(0.1)
        status = second.status()
        assert (status.state, status.ready) == ("starting", False)
        assert status.reasons == ("starting: the run it replaces has not ended",)
        assert (status.uptime, status.nodes[0].idle_seconds) == (0.0, 0.0)
        await asyncio.sleep(1.0)
        assert (first.status().state, second.status().state) == ("stopped", "running")
        assert first.status().node("write").items_in == {"in": 4}
        assert events(second) == ["run.replaced", "run.started"]
        assert "which was drained; nothing was dropped" in second.status().events[1].message
        await second.stop()

    run_virtual(main())


def test_an_earlier_run_can_be_stopped_instead() -> None:
    async def main() -> None:
        first = Graph("same", Ticking() >> ForEach("hang", hang)).start()
        await asyncio.sleep(5.5)
        second = Graph("same", Ticking() >> Count("n")).start(replace="stop")
        await asyncio.sleep(0.1)
        assert (first.status().state, second.status().state) == ("stopped", "running")
        assert "which was stopped; 6 of its items were dropped" in second.status().events[1].message
        await second.stop()

    run_virtual(main())


def test_of_three_starts_in_a_row_only_one_lives_at_a_time() -> None:
    async def main() -> None:
        first, second, third = (Graph("same", Ticking() >> ForEach("write", a_second)).start() for _ in range(3))
        states: list[tuple[str, ...]] = []
        for _ in range(30):
            await asyncio.sleep(0.1)
            states.append(tuple(run.status().state for run in (first, second, third)))
            assert [state for state in states[-1] if state in ("running", "draining")] != ["draining", "running"]
        assert states[-1] == ("stopped", "stopped", "running")
        assert await second.drain() is not None
        await third.stop()

    run_virtual(main())


def test_a_run_that_waits_to_replace_another_can_be_stopped() -> None:
    async def main() -> None:
        first = Graph("same", Ticking() >> ForEach("hang", hang)).start()
        await asyncio.sleep(1)
        second = Graph("same", Ticking() >> Count("n")).start()
        with pytest.raises(IllegalMoveError):
            await second.pause()
        assert (await second.stop()).dropped == {}
        third = Graph("same", Ticking() >> Count("n")).start()
        await asyncio.sleep(5)
        assert (first.status().state, third.status().state) == ("draining", "starting")
        await asyncio.sleep(10)
        assert (first.status().state, second.status().state) == ("stopped", "stopped")
        assert second["n"]._count is None  # it was never opened
        assert third.status().state == "running"
        await third.stop()

    run_virtual(main())


def test_a_replacement_that_cannot_begin_fails_and_nobody_is_disturbed() -> None:
    class Broken(Step[int, int]):
        def opened(self) -> None:
            raise OSError("no such device")

    async def main() -> None:
        troubles: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: troubles.append(context))
        Graph("same", Ticking() >> Count("n")).start()
        second = Graph("same", Ticking() >> Broken("broken") >> Count("n")).start()
        with pytest.raises(RunFailedError, match="no such device"):
            await second.done()
        del second
        await asyncio.sleep(1)
        assert troubles == []

    run_virtual(main())


def test_a_slow_worker_that_will_not_be_cancelled_begins_nothing_more() -> None:
    async def main() -> None:
        begun: list[int] = []

        async def stubborn(item: int) -> int:
            begun.append(item)
            for _ in range(3):
                try:
                    await asyncio.sleep(1.0)
                except asyncio.CancelledError:
                    continue
            return item

        run = Graph(
            "stubborn", Replay("n", range(100)) >> MapAsync("slow", stubborn, concurrency=2) >> Count("n-")
        ).start()
        await asyncio.sleep(0.5)
        await run.stop()
        await asyncio.sleep(60)
        assert begun == [0, 1]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())

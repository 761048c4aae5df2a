"""Law 8: a drain finishes what was brought in, or says what it could not, and never hangs."""

import asyncio

import pytest

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay, Window
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.loop import run_virtual

PHASES = ["readiness off", "sources", "in flight", "windows", "sinks", "close"]


class Ticking(Replay[int]):
    """One item a second, without end."""

    def __init__(self, name: str = "ticks") -> None:
        super().__init__(name, range(10**9), time=float)

    def poll(self, limit: int) -> Poll[int]:
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


class Settings(Config):
    number: int = live(1)


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


async def a_second(item: int) -> int:
    await asyncio.sleep(1.0)
    return item


def test_what_was_brought_in_is_finished_and_windows_are_closed() -> None:
    async def main() -> None:
        window = Window("sums", lambda pane: (pane.start, sum(pane.items)), Tumbling(seconds=10))
        run = Graph("windows", Ticking() >> window >> Collect("all")).start()
        await asyncio.sleep(14.5)
        assert run["all"].items == [(0.0, 45)]
        report = await run.drain()
        assert (report.complete, report.dropped, report.held_by) == (True, {}, ())
        assert run["all"].items == [(0.0, 45), (10.0, 10 + 11 + 12 + 13 + 14)]
        assert run.status().state == "stopped"
        assert run["ticks"].position == 15

    run_virtual(main())


def test_the_phases_follow_each_other_and_sum_to_the_whole() -> None:
    async def main() -> None:
        fetch = MapAsync("fetch", a_second, concurrency=2)
        window = Window("sums", len, Tumbling(seconds=1000))
        run = Graph("phases", Ticking() >> fetch >> window >> ForEach("write", a_second)).start()
        await asyncio.sleep(4.5)
        draining = asyncio.ensure_future(run.drain())
        await asyncio.sleep(0.1)
        status = run.status()
        assert (status.state, status.ready, status.reasons) == ("draining", False, ("draining: in flight",))
        assert status.drain is not None
        assert (status.drain.phase, status.drain.complete) == ("in flight", False)
        report = await draining
        assert list(report.phases) == PHASES
        assert report.phases["in flight"] == pytest.approx(0.5)
        assert report.phases["sinks"] == pytest.approx(1.0)
        assert sum(report.phases.values()) == pytest.approx(report.seconds) == pytest.approx(1.5)
        assert run.status().drain is not None
        assert run.status().events[0].event == "run.drained"

    run_virtual(main())


def brim() -> Graph:
    """A graph that is full from its sink to its source."""
    path = (Replay("numbers", range(10**9)) >> Map("step", abs)).capacity(20)
    return Graph("brim", (path >> ForEach("hang", hang, concurrency=3)).capacity(10))


def test_a_full_graph_whose_sink_hangs_is_ended_when_the_time_is_up_and_all_is_counted() -> None:
    async def main() -> None:
        run = brim().start()
        await asyncio.sleep(5)
        report = await run.drain(timeout=2.0)
        assert (report.complete, report.seconds) == (False, pytest.approx(2.0))
        edges = {"numbers.out -> step.in": 20, "step.out -> hang.in": 10}
        assert report.dropped == {**edges, "hang": 6}
        assert sum(report.dropped.values()) == run["numbers"].position == 36
        assert report.held_by == ("hang",)  # the others only wait for it
        status = run.status()
        assert (status.state, status.events[0].event, status.events[0].level) == (
            "stopped", "run.drain_timed_out", "warning",
        )  # fmt: skip
        assert "36 items dropped" in status.events[0].message
        assert [(edge.queued, edge.sent - edge.received - edge.dropped) for edge in status.edges] == [(0, 0), (0, 0)]

    run_virtual(main())


def test_a_drain_asked_for_twice_is_one_drain() -> None:
    async def main() -> None:
        run = Graph("twice", Ticking() >> ForEach("write", a_second)).start()
        await asyncio.sleep(3.5)
        first, second = await asyncio.gather(run.drain(), run.drain(timeout=0.0))
        assert first is second
        assert first.complete
        assert await run.drain() is first
        assert [event.event for event in run.status().events].count("run.draining") == 1

    run_virtual(main())


def test_a_paused_run_takes_in_nothing_new_when_it_is_drained() -> None:
    async def main() -> None:
        run = Graph("paused", Replay("numbers", range(10**9)) >> ForEach("write", a_second)).start()
        await asyncio.sleep(2.5)
        await run.pause()
        await asyncio.sleep(10)
        position = run["numbers"].position
        report = await run.drain(timeout=10**6)
        assert (report.complete, run["numbers"].position) == (True, position)
        assert run.status().node("write").items_in == {"in": position}

    run_virtual(main())


def test_a_run_that_has_failed_is_drained_at_once_and_not_called_complete() -> None:
    async def main() -> None:
        run = Graph("failed", Replay("zeros", [0]) >> Map("inverse", lambda n: 1 / n) >> Count("n")).start()
        with pytest.raises(RunFailedError):
            await run.done()
        report = await run.drain()
        assert (report.complete, report.seconds, report.dropped) == (False, 0.0, {"inverse": 1})

    run_virtual(main())


def test_a_node_that_fails_while_it_is_drained_makes_the_drain_incomplete() -> None:
    class Failing(Step[int, int]):
        def on_item(self, item: int) -> None:
            self.emit(self.out, item)

        def finished(self) -> None:
            raise ValueError("cannot finish")

    async def main() -> None:
        run = Graph("failing", Ticking() >> Failing("failing") >> Count("n")).start()
        await asyncio.sleep(3.5)
        report = await run.drain()
        assert (report.complete, run.status().state) == (False, "failed")
        assert "run.drained" not in [event.event for event in run.status().events]
        with pytest.raises(RunFailedError, match="cannot finish"):
            await run.done()

    run_virtual(main())


def test_a_run_that_has_ended_by_itself_is_drained_already() -> None:
    async def main() -> None:
        run = Graph("ended", Replay("numbers", range(5)) >> Count("n")).start()
        await run.done()
        report = await run.drain()
        assert (report.complete, report.dropped, report.phases) == (True, {}, {})

    run_virtual(main())


def test_a_stop_cuts_a_drain_short() -> None:
    async def main() -> None:
        run = brim().start()
        await asyncio.sleep(1)
        draining = asyncio.ensure_future(run.drain())
        await asyncio.sleep(1)
        stopped = await run.stop()
        report = await draining
        assert (report.complete, report.dropped) == (False, stopped.dropped)
        assert sum(stopped.dropped.values()) == 36

    run_virtual(main())


def test_a_drain_that_nobody_waits_for_any_more_goes_on() -> None:
    async def main() -> None:
        run = Graph("cancelled", Ticking() >> ForEach("write", a_second)).start()
        await asyncio.sleep(3.5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.drain(), 0.1)
        assert (await run.done()).state == "stopped"

    run_virtual(main())


def test_the_queue_of_a_window_is_drained_through_two_windows_in_a_row() -> None:
    async def main() -> None:
        small = Window("small", lambda pane: len(pane.items), Tumbling(seconds=10))
        large = Window("large", lambda pane: sum(pane.items), Tumbling(seconds=100))
        run = Graph("row", (Ticking() >> small).capacity(1) >> large >> Collect("all")).start()
        await asyncio.sleep(34.5)
        assert (await run.drain()).complete
        assert run["all"].items == [35]

    run_virtual(main())


def test_a_run_cannot_be_paused_while_it_drains_nor_resumed_when_it_has_ended() -> None:
    async def main() -> None:
        run = brim().start()
        draining = asyncio.ensure_future(run.drain(timeout=1.0))
        await asyncio.sleep(0.5)
        with pytest.raises(IllegalMoveError, match="is draining: it cannot pause now"):
            await run.pause()
        await draining
        with pytest.raises(IllegalMoveError, match="is stopped: it cannot resume now"):
            await run.resume()

    run_virtual(main())


def sent(run: LocalRun) -> int:
    return sum(edge.sent for edge in run.status().edges)


def test_a_drain_during_a_reload_ends_both() -> None:
    async def main() -> None:
        run = brim().start(Settings())
        await asyncio.sleep(1)
        change = asyncio.ensure_future(run.configure(number=2))
        await asyncio.sleep(1)
        report = await run.drain(timeout=1.0)
        assert (report.complete, (await change).applied) == (False, False)
        assert sent(run) == 36 + 16

    run_virtual(main())

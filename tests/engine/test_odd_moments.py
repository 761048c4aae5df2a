"""Ends that come at a moment when something else is going on."""

import asyncio
from pathlib import Path
from threading import Event

import pytest

from streamweave_lab.engine.lifecycle import State
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint, Info
from streamweave_lab.testing.loop import run_virtual


class Ticks(Source[int]):
    """One number every ten milliseconds, without an end."""

    def opened(self) -> None:
        self.next = self.clock.now()

    def poll(self, limit: int) -> Poll[int]:
        if (wait := self.next - self.clock.now()) > 0:
            return Wait(wait)
        self.next += 0.01
        self.position += 1
        return [self.position - 1]

    def seek(self, position: int) -> None:
        self.position = position


class Waiting(SqliteStore):
    """Writes the last checkpoint when it is let."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asked, self.let = Event(), Event()

    def write(self, checkpoint: Checkpoint) -> Info:
        if checkpoint.reason == "suspend":
            self.asked.set()
            assert self.let.wait(60.0)
        return super().write(checkpoint)


def to_two(n: int) -> int:
    if n > 2:
        raise ValueError(n)
    return n


def test_a_node_that_stops_in_a_step_of_a_paused_run_lets_the_run_end_as_it_would_have_without_the_pause() -> None:
    async def main() -> None:
        graph = Graph("g", Ticks("t") >> Map("two", to_two) >> Collect("all"), supervise={"two": "stop"})
        run = graph.start()
        await run.pause()
        stepped = await run.step(items=4)
        await run.done()
        assert stepped.ended_by == "the run is stopped"
        assert (run["all"].items, run.lifecycle.state) == ([0, 1, 2], State.STOPPED)

    run_virtual(main())


def test_who_stops_a_suspend_whose_checkpoint_is_being_written_is_told_that_it_may_be_there(tmp_path: Path) -> None:
    async def main() -> None:
        store, written = Waiting(tmp_path / "s.db"), asyncio.Event()
        run = Graph("g", Ticks("t") >> Collect("all")).start(store=store)
        suspend = asyncio.ensure_future(run.suspend())
        await asyncio.to_thread(store.asked.wait, 60.0)
        run.observe(lambda event: written.set() if event.event == "checkpoint.committed" else None)
        stop = asyncio.ensure_future(run.stop())
        report = await suspend
        store.let.set()
        await stop
        assert (report.committed, report.problem) == (
            False, "it was stopped while its checkpoint was being written; that may be there later all the same"
        )  # fmt: skip
        newest = store.latest("g")
        assert newest is not None
        assert newest.reason == "suspend"
        await written.wait()
        assert run.events[0].message == f"checkpoint {newest.id} holds all before epoch {newest.epoch}"

    asyncio.run(asyncio.wait_for(main(), 120.0))


class Ending(Step[int, int]):
    """Its work takes a second, and its end raises."""

    awaits = True

    async def work(self, item: int) -> int:
        await asyncio.sleep(1.0)
        return item

    def finished(self) -> None:
        raise ValueError("no end")


def test_what_is_raised_at_a_mark_that_waited_for_items_in_flight_fails_the_run_for_nobody_sends_it_again() -> None:
    async def main() -> None:
        graph = Graph("g", Replay("n", [1]) >> Ending("e") >> Collect("all"), supervise={"e": "restart"})
        with pytest.raises(RunFailedError, match="no end"):
            await asyncio.wait_for(graph.start().done(), 100.0)

    run_virtual(main())

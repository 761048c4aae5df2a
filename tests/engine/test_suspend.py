"""A suspend ends well only where its state is kept; else the run has failed or was stopped, and everything says so."""

import asyncio
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from streamweave_lab.cli.outcome import Exit, exit_code, sentence
from streamweave_lab.engine.reports import Drained
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError, RunFailedError, StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.operators import Collect, ForEach, Window
from streamweave_lab.operators import sum as total
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint, Info
from streamweave_lab.testing.loop import run_virtual


class Ticks(Source[int]):
    """One item a second."""

    time = staticmethod(float)

    def opened(self) -> None:
        self.begun = self.clock.now() - self.position

    def poll(self, limit: int) -> Poll[int]:
        due = self.begun + self.position - self.clock.now()
        if due > 0:
            return Wait(due)
        self.position += 1
        return [self.position - 1]

    def seek(self, position: int) -> None:
        self.begun, self.position = self.begun + self.position - position, position


class Unkeepable(Step[int, int]):
    """What it has cannot be kept from the third item on."""

    def opened(self) -> None:
        self.state: Any = 0

    def on_item(self, item: int) -> None:
        self.state = item if item < 2 else object()
        self.emit(self.out, item)

    def snapshot(self) -> Any:
        return self.state

    def restore(self, state: Any) -> None:
        self.state = state


def drawn(step: Step[int, int]) -> Graph:
    window = Window("ten", total(float), Tumbling(seconds=10))
    return Graph("sums", Ticks("ticks") >> step >> window >> Collect("all"))


def tens() -> Graph:
    return Graph("sums", Ticks("ticks") >> Window("ten", total(float), Tumbling(seconds=10)) >> Collect("all"))


def test_a_suspend_whose_state_cannot_be_kept_is_a_failed_run_and_everything_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> LocalRun:
        run = drawn(Unkeepable("odd")).start(store=store)
        await asyncio.sleep(1.5)
        assert (await run.checkpoint()).committed
        await asyncio.sleep(3.0)
        report = await run.suspend()
        assert not report.committed
        assert "odd: " in str(report.problem)
        assert report.dropped == run.dropped == {"ten": 5}
        with pytest.raises(
            RunFailedError, match=r"run 'sums' failed: StateError.*checkpoint 2 is the newest"
        ) as caught:
            await run.done()
        assert isinstance(caught.value.__cause__, StateError)
        return run

    run = run_virtual(main())
    status = run.status()
    assert status.state == "failed"
    assert status.node("ten").dropped == 5
    assert [event.event for event in status.events[:2]] == ["run.failed", "checkpoint.failed"]
    assert status.events[0].message.startswith("the state it was suspended with is in no checkpoint: odd: ")
    assert status.events[0].message.endswith("checkpoint 2 is the newest to go on from; 5 items dropped")
    assert status.reasons[0].startswith("failed: StateError(")
    assert exit_code(status, run.dropped) is Exit.FAILED
    assert "checkpoint 2 is the newest to go on from" in sentence(status, run.dropped)


def test_a_drain_whose_last_checkpoint_cannot_be_written_says_that_no_checkpoint_holds_its_end(tmp_path: Path) -> None:
    async def main() -> tuple[LocalRun, Drained]:
        run = drawn(Unkeepable("odd")).start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(4.5)
        return run, await run.drain()

    run, report = run_virtual(main())
    assert (report.complete, report.dropped) == (True, {})
    assert "odd: " in str(report.problem)
    assert (run.events[0].event, run.events[0].level) == ("run.drained", "warning")
    assert exit_code(run.status(), run.dropped) is Exit.FAILED
    said = "run sums was drained; nothing was dropped, but no checkpoint holds its end: odd: "
    assert sentence(run.status(), run.dropped).startswith(said)


def test_a_suspended_run_says_so_last(tmp_path: Path) -> None:
    async def main() -> None:
        run = tens().start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(3.5)
        report = await run.suspend()
        assert report.committed
        assert (run.events[0].event, run.events[0].message) == (
            "run.stopped", f"suspended; checkpoint {report.id} holds its state",
        )  # fmt: skip
        assert exit_code(run.status(), report.dropped) is Exit.DRAINED

    run_virtual(main())


async def _hang(_: object) -> None:
    await asyncio.Event().wait()


def test_a_drain_while_a_run_is_being_suspended_waits_for_that_and_says_that_not_all_is_finished(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        run = tens().start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(3.5)
        await run.pause()
        suspend = asyncio.create_task(run.suspend())
        await asyncio.sleep(0)
        assert run.status().state == "suspending"
        drained = await run.drain()
        assert (drained.complete, drained.dropped) == (False, {})
        assert (await suspend).committed

    run_virtual(main())


def test_a_drain_ends_a_suspend_that_hangs_when_its_own_time_is_up(tmp_path: Path) -> None:
    async def main() -> None:
        run = Graph("g", Ticks("ticks") >> ForEach("hang", _hang)).start(store=SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(2.5)
        suspend = asyncio.create_task(run.suspend(timeout=1000.0))
        await asyncio.sleep(1.0)
        drained = await run.drain(timeout=2.0)
        assert isinstance(drained, Drained)
        assert (drained.complete, drained.seconds) == (False, 2.0)
        assert sum(drained.dropped.values()) == 3
        assert not (await suspend).committed
        assert run.events[0].message == (
            "stopped, not suspended: hang had not met the barrier within 2 s; 3 items dropped"
        )

    run_virtual(main())


class Slow(SqliteStore):
    """Writes when it may."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may, self.begun = Event(), Event()

    def write(self, checkpoint: Checkpoint) -> Info:
        self.begun.set()
        assert self.may.wait(60)
        return super().write(checkpoint)


def test_a_stop_waits_for_the_checkpoint_that_is_being_written(tmp_path: Path) -> None:
    store = Slow(tmp_path / "state.db")

    async def main() -> None:
        store.may.set()
        run = tens().start(store=store)
        while not run.core.let:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        store.may.clear()
        store.begun.clear()
        checkpoint = asyncio.create_task(run.checkpoint())
        while not store.begun.is_set():  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        stop = asyncio.create_task(run.stop())
        await asyncio.sleep(0.05)
        assert run.status().state == "stopped"
        assert not stop.done()
        store.may.set()
        await stop
        assert (await checkpoint).committed
        assert [info.reason for info in store.list("sums")] == ["demand", "start"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("state", "verb", "remedy"),
    [
        ("running", "step", "pause it first"),
        ("running", "resume", "it flows already"),
        ("paused", "checkpoint", "resume it first"),
        ("suspending", "pause", "it is about to end; await done() to see how"),
        ("stopped", "suspend", "start the graph again"),
    ],
)
def test_a_move_that_is_not_allowed_says_what_to_do(state: str, verb: str, remedy: str) -> None:
    assert str(IllegalMoveError("g", verb, state)) == f"run 'g' is {state}: it cannot {verb} now; {remedy}"

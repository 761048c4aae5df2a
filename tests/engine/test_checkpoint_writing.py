"""When checkpoints are written, in which order, and what is waited for where."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.engine.reports import Checkpointed, Drained
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Sink, Step
from streamweave_lab.graph.source import Poll
from streamweave_lab.operators import Collect, Count, ForEach, Replay
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint, Info
from streamweave_lab.testing.loop import run_virtual
from tests.engine.ticking import ticks


def counted(name: str = "n") -> Graph:
    return Graph("g", ticks() >> Count(name))


class Watchful(Replay[int]):
    """Raises where it is asked for items before the store has what the run began with."""

    def __init__(self, store: SqliteStore) -> None:
        super().__init__("numbers", range(5))
        self.store = store

    def poll(self, limit: int) -> Poll[int]:
        assert [info.reason for info in self.store.list("g")] == ["start"]
        return super().poll(limit)


def test_what_a_run_begins_with_is_in_the_store_before_its_first_item(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    assert Graph("g", Watchful(store) >> Count("n")).run_to_end(store=store)["n"].count == 5


def test_in_real_time_the_loop_does_not_wait_for_the_disk_and_the_run_says_what_it_waits_for(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = Graph("g", Watchful(store) >> Count("n")).start(store=store)
        assert run.status().reasons == ("starting: what the run begins with is not in the store yet",)
        await run.done()
        assert run["n"].count == 5

    asyncio.run(asyncio.wait_for(main(), 60))
    assert [info.reason for info in store.list("g")] == ["end", "start"]


def test_a_run_that_goes_on_from_the_newest_checkpoint_need_not_write_it_again(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        for reasons in (["start"], ["start"]):
            run = counted().start(store=store, resume=True)
            await asyncio.sleep(3.5)
            await run.stop()
            assert [info.reason for info in store.list("g")] == reasons

    run_virtual(main())


def test_a_run_that_goes_on_from_an_older_checkpoint_or_with_other_nodes_is_what_the_next_one_goes_on_from(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = counted().start(store=store)
        await asyncio.sleep(3.5)
        await run.checkpoint()
        await run.stop()
        older = counted().start(store=store, resume=1)
        await older.stop()
        again = counted().start(store=store, resume=True)
        assert again["n"].count == 0
        await again.stop()
        assert [info.id for info in store.list("g")] == [3, 2, 1]
        changed = counted("m").start(store=store, resume=True, allow_changed=True)
        await changed.stop()
        await counted("m").start(store=store, resume=True).stop()

    run_virtual(main())


def test_a_run_that_is_drained_while_its_beginning_is_written_ends_with_the_newer_checkpoint(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = Graph("g", Replay("numbers", range(5)) >> Count("n")).start(store=store)
        assert (await run.drain()).complete
        assert run["n"].count == 0

    asyncio.run(asyncio.wait_for(main(), 60))
    assert [info.reason for info in store.list("g")] == ["drain", "start"]


async def _until(come: Callable[[], bool]) -> None:
    while not come():  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)


class Slow(SqliteStore):
    """Takes its time, as a folder far away does, with checkpoints of one reason."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(path)
        self.reason = reason
        self.begun, self.go_on = threading.Event(), threading.Event()

    def write(self, checkpoint: Checkpoint) -> Info:
        if checkpoint.reason == self.reason:
            self.begun.set()
            self.go_on.wait(60)
        return super().write(checkpoint)


class Early(Step[int, int]):
    """Sends an item of its own as soon as it has its first turn."""

    def opened(self) -> None:
        self.wake_at(self.clock.now())

    def woken(self, now: float) -> None:
        self.emit(self.out, 0)


def test_no_node_has_a_turn_before_the_store_has_what_the_run_began_with(tmp_path: Path) -> None:
    store = Slow(tmp_path / "state.db", "start")

    async def main() -> None:
        run = Graph("g", Replay("none", list[int]()) >> Early("early") >> Count("n")).start(store=store)
        assert await asyncio.to_thread(store.begun.wait, 60)
        await asyncio.sleep(0.01)  # enough for a turn, were there one
        assert run["n"].count == 0
        store.go_on.set()
        await run.done()
        assert run["n"].count == 1

    asyncio.run(asyncio.wait_for(main(), 60))


async def _drained_behind_a_write(
    store: Slow,
) -> tuple[LocalRun, asyncio.Future[Checkpointed], asyncio.Future[Drained]]:
    """A run whose nodes have all ended in a drain while a checkpoint that was asked for is still being written."""
    run = Graph("g", ticks() >> Count("n")).start(store=store)
    demanded = asyncio.ensure_future(run.checkpoint())
    assert await asyncio.to_thread(store.begun.wait, 60)
    draining = asyncio.ensure_future(run.drain())
    await _until(lambda: all(node.state == "ended" for node in run.status().nodes))
    return run, demanded, draining


def test_the_last_checkpoint_of_a_run_is_its_newest_also_where_another_is_still_being_written(tmp_path: Path) -> None:
    store = Slow(tmp_path / "state.db", "demand")

    async def main() -> None:
        _, demanded, draining = await _drained_behind_a_write(store)
        await asyncio.sleep(0.01)  # enough for a thread of the last checkpoint that does not wait for its turn
        store.go_on.set()
        assert (await draining).complete
        assert (await demanded).committed

    asyncio.run(asyncio.wait_for(main(), 60))
    assert [info.reason for info in store.list("g")] == ["drain", "demand", "start"]


def test_a_drain_out_of_time_still_keeps_its_last_checkpoint_when_the_one_before_it_is_written(tmp_path: Path) -> None:
    store = Slow(tmp_path / "state.db", "demand")

    async def main() -> None:
        run, demanded, draining = await _drained_behind_a_write(store)
        assert run.draining is not None
        run.draining.hurry(0.0)
        await draining
        assert "its last checkpoint, which is still being written" in run.events[0].message
        store.go_on.set()
        assert (await demanded).committed
        await _until(lambda: len(store.list("g")) == 3)
        assert [info.reason for info in store.list("g")] == ["drain", "demand", "start"]
        async with asyncio.timeout(30):
            await _until(lambda: not list(tmp_path.glob("*.held")))  # and then its place is free

    asyncio.run(asyncio.wait_for(main(), 60))


class Odd(SqliteStore):
    """A store of somebody else, with errors of its own, which keeps nothing but what the run began with."""

    def write(self, checkpoint: Checkpoint) -> Info:
        if checkpoint.reason != "start":
            raise RuntimeError("the tape is full")
        return super().write(checkpoint)


def test_whatever_a_store_raises_fails_its_checkpoints_and_the_run_goes_on_and_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        run = counted().start(store=Odd(tmp_path / "state.db"), checkpoint_every=10)
        await asyncio.sleep(35)
        kept = run.status().checkpoint
        assert kept is not None
        assert (kept.committed, kept.failed) == (1, 3)
        assert kept.problem == f"SqliteStore('{tmp_path}/state.db', keep=10): RuntimeError: the tape is full"
        assert (await run.drain()).problem == kept.problem
        assert run.status().state == "stopped"

    run_virtual(main())


async def _ten_seconds(_: object) -> None:
    await asyncio.sleep(10.0)


def test_nodes_that_end_while_others_have_not_met_the_barrier_are_kept_as_they_were_at_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    def drawn() -> Graph:
        source = ticks(4)
        return Graph("g", source >> Count("n"), source >> ForEach("slow", _ten_seconds))

    async def main() -> None:
        run = drawn().start(store=store)
        await asyncio.sleep(1.5)
        assert (await run.checkpoint()).committed
        assert [node.state for node in run.status().nodes] == ["ended", "ended", "busy"]
        kept = store.latest("g")
        assert kept is not None
        assert dict(kept.positions) == {"ticks": 2}
        await run.stop()
        again = drawn().start(store=store, resume=True)
        assert again["n"].count == 2
        await again.done()
        assert again["n"].count == 4

    run_virtual(main())


def test_nodes_that_have_ended_before_a_checkpoint_are_in_it(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    def drawn() -> Graph:
        return Graph("g", Replay("few", range(3)) >> Collect("kept"), ticks() >> Count("n"))

    async def main() -> None:
        run = drawn().start(store=store)
        await asyncio.sleep(5.5)
        assert [run.status().node(name).state for name in ("few", "kept")] == ["ended", "ended"]
        assert (await run.checkpoint()).committed
        await run.stop()
        again = drawn().start(store=store, resume=True)
        assert (again["few"].position, again["kept"].items, again["n"].count) == (3, [0, 1, 2], 6)
        await again.drain()
        assert again["kept"].items == [0, 1, 2]

    run_virtual(main())


class Distant(Sink[int]):
    """What it writes is safe only when `secure` has returned."""

    failing = False

    def opened(self) -> None:
        self.seen = 0
        self.secured: list[tuple[int, bool]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def on_item(self, item: int) -> None:
        self.seen += 1

    def snapshot(self) -> Any:
        return {"seen": self.seen}

    def secure(self) -> None:
        if self.failing:
            raise OSError(28, "No space left on device")
        if self.seen:
            self.begun.set()
            self.go_on.wait(60)
        self.secured.append((self.seen, threading.current_thread() is threading.main_thread()))


async def _endless() -> AsyncIterator[int]:
    while True:
        yield 1
        await asyncio.sleep(0)


def distant(failing: bool = False) -> Graph:
    sink = Distant("distant")
    sink.failing = failing
    return Graph("g", Replay("ones", _endless()) >> sink)


def test_what_a_sink_has_to_wait_for_is_waited_for_in_another_thread_before_the_checkpoint_is_written(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = distant().start(store=store)
        await _until(lambda: run["distant"].seen > 0)
        taking = asyncio.ensure_future(run.checkpoint())
        assert await asyncio.to_thread(run["distant"].begun.wait, 60)
        seen = run["distant"].seen
        await _until(lambda: run["distant"].seen > seen + 10)  # the loop goes on, and so do the items
        assert [info.reason for info in store.list("g")] == ["start"]
        run["distant"].go_on.set()
        assert (await taking).committed
        assert [on_the_loop for _, on_the_loop in run["distant"].secured] == [False, False]
        await run.stop()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_sink_that_cannot_secure_what_it_kept_fails_the_run_and_there_is_no_checkpoint(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = distant(failing=True).start(store=store)
        with pytest.raises(RunFailedError, match=r"failed in node 'distant': OSError.*No space left"):
            await run.done()
        assert run["distant"].seen == 0
        assert store.list("g") == ()

    asyncio.run(asyncio.wait_for(main(), 60))


def test_a_run_whose_sink_cannot_secure_its_end_has_failed(tmp_path: Path) -> None:
    class AtTheEnd(Distant):
        @property
        def failing(self) -> bool:  # type: ignore[override]
            return self.seen == 5

    with pytest.raises(RunFailedError, match="No space left"):
        Graph("g", Replay("n", range(5)) >> AtTheEnd("end")).run_to_end(store=SqliteStore(tmp_path / "state.db"))

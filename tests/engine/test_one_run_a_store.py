"""Two runs of one graph never keep their state in one store at the same time."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.errors import RunFailedError, StoreHeldError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.state import Checkpoint, FolderStore, Info, SqliteStore, Store, remote_place
from streamweave_lab.state.folder_files import RemoteFiles


class Endless(AsyncSource[int]):
    """Counts, one at a time, until the run ends."""

    async def stream(self) -> AsyncIterator[list[int]]:
        while True:
            self.position += 1
            yield [self.position]
            await asyncio.sleep(0.001)

    def seek(self, position: int) -> None:
        self.position = position


def drawn() -> Graph:
    return Graph("g", Endless("n") >> Collect("all"))


@pytest.fixture(params=["kept.db", "kept", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    kind: str = request.param
    if kind == "memory":
        return FolderStore(f"memory://{tmp_path.name}")
    return SqliteStore(tmp_path / kind) if kind.endswith(".db") else FolderStore(tmp_path / kind)


def test_a_second_run_is_refused_before_it_brings_anything_and_the_first_goes_on(store: Store) -> None:
    async def live() -> None:
        run = drawn().start(store=store)
        await run.checkpoint()
        there = [info.id for info in store.list("g")]
        second = Graph("g", Replay("n", range(3)) >> Collect("all"))
        with pytest.raises(StoreHeldError, match="a run of 'g' keeps its state there already"):
            second.run_to_end(store=store)
        assert [info.id for info in store.list("g")] == there
        assert (await run.checkpoint()).committed
        assert (await run.suspend()).committed

    asyncio.run(live())


def test_a_restart_in_the_same_process_has_the_place_at_once(store: Store) -> None:
    async def live() -> None:
        first = drawn().start(store=store)
        await first.checkpoint()
        second = drawn().start(store=store, resume=True)
        assert second.replacing is not None
        await second.replacing
        assert first.status().state == "stopped"
        assert (await second.checkpoint()).committed
        await second.suspend()
        third = drawn().start(store=store, resume=True)
        assert third.resume_from is not None
        assert (await third.checkpoint()).committed
        await third.stop()
        fourth = drawn().start(store=store, resume=True)
        assert (await fourth.suspend()).committed

    asyncio.run(live())


def test_a_run_that_was_left_alone_with_its_loop_does_not_keep_its_place(store: Store) -> None:
    async def leave() -> object:
        run = drawn().start(store=store)
        await run.checkpoint()
        return run

    left = asyncio.run(leave())
    ended = Graph("g", Replay("n", range(3)) >> Collect("all")).run_to_end(store=store)
    assert ended["all"].items == [0, 1, 2]
    assert left is not None


def test_a_run_that_fails_leaves_its_place(store: Store) -> None:
    graph = Graph("g", Replay("n", range(3)) >> Map("m", lambda n: 1 // n) >> Collect("all"))
    for _ in range(2):
        with pytest.raises(RunFailedError):
            graph.run_to_end(store=store)


class Taken(SqliteStore):
    """Another process takes the file of the place away, once the first checkpoint is written."""

    def write(self, checkpoint: Checkpoint) -> Info:
        info = super().write(checkpoint)
        (self.path.parent / "kept.db-g.held").unlink(missing_ok=True)
        return info


def test_a_run_that_has_lost_its_place_says_so_and_commits_nothing_more(tmp_path: Path) -> None:
    async def live() -> None:
        store = Taken(tmp_path / "kept.db")
        run = drawn().start(store=store)
        reports = [await run.checkpoint() for _ in range(2)]
        assert [report.committed for report in reports] == [False, False]
        assert "has lost its place there" in str(reports[1].problem)
        assert [info.reason for info in store.list("g")] == ["start"]
        status = run.status()
        assert not status.ready
        assert "it has lost its place in its store, and keeps no checkpoint any more; stop it, and" in status.reasons[0]
        assert status.checkpoint is not None
        assert (status.checkpoint.committed, status.checkpoint.failed) == (1, 2)
        assert "the last one failed, checkpoint 1 is the newest: " in str(run.explain())
        assert "has lost its place there" in str((await run.drain()).problem)

    asyncio.run(live())


def test_a_run_whose_place_at_a_url_has_gone_is_not_ready_before_its_next_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(remote_place, "RENEWED", 0.01)

    async def live() -> None:
        store = FolderStore(f"memory://{tmp_path.name}")
        run = drawn().start(store=store)
        await run.checkpoint()
        assert run.status().ready
        RemoteFiles(store.base, {}).forget(".held-g")
        for _ in range(500):
            if not run.status().ready:
                break
            await asyncio.sleep(0.01)
        assert "it has lost its place in its store" in run.status().reasons[0]
        report = await run.suspend()
        assert "its file was deleted or replaced" in str(report.problem)
        assert run.status().state == "failed"

    asyncio.run(live())


def test_a_run_in_virtual_time_says_when_its_checkpoints_were_really_taken(store: Store) -> None:
    before = SYSTEM_CLOCK.wall()
    Graph("g", Replay("n", range(3)) >> Collect("all")).run_to_end(store=store)
    assert all(before <= info.taken_at <= SYSTEM_CLOCK.wall() for info in store.list("g"))

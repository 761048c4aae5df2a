"""A sink that supervision restarts in a living run loses what it refused, and nothing that was written before."""

import asyncio
import json
import resource
import sqlite3

import pytest

from streamweave_lab.connectors import JSONLinesFile, SQLiteTable
from streamweave_lab.connectors.growing_file import GrowingFile
from streamweave_lab.errors import StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Sink
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Replay
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.harness import Drive
from streamweave_lab.testing.loop import run_virtual

REFUSED = 57


class Numbers(Source[dict[str, object]]):
    """Ten rows a second, one of which no sink here can write."""

    def poll(self, limit: int) -> Poll[dict[str, object]]:
        due = self.position / 10 - self.clock.now()
        if due > 0:
            return Wait(due)
        self.position += 1
        return [{"n": self.position - 1, "v": float("nan") if self.position - 1 == REFUSED else 1.0}]

    def seek(self, position: int) -> None:
        self.position = position


def drawn(sink: Sink[object]) -> Graph:
    supervise = {"sink": Supervision(policy="restart", backoff=0.5)}
    return Graph("rows", Numbers("numbers") >> sink, supervise=supervise)


@pytest.fixture(params=["file", "table", "table, batch by batch", "table with a key"])
def sink(request, tmp_path):
    """Makes a sink, of a mode; and reads the numbers it has written."""
    path, kind = tmp_path / "rows", request.param
    columns = {"n": "INTEGER", "v": "REAL NOT NULL"}

    def made(mode):
        if kind == "file":
            return JSONLinesFile("sink", path, mode=mode)
        commit = "batch" if "batch" in kind else "checkpoint"
        return SQLiteTable("sink", path, "t", columns, mode=mode, commit=commit, key="n" if "key" in kind else None)

    def written():
        if kind == "file":
            return [json.loads(line)["n"] for line in path.read_text().splitlines()]
        db = sqlite3.connect(path)
        try:
            return [n for (n,) in db.execute("SELECT n FROM t ORDER BY n")]
        finally:
            db.close()

    return made, written


def but_the_refused(end):
    return [n for n in range(end) if n != REFUSED]


@pytest.mark.parametrize("mode", ["new", "append", "replace"])
@pytest.mark.parametrize("every", [None, 2.0])
def test_a_restarted_sink_loses_the_refused_item_and_nothing_else(sink, tmp_path, mode, every):
    made, written = sink
    keeping = {} if every is None else {"store": SqliteStore(tmp_path / "state.db"), "checkpoint_every": every}

    async def main():
        run = drawn(made(mode)).start(**keeping)
        await asyncio.sleep(9.95)
        await run.stop()
        node = run.status().node("sink")
        assert (node.restarts, node.dropped, node.items_in["in"]) == (1, 1, 100)
        assert written() == but_the_refused(100)

    run_virtual(main())


def test_a_run_that_breaks_off_after_a_restart_goes_on_without_a_row_lost_or_doubled(sink, tmp_path):
    made, written = sink
    store = SqliteStore(tmp_path / "state.db")

    async def live(seconds):
        run = drawn(made("new")).start(store=store, resume=True)
        await asyncio.sleep(seconds)
        return run

    async def main():
        run = await live(3.05)
        assert (await run.checkpoint()).committed
        await asyncio.sleep(5.0)
        assert run.status().node("sink").restarts == 1
        await run.stop()
        run = await live(6.9)
        await run.stop()
        assert written() == but_the_refused(150)

    run_virtual(main())


def test_a_table_whose_rows_the_database_took_back_does_not_go_on_as_if_they_were_there(tmp_path):
    drive = Drive(SQLiteTable("sink", tmp_path / "rows.db", "t", ["n"]))
    drive.batch([{"n": 1}])
    drive.node._db.rollback()  # as SQLite does where the disk fails
    with pytest.raises(StateError, match=r"rows\.db has taken back .* table 't' .* start the run with resume=True"):
        drive.node.restart_from(None)
    drive.node.closed()


def test_of_lines_that_do_not_fit_on_the_disk_no_half_is_left(tmp_path):
    file = GrowingFile(tmp_path / "rows", "sink")
    file.append(b"one\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="cannot be written"):
            file.append(b"two\nthree\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    file.append(b"four\n")
    file.close()
    assert (tmp_path / "rows").read_bytes() == b"one\nfour\n"


def test_a_sink_of_ones_own_goes_on_from_where_it_is():
    class Board(Sink[int]):
        def opened(self):
            self.seen = []

        def on_item(self, item):
            if item == 3:
                raise ValueError(item)
            self.seen.append(item)

        def snapshot(self):
            return self.seen.copy()

        def restore(self, state):
            self.seen = state

    board = Board("board")
    run = Graph("g", Replay("n", range(6)) >> board, supervise={"board": "restart"}).run_to_end()
    assert run["board"].seen == [0, 1, 2, 4, 5]

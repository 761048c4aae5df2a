"""Sinks, checkpoints and sources together: a run that is broken off and resumed, in a store."""

import asyncio
import random
import sqlite3

import pytest

from streamweave_lab.connectors import CSV, JSONLinesFile, SQLiteTable
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Map, Reduce, Replay
from streamweave_lab.state.sqlite_store import SqliteStore

COUNT = 3000


def number(row):
    return {"key": row["key"], "n": int(row["n"])}


def count_up(counted, row):
    return {"key": row["key"], "seen": counted["seen"] + 1}


@pytest.fixture
def numbers(tmp_path):
    path = tmp_path / "numbers.csv"
    path.write_text("key,n\n" + "".join(f"{n % 7},{'oops' if n % 500 == 77 else n}\n" for n in range(COUNT)))
    return path


def a_graph(folder, numbers, **arguments):
    """Rows to a file, to a table, and counted by key to a board; all of them replaced where a run begins anew."""
    rows = Map("parse", number)
    counted = Reduce("count", count_up, initial={"seen": 0}, key=lambda row: row["key"])
    return Graph(
        "numbers",
        CSV("source", numbers) >> rows >> JSONLinesFile("file", folder / "rows.jsonl", mode="replace"),
        rows >> SQLiteTable("table", folder / "rows.db", "rows", mode="replace", **arguments),
        rows >> counted >> SQLiteTable("board", folder / "board.db", "board", key="key", **arguments),
        rows.error >> JSONLinesFile("spill", folder / "spill.jsonl", mode="replace"),
    )


def results(folder):
    found = [(folder / name).read_text() for name in ("rows.jsonl", "spill.jsonl")]
    for name in ("rows", "board"):
        db = sqlite3.connect(folder / f"{name}.db")
        found.append(db.execute(f"SELECT * FROM {name}").fetchall())
        db.close()
    return found


@pytest.mark.parametrize("commit", ["checkpoint", "batch"])
def test_a_run_that_is_broken_off_again_and_again_writes_what_an_uninterrupted_one_does(tmp_path, numbers, commit):
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    a_graph(whole, numbers).run_to_end()
    store, chance = SqliteStore(tmp_path / "state.db"), random.Random(7)
    graph = a_graph(broken, numbers, commit=commit)

    async def live(turns):
        """Take a checkpoint, let some more through, and break off."""
        run = graph.start(store=store, resume=True)
        for _ in range(turns):
            await asyncio.sleep(0)
        taken = (await run.checkpoint()).committed if run.status().state == "running" else False
        for _ in range(turns):
            await asyncio.sleep(0)
        await run.stop()
        return taken

    taken = [asyncio.run(live(chance.randrange(12))) for _ in range(5)]
    assert any(taken)
    graph.run_to_end(store=store, resume=True)
    assert results(broken) == results(whole)
    assert len(results(whole)[2]) == COUNT - 6


def test_the_status_says_what_sinks_guarantee(tmp_path, numbers):
    status = a_graph(tmp_path, numbers).run_to_end().status()
    assert {node.name: node.guarantee for node in status.nodes if node.guarantee} == dict.fromkeys(
        ["file", "table", "board", "spill"], "effectively once"
    )


def test_a_sink_that_may_not_write_fails_the_run_before_items_come(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("precious\n")

    async def never():
        await asyncio.sleep(3600)
        yield 1

    async def live():
        run = Graph("write", Replay("items", never()) >> JSONLinesFile("rows", path)).start()
        await run.done()

    with pytest.raises(RunFailedError, match="holds 9 bytes already"):
        asyncio.run(asyncio.wait_for(live(), 5))

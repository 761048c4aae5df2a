import math
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from streamweave_lab.connectors import SQLiteTable
from streamweave_lab.errors import GraphError, RunFailedError, StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Replay
from streamweave_lab.testing.harness import Drive


class Row(NamedTuple):
    carrier: str
    delay: float


@dataclass
class Odd:
    at: datetime
    tags: list[str]
    mean: float


@pytest.fixture
def path(tmp_path):
    return tmp_path / "flights.db"


@pytest.fixture
def drives():
    """Opens sinks and closes them at the end."""
    opened = []

    def drive(node):
        opened.append(Drive(node))
        return opened[-1]

    yield drive
    for each in opened:
        if not each.node._closed:
            each.node.closed()


def rows(path, table="delays"):
    """What a reader sees."""
    db = sqlite3.connect(path)
    try:
        return db.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()
    finally:
        db.close()


def execute(path, *statements):
    db = sqlite3.connect(path)
    with db:
        for statement in statements:
            db.execute(statement)
    db.close()


def test_every_item_is_a_row_of_the_columns_asked_for(path):
    items = [Row("UA", 2.0), {"delay": -1, "carrier": "AA", "more": 1}]
    table = SQLiteTable("table", path, "delays", ["delay", "carrier"])
    Graph("write", Replay("items", items) >> table).run_to_end()
    assert rows(path) == [(2.0, "UA"), (-1, "AA")]


def test_without_columns_the_fields_of_the_first_item_are_the_columns(path):
    drive = Drive(SQLiteTable("table", path, "delays")).batch([Row("UA", 2.0), {"carrier": "AA"}, Row("DL", 3.0)])
    drive.finish()
    assert rows(path) == [("UA", 2.0), ("DL", 3.0)]
    assert [str(failure.error) for failure in drive.failures] == ["it has fields carrier, not carrier, delay"]


def test_readers_see_rows_with_the_snapshot_and_all_at_once(path, drives):
    drive = drives(SQLiteTable("table", path, "delays", ["n"]))
    drive.node.snapshot()
    drive.node.secure()
    drive.batch([{"n": 1}]).batch([{"n": 2}])
    drive.node.snapshot()
    assert rows(path) == []
    drive.node.secure()
    assert rows(path) == [(1,), (2,)]


def test_rows_that_come_while_a_snapshot_is_being_committed_wait_and_are_not_of_it(path, drives):
    drive = drives(SQLiteTable("table", path, "delays", ["n"]))
    drive.batch([{"n": 1}]).node.snapshot()
    drive.batch([{"n": 2}]).batch([{"n": 3}]).sleep(1.0)
    assert drive.node.holds == 2
    drive.node.secure()
    assert rows(path) == [(1,)]
    drive.sleep(1.0)
    assert drive.node.holds == 0
    drive.node.snapshot()
    drive.node.secure()
    assert rows(path) == [(1,), (2,), (3,)]


def test_where_nobody_commits_for_it_a_table_does_so_itself_before_too_much_waits(path, drives, monkeypatch):
    monkeypatch.setattr("streamweave_lab.connectors.sqlite_table._MOST_WAITING", 2)
    execute(path, "CREATE TABLE delays (n)")
    drive = drives(SQLiteTable("table", path, "delays", ["n"]))
    drive.batch([{"n": 1}]).node.snapshot()
    drive.batch([{"n": 2}]).batch([{"n": 3}])
    assert (drive.node.holds, rows(path)) == (2, [])
    drive.batch([{"n": 4}])
    assert (drive.node.holds, rows(path)) == (0, [(1,)])
    drive.finish()
    assert rows(path) == [(1,), (2,), (3,), (4,)]


def test_readers_see_every_batch_at_once_on_request(path, drives):
    drives(SQLiteTable("table", path, "delays", ["n"], commit="batch")).batch([{"n": 1}, {"n": 2}])
    assert rows(path) == [(1,), (2,)]


def test_the_table_of_the_user_holds_nothing_but_the_columns(path):
    Drive(SQLiteTable("table", path, "delays", {"n": "INTEGER NOT NULL", "why": "TEXT"})).finish()
    db = sqlite3.connect(path)
    [(made,)] = db.execute("SELECT sql FROM sqlite_master WHERE name = 'delays'").fetchall()
    db.close()
    assert made == 'CREATE TABLE "delays" ("n" INTEGER NOT NULL, "why" TEXT)'


def test_values_that_sqlite_does_not_know_are_written_as_text_and_json(path):
    item = Odd(datetime(2013, 1, 1, tzinfo=UTC), ["a", "ü"], math.nan)
    Drive(SQLiteTable("table", path, "delays")).batch([item]).finish()
    assert rows(path) == [("2013-01-01T00:00:00Z", '["a", "ü"]', None)]


def test_what_is_no_row_leaves_by_error_and_the_rest_is_written(path):
    table = SQLiteTable("table", path, "delays", {"n": "INTEGER NOT NULL CHECK (n < 100)"})
    items = [{"n": 1}, 5, {"m": 1}, {"n": None}, {"n": 2**70}, {"n": object()}, {"n": 100}, {"n": "\ud800"}, {"n": 2}]
    drive = Drive(table).batch(items, [float(n) for n in range(9)]).finish()
    assert rows(path) == [(1,), (2,)]
    assert [failure.time for failure in sorted(drive.failures, key=lambda f: f.time)] == [1, 2, 3, 4, 5, 6, 7]


def test_with_a_key_an_item_replaces_the_row_of_its_key(path):
    board = SQLiteTable("board", path, "delays", ["carrier", "delay"], key="carrier")
    Drive(board).batch([Row("UA", 2.0), Row("AA", 1.0)]).batch([Row("UA", 5.0)]).finish()
    Drive(board).batch([Row("AA", 7.0)]).finish()
    assert rows(path) == [("UA", 5.0), ("AA", 7.0)]


def test_a_key_of_several_columns_and_nothing_else(path):
    seen = SQLiteTable("seen", path, "delays", ["a", "b"], key=["a", "b"])
    drive = Drive(seen).batch([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 1, "b": 1}, {"a": None, "b": 1}]).finish()
    assert rows(path) == [(1, 1), (1, 2)]
    assert [str(failure.error) for failure in drive.failures] == ["its key is None: a, b"]


def test_a_table_that_has_rows_is_not_added_to_without_saying_so(path):
    execute(path, "CREATE TABLE delays (n)", "INSERT INTO delays VALUES (0)")
    with pytest.raises(RunFailedError, match="has rows already; mode="):
        Graph("write", Replay("items", [{"n": 1}]) >> SQLiteTable("table", path, "delays", ["n"])).run_to_end()
    assert rows(path) == [(0,)]


@pytest.mark.parametrize(("mode", "expected"), [("append", [(0,), (1,)]), ("replace", [(1,)])])
def test_a_table_that_has_rows_is_added_to_or_replaced_on_request(path, mode, expected):
    execute(path, "CREATE TABLE delays (n)", "INSERT INTO delays VALUES (0)")
    Drive(SQLiteTable("table", path, "delays", ["n"], mode=mode)).batch([{"n": 1}]).finish()
    assert rows(path) == expected


def test_two_tables_of_one_database_each_batch_a_transaction(path):
    items = Replay("items", [{"n": n} for n in range(1000)])
    left = SQLiteTable("left", path, "left_table", ["n"], commit="batch")
    right = SQLiteTable("right", path, "right_table", ["n"], commit="batch")
    Graph("both", items >> left, items >> right).run_to_end()
    assert rows(path, "left_table") == rows(path, "right_table") == [(n,) for n in range(1000)]


def test_two_tables_of_one_database_with_long_transactions_are_told_what_to_do(path, drives, monkeypatch):
    monkeypatch.setattr("streamweave_lab.connectors.sqlite_transactions._PATIENCE", 0.01)
    drives(SQLiteTable("left", path, "left_table", ["n"])).batch([{"n": 1}])
    right = drives(SQLiteTable("right", path, "right_table", ["n"]))
    with pytest.raises(StateError, match=r'cannot write to .*: database is locked; two tables .* commit="batch"'):
        right.batch([{"n": 1}])


@pytest.mark.parametrize(
    ("made", "arguments", "message"),
    [
        ("CREATE TABLE delays (other)", {}, "no column named n"),
        ("CREATE TABLE delays (n)", {"key": "n"}, "ON CONFLICT clause does not match"),
        (
            "CREATE TABLE delays (n INTEGER PRIMARY KEY)",
            {},
            "does not fit: 'n' is its row id; draw the sink with key='n'",
        ),
        ("CREATE TABLE delays (n, rowid)", {}, "'rowid' is its row id"),
        ("CREATE TABLE delays (n PRIMARY KEY) WITHOUT ROWID", {}, "no such column: rowid"),
    ],
)
def test_a_table_that_does_not_fit_is_named(path, drives, made, arguments, message):
    execute(path, made)
    with pytest.raises(StateError, match=message):
        drives(SQLiteTable("table", path, "delays", ["n"], **arguments)).batch([{"n": 1}])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"commit": "never"}, 'commit is "checkpoint" or "batch"'),
        ({"mode": "w"}, 'mode is "new", "append" or "replace"'),
        ({"columns": []}, "at least one column"),
        ({"columns": ["a"], "key": "b"}, "key 'b' is none of its columns a"),
    ],
)
def test_an_argument_that_cannot_be_is_told_when_it_is_drawn(path, arguments, message):
    with pytest.raises(GraphError, match=message):
        SQLiteTable("table", path, "delays", **arguments)


def test_a_missing_folder_is_told_when_it_is_drawn(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere"):
        SQLiteTable("table", tmp_path / "nowhere" / "flights.db", "delays")


def test_a_database_that_was_replaced_is_not_gone_on_with(path, drives):
    table = SQLiteTable("table", path, "delays", ["n"])
    drive = drives(table).batch([{"n": 1}])
    state = drive.node.snapshot()
    drive.finish()
    path.unlink()
    with pytest.raises(StateError, match="does not know what was written up to the checkpoint"):
        drives(table).node.restore(state)


def test_names_that_need_quotes_are_quoted(path):
    Drive(SQLiteTable("table", path, 'a "table"', ['a "column"', "select"])).batch(
        [{'a "column"': 1, "select": 2}]
    ).finish()
    assert rows(path, '"a ""table"""') == [(1, 2)]

"""A table of an SQLite database as a sink: rows and checkpoints belong together, whatever happens between them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from streamweave_lab.connectors.records import fields_of
from streamweave_lab.connectors.sqlite_journal import Journal
from streamweave_lab.connectors.sqlite_statements import ITEM_ERRORS, as_cells, has_rows, prepared, quoted
from streamweave_lab.errors import GraphError, StateError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Sink

_PATIENCE = 2.0
"""Seconds to wait for another writer of the database; the loop waits too."""


class SQLiteTable(Sink[Any]):
    """Writes every item as a row of a table, effectively once.

    An item is a mapping, NamedTuple, dataclass or pydantic model; `columns` are the names of the fields that make a
    row, or a mapping of them to SQL types such as {"delay": "REAL NOT NULL"}. Without `columns` the fields of the
    first item are the columns. The table is made where there is none. Times are written as ISO 8601 text, lists and
    objects as JSON, NaN as NULL. An item that lacks a column, or that the database refuses, leaves by `error`.

    Without `key` each item is a new row. A resumed run takes back the rows that came after its checkpoint, even those
    committed before a crash. Those it knows from the table `_streamweave_rows`, which it keeps in the database; your
    table holds nothing but your columns. With `key`, one column or several, an item replaces the row of its key;
    then a repeated item does no harm, and nothing needs to be taken back.

    `commit` says when readers see rows: "checkpoint" with each checkpoint and at the end, all at once (meanwhile
    nobody else can write to that database); "batch" at once, and they may be taken back if the run crashes.
    `mode` says what a run that is not resumed does with a table that has rows: "new" refuses it (the default without
    `key`), "append" adds to it (the default with `key`), "replace" takes its rows away first.

    Raises: FileNotFoundError if there is no such folder; GraphError for an argument that cannot be. The run fails
    with StateError where the table has rows and `mode` is "new", where it does not fit `columns` or `key`, where
    somebody else writes to the database for more than 2 s, or where it is not the one the checkpoint was made with.
    """

    guarantee = "effectively once"

    def __init__(
        self,
        name: str,
        path: str | os.PathLike[str],
        table: str,
        columns: Sequence[str] | Mapping[str, str] | None = None,
        *,
        key: str | Sequence[str] | None = None,
        commit: Literal["checkpoint", "batch"] = "checkpoint",
        mode: Literal["new", "append", "replace"] | None = None,
    ) -> None:
        super().__init__(name)
        self.path, self.table = Path(path), table
        self.columns = None if columns is None else _typed(columns)
        self.key = () if key is None else (key,) if isinstance(key, str) else tuple(key)
        self.commit, self.mode = commit, mode or ("append" if self.key else "new")
        self._check()

    def _check(self) -> None:
        if self.commit not in ("checkpoint", "batch"):
            raise GraphError(f'{self!r}: commit is "checkpoint" or "batch", not {self.commit!r}')
        if self.mode not in ("new", "append", "replace"):
            raise GraphError(f'{self!r}: mode is "new", "append" or "replace", not {self.mode!r}')
        if self.columns is not None and not self.columns:
            raise GraphError(f"{self!r}: it needs at least one column")
        if self.columns is not None and (strangers := [name for name in self.key if name not in self.columns]):
            raise GraphError(f"{self!r}: key {strangers[0]!r} is none of its columns {', '.join(self.columns)}")
        if not self.path.parent.is_dir():
            raise FileNotFoundError(f"{self!r}: there is no folder {self.path.parent.absolute()}")

    def opened(self) -> None:
        """Open the database. The table is made at the first turn: only then it is known whether the run is resumed."""
        self._db = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        # In WAL, NORMAL commits without waiting for the disk; FULL waits, for this commit and those before it.
        self._db.execute(f"PRAGMA synchronous = {'FULL' if self.commit == 'checkpoint' else 'NORMAL'}")
        self._journal = Journal(self._db, self.table)
        self._names: tuple[str, ...] = ()
        self._insert = ""
        self._found = self.columns
        self._begun = self._closed = False
        self.wake_at(self.clock.now())

    def woken(self, now: float) -> None:
        """The first turn, unless an item came first."""
        if not self._begun:
            self._begin()
            self._turn_over()

    def on_batch(self, port: str, batch: Batch) -> None:
        """Write the items, in a transaction that may go on."""
        if not self._begun:
            self._begin()
        rows: list[tuple[Any, ...]] = []
        places: list[int] = []
        for place, item in enumerate(batch.items):
            try:
                rows.append(self._row(item))
                places.append(place)
            except (ValueError, TypeError, RecursionError) as error:
                self._refuse(batch, place, error)
        if rows:
            self._write(rows, places, batch)
        self._turn_over()

    def snapshot(self) -> dict[str, Any]:
        """Commit all rows, to the disk; under what number the journal knows them."""
        if not self._closed:
            if not self._begun:
                self._begin()
            self._commit(lasting=True)
        found = None if self._found is None else list(self._found)
        return {"writer": self._journal.writer, "sequence": self._journal.sequence, "columns": found}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what was committed after the checkpoint. Raises: StateError if the database is another one."""
        self._begun = True
        if self.columns is None and state["columns"] is not None:
            self._found = _typed(state["columns"])
        self._transaction()
        try:
            self._journal.create()
            self._journal.go_back(state["writer"], state["sequence"])
        except (StateError, sqlite3.Error) as error:
            self._db.rollback()
            raise StateError(f"{self.name}: {self.path}, table {self.table!r}: {error}") from error
        self._db.commit()

    def finished(self) -> None:
        """Commit all rows."""
        if not self._begun:
            self._begin()
        self._commit(lasting=True)

    def closed(self) -> None:
        """Commit what has been written, and close the database. A resumed run takes back what came too late."""
        self._closed = True
        try:
            self._commit(lasting=True)
        finally:
            self._db.close()

    # The table

    def _begin(self) -> None:
        """The first turn of a run that is not resumed."""
        self._transaction()
        self._journal.create()
        if has_rows(self._db, self.table):
            if self.mode == "new":
                self._db.rollback()
                raise StateError(
                    f'{self!r}: table {self.table!r} of {self.path} has rows already; mode="append" adds to them, '
                    f'mode="replace" takes them away first'
                )
            if self.mode == "replace":
                self._db.execute(f"DELETE FROM {quoted(self.table)}")  # noqa: S608 - quoted
        if self.columns is not None:
            self._use(self.columns)
        self._begun = True

    def _use(self, columns: Mapping[str, str]) -> None:
        """Make the table where there is none, and the statement that writes a row."""
        self._transaction()
        try:
            self._insert = prepared(self._db, self.table, columns, self.key)
        except sqlite3.OperationalError as error:
            raise StateError(f"{self!r}: table {self.table!r} of {self.path} does not fit: {error}") from error
        self._names = tuple(columns)

    # Rows

    def _row(self, item: Any) -> tuple[Any, ...]:
        fields = fields_of(item)
        if not self._names:
            self._found = self._found or _typed([*map(str, fields)])
            self._use(self._found)
        if self.columns is None and len(fields) != len(self._names):
            raise ValueError(f"it has fields {', '.join(map(str, fields))}, not {', '.join(self._names)}")
        try:
            row = [fields[name] for name in self._names]
        except KeyError as missing:
            raise ValueError(f"it has no field {missing.args[0]!r}") from None
        if self.key and any(fields[name] is None for name in self.key):
            raise ValueError(f"its key is None: {', '.join(self.key)}")
        return as_cells(row)

    def _write(self, rows: list[tuple[Any, ...]], places: list[int], batch: Batch) -> None:
        self._transaction()
        if not self.key:
            self._journal.before_rows()
        self._db.execute("SAVEPOINT batch")
        try:
            self._db.executemany(self._insert, rows)
        except ITEM_ERRORS:
            self._db.execute("ROLLBACK TO batch")
            self._write_one_by_one(rows, places, batch)
        self._db.execute("RELEASE batch")

    def _write_one_by_one(self, rows: list[tuple[Any, ...]], places: list[int], batch: Batch) -> None:
        for row, place in zip(rows, places, strict=True):
            try:
                self._db.execute(self._insert, row)
            except ITEM_ERRORS as error:
                self._refuse(batch, place, error)

    def _refuse(self, batch: Batch, place: int, error: Exception) -> None:
        self.refuse(batch.items[place], error, batch.times[place] if batch.times else None)

    # Transactions

    def _transaction(self) -> None:
        """Begin one unless one is under way."""
        if self._db.in_transaction:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StateError(
                f"{self!r}: cannot write to {self.path}: {error}; two tables of one database need "
                f'commit="batch", for it has one writer at a time'
            ) from error

    def _turn_over(self) -> None:
        if self.commit == "batch":
            self._commit()

    def _commit(self, *, lasting: bool = False) -> None:
        """Commit; with `lasting` to the disk, under the number of the snapshot that is being taken."""
        if self._db.in_transaction:
            self._journal.before_commit()
            self._db.commit()
        if lasting:
            if self.commit == "batch":
                self._secure()
            self._journal.snapshot()

    def _secure(self) -> None:
        """Bring the commits that did not wait for it to the disk: SQLite syncs what it moves out of its log.

        Not the database file itself: to close it would take this process's locks on it away from SQLite.
        """
        log = self.path.with_name(self.path.name + "-wal")
        if log.exists():
            with log.open("r+b") as file:
                os.fsync(file.fileno())


def _typed(columns: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    return dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, "")

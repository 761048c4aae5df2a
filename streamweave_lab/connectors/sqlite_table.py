"""A table of an SQLite database as a sink: rows and checkpoints belong together, whatever happens between them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from streamweave_lab.connectors.records import fields_of
from streamweave_lab.connectors.sqlite_statements import (
    ITEM_ERRORS,
    as_cells,
    has_rows,
    misfit,
    obstacle,
    prepared,
    quoted,
    rows_there,
)  # fmt: skip
from streamweave_lab.connectors.sqlite_transactions import Transactions
from streamweave_lab.errors import GraphError, StateError
from streamweave_lab.graph.batch import Batch
from streamweave_lab.graph.node import Sink

_MOST_WAITING = 20_000
"""Items that may wait while a commit goes on elsewhere; then the loop waits with them."""
_SOON = 0.05
"""Seconds after which to look again whether it is over."""


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

    def in_the_way(self) -> str:
        """What keeps a run from writing here that goes on from no checkpoint; "" where nothing does."""
        return obstacle(self.path, self.table, self.columns, self.key, new=self.mode == "new")

    def opened(self) -> None:
        """Open the database. The table is made at the first turn: only then it is known whether the run is resumed."""
        every_batch = self.commit == "batch"
        self._transactions = Transactions(self.path, self.table, every_batch=every_batch, who=repr(self))
        self._db, self._journal = self._transactions.db, self._transactions.journal
        self._waiting: list[Batch] = []
        self.holds = 0
        self._names: tuple[str, ...] = ()
        self._insert = ""
        self._found = self.columns
        self._begun = self._closed = False
        self.wake_at(self.clock.now())

    def woken(self, now: float) -> None:
        """The first turn, unless an item came first; or what waits may be written now."""
        if not self._begun:
            self._begin()
            self._transactions.turn_over()
        elif self._waiting and self._transactions.closing:
            self.wake_at(now + _SOON)
        else:
            self._catch_up()

    def on_batch(self, port: str, batch: Batch) -> None:
        """Write the items, in a transaction that may go on; or later, while one is being committed."""
        if not self._begun:
            self._begin()
        if self._transactions.closing and self.holds < _MOST_WAITING:
            self._let_wait(batch)
        else:
            self._catch_up()
            self._take(batch)

    def snapshot(self) -> dict[str, Any]:
        """Under what number the journal knows the rows written so far."""
        if not self._closed:
            if not self._begun:
                self._begin()
            self._catch_up()
            self._transactions.snapshot()
        found = None if self._found is None else list(self._found)
        return {"writer": self._journal.writer, "sequence": self._journal.sequence, "columns": found}

    def secure(self) -> None:
        """Commit these rows, to the disk."""
        self._transactions.secure()

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what was committed after the checkpoint. Raises: StateError if the database is another one."""
        self._begun = True
        if self.columns is None and state["columns"] is not None:
            self._found = _typed(state["columns"])
        self._transactions.begin()
        try:
            self._journal.create()
            self._journal.go_back(state["writer"], state["sequence"])
        except (StateError, sqlite3.Error) as error:
            self._transactions.roll_back()
            raise StateError(f"{self.name}: {self.path}, table {self.table!r}: {error}") from error
        self._transactions.commit()

    def restart_from(self, kept: Any) -> Any:
        """The rows this run has written stay. Where there is none yet it begins as it would have begun.

        Raises: StateError where the database itself has taken back rows that were not committed.
        """
        if not self._begun:
            return kept
        if self._transactions.undone:
            raise StateError(
                f"{self!r}: {self.path} has taken back what was written to table {self.table!r} since the last "
                f"commit, so it cannot go on alone; start the run with resume=True"
            )
        return self.snapshot()

    def finished(self) -> None:
        """Commit all rows."""
        if not self._begun:
            self._begin()
        self._catch_up()
        self._transactions.finish()

    def closed(self) -> None:
        """Commit what has been written, and close the database. A resumed run takes back what came too late."""
        self._closed = True
        self._transactions.close()

    # The table

    def _begin(self) -> None:
        """The first turn of a run that is not resumed."""
        self._transactions.begin()
        self._journal.create()
        if has_rows(self._db, self.table):
            if self.mode == "new":
                self._transactions.roll_back()
                raise StateError(f"{self!r}: {rows_there(self.path, self.table)}")
            if self.mode == "replace":
                self._db.execute(f"DELETE FROM {quoted(self.table)}")  # noqa: S608 - quoted
        if self.columns is not None:
            self._use(self.columns)
        self._begun = True

    def _use(self, columns: Mapping[str, str]) -> None:
        """Make the table where there is none, and the statement that writes a row."""
        self._transactions.begin()
        try:
            self._insert = prepared(self._db, self.table, columns, self.key)
        except sqlite3.OperationalError as error:
            raise StateError(f"{self!r}: {misfit(self.path, self.table, error)}") from error
        self._names = tuple(columns)

    # Rows

    def _let_wait(self, batch: Batch) -> None:
        if not self._waiting:
            self.wake_at(self.clock.now() + _SOON)
        self._waiting.append(batch)
        self.holds += len(batch.items)

    def _catch_up(self) -> None:
        """Write what has waited; the loop waits if it must, as where nobody secures what a snapshot spoke of."""
        if self._transactions.closing:
            self._transactions.secure()
        waiting, self._waiting = self._waiting, []
        for batch in waiting:
            self._take(batch)
            self.holds -= len(batch.items)  # only now: what cannot be written was held, and is counted as dropped

    def _take(self, batch: Batch) -> None:
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
        self._transactions.turn_over()

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
        self._transactions.begin()
        if not self.key:
            self._journal.before_rows()
        self._db.execute("SAVEPOINT batch")
        try:
            self._db.executemany(self._insert, rows)
        except ITEM_ERRORS:
            self._db.execute("ROLLBACK TO batch")
            self._write_one_by_one(rows, places, batch)
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK TO batch")
            raise
        self._db.execute("RELEASE batch")

    def _write_one_by_one(self, rows: list[tuple[Any, ...]], places: list[int], batch: Batch) -> None:
        for row, place in zip(rows, places, strict=True):
            try:
                self._db.execute(self._insert, row)
            except ITEM_ERRORS as error:
                self._refuse(batch, place, error)

    def _refuse(self, batch: Batch, place: int, error: Exception) -> None:
        self.refuse(batch.items[place], error, batch.times[place] if batch.times else None)


def _typed(columns: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    return dict(columns) if isinstance(columns, Mapping) else dict.fromkeys(columns, "")

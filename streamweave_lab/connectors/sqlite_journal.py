"""Which rows of a table were written after which checkpoint, so that a resumed run can take back the later ones."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from streamweave_lab.connectors.sqlite_statements import quoted
from streamweave_lab.errors import StateError

if TYPE_CHECKING:
    import sqlite3

JOURNAL = "_streamweave_rows"
_KEPT = 10_000
"""Snapshots with rows that can be gone back."""


class Journal:
    """Ranges of row ids, each with the number of the snapshot that the rows belong to.

    It lives in the same database and changes in the same transactions as the rows themselves; hence no crash can
    part them. Whoever writes in a transaction holds the database's only write lock, so the rows of one transaction
    have row ids without a gap, above all there were.

    A run that is not resumed writes under a name of its own: others never take back its rows, nor it theirs.
    """

    def __init__(self, db: sqlite3.Connection, table: str) -> None:
        self._db, self._table = db, quoted(table)
        self.writer = uuid4().hex
        self.sequence = 0
        """The last snapshot that has rows; 0 while there is none."""
        self._before: int | None = None
        self.open_rows = False
        """Rows have been written since that snapshot."""

    def create(self) -> None:
        """Make the table of the journal, in the transaction under way."""
        self._db.execute(
            f"CREATE TABLE IF NOT EXISTS {JOURNAL} (writer TEXT, sequence INTEGER, first INTEGER, last INTEGER, "
            f"PRIMARY KEY (writer, sequence, first)) WITHOUT ROWID"
        )

    def before_rows(self) -> None:
        """Rows are about to be written, in the transaction under way."""
        if self._before is None:
            self._before = self._last_row()

    def before_commit(self) -> None:
        """Note the rows of the transaction that is about to be committed."""
        if self._before is not None and (last := self._last_row()) > self._before:
            self._db.execute(
                f"INSERT INTO {JOURNAL} VALUES (?, ?, ?, ?)",  # noqa: S608 - a constant
                (self.writer, self.sequence + 1, self._before + 1, last),
            )
            self._db.execute(
                f"DELETE FROM {JOURNAL} WHERE writer = ? AND sequence <= ?",  # noqa: S608 - a constant
                (self.writer, self.sequence + 1 - _KEPT),
            )
            self.open_rows = True
        self._before = None

    def snapshot(self) -> None:
        """Close the rows written so far under the next number. After the commit of all of them."""
        if self.open_rows:
            self.sequence += 1
            self.open_rows = False

    def go_back(self, writer: str, sequence: int) -> None:
        """Take back what `writer` wrote after snapshot `sequence`, in the transaction under way.

        Raises: StateError if the database knows nothing of that snapshot.
        """
        self.writer, self.sequence = writer, sequence
        mine = (writer, sequence)
        known = f"SELECT 1 FROM {JOURNAL} WHERE writer = ? AND sequence = ?"  # noqa: S608 - a constant
        if sequence and self._db.execute(known, mine).fetchone() is None:
            raise StateError(
                "the database does not know what was written up to the checkpoint; "
                "it was replaced or taken back since, or the checkpoint is too old"
            )
        later = f"FROM {JOURNAL} WHERE writer = ? AND sequence > ?"
        for first, last in self._db.execute(f"SELECT first, last {later}", mine).fetchall():
            self._db.execute(f"DELETE FROM {self._table} WHERE rowid BETWEEN ? AND ?", (first, last))  # noqa: S608 - quoted
        self._db.execute(f"DELETE {later}", mine)

    def _last_row(self) -> int:
        row = self._db.execute(f"SELECT coalesce(max(rowid), 0) FROM {self._table}").fetchone()  # noqa: S608 - quoted
        return int(row[0])

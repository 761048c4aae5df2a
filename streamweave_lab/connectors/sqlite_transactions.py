"""The transactions in which the rows of a table are written; the end of one can be left to another thread."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from threading import Lock

from streamweave_lab.connectors.sqlite_journal import Journal
from streamweave_lab.errors import StateError

_PATIENCE = 2.0
"""Seconds to wait for another writer of the database; the loop waits too."""


class Transactions:
    """The database at `path`, open, with the journal of one of its tables.

    With `every_batch` each batch is a transaction of its own, whose commit does not wait for the disk.
    """

    def __init__(self, path: Path, table: str, *, every_batch: bool, who: str) -> None:
        self._path, self._every_batch, self._who = path, every_batch, who
        self.db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode = WAL")
        # In WAL, NORMAL commits without waiting for the disk; FULL waits, for this commit and those before it.
        self.db.execute(f"PRAGMA synchronous = {'NORMAL' if every_batch else 'FULL'}")
        self.journal = Journal(self.db, table)
        self._due = False
        """Of what a snapshot speaks is not on the disk yet."""
        self._securing = Lock()
        self._under_way = False

    @property
    def closing(self) -> bool:
        """The transaction under way is that of a snapshot, and still to be committed: later rows are not of it."""
        return self._due and not self._every_batch

    @property
    def undone(self) -> bool:
        """The database has taken back the transaction that was under way, as it may where the disk fails."""
        return self._under_way and not self.db.in_transaction

    def begin(self) -> None:
        """Begin one unless one is under way. Raises: StateError if another writer keeps the database."""
        if self.db.in_transaction:
            return
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StateError(
                f"{self._who}: cannot write to {self._path}: {error}; two tables of one database need "
                f'commit="batch", for it has one writer at a time'
            ) from error
        self._under_way = True

    def commit(self) -> None:
        """Commit the one under way."""
        self.db.commit()
        self._under_way = False

    def roll_back(self) -> None:
        """Undo the one under way."""
        self.db.rollback()
        self._under_way = False

    def turn_over(self) -> None:
        """A batch has been written."""
        if self._every_batch:
            self._commit()

    def snapshot(self) -> None:
        """What was written up to here is that of a snapshot, and has a number; `secure` brings it to the disk."""
        with self._securing:
            if self._every_batch:
                self._commit()
            elif self.db.in_transaction:
                self.journal.before_commit()
            self.journal.snapshot()
            self._due = True

    def secure(self) -> None:
        """Return when what the last snapshot speaks of is on the disk. From any thread."""
        with self._securing:
            if self._due and self._every_batch:
                self._sync_log()
            elif self._due:
                self.commit()
            self._due = False

    def finish(self) -> None:
        """Return when everything is on the disk, under a number."""
        self.snapshot()
        self.secure()

    def close(self) -> None:
        """Bring everything to the disk, and close the database."""
        try:
            self.secure()
            self.finish()
        finally:
            self.db.close()

    def _commit(self) -> None:
        if self.db.in_transaction:
            self.journal.before_commit()
            self.commit()

    def _sync_log(self) -> None:
        """Bring the commits that did not wait for it to the disk: SQLite syncs what it moves out of its log.

        Not the database file itself: to close it would take this process's locks on it away from SQLite.
        """
        log = self._path.with_name(self._path.name + "-wal")
        if log.exists():
            with log.open("r+b") as file:
                os.fsync(file.fileno())
